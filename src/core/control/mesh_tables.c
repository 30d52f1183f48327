#include "core/control/mesh_tables.h"

#include "base/memory.h"
#include "core/control/dirty_set.h"
#include "core/control/path_ends.h"
#include "core/control/state.h"
#include "core/mesh_sum.h"
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

void mesh_tables_count(struct control_application *a, struct control_zhost *z, int change)
{
	struct subscriber *s = subscribe(&a->routes, z);
	s->placed = (uint32_t)((int)s->placed + change);
	mark_application(a, APPLICATION_ROUTES);
}

void mesh_tables_mark(struct slot_control *sc)
{
	struct control_application *a = application_of(sc->slot);
	a->routes.has_sum = false;
	if ((sc->marks & SLOT_ROUTE) == 0) {
		sc->marks |= SLOT_ROUTE;
		vector_push(&a->routes.changed, sc);
	}
	mark_application(a, APPLICATION_ROUTES);
}

static bool has_pages_to_serve(const struct control_application *a)
{
	return a->routes.has_pages && a->slots.not_gone > 0;
}

/* ---- peers ---- */

static Samoza__V1__MeshPeer *peer_new(const struct slot_control *sc)
{
	const struct space *space = slot_declared_space(sc->slot);
	const struct copy *copy = serving_copy(sc);
	Samoza__V1__MeshPeer *p =
		(Samoza__V1__MeshPeer *)schema_message_new(&samoza__v1__mesh_peer__descriptor);
	p->path = mem_strdup(sc->slot->path);
	p->space = mem_strdup(space->name);
	if (sc->slot->state != STATE_DEPLOYED_STARTED || copy == NULL)
		return p;
	int type = 0;
	(void)schema_enum_value(&samoza__v1__space_type__descriptor,
				space_type_name(space->type), &type);
	p->zhost = mem_strdup(copy_zhost(copy)->name);
	p->has_epoch = p->has_type = true;
	p->epoch = copy->of_slot.epoch;
	p->type = (Samoza__V1__SpaceType)type;
	if (!space_kind_of_type(space->type)->has_pages)
		return p;
	const struct revision *revision = copy->unit->revision;
	p->paths = path_ends(revision->topology, space, &p->n_paths);
	const Samoza__V1__SpaceArtifacts *from = revision->artifacts[space->index];
	if (from == NULL)
		return p;
	p->assets = mem_new_array(Samoza__V1__AssetFile *, from->n_assets);
	p->n_assets = from->n_assets;
	for (size_t k = 0; k < from->n_assets; k++)
		p->assets[k] =
			(Samoza__V1__AssetFile *)schema_message_copy(&from->assets[k]->base);
	return p;
}

/* A NATIVE process has no queue: messages to it have no receiver. */
static bool takes_messages(const struct slot_control *sc)
{
	return space_kind_of_type(slot_declared_space(sc->slot)->type)->is_in_mesh;
}

/* ---- tables ---- */

static Samoza__V1__MeshTable *table_new(const struct control_application *a)
{
	Samoza__V1__MeshTable *t = (Samoza__V1__MeshTable *)schema_message_new(
		&samoza__v1__mesh_table__descriptor);
	t->topology = mem_strdup(a->id);
	t->topology_name = mem_strdup(a->name);
	t->version = a->routes.version;
	return t;
}

static void send_table(struct control *c, const struct subscriber *s,
		       Samoza__V1__MeshTable *take_table)
{
	emit_message(&c->emitter, s->zhost->link_id, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE,
		     take_table, false);
}

static Samoza__V1__MeshTable *whole_table(const struct control_application *a)
{
	size_t count = a->slots.slots.count;
	Samoza__V1__MeshTable *t = table_new(a);
	t->full = true;
	t->peers = mem_new_array(Samoza__V1__MeshPeer *, count);
	for (size_t k = 0; k < count; k++)
		if (takes_messages(&a->slot_controls[k]) &&
		    a->slot_controls[k].slot->state == STATE_DEPLOYED_STARTED)
			t->peers[t->n_peers++] = peer_new(&a->slot_controls[k]);
	return t;
}

/* Of whole_table(); 0: nobody is started, and who has heard of nobody says nothing. */
static uint64_t table_sum(struct control_application *a)
{
	if (a->routes.has_sum)
		return a->routes.sum;
	Samoza__V1__MeshTable *t = whole_table(a);
	a->routes.sum = t->n_peers > 0 ? mesh_topology_sum(a->id) : 0;
	for (size_t k = 0; k < t->n_peers; k++)
		a->routes.sum += mesh_peer_sum(t->peers[k]);
	a->routes.has_sum = true;
	schema_message_free(t);
	return a->routes.sum;
}

static Samoza__V1__MeshTable *changed_table(const struct control_application *a)
{
	Samoza__V1__MeshTable *t = table_new(a);
	t->peers = mem_new_array(Samoza__V1__MeshPeer *, a->routes.changed.count);
	vector_for_each (&a->routes.changed, sc)
		if (takes_messages(*sc))
			t->peers[t->n_peers++] = peer_new(*sc);
	return t;
}

static Samoza__V1__MeshTable *gone_table(const struct control_application *a)
{
	Samoza__V1__MeshTable *t = table_new(a);
	t->full = true;
	t->has_gone = t->gone = true;
	return t;
}

/* ---- a new link ---- */

/* What a zhost should know that has just come. */
typedef VECTOR(struct control_application *) known_list;

static void add_known(struct control_application *a, uint64_t visit, known_list *list)
{
	if (a->routes.visited == visit)
		return;
	a->routes.visited = visit;
	vector_push(list, a);
}

/* Those it holds copies of, and all with pages. */
static void collect_known(struct control *c, const struct control_zhost *z, known_list *list)
{
	uint64_t visit = ++c->mesh_visits;
	for (const struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		add_known(copy->unit->application, visit, list);
	vector_for_each (&c->applications.with_pages, a)
		add_known(*a, visit, list);
}

/* The parts whose tables it has as they are. */
static uint64_t known_parts(const known_list *list, const uint64_t *sums)
{
	uint64_t expected[MESH_PARTS] = {0}, kept = 0;
	vector_for_each (list, a)
		expected[mesh_part((*a)->id)] += table_sum(*a);
	for (unsigned k = 0; k < MESH_PARTS; k++)
		if (expected[k] == sums[k])
			kept |= UINT64_C(1) << k;
	return kept;
}

void mesh_tables_zhost_joined(struct control *c, struct control_zhost *z, const uint64_t *sums,
			      size_t count)
{
	known_list known = {0};
	collect_known(c, z, &known);
	z->mesh_syncs = count == MESH_PARTS;
	z->mesh_kept = z->mesh_syncs ? known_parts(&known, sums) : 0;
	vector_for_each (&known, item) {
		struct control_application *a = *item;
		struct subscriber *s = subscribe(&a->routes, z);
		s->sent_link = 0;
		if ((z->mesh_kept >> mesh_part(a->id) & 1) != 0)
			s->sent_link = z->link_id;
		else if (s->placed > 0 || has_pages_to_serve(a))
			mark_application(a, APPLICATION_ROUTES);
	}
	vector_done(&known);
}

/* ---- in a flush ---- */

static void update_subscriber(struct control *c, const struct control_application *a,
			      struct subscriber *s)
{
	uint64_t link_id = s->zhost->link_id;
	if (link_id == 0)
		return;
	if (s->placed == 0 && !has_pages_to_serve(a)) {
		if (s->sent_link == link_id)
			send_table(c, s, gone_table(a));
		s->sent_link = 0;
	} else if (s->sent_link != link_id) {
		send_table(c, s, whole_table(a));
		s->sent_link = link_id;
	} else if (a->routes.changed.count > 0) {
		send_table(c, s, changed_table(a));
	}
}

static void send_tables(struct control *c, struct control_application *a)
{
	struct mesh_routes *r = &a->routes;
	r->version++;
	if (has_pages_to_serve(a) && !r->all_subscribe) {
		zhost_for_each (&c->zhosts, z)
			if (z->link_id != 0)
				(void)subscribe(r, z);
		r->all_subscribe = true;
	}
	vector_for_each (&r->subscribers, s)
		update_subscriber(c, a, s);
	vector_for_each (&r->changed, sc)
		(*sc)->marks &= ~(unsigned)SLOT_ROUTE;
	vector_clear(&r->changed);
}

/* After the tables. */
static void send_sync(struct control *c, struct control_zhost *z)
{
	if (!z->mesh_syncs || z->link_id == 0)
		return;
	z->mesh_syncs = false;
	Samoza__V1__MeshSync *sync =
		(Samoza__V1__MeshSync *)schema_message_new(&samoza__v1__mesh_sync__descriptor);
	sync->kept = z->mesh_kept;
	emit_message(&c->emitter, z->link_id, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_SYNC, sync,
		     false);
}

void mesh_tables_send(struct control *c)
{
	vector_for_each (&c->dirty.applications, a) {
		if (((*a)->marks & APPLICATION_ROUTES) == 0)
			continue;
		(*a)->marks &= ~(unsigned)APPLICATION_ROUTES;
		send_tables(c, *a);
	}
	vector_for_each (&c->dirty.zhosts, z)
		send_sync(c, *z);
}
