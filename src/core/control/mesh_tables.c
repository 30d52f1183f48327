#include "core/control/mesh_tables.h"

#include "base/memory.h"
#include "core/control/dirty_set.h"
#include "core/control/path_ends.h"
#include "core/control/state.h"
#include "model/space_kind.h"
#include "schema/message.h"

/* ---- subscribers ---- */

static struct subscriber *find_subscriber(const struct mesh_routes *r,
					  const struct control_zhost *z)
{
	uint32_t position = z->index < r->by_zhost.count ? r->by_zhost.items[z->index] : 0;
	return position > 0 ? &r->subscribers.items[position - 1] : NULL;
}

static struct subscriber *subscribe(struct mesh_routes *r, struct control_zhost *z)
{
	struct subscriber *s = find_subscriber(r, z);
	if (s != NULL)
		return s;
	while (r->by_zhost.count <= z->index)
		(void)vector_add(&r->by_zhost);
	s = vector_add(&r->subscribers);
	s->zhost = z;
	r->by_zhost.items[z->index] = (uint32_t)r->subscribers.count;
	return s;
}

void mesh_tables_count(struct deployment *d, struct control_zhost *z, int change)
{
	struct subscriber *s = subscribe(&d->routes, z);
	s->placed = (uint32_t)((int)s->placed + change);
	mark_deployment(d, DEPLOYMENT_ROUTES);
}

void mesh_tables_mark(struct copy *copy)
{
	struct deployment *d = deployment_of(copy->slot);
	if ((copy->marks & COPY_ROUTE) == 0) {
		copy->marks |= COPY_ROUTE;
		vector_push(&d->routes.changed, copy);
	}
	mark_deployment(d, DEPLOYMENT_ROUTES);
}

static bool has_pages_to_serve(const struct deployment *d)
{
	return d->routes.has_pages && d->slots.not_gone > 0;
}

void mesh_tables_zhost_joined(struct control *c, struct control_zhost *z)
{
	for (struct deployment *d = c->deployments.first; d != NULL; d = d->next) {
		struct subscriber *s = find_subscriber(&d->routes, z);
		if (s != NULL)
			s->sent_link = 0;
		else
			d->routes.all_subscribe = false;
		if (has_pages_to_serve(d) || (s != NULL && s->placed > 0))
			mark_deployment(d, DEPLOYMENT_ROUTES);
	}
}

/* ---- peers ---- */

static Samoza__V1__MeshPeer *peer_new(const struct copy *copy)
{
	const struct deployment *d = deployment_of(copy->slot);
	const struct space *space = slot_declared_space(copy->slot);
	const struct control_zhost *z = copy->zhost;
	Samoza__V1__MeshPeer *p =
		(Samoza__V1__MeshPeer *)schema_message_new(&samoza__v1__mesh_peer__descriptor);
	p->path = mem_strdup(copy->slot->path);
	p->space = mem_strdup(space->name);
	if (copy->slot->state != STATE_DEPLOYED_STARTED || z == NULL)
		return p;
	int type = 0;
	(void)schema_enum_value(&samoza__v1__space_type__descriptor,
				space_type_name(space->type), &type);
	p->zhost = mem_strdup(z->name);
	p->has_epoch = p->has_type = true;
	p->epoch = copy->of_path.epoch;
	p->type = (Samoza__V1__SpaceType)type;
	if (!space_kind_of_type(space->type)->has_pages)
		return p;
	p->paths = path_ends(d->topology, space, &p->n_paths);
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

/* A NATIVE process has no queue: messages to it have no receiver. */
static bool takes_messages(const struct copy *copy)
{
	return space_kind_of_type(slot_declared_space(copy->slot)->type)->is_in_mesh;
}

/* ---- tables ---- */

static Samoza__V1__MeshTable *table_new(const struct deployment *d)
{
	Samoza__V1__MeshTable *t = (Samoza__V1__MeshTable *)schema_message_new(
		&samoza__v1__mesh_table__descriptor);
	t->topology = mem_strdup(d->id);
	t->topology_name = mem_strdup(d->name);
	t->version = d->routes.version;
	return t;
}

static void send_table(struct control *c, const struct subscriber *s,
		       Samoza__V1__MeshTable *take_table)
{
	emit_message(&c->emitter, s->zhost->link, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE,
		     take_table, false);
}

static Samoza__V1__MeshTable *whole_table(const struct deployment *d)
{
	size_t count = d->slots.slots.count;
	Samoza__V1__MeshTable *t = table_new(d);
	t->full = true;
	t->peers = mem_new_array(Samoza__V1__MeshPeer *, count);
	for (size_t k = 0; k < count; k++)
		if (takes_messages(&d->copies[k]) &&
		    d->copies[k].slot->state == STATE_DEPLOYED_STARTED)
			t->peers[t->n_peers++] = peer_new(&d->copies[k]);
	return t;
}

static Samoza__V1__MeshTable *changed_table(const struct deployment *d)
{
	Samoza__V1__MeshTable *t = table_new(d);
	t->peers = mem_new_array(Samoza__V1__MeshPeer *, d->routes.changed.count);
	vector_for_each (&d->routes.changed, copy)
		if (takes_messages(*copy))
			t->peers[t->n_peers++] = peer_new(*copy);
	return t;
}

static Samoza__V1__MeshTable *gone_table(const struct deployment *d)
{
	Samoza__V1__MeshTable *t = table_new(d);
	t->full = true;
	t->has_gone = t->gone = true;
	return t;
}

static void update_subscriber(struct control *c, const struct deployment *d,
			      struct subscriber *s)
{
	uint64_t link = s->zhost->link;
	if (link == 0)
		return;
	if (s->placed == 0 && !has_pages_to_serve(d)) {
		if (s->sent_link == link)
			send_table(c, s, gone_table(d));
		s->sent_link = 0;
	} else if (s->sent_link != link) {
		send_table(c, s, whole_table(d));
		s->sent_link = link;
	} else if (d->routes.changed.count > 0) {
		send_table(c, s, changed_table(d));
	}
}

static void send_tables(struct control *c, struct deployment *d)
{
	struct mesh_routes *r = &d->routes;
	r->version++;
	if (has_pages_to_serve(d) && !r->all_subscribe) {
		zhost_for_each (&c->zhosts, z)
			if (z->link != 0)
				(void)subscribe(r, z);
		r->all_subscribe = true;
	}
	vector_for_each (&r->subscribers, s)
		update_subscriber(c, d, s);
	vector_for_each (&r->changed, copy)
		(*copy)->marks &= ~(unsigned)COPY_ROUTE;
	vector_clear(&r->changed);
}

void mesh_tables_send(struct control *c)
{
	vector_for_each (&c->dirty.deployments, d) {
		if (((*d)->marks & DEPLOYMENT_ROUTES) == 0)
			continue;
		(*d)->marks &= ~(unsigned)DEPLOYMENT_ROUTES;
		send_tables(c, *d);
	}
}
