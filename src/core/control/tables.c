/*
 * Who is started, for the mesh: each zhost that holds an instance of a topology knows where the
 * others are; a topology with pages is known to all zhosts, since every zedge serves them.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/cluster.h"
#include "schema/message.h"

static struct audience *find_audience(struct deployment *d, const struct zhost *z)
{
	vector_for_each (&d->audiences, a)
		if (a->zhost == z)
			return a;
	return NULL;
}

void tables_count(struct deployment *d, struct zhost *z, int change)
{
	struct audience *a = find_audience(d, z);
	if (a == NULL) {
		a = vector_add(&d->audiences);
		a->zhost = z;
	}
	a->placed = (uint32_t)((int)a->placed + change);
	tables_mark_all(d);
}

static bool is_shown(const struct deployment *d)
{
	return d->has_pages && d->app->not_gone > 0;
}

void tables_zhost_joined(struct zhost *z)
{
	for (struct deployment *d = z->control->first; d != NULL; d = d->next) {
		struct audience *a = find_audience(d, z);
		if (a != NULL)
			a->told_link = 0;
		if (is_shown(d) || (a != NULL && a->placed > 0))
			tables_mark_all(d);
	}
}

static Samoza__V1__MeshPeer *peer_new(const struct deployment *d, const struct instance *i)
{
	const struct space *space = instance_space_of(i);
	Samoza__V1__MeshPeer *p =
		(Samoza__V1__MeshPeer *)schema_message_new(&samoza__v1__mesh_peer__descriptor);
	p->path = mem_strdup(instance_decl(i)->path);
	p->space = mem_strdup(space->name);
	if (i->state != STATE_DEPLOYED_STARTED || i->zhost == NULL)
		return p;
	const struct zhost *z = i->zhost;
	int type = 0;
	(void)schema_enum_value(&samoza__v1__space_type__descriptor,
				space_type_name(space->type), &type);
	p->zhost = mem_strdup(z->name);
	p->has_epoch = p->has_type = true;
	p->epoch = i->epoch;
	p->type = (Samoza__V1__SpaceType)type;
	if (space->type != SPACE_UI)
		return p;
	p->paths = path_ends(d->app->topology, space, &p->n_paths);
	const Samoza__V1__SpaceArtifacts *a = d->artifacts[space->index];
	if (a == NULL)
		return p;
	p->assets = mem_new_array(Samoza__V1__AssetFile *, a->n_assets);
	p->n_assets = a->n_assets;
	for (size_t k = 0; k < a->n_assets; k++)
		p->assets[k] =
			(Samoza__V1__AssetFile *)schema_message_copy(&a->assets[k]->base);
	return p;
}

/* A process of one's own has no queue: nobody is there for those who emit to it. */
static bool takes_messages(const struct instance *i)
{
	return instance_space_of(i)->type != SPACE_NATIVE;
}

static Samoza__V1__MeshTable *table_new(const struct deployment *d)
{
	Samoza__V1__MeshTable *t = (Samoza__V1__MeshTable *)schema_message_new(
		&samoza__v1__mesh_table__descriptor);
	t->topology = mem_strdup(d->id);
	t->topology_name = mem_strdup(d->name);
	t->version = d->mesh_version;
	return t;
}

static void send_table(struct zhost *z, Samoza__V1__MeshTable *table)
{
	emit_message(z->control, z->link, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE, table,
		     false);
}

static void send_whole(const struct deployment *d, struct zhost *z)
{
	const struct application *app = d->app;
	Samoza__V1__MeshTable *t = table_new(d);
	t->full = true;
	t->peers = mem_new_array(Samoza__V1__MeshPeer *, app->topology->instance_count);
	for (uint32_t k = 0; k < app->topology->instance_count; k++)
		if (takes_messages(&app->instances[k]) &&
		    app->instances[k].state == STATE_DEPLOYED_STARTED)
			t->peers[t->n_peers++] = peer_new(d, &app->instances[k]);
	send_table(z, t);
}

static void send_changes(const struct deployment *d, struct zhost *z)
{
	if (d->mesh_changed.count == 0)
		return;
	Samoza__V1__MeshTable *t = table_new(d);
	t->peers = mem_new_array(Samoza__V1__MeshPeer *, d->mesh_changed.count);
	for (size_t k = 0; k < d->mesh_changed.count; k++)
		if (takes_messages(d->mesh_changed.items[k]))
			t->peers[t->n_peers++] = peer_new(d, d->mesh_changed.items[k]);
	send_table(z, t);
}

static void send_gone(const struct deployment *d, struct zhost *z)
{
	Samoza__V1__MeshTable *t = table_new(d);
	t->full = true;
	t->has_gone = t->gone = true;
	send_table(z, t);
}

static void tell(struct deployment *d, struct audience *a)
{
	struct zhost *z = a->zhost;
	if (z->link == 0)
		return;
	bool wanted = a->placed > 0 || is_shown(d);
	if (!wanted) {
		if (a->told_link == z->link)
			send_gone(d, z);
		a->told_link = 0;
	} else if (a->told_link != z->link) {
		send_whole(d, z);
		a->told_link = z->link;
	} else {
		send_changes(d, z);
	}
}

static void send_tables(struct deployment *d)
{
	struct control *c = d->control;
	d->mesh_version++;
	if (is_shown(d))
		for (struct zhost *z = c->zhosts; z != NULL; z = z->hh.next)
			if (z->link != 0 && find_audience(d, z) == NULL)
				vector_add(&d->audiences)->zhost = z;
	vector_for_each (&d->audiences, a)
		tell(d, a);
	vector_for_each (&d->mesh_changed, i)
		(*i)->marks &= ~MARK_MESH;
	vector_clear(&d->mesh_changed);
	d->mesh_marked = false;
}

void tables_send(struct control *c)
{
	vector_for_each (&c->deployments_marked, d)
		if ((*d)->mesh_marked)
			send_tables(*d);
}
