#include "core/place/wait/wait.h"

#include "core/place/choose/eligibility.h"
#include "core/place/rule/filter.h"
#include "core/place/state/devices.h"
#include "core/place/state/groups.h"
#include "core/place/state/room.h"
#include "core/place/state/units.h"
#include "core/place/wait/queues.h"

struct waiting *waiting_new(void)
{
	return mem_new(struct waiting);
}

void waiting_free(struct waiting *w)
{
	if (w == NULL)
		return;
	INVARIANT(w->by_ticket.count == 0 && w->queues.count == 0);
	heap_done(&w->due);
	vector_done(&w->queues);
	vector_done(&w->any_move);
	vector_done(&w->waiters);
	vector_done(&w->free_waiters);
	map_done(&w->by_ticket);
	free(w);
}

static struct waiter *waiter_of(const struct place *p, uint32_t ticket)
{
	const uint32_t *position = map_find(&p->waiting->by_ticket, ticket);
	return position != NULL ? p->waiting->waiters.items[*position] : NULL;
}

static void make_due(struct place *p, struct waiter *w)
{
	if (!heap_has(&w->due.node))
		heap_set(&p->waiting->due, &w->due.node, (int64_t)w->order);
}

/* ---- watches of one zhost ---- */

static void watch_pin(struct place *p, struct watch *watch, uint32_t zhost)
{
	struct place_node *node = node_at(p, zhost);
	watch->pinned = zhost;
	watch->next_pinned = node->pinned;
	node->pinned = watch;
}

static void watch_unpin(struct place *p, struct watch *watch)
{
	if (watch->pinned == PLACE_NONE)
		return;
	struct watch **at = &node_at(p, watch->pinned)->pinned;
	while (*at != watch)
		at = &(*at)->next_pinned;
	*at = watch->next_pinned;
	watch->next_pinned = NULL;
	watch->pinned = PLACE_NONE;
}

/* With the room returned that it may share there. */
static bool pinned_fits(struct place *p, const struct watch *watch)
{
	const struct place_node *node = node_at(p, watch->pinned);
	const struct demand *d = watch->need->demand;
	const struct place_unit *mate =
		watch->replaces != PLACE_NONE ? unit_at(p, watch->replaces) : NULL;
	bool shares = mate != NULL && mate->zhost == watch->pinned;
	if (!node->alive || (node->cordoned && !watch->ignore_cordon) ||
	    !feasible_has(&p->feasible_sets.items[d->feasible], watch->pinned))
		return false;
	if (shares)
		joint_room_change(p, mate, 1);
	bool fits = d->cpu <= node->cpu_free && d->memory <= node->memory_free &&
		    (d->request_count == 0 ||
		     devices_fit(node->devices, node->device_count, d, NULL));
	if (shares)
		joint_room_change(p, mate, -1);
	return fits;
}

/* A unit that waits to share room with `u` watches the zhost to which `u` came, and may have a
 * place there at once. */
static void follow_room(struct place *p, const struct place_unit *u)
{
	for (const struct place_unit *mate = unit_at(p, u->slot_next); mate != u;
	     mate = unit_at(p, mate->slot_next)) {
		if (mate->waiter == 0)
			continue;
		struct waiter *w = p->waiting->waiters.items[mate->waiter - 1];
		vector_for_each (&w->watches, watch) {
			if ((*watch)->replaces != u->handle || (*watch)->queue == NULL)
				continue;
			watch_unpin(p, *watch);
			watch_pin(p, *watch, u->zhost);
			if (pinned_fits(p, *watch))
				make_due(p, w);
		}
	}
}

/* ---- changes ---- */

static bool none_waits(const struct place *p)
{
	return p->waiting->by_ticket.count == 0;
}

/* WAKE_STATE, WAKE_DESCRIPTION, WAKE_ROOM */
static void node_gained(struct place *p, uint32_t zhost)
{
	for (const struct watch *watch = node_at(p, zhost)->pinned; watch != NULL;
	     watch = watch->next_pinned) {
		if (pinned_fits(p, watch))
			make_due(p, watch->waiter);
	}
	queues_gained(p, zhost);
}

/* WAKE_MEMBERS_CAME, WAKE_MEMBERS_LEFT */
static void members_changed(struct place *p, uint32_t group, bool comes)
{
	vector_for_each (&p->groups.items[group].watchers, watcher) {
		if (watcher->comes == comes)
			make_due(p, watcher->waiter);
	}
}

static void members_came(struct place *p, const struct need *n)
{
	for (uint32_t i = 0; i < n->member_count; i++)
		members_changed(p, n->members[i].group, true);
}

/* Members left, and with them their anti-affinity. */
static void members_left(struct place *p, const struct need *n)
{
	for (uint32_t i = 0; i < n->member_count; i++)
		members_changed(p, n->members[i].group, false);
	for (uint32_t i = 0; i < n->required_count; i++) {
		if (n->terms[i].kind == TERM_FORBID)
			members_changed(p, n->terms[i].group, false);
	}
}

/* WAKE_ANY_MOVE */
static void anything_moved(struct place *p)
{
	vector_for_each (&p->waiting->any_move, w)
		make_due(p, *w);
}

void wait_node_described(struct place *p, uint32_t zhost)
{
	if (none_waits(p))
		return;
	node_gained(p, zhost);
	anything_moved(p);
	/* Other labels may bring its units together with others, or apart. */
	for_each_unit_on (p, node_at(p, zhost), u) {
		members_came(p, u->need);
		members_left(p, u->need);
	}
}

void wait_node_removed(struct place *p, uint32_t zhost)
{
	/* The handle may become that of another zhost: the caller must ask again. */
	while (node_at(p, zhost)->pinned != NULL) {
		make_due(p, node_at(p, zhost)->pinned->waiter);
		watch_unpin(p, node_at(p, zhost)->pinned);
	}
	anything_moved(p);
}

void wait_unit_came(struct place *p, const struct place_unit *u)
{
	if (none_waits(p))
		return;
	follow_room(p, u);
	members_came(p, u->need);
	anything_moved(p);
}

void wait_unit_leaves(struct place *p, const struct place_unit *u)
{
	if (none_waits(p))
		return;
	members_left(p, u->need);
	anything_moved(p);
}

void wait_unit_left(struct place *p, const struct need *n, uint32_t zhost)
{
	if (none_waits(p))
		return;
	node_gained(p, zhost);
	members_left(p, n);
	anything_moved(p);
}

/* ---- what a waiter watches ---- */

static void watch_group(struct place *p, struct waiter *w, uint32_t group, bool comes)
{
	PRE(group != GROUP_NONE);
	vector_for_each (&w->groups, g) {
		if (g->group == group && g->comes == comes)
			return;
	}
	vector_push(&w->groups, ((struct watched_group){group, comes}));
	vector_push(&p->groups.items[group].watchers, ((struct group_watcher){w, comes}));
}

static void unwatch_group(struct place *p, const struct waiter *w, uint32_t group)
{
	struct affinity_group *g = &p->groups.items[group];
	size_t kept = 0;
	for (size_t i = 0; i < g->watchers.count; i++) {
		if (g->watchers.items[i].waiter != w)
			g->watchers.items[kept++] = g->watchers.items[i];
	}
	g->watchers.count = kept;
}

static void watch_any_move(struct place *p, struct waiter *w)
{
	if (!w->any_move)
		vector_push(&p->waiting->any_move, w);
	w->any_move = true;
}

/* What the rules of the need wake on, besides zhosts. */
static void watch_rules(struct place *p, struct waiter *w, const struct need *n)
{
	struct filter f;
	filter_init(&f, p, n, NULL, OPTIMISTIC);
	vector_for_each (&f.requirements, r) {
		if ((r->wakes_on & WAKE_MEMBERS_CAME) != 0)
			watch_group(p, w, r->group, true);
		if ((r->wakes_on & WAKE_MEMBERS_LEFT) != 0)
			watch_group(p, w, r->group, false);
		if ((r->wakes_on & WAKE_ANY_MOVE) != 0)
			watch_any_move(p, w);
	}
	filter_done(&f);
}

/* The zhosts whose gains concern the unit. */
static void watch_nodes(struct place *p, struct waiter *w, struct need *n,
			const struct place_unit_request *r)
{
	bool plain = !r->has_only && !r->shares_room;
	vector_for_each (&w->watches, known) {
		if (plain && (*known)->need == n && (*known)->queue != NULL)
			return;
	}
	struct watch *watch = mem_new(struct watch);
	*watch = (struct watch){.waiter = w,
				.need = n,
				.pinned = PLACE_NONE,
				.replaces = r->shares_room ? r->replaces : PLACE_NONE,
				.ignore_cordon = r->ignore_cordon};
	vector_push(&w->watches, watch);
	if (!r->has_only)
		queue_join(p, watch);
	if (r->has_only)
		watch_pin(p, watch, r->only);
	else if (r->shares_room && unit_at(p, r->replaces)->zhost != PLACE_NONE)
		watch_pin(p, watch, unit_at(p, r->replaces)->zhost);
}

/* ---- which units are watched ---- */

static void pend_unit(struct place *p, const struct place_unit *u, int32_t sign)
{
	for (uint32_t m = 0; m < u->need->member_count && u->zhost == PLACE_NONE; m++)
		group_pend(p, u->need->members[m].group,
			   sign * (int32_t)u->need->members[m].count);
}

void wait_pend(struct place *p, const struct place_unit *u, int32_t sign)
{
	if (u->waiter == 0)
		return;
	vector_for_each (&p->waiting->waiters.items[u->waiter - 1]->units, unit)
		pend_unit(p, unit_at(p, *unit), sign);
}

/* Whether the unit fits nowhere, even alone. */
static bool is_hopeless(struct place *p, const struct place_unit_request *r)
{
	const struct need *n = unit_at(p, r->unit)->need;
	bool hopeless = true;
	struct view view;
	view_open(&view, p, r);
	for (uint32_t zhost = 0; zhost < p->nodes.count && hopeless; zhost++)
		hopeless = is_excluded(r, zhost) || !fits(p, n, zhost, OPTIMISTIC);
	view_close(&view);
	return hopeless;
}

/* One that is hopeless; NULL when each fits alone. */
static const struct place_unit_request *find_hopeless(struct place *p,
						      const struct place_request *request)
{
	const struct place_unit_request *found = NULL;
	const struct need *last = NULL;
	for (size_t i = 0; i < request->unit_count; i++)
		pend_unit(p, unit_at(p, request->units[i].unit), 1);
	for (size_t i = 0; i < request->unit_count && found == NULL; i++) {
		const struct place_unit_request *r = &request->units[i];
		const struct place_unit *u = unit_at(p, r->unit);
		bool plain = r->excluded_count == 0 && !r->has_only && !has_slot_mates(u);
		if (plain && u->need == last)
			continue;
		if (is_hopeless(p, r))
			found = r;
		last = plain ? u->need : NULL;
	}
	for (size_t i = 0; i < request->unit_count; i++)
		pend_unit(p, unit_at(p, request->units[i].unit), -1);
	return found;
}

/* ---- tickets ---- */

static struct waiter *waiter_new(struct place *p, uint32_t ticket, uint32_t *ret_position)
{
	struct waiting *all = p->waiting;
	struct waiter *w = mem_new(struct waiter);
	*w = (struct waiter){.ticket = ticket, .order = UINT64_MAX};
	if (all->free_waiters.count > 0) {
		*ret_position = *vector_last(&all->free_waiters);
		all->free_waiters.count--;
	} else {
		*ret_position = (uint32_t)all->waiters.count;
		(void)vector_add(&all->waiters);
	}
	all->waiters.items[*ret_position] = w;
	map_put(&all->by_ticket, ticket, *ret_position);
	return w;
}

void place_wait(struct place *p, uint32_t ticket, const struct place_request *request)
{
	place_wait_end(p, ticket);
	/* All or none: nothing helps as long as one of them fits nowhere. */
	const struct place_unit_request *hopeless =
		request->mode == PLACE_TOGETHER ? find_hopeless(p, request) : NULL;
	place_wait_restore(p, ticket, request, hopeless != NULL ? hopeless->unit : PLACE_NONE);
}

void place_wait_restore(struct place *p, uint32_t ticket, const struct place_request *request,
			uint32_t hopeless)
{
	uint32_t position;
	place_wait_end(p, ticket);
	struct waiter *w = waiter_new(p, ticket, &position);
	w->hopeless = hopeless;
	for (size_t i = 0; i < request->unit_count; i++) {
		const struct place_unit *u = unit_checked(p, request->units[i].unit);
		uint64_t order = u->need->topology->order;
		PRE(u->waiter == 0);
		w->order = order < w->order ? order : w->order;
	}
	const struct need *last = NULL;
	for (size_t i = 0; i < request->unit_count; i++) {
		struct place_unit *u = unit_at(p, request->units[i].unit);
		if (u->zhost != PLACE_NONE)
			continue;
		u->waiter = (position + 1) & WAITER_MASK;
		vector_push(&w->units, u->handle);
		if (hopeless != PLACE_NONE && hopeless != request->units[i].unit)
			continue;
		watch_nodes(p, w, u->need, &request->units[i]);
		if (u->need != last)
			watch_rules(p, w, u->need);
		last = u->need;
	}
}

static void waiter_end(struct place *p, struct waiter *w)
{
	struct waiting *all = p->waiting;
	uint32_t position = *map_find(&all->by_ticket, w->ticket);
	vector_for_each (&w->units, unit)
		unit_at(p, *unit)->waiter = 0;
	vector_for_each (&w->watches, watch) {
		watch_unpin(p, *watch);
		if ((*watch)->queue != NULL)
			queue_leave(p, *watch);
		free(*watch);
	}
	vector_for_each (&w->groups, g)
		unwatch_group(p, w, g->group);
	for (size_t i = 0; i < all->any_move.count && w->any_move; i++) {
		if (all->any_move.items[i] == w) {
			vector_remove_at(&all->any_move, i);
			break;
		}
	}
	heap_remove(&all->due, &w->due.node);
	all->waiters.items[position] = NULL;
	vector_push(&all->free_waiters, position);
	map_remove(&all->by_ticket, w->ticket);
	vector_done(&w->units);
	vector_done(&w->watches);
	vector_done(&w->groups);
	free(w);
}

void place_wait_end(struct place *p, uint32_t ticket)
{
	struct waiter *w = waiter_of(p, ticket);
	if (w != NULL)
		waiter_end(p, w);
}

void waiting_end_all(struct place *p)
{
	vector_for_each (&p->waiting->waiters, w) {
		if (*w != NULL)
			waiter_end(p, *w);
	}
}

void place_wait_wake(struct place *p, uint32_t ticket)
{
	struct waiter *w = waiter_of(p, ticket);
	if (w != NULL)
		make_due(p, w);
}

uint32_t place_wait_next(struct place *p)
{
	return place_wait_next_before(p, UINT64_MAX);
}

uint32_t place_wait_next_before(struct place *p, uint64_t order)
{
	struct heap_node *node;
	while ((node = heap_first(&p->waiting->due)) != NULL && (uint64_t)node->key < order) {
		struct due *due = container_of(node, struct due, node);
		if (!due->is_queue) {
			struct waiter *w = container_of(due, struct waiter, due);
			heap_remove(&p->waiting->due, node);
			return w->ticket;
		}
		struct demand_queue *q = container_of(due, struct demand_queue, due);
		struct watch *watch = queue_next(p, q);
		if (watch != NULL)
			return watch->waiter->ticket;
	}
	return PLACE_NONE;
}

uint32_t place_wait_hopeless(const struct place *p, uint32_t ticket)
{
	const struct waiter *w = waiter_of(p, ticket);
	return w != NULL ? w->hopeless : PLACE_NONE;
}

const uint32_t *place_wait_units(const struct place *p, uint32_t ticket, uint32_t *ret_count)
{
	const struct waiter *w = waiter_of(p, ticket);
	*ret_count = w != NULL ? (uint32_t)w->units.count : 0;
	return w != NULL ? w->units.items : NULL;
}

bool place_wait_any(const struct place *p)
{
	return !none_waits(p);
}
