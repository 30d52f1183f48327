#include "core/control/slot/mesh_tables.h"

#include "base/check.h"
#include "base/memory.h"
#include "core/control/slot/rollout_steps.h"
#include "core/control/state/apart.h"
#include "core/control/state/dirty_set.h"
#include "core/control/state/path_ends.h"
#include "core/control/state/state.h"
#include "core/mesh_sum.h"
#include "model/space_kind.h"
#include "schema/message.h"

/* ---- subscribers ---- */

static struct subscriber *find_subscriber(const struct mesh_routes *r,
					  const struct control_zhost *z)
{
	size_t position = zhost_positions_find(&r->by_zhost, z->index);
	return position != ZHOST_POSITION_NONE ? &r->subscribers.items[position] : NULL;
}

static struct subscriber *subscribe(struct mesh_routes *r, struct control_zhost *z)
{
	struct subscriber *s = find_subscriber(r, z);
	if (s != NULL)
		return s;
	zhost_positions_add(&r->by_zhost, z->index, r->subscribers.count);
	s = vector_add(&r->subscribers);
	s->zhost = z;
	return s;
}

static void forget_due(struct mesh_routes *r, const struct control_zhost *z)
{
	for (size_t k = r->due.count; k-- > 0;)
		if (r->due.items[k] == z)
			vector_remove_at(&r->due, k);
}

static void unsubscribe(struct mesh_routes *r, const struct control_zhost *z)
{
	forget_due(r, z);
	const struct subscriber *s = find_subscriber(r, z);
	if (s == NULL)
		return;
	PRE(s->placed == 0);
	vector_remove_at(&r->subscribers, (size_t)(s - r->subscribers.items));
	zhost_positions_clear(&r->by_zhost);
	for (size_t k = 0; k < r->subscribers.count; k++)
		zhost_positions_add(&r->by_zhost, r->subscribers.items[k].zhost->index, k);
}

void mesh_tables_zhost_forgotten(struct control *c, const struct control_zhost *z)
{
	application_for_each (&c->applications, a)
		unsubscribe(&a->routes, z);
}

void mesh_tables_count(struct control_application *a, struct control_zhost *z, int change)
{
	struct subscriber *s = subscribe(&a->routes, z);
	s->placed = (uint32_t)((int)s->placed + change);
	vector_push(&a->routes.due, z);
	mark_application(a, APPLICATION_ROUTES);
}

/* The table is another one. */
static void forget_sums(struct control_application *a)
{
	a->routes.has_sum[0] = a->routes.has_sum[1] = false;
}

void mesh_tables_mark(struct slot_control *sc)
{
	struct control_application *a = application_of(sc->slot);
	forget_sums(a);
	if ((sc->marks & SLOT_ROUTE) == 0) {
		sc->marks |= SLOT_ROUTE;
		vector_push(&a->routes.changed, sc);
	}
	mark_application(a, APPLICATION_ROUTES);
}

void mesh_tables_mark_shares(struct control_application *a)
{
	bool has_shares = a->rollout != NULL && rollout_has_shares(a);
	if (!has_shares && !a->routes.has_shares)
		return;
	a->routes.has_shares = has_shares;
	for (size_t k = 0; k < a->slots.slots.count; k++)
		mesh_tables_mark(a->slot_controls.items[k]);
}

void mesh_tables_load_shares(struct control_application *a)
{
	a->routes.has_shares = rollout_has_shares(a);
}

void mesh_tables_restore(struct control_application *a, const struct subscriber *list,
			 size_t count)
{
	struct mesh_routes *r = &a->routes;
	VECTOR(struct subscriber) all = {0};
	for (size_t k = 0; k < count; k++) {
		const struct subscriber *known = find_subscriber(r, list[k].zhost);
		vector_push(&all, list[k]);
		vector_last(&all)->placed = known != NULL ? known->placed : 0;
	}
	vector_clear(&r->subscribers);
	vector_clear(&r->due);
	zhost_positions_clear(&r->by_zhost);
	r->all_due = true;
	vector_for_each (&all, s) {
		zhost_positions_add(&r->by_zhost, s->zhost->index, r->subscribers.count);
		vector_push(&r->subscribers, *s);
	}
	vector_done(&all);
}

static bool has_pages_to_serve(const struct control_application *a)
{
	return a->routes.has_pages && a->slots.not_gone > 0;
}

/* ---- peers ---- */

/* As the revision of the copy declares it, also of one that is retired; NULL: of the slot. */
static const struct space *space_of(const struct slot_control *sc, const struct copy *copy)
{
	const struct declarations *declared = copy != NULL ? copy->revision->declared : NULL;
	const struct declaration *own =
		declared != NULL ? declarations_of(declared, sc->slot) : NULL;
	return own != NULL ? own->space : slot_declared_space(sc->slot);
}

/* `copy` NULL: of the slot, which is not started. */
static Samoza__V1__MeshPeer *peer_new(const struct slot_control *sc, const struct copy *copy)
{
	const struct space *space = space_of(sc, copy);
	Samoza__V1__MeshPeer *p =
		(Samoza__V1__MeshPeer *)schema_message_new(&samoza__v1__mesh_peer__descriptor);
	p->path = mem_strdup(copy != NULL ? copy_path(copy) : sc->slot->path);
	p->space = mem_strdup(space->name);
	if (copy == NULL)
		return p;
	int type = 0;
	(void)schema_enum_value(&samoza__v1__space_type__descriptor,
				space_type_name(space->type), &type);
	p->zhost = mem_strdup(copy_zhost(copy)->name);
	p->has_epoch = true;
	p->has_access_token = p->access_token = space->asks_token;
	p->has_type = !space->asks_token;
	p->epoch = copy->of_slot.epoch;
	p->type = (Samoza__V1__SpaceType)type;
	p->has_serving = !copy_serves(copy);
	p->serving = copy_serves(copy);
	p->has_draining = p->draining = copy_is_retired(copy);
	p->has_revision = copy->unit->application->routes.has_shares;
	p->revision = copy->revision->number;
	p->has_sharing = p->sharing = copy->unit->placement.role == ROLE_SHARING;
	p->has_apart = p->apart = copy_is_apart(copy);
	if (!space_kind_of_type(space->type)->has_pages)
		return p;
	const struct revision *revision = copy->revision;
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

/* It is started, and serves, or gets the answers to what it has asked: as a successor, or until it is told
 * to go. */
static bool is_listed(const struct copy *copy)
{
	if (copy_serves(copy))
		return copy->sc->slot->state == STATE_DEPLOYED_STARTED;
	if (copy_is_retired(copy))
		return copy->unit->answered && !copy->unit->lost;
	return (copy_is_next(copy) || copy_is_kept(copy)) && copy->heard &&
	       copy->phase == SAMOZA__V1__PHASE__PHASE_STARTED;
}

/* A NATIVE process has no queue: messages to it have no receiver. */
static bool takes_messages(const struct slot_control *sc)
{
	return space_kind_of_type(slot_declared_space(sc->slot)->type)->is_in_mesh;
}

void mesh_tables_slot_goes(struct slot_control *sc)
{
	struct control_application *a = application_of(sc->slot);
	slot_copy_for_each (sc->of_path, item) {
		const struct copy *copy = container_of(item, struct copy, of_slot);
		if (!takes_messages(sc) || !is_listed(copy))
			continue;
		*vector_add(&a->routes.former) = (struct former_route){
			mem_strdup(copy_path(copy)), mem_strdup(space_of(sc, copy)->name)};
		forget_sums(a);
		mark_application(a, APPLICATION_ROUTES);
	}
}

/* ---- tables ---- */

static bool is_draining(const struct control_application *a)
{
	vector_for_each (&a->handovers, root)
		if ((*root)->handover->handover.state == HANDOVER_DRAINING)
			return true;
	return false;
}

/* Of each space of which both versions get something. */
static void add_shares(Samoza__V1__MeshTable *t, const struct control_application *a)
{
	if (!a->routes.has_shares)
		return;
	const struct revision *target = a->rollout->target;
	t->shares = mem_new_array(Samoza__V1__MeshShare *, target->topology->space_count);
	for (unsigned k = 0; k < target->topology->space_count; k++) {
		const char *space = target->topology->spaces[k].name;
		uint32_t permille = rollout_permille(a, k);
		if (permille == 0)
			continue;
		Samoza__V1__MeshShare *share = (Samoza__V1__MeshShare *)schema_message_new(
			&samoza__v1__mesh_share__descriptor);
		share->space = mem_strdup(space);
		share->revision = target->number;
		share->permille = permille;
		t->shares[t->n_shares++] = share;
	}
}

static Samoza__V1__MeshTable *table_new(const struct control_application *a)
{
	Samoza__V1__MeshTable *t = (Samoza__V1__MeshTable *)schema_message_new(
		&samoza__v1__mesh_table__descriptor);
	t->topology = mem_strdup(a->id);
	t->topology_name = mem_strdup(a->name);
	t->version = a->routes.version;
	t->has_confirm = t->confirm = is_draining(a);
	add_shares(t, a);
	return t;
}

typedef VECTOR(Samoza__V1__MeshPeer *) peer_list;

/* The copies of a slot that are listed, the one that serves first. `all`: not only that one. */
static void add_peers(peer_list *list, const struct slot_control *sc, bool all)
{
	const struct copy *serving = serving_copy(sc);
	if (!takes_messages(sc))
		return;
	if (serving != NULL && is_listed(serving))
		vector_push(list, peer_new(sc, serving));
	slot_copy_for_each (sc->of_path, item) {
		const struct copy *copy = container_of(item, struct copy, of_slot);
		if (all && copy != serving && is_listed(copy))
			vector_push(list, peer_new(sc, copy));
	}
}

static Samoza__V1__MeshTable *whole_table(const struct control_application *a, bool all)
{
	peer_list list = {0};
	Samoza__V1__MeshTable *t = table_new(a);
	t->full = true;
	if (a->control->config.has_empty_tables || !a->routes.has_messages)
		return t;
	for (size_t k = 0; k < a->slots.slots.count; k++)
		add_peers(&list, a->slot_controls.items[k], all);
	t->peers = list.items;
	t->n_peers = list.count;
	return t;
}

/* Of whole_table(); 0: nobody is started, and who has heard of nobody says nothing. */
static uint64_t table_sum(struct control_application *a, bool all)
{
	uint64_t *sum = &a->routes.sums[all];
	if (a->routes.has_sum[all])
		return *sum;
	Samoza__V1__MeshTable *t = whole_table(a, all);
	*sum = t->n_peers > 0 ? mesh_topology_sum(a->id) : 0;
	for (size_t k = 0; k < t->n_peers; k++)
		*sum += mesh_peer_sum(t->peers[k]);
	for (size_t k = 0; t->n_peers > 0 && k < t->n_shares; k++)
		*sum += mesh_share_sum(t->shares[k]);
	a->routes.has_sum[all] = true;
	schema_message_free(t);
	return *sum;
}

static void add_nobody(peer_list *list, const char *path, const char *space)
{
	Samoza__V1__MeshPeer *p =
		(Samoza__V1__MeshPeer *)schema_message_new(&samoza__v1__mesh_peer__descriptor);
	p->path = mem_strdup(path);
	p->space = mem_strdup(space);
	vector_push(list, p);
}

/* A copy under a former name of the slot may have been the last one there. */
static void add_former_names(peer_list *list, const struct slot_control *sc)
{
	const struct application_alias *alias = sc->of_path->application->aliases;
	for (; alias != NULL && takes_messages(sc); alias = alias->hh.next)
		if (alias->slot == sc->of_path)
			add_nobody(list, alias->path, slot_declared_space(sc->slot)->name);
}

static Samoza__V1__MeshTable *changed_table(const struct control_application *a, bool all)
{
	peer_list list = {0};
	Samoza__V1__MeshTable *t = table_new(a);
	if (a->control->config.has_empty_tables)
		return t;
	vector_for_each (&a->routes.changed, sc) {
		size_t before = list.count;
		add_peers(&list, *sc, all);
		if (list.count == before && takes_messages(*sc))
			vector_push(&list, peer_new(*sc, NULL));
		add_former_names(&list, *sc);
	}
	vector_for_each (&a->routes.former, route)
		add_nobody(&list, route->path, route->space);
	t->peers = list.items;
	t->n_peers = list.count;
	return t;
}

static Samoza__V1__MeshTable *gone_table(const struct control_application *a, bool all)
{
	(void)all;
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
static uint64_t known_parts(const known_list *list, const struct control_zhost *z,
			    const uint64_t *sums)
{
	uint64_t expected[MESH_PARTS] = {0}, kept = 0;
	vector_for_each (list, a)
		expected[mesh_part((*a)->id)] += table_sum(*a, zhost_knows_copies(z));
	for (unsigned k = 0; k < MESH_PARTS; k++)
		if (expected[k] == sums[k])
			kept |= UINT64_C(1) << k;
	return kept;
}

/* It goes by the table as it is; what changes it in this flush has a newer version. */
static void set_kept(struct subscriber *s, const struct control_application *a)
{
	s->sent_link = s->zhost->link_id;
	s->applied = a->routes.version;
}

void mesh_tables_zhost_joined(struct control *c, struct control_zhost *z, const uint64_t *sums,
			      size_t count)
{
	known_list known = {0};
	collect_known(c, z, &known);
	z->mesh_syncs = count == MESH_PARTS;
	z->mesh_kept = z->mesh_syncs ? known_parts(&known, z, sums) : 0;
	vector_for_each (&known, item) {
		struct control_application *a = *item;
		struct subscriber *s = subscribe(&a->routes, z);
		s->sent_link = s->applied = 0;
		s->is_outdated = false;
		if ((z->mesh_kept >> mesh_part(a->id) & 1) != 0)
			set_kept(s, a);
		if (a->handovers.count > 0)
			mark_application(a, APPLICATION_HANDOVER);
		if (s->sent_link == z->link_id)
			continue;
		if (s->placed == 0 && !has_pages_to_serve(a))
			continue;
		vector_push(&a->routes.due, z);
		mark_application(a, APPLICATION_ROUTES);
	}
	vector_done(&known);
}

/* ---- who goes by it ---- */

uint64_t mesh_tables_next_version(const struct control_application *a)
{
	return a->routes.version + 1;
}

/* It has a link, and has the table, or gets it in the next flush. */
static bool is_reached(const struct control_application *a, const struct subscriber *s)
{
	return s->zhost->link_id != 0 && (s->placed > 0 || has_pages_to_serve(a));
}

bool mesh_tables_known(const struct control_application *a, uint64_t version)
{
	if (a->routes.version < version)
		return false; /* it is not sent yet */
	vector_for_each (&a->routes.subscribers, s)
		if (is_reached(a, s) && zhost_knows_copies(s->zhost) && s->applied < version)
			return false;
	return true;
}

bool mesh_tables_has_silent(const struct control_application *a)
{
	vector_for_each (&a->routes.subscribers, s)
		if (is_reached(a, s) && !zhost_knows_copies(s->zhost))
			return true;
	return false;
}

void mesh_tables_applied(struct control *c, uint64_t link_id,
			 const Samoza__V1__MeshApplied *message)
{
	const struct control_zhost *z = zhost_by_link(&c->zhosts, link_id);
	struct control_application *a = application_by_id(&c->applications, message->topology);
	struct subscriber *s = z != NULL && a != NULL ? find_subscriber(&a->routes, z) : NULL;
	if (s == NULL || s->sent_link != link_id || message->version > a->routes.version ||
	    message->version <= s->applied)
		return;
	s->applied = message->version;
	mark_application(a, APPLICATION_HANDOVER);
}

void mesh_tables_zhost_left(struct control *c, const struct control_zhost *z)
{
	known_list known = {0};
	collect_known(c, z, &known);
	vector_for_each (&known, a)
		if ((*a)->handovers.count > 0)
			mark_application(*a, APPLICATION_HANDOVER);
	vector_done(&known);
}

/* ---- in a flush ---- */

/* The tables of one application in one flush: many subscribers get the same. [1]: for those that know of
 * copies that do not serve. NULL: nobody has got it yet. */
struct prepared_tables {
	Samoza__V1__MeshTable *whole[2], *changed[2], *gone[2];
	bool has_news; /* for those that have the table */
};

typedef Samoza__V1__MeshTable *prepare_table(const struct control_application *a, bool all);

static void send_table(struct control *c, const struct control_application *a,
		       const struct subscriber *s, Samoza__V1__MeshTable *prepared[2],
		       prepare_table *prepare)
{
	bool all = zhost_knows_copies(s->zhost);
	uint64_t link_id = s->zhost->link_id;
	if (prepared[all] != NULL) {
		emit_same_message(&c->emitter, link_id,
				  SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE, prepared[all]);
		return;
	}
	prepared[all] = prepare(a, all);
	emit_message(&c->emitter, link_id, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE,
		     prepared[all], false);
}

static void update_subscriber(struct control *c, const struct control_application *a,
			      struct subscriber *s, struct prepared_tables *t)
{
	uint64_t link_id = s->zhost->link_id;
	if (link_id == 0)
		return;
	if (s->placed == 0 && !has_pages_to_serve(a)) {
		if (s->sent_link == link_id)
			send_table(c, a, s, t->gone, gone_table);
		s->sent_link = 0;
	} else if (s->sent_link != link_id || s->is_outdated) {
		send_table(c, a, s, t->whole, whole_table);
		s->sent_link = link_id;
		s->is_outdated = false;
		s->applied = 0;
	} else if (t->has_news && a->routes.changed.count + a->routes.former.count > 0) {
		send_table(c, a, s, t->changed, changed_table);
	}
}

/* For those that have the table. Who gets none of the messages is in no table: thousands on each zhost come
 * and go without a word to the others. */
static bool has_news(const struct control_application *a)
{
	if (a->routes.former.count > 0 || a->routes.has_shares || is_draining(a))
		return true;
	vector_for_each (&a->routes.changed, sc)
		if (takes_messages(*sc))
			return true;
	return false;
}

static void send_tables(struct control *c, struct control_application *a)
{
	struct mesh_routes *r = &a->routes;
	struct prepared_tables tables = {.has_news = has_news(a)};
	r->version++;
	if (has_pages_to_serve(a) && !r->all_subscribe) {
		zhost_for_each (&c->zhosts, z)
			if (z->link_id != 0)
				(void)subscribe(r, z);
		r->all_subscribe = true;
	}
	if (r->all_due || r->has_pages || tables.has_news) {
		vector_for_each (&r->subscribers, s)
			update_subscriber(c, a, s, &tables);
	} else {
		vector_for_each (&r->due, z)
			update_subscriber(c, a, find_subscriber(r, *z), &tables);
	}
	vector_clear(&r->due);
	r->all_due = false;
	vector_for_each (&r->changed, sc)
		(*sc)->marks &= ~(unsigned)SLOT_ROUTE;
	vector_clear(&r->changed);
	former_routes_clear(r);
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

void mesh_tables_send_changed(struct control *c)
{
	vector_for_each (&c->dirty.applications, a) {
		if (((*a)->marks & APPLICATION_ROUTES) == 0)
			continue;
		(*a)->marks &= ~(unsigned)APPLICATION_ROUTES;
		send_tables(c, *a);
	}
}

void mesh_tables_send(struct control *c)
{
	mesh_tables_send_changed(c);
	vector_for_each (&c->dirty.zhosts, z)
		send_sync(c, *z);
}
