#include "core/place/wait.h"

#include "base/heap.h"

/* What is handed out by place_wait_next(), oldest first: a waiter, or a shape whose waiters are
 * due. */
struct due {
	struct heap_node node;
	bool is_shape;
};

/* Zhosts that gained something since the shape became due; beyond this many: any. */
#define SPARKS_MAX 8u

struct shape {
	struct due due;
	struct demand *demand;		/* of its watches' needs, borrowed */
	VECTOR(struct watch *) watches; /* by age of the topology */
	size_t next;			/* while due: the first not handed out */
	uint32_t sparks[SPARKS_MAX];
	uint32_t spark_count; /* SPARKS_MAX + 1: any zhost */
};

struct watch {
	struct waiter *waiter;
	struct need *need;
	struct shape *shape; /* NULL: only one zhost is possible */
	/* The zhost where more is possible than elsewhere, or the only possible one: it is looked
	 * at by itself. */
	uint32_t pinned;   /* or PLACE_NONE */
	uint32_t replaces; /* whose room it may share there, or PLACE_NONE */
	bool ignore_cordon;
	struct watch *next_pinned; /* on the same zhost */
};

/* Where a waiter stands in a group's list. */
struct concern {
	uint32_t group;
	bool comes; /* waits for members to come; else for them to go */
};

struct waiter {
	struct due due;
	uint32_t ticket;
	uint64_t order; /* of its oldest topology */
	VECTOR(uint32_t) units;
	VECTOR(struct watch *) watches;
	VECTOR(struct concern) concerns;
	bool spread; /* rule 5 of one of them depends on what others do anywhere */
};

struct waiting {
	struct heap due;
	VECTOR(struct shape *) shapes; /* by cpu */
	VECTOR(struct waiter *) spreads;
	VECTOR(struct waiter *) waiters; /* NULL: free */
	VECTOR(uint32_t) free_waiters;
	struct map by_ticket; /* position in waiters */
};

struct waiting *waiting_new(void)
{
	return mem_new(struct waiting);
}

void waiting_free(struct waiting *w)
{
	if (w == NULL)
		return;
	INVARIANT(w->by_ticket.count == 0 && w->shapes.count == 0);
	heap_done(&w->due);
	vector_done(&w->shapes);
	vector_done(&w->spreads);
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

static bool nobody_waits(const struct place *p)
{
	return p->waiting->by_ticket.count == 0;
}

static void make_due(struct place *p, struct waiter *w)
{
	if (!heap_has(&w->due.node))
		heap_set(&p->waiting->due, &w->due.node, (int64_t)w->order);
}

/* ---- shapes ---- */

/* As far as zhosts are concerned; affinities are looked at when it is tried. */
static bool shape_fits(const struct place *p, const struct shape *s, uint32_t zhost)
{
	const struct zhost *z = zhost_at(p, zhost);
	const struct demand *d = s->demand;
	return d->cpu <= z->cpu_free && d->memory <= z->memory_free && zhost_available(z) &&
	       terrain_has(&p->terrains.items[d->terrain], zhost) &&
	       (d->ask_count == 0 || devices_fit(z->slots, z->slot_count, d, NULL));
}

/* First shape with at least that much cpu. */
static size_t shape_position(const struct waiting *w, int64_t cpu)
{
	size_t low = 0, high = w->shapes.count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (w->shapes.items[middle]->demand->cpu < cpu)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct shape *shape_of(struct place *p, struct need *n)
{
	struct waiting *w = p->waiting;
	size_t at = shape_position(w, n->demand->cpu);
	for (; at < w->shapes.count && w->shapes.items[at]->demand->cpu == n->demand->cpu;
	     at++) {
		if (w->shapes.items[at]->demand == n->demand)
			return w->shapes.items[at];
	}
	struct shape *s = mem_new(struct shape);
	*s = (struct shape){.due.is_shape = true, .demand = n->demand};
	(void)vector_add(&w->shapes);
	memmove(&w->shapes.items[at + 1], &w->shapes.items[at],
		(w->shapes.count - 1 - at) * sizeof(*w->shapes.items));
	w->shapes.items[at] = s;
	return s;
}

static void shape_schedule(struct place *p, struct shape *s)
{
	if (s->next < s->watches.count)
		heap_set(&p->waiting->due, &s->due.node,
			 (int64_t)s->watches.items[s->next]->waiter->order);
	else
		heap_remove(&p->waiting->due, &s->due.node);
}

static bool is_older(const struct watch *a, const struct watch *b)
{
	const struct waiter *x = a->waiter, *y = b->waiter;
	return x->order != y->order ? x->order < y->order : x->ticket < y->ticket;
}

static void shape_join(struct shape *s, struct watch *watch)
{
	size_t low = 0, high = s->watches.count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (is_older(s->watches.items[middle], watch))
			low = middle + 1;
		else
			high = middle;
	}
	(void)vector_add(&s->watches);
	memmove(&s->watches.items[low + 1], &s->watches.items[low],
		(s->watches.count - 1 - low) * sizeof(*s->watches.items));
	s->watches.items[low] = watch;
	/* It has just been tried. */
	if (low < s->next || heap_has(&s->due.node))
		s->next += low <= s->next;
	watch->shape = s;
}

static void shape_leave(struct place *p, struct watch *watch)
{
	struct shape *s = watch->shape;
	struct waiting *w = p->waiting;
	size_t at = 0;
	while (s->watches.items[at] != watch)
		at++;
	vector_remove_at(&s->watches, at);
	s->next -= at < s->next;
	if (heap_has(&s->due.node))
		shape_schedule(p, s);
	if (s->watches.count > 0)
		return;
	size_t position = shape_position(w, s->demand->cpu);
	while (w->shapes.items[position] != s)
		position++;
	vector_remove_at(&w->shapes, position);
	heap_remove(&w->due, &s->due.node);
	vector_done(&s->watches);
	free(s);
}

static void watch_pin(struct place *p, struct watch *watch, uint32_t zhost)
{
	struct zhost *z = zhost_at(p, zhost);
	watch->pinned = zhost;
	watch->next_pinned = z->pinned;
	z->pinned = watch;
}

static void watch_unpin(struct place *p, struct watch *watch)
{
	if (watch->pinned == PLACE_NONE)
		return;
	struct watch **at = &zhost_at(p, watch->pinned)->pinned;
	while (*at != watch)
		at = &(*at)->next_pinned;
	*at = watch->next_pinned;
	watch->next_pinned = NULL;
	watch->pinned = PLACE_NONE;
}

static void shape_spark(struct place *p, struct shape *s, uint32_t zhost)
{
	if (!heap_has(&s->due.node))
		s->spark_count = 0;
	bool known = s->spark_count > SPARKS_MAX;
	for (uint32_t i = 0; i < s->spark_count && !known; i++)
		known = s->sparks[i] == zhost;
	if (!known && s->spark_count < SPARKS_MAX)
		s->sparks[s->spark_count] = zhost;
	s->spark_count += !known;
	s->next = 0;
	shape_schedule(p, s);
}

/* Whether what made it due is still there. */
static bool shape_still_fits(const struct place *p, const struct shape *s)
{
	if (s->spark_count > SPARKS_MAX)
		return true;
	for (uint32_t i = 0; i < s->spark_count; i++) {
		if (shape_fits(p, s, s->sparks[i]))
			return true;
	}
	return false;
}

/* ---- events ---- */

static bool pinned_fits(struct place *p, const struct watch *watch, struct zhost *z)
{
	const struct demand *d = watch->need->demand;
	const struct unit *mate =
		watch->replaces != PLACE_NONE ? unit_at(p, watch->replaces) : NULL;
	bool shares = mate != NULL && mate->zhost == watch->pinned;
	if (!z->alive || (z->cordoned && !watch->ignore_cordon) ||
	    !terrain_has(&p->terrains.items[d->terrain], watch->pinned))
		return false;
	if (shares)
		joint_room_change(p, mate, 1);
	bool fits = d->cpu <= z->cpu_free && d->memory <= z->memory_free &&
		    (d->ask_count == 0 || devices_fit(z->slots, z->slot_count, d, NULL));
	if (shares)
		joint_room_change(p, mate, -1);
	return fits;
}

static void zhost_gained(struct place *p, uint32_t zhost)
{
	struct waiting *w = p->waiting;
	struct zhost *z = zhost_at(p, zhost);
	for (const struct watch *watch = z->pinned; watch != NULL; watch = watch->next_pinned) {
		if (pinned_fits(p, watch, z))
			make_due(p, watch->waiter);
	}
	if (w->shapes.count == 0 || !zhost_available(z))
		return;
	for (size_t i = 0;
	     i < w->shapes.count && w->shapes.items[i]->demand->cpu <= z->cpu_free; i++) {
		if (shape_fits(p, w->shapes.items[i], zhost))
			shape_spark(p, w->shapes.items[i], zhost);
	}
}

static void group_event(struct place *p, uint32_t group, bool comes)
{
	struct group *g = &p->groups.items[group];
	vector_for_each (&g->concerns, c) {
		if (c->comes == comes)
			make_due(p, c->waiter);
	}
}

static void spread_event(struct place *p)
{
	vector_for_each (&p->waiting->spreads, w)
		make_due(p, *w);
}

/* Members left, and with them those whom they would not have beside them. */
static void needs_left(struct place *p, const struct need *n)
{
	for (uint32_t i = 0; i < n->member_count; i++)
		group_event(p, n->members[i].group, false);
	for (uint32_t i = 0; i < n->required_count; i++) {
		if (n->terms[i].kind == TERM_FORBID)
			group_event(p, n->terms[i].group, false);
	}
}

void wait_zhost_described(struct place *p, uint32_t zhost)
{
	if (nobody_waits(p))
		return;
	zhost_gained(p, zhost);
	spread_event(p);
	/* Other labels may put those who are here beside, or apart from, others. */
	for_each_unit_on (p, zhost_at(p, zhost), u) {
		for (uint32_t i = 0; i < u->need->member_count; i++)
			group_event(p, u->need->members[i].group, true);
		needs_left(p, u->need);
	}
}

void wait_zhost_removed(struct place *p, uint32_t zhost)
{
	/* The handle may become that of another zhost: the caller must ask again. */
	while (zhost_at(p, zhost)->pinned != NULL) {
		make_due(p, zhost_at(p, zhost)->pinned->waiter);
		watch_unpin(p, zhost_at(p, zhost)->pinned);
	}
	spread_event(p);
}

/* A unit that waits to share room with `u` watches the zhost to which `u` came. */
static void follow_room(struct place *p, const struct unit *u)
{
	for (const struct unit *mate = unit_at(p, u->slot_next); mate != u;
	     mate = unit_at(p, mate->slot_next)) {
		if (mate->waiter == 0)
			continue;
		const struct waiter *w = p->waiting->waiters.items[mate->waiter - 1];
		vector_for_each (&w->watches, watch) {
			if ((*watch)->replaces != u->handle || (*watch)->shape == NULL)
				continue;
			watch_unpin(p, *watch);
			watch_pin(p, *watch, u->zhost);
		}
	}
}

void wait_unit_came(struct place *p, const struct unit *u)
{
	if (nobody_waits(p))
		return;
	follow_room(p, u);
	for (uint32_t i = 0; i < u->need->member_count; i++)
		group_event(p, u->need->members[i].group, true);
	spread_event(p);
}

void wait_unit_left(struct place *p, const struct need *n, uint32_t zhost)
{
	if (nobody_waits(p))
		return;
	zhost_gained(p, zhost);
	needs_left(p, n);
	spread_event(p);
}

/* ---- waiters ---- */

static void concern_add(struct place *p, struct waiter *w, uint32_t group, bool comes)
{
	vector_for_each (&w->concerns, c) {
		if (c->group == group && c->comes == comes)
			return;
	}
	vector_push(&w->concerns, ((struct concern){group, comes}));
	vector_push(&p->groups.items[group].concerns, ((struct group_concern){w, comes}));
}

static void watch_zhosts(struct place *p, struct waiter *w, struct need *n,
			 const struct place_unit_request *r)
{
	vector_for_each (&w->watches, known) {
		if ((*known)->need == n && (*known)->shape != NULL && !r->has_only &&
		    !r->shares_room)
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
		shape_join(shape_of(p, n), watch);
	if (r->has_only)
		watch_pin(p, watch, r->only);
	else if (r->shares_room && unit_at(p, r->replaces)->zhost != PLACE_NONE)
		watch_pin(p, watch, unit_at(p, r->replaces)->zhost);
}

static void watch_add(struct place *p, struct waiter *w, struct need *n,
		      const struct place_unit_request *r)
{
	watch_zhosts(p, w, n, r);
	for (uint32_t i = 0; i < n->required_count; i++) {
		const struct term *t = &n->terms[i];
		concern_add(p, w, t->group, t->kind == TERM_REQUIRE);
		/* It is content as the only one of its space. */
		if (t->kind == TERM_REQUIRE && t->self)
			concern_add(p, w, t->group, false);
	}
	bool spread = n->required_skews > 0;
	for (uint32_t i = 0; i < n->member_count; i++) {
		const struct group *g = &p->groups.items[n->members[i].group];
		bool unwelcome = spread;
		vector_for_each (&g->counters, c)
			unwelcome |= p->counters.items[*c].kind == COUNTER_FORBIDS;
		if (unwelcome)
			concern_add(p, w, n->members[i].group, false);
	}
	if (spread && !w->spread) {
		w->spread = true;
		vector_push(&p->waiting->spreads, w);
	}
}

/* Whether the unit has no place even alone: then it is enough to watch it. */
static bool fits_nowhere(const struct place *p, const struct place_unit_request *want,
			 const struct need *n)
{
	for (uint32_t z = 0; z < p->zhosts.count; z++) {
		if (!is_excluded(want, z) && fits(p, n, z, OPTIMISTIC))
			return false;
	}
	return true;
}

static void pend_unit(struct place *p, const struct unit *u, int32_t sign)
{
	for (uint32_t m = 0; m < u->need->member_count && u->zhost == PLACE_NONE; m++)
		group_pend(p, u->need->members[m].group,
			   sign * (int32_t)u->need->members[m].count);
}

void wait_pend(struct place *p, const struct unit *u, int32_t sign)
{
	if (u->waiter == 0)
		return;
	vector_for_each (&p->waiting->waiters.items[u->waiter - 1]->units, unit)
		pend_unit(p, unit_at(p, *unit), sign);
}

static bool is_hopeless(struct place *p, const struct place_unit_request *want)
{
	struct view view;
	view_open(&view, p, want);
	bool hopeless = fits_nowhere(p, want, unit_at(p, want->unit)->need);
	view_close(&view);
	return hopeless;
}

static const struct place_unit_request *find_hopeless(struct place *p,
						      const struct place_request *r)
{
	const struct place_unit_request *found = NULL;
	const struct need *last = NULL;
	for (size_t i = 0; i < r->unit_count; i++)
		pend_unit(p, unit_at(p, r->units[i].unit), 1);
	for (size_t i = 0; i < r->unit_count && found == NULL; i++) {
		const struct unit *u = unit_at(p, r->units[i].unit);
		bool special = r->units[i].excluded_count > 0 || r->units[i].has_only ||
			       has_slot_mates(u);
		if (u->need == last && !special)
			continue;
		if (is_hopeless(p, &r->units[i]))
			found = &r->units[i];
		last = special ? NULL : u->need;
	}
	for (size_t i = 0; i < r->unit_count; i++)
		pend_unit(p, unit_at(p, r->units[i].unit), -1);
	return found;
}

static struct waiter *waiter_new(struct place *p, uint32_t ticket, uint32_t *ret_position)
{
	struct waiting *w = p->waiting;
	struct waiter *new = mem_new(struct waiter);
	*new = (struct waiter){.ticket = ticket, .order = UINT64_MAX};
	if (w->free_waiters.count > 0) {
		*ret_position = *vector_last(&w->free_waiters);
		w->free_waiters.count--;
	} else {
		*ret_position = (uint32_t)w->waiters.count;
		(void)vector_add(&w->waiters);
	}
	w->waiters.items[*ret_position] = new;
	map_put(&w->by_ticket, ticket, *ret_position);
	return new;
}

void place_wait(struct place *p, uint32_t ticket, const struct place_request *request)
{
	uint32_t position;
	place_wait_end(p, ticket);
	struct waiter *w = waiter_new(p, ticket, &position);
	/* All or none: nothing helps as long as one of them has no place at all. */
	const struct place_unit_request *hopeless =
		request->mode == PLACE_TOGETHER ? find_hopeless(p, request) : NULL;
	for (size_t i = 0; i < request->unit_count; i++) {
		struct unit *u = unit_checked(p, request->units[i].unit);
		uint64_t order = u->need->topology->order;
		PRE(u->waiter == 0);
		w->order = order < w->order ? order : w->order;
	}
	for (size_t i = 0; i < request->unit_count; i++) {
		struct unit *u = unit_at(p, request->units[i].unit);
		if (u->zhost != PLACE_NONE)
			continue;
		u->waiter = (position + 1) & WAITER_MASK;
		vector_push(&w->units, u->handle);
		if (hopeless == NULL || hopeless == &request->units[i])
			watch_add(p, w, u->need, &request->units[i]);
	}
}

static void concern_drop(struct place *p, const struct waiter *w, uint32_t group)
{
	struct group *g = &p->groups.items[group];
	size_t kept = 0;
	for (size_t i = 0; i < g->concerns.count; i++) {
		if (g->concerns.items[i].waiter != w)
			g->concerns.items[kept++] = g->concerns.items[i];
	}
	g->concerns.count = kept;
}

static void waiter_end(struct place *p, struct waiter *w)
{
	struct waiting *all = p->waiting;
	uint32_t position = *map_find(&all->by_ticket, w->ticket);
	vector_for_each (&w->units, unit)
		unit_at(p, *unit)->waiter = 0;
	vector_for_each (&w->watches, watch) {
		watch_unpin(p, *watch);
		if ((*watch)->shape != NULL)
			shape_leave(p, *watch);
		free(*watch);
	}
	vector_for_each (&w->concerns, c)
		concern_drop(p, w, c->group);
	for (size_t i = 0; i < all->spreads.count; i++) {
		if (all->spreads.items[i] == w) {
			vector_remove_at(&all->spreads, i);
			break;
		}
	}
	heap_remove(&all->due, &w->due.node);
	all->waiters.items[position] = NULL;
	vector_push(&all->free_waiters, position);
	map_remove(&all->by_ticket, w->ticket);
	vector_done(&w->units);
	vector_done(&w->watches);
	vector_done(&w->concerns);
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
	struct heap_node *node;
	while ((node = heap_first(&p->waiting->due)) != NULL) {
		struct due *due = container_of(node, struct due, node);
		if (!due->is_shape) {
			struct waiter *w = container_of(due, struct waiter, due);
			heap_remove(&p->waiting->due, node);
			return w->ticket;
		}
		struct shape *s = container_of(due, struct shape, due);
		if (!shape_still_fits(p, s)) {
			heap_remove(&p->waiting->due, node);
			continue;
		}
		uint32_t ticket = s->watches.items[s->next++]->waiter->ticket;
		shape_schedule(p, s);
		return ticket;
	}
	return PLACE_NONE;
}

bool place_wait_any(const struct place *p)
{
	return !nobody_waits(p);
}
