#include "core/place/search.h"

#include "core/place/index.h"

/* How often a kind that found no place may go earlier. */
#define ROUNDS_MAX 8u

/* ---- kinds ---- */

/* No unit can stand for one that has slot mates: those count for others only. */
static bool same_kind(const struct place *p, const struct place_unit_request *a,
		      const struct place_unit_request *b)
{
	const struct unit *u = unit_at(p, a->unit), *v = unit_at(p, b->unit);
	if (u->need != v->need || a->excluded_count != b->excluded_count || a->has_only ||
	    b->has_only || has_slot_mates(u) || has_slot_mates(v))
		return false;
	for (uint32_t i = 0; i < b->excluded_count; i++) {
		if (!is_excluded(a, b->excluded[i].zhost))
			return false;
	}
	return true;
}

static int compare_wants(const void *a, const void *b, void *place)
{
	const struct place_unit_request *x = *(const struct place_unit_request *const *)a;
	const struct place_unit_request *y = *(const struct place_unit_request *const *)b;
	const struct unit *u = unit_at(place, x->unit), *v = unit_at(place, y->unit);
	const struct place_topology *s = u->need->topology, *t = v->need->topology;
	if (s != t && s->order != t->order)
		return s->order < t->order ? -1 : 1;
	if (u->instance != v->instance)
		return u->instance < v->instance ? -1 : 1;
	return x < y ? -1 : 1; /* as the caller names them */
}

/* How large the need is against the largest of what zhosts offer. */
static double size_of(const struct need *n, double cpu_most, double memory_most)
{
	double cpu = (double)n->demand->cpu / cpu_most,
	       memory = (double)n->demand->memory / memory_most;
	return cpu > memory ? cpu : memory;
}

/* Wants come by instance, so those of one need are together. */
static void collect_kinds(struct search *s, const struct place_unit_request **wants,
			  uint32_t count)
{
	uint32_t *kind_of = mem_new_array(uint32_t, count + 1);
	for (uint32_t i = 0; i < count; i++) {
		struct unit *u = unit_at(s->place, wants[i]->unit);
		uint32_t k = s->kind_count;
		while (k > 0 && s->kinds[k - 1].need == u->need &&
		       !same_kind(s->place, s->kinds[k - 1].request, wants[i]))
			k--;
		if (k == 0 || s->kinds[k - 1].need != u->need) {
			s->kinds[s->kind_count] = (struct kind){
				.need = u->need, .request = wants[i], .number = s->kind_count};
			k = ++s->kind_count;
		}
		kind_of[i] = k - 1;
		s->kinds[k - 1].unit_count++;
	}
	struct unit **next = s->units;
	for (uint32_t k = 0; k < s->kind_count; k++) {
		s->kinds[k].units = next;
		next += s->kinds[k].unit_count;
		s->kinds[k].unit_count = 0;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct kind *k = &s->kinds[kind_of[i]];
		k->units[k->unit_count++] = unit_at(s->place, wants[i]->unit);
	}
	free(kind_of);
}

static void measure_kinds(struct search *s)
{
	struct place *p = s->place;
	zhosts_measure(p);
	for (uint32_t k = 0; k < s->kind_count; k++) {
		struct kind *kind = &s->kinds[k];
		kind->terrain = p->terrains.items[kind->need->demand->terrain].count;
		kind->size = size_of(kind->need, p->cpu_most, p->memory_most);
	}
}

/* A kind goes after those that it requires beside it. A circle ends with the number of rounds.
 */
static void measure_depths(struct search *s)
{
	struct place *p = s->place;
	bool any = false;
	for (uint32_t k = 0; k < s->kind_count; k++) {
		for (uint32_t i = 0; i < s->kinds[k].need->member_count; i++)
			p->groups.items[s->kinds[k].need->members[i].group].depth = 0;
		for (uint32_t i = 0; i < s->kinds[k].need->required_count; i++)
			any |= s->kinds[k].need->terms[i].kind == TERM_REQUIRE;
	}
	bool changed = any;
	for (uint32_t round = 0; round < s->kind_count && round < 64 && changed; round++) {
		changed = false;
		for (uint32_t k = 0; k < s->kind_count; k++) {
			struct kind *kind = &s->kinds[k];
			for (uint32_t i = 0; i < kind->need->required_count; i++) {
				const struct term *t = &kind->need->terms[i];
				const struct group *g = &p->groups.items[t->group];
				if (t->kind != TERM_REQUIRE || t->self || t->own > 0 ||
				    g->pending == 0 || kind->depth > g->depth)
					continue;
				kind->depth = g->depth + 1;
				changed = true;
			}
			for (uint32_t i = 0; i < kind->need->member_count; i++) {
				struct group *g =
					&p->groups.items[kind->need->members[i].group];
				if (g->depth < kind->depth)
					g->depth = kind->depth;
			}
		}
	}
}

static int compare_kinds(const void *a, const void *b)
{
	const struct kind *x = a, *y = b;
	if (x->urgency != y->urgency)
		return x->urgency > y->urgency ? -1 : 1;
	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	if (x->terrain != y->terrain)
		return x->terrain < y->terrain ? -1 : 1;
	if (x->need->demand->device_total != y->need->demand->device_total)
		return x->need->demand->device_total > y->need->demand->device_total ? -1 : 1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

void search_init(struct search *s, struct place *p,
		 const struct place_unit_request *const *wants, uint32_t want_count)
{
	*s = (struct search){.place = p, .unit_count = want_count};
	s->steps_max = p->options.search_steps;
	if (p->by_name.count <= 6 && want_count <= 8)
		s->steps_max = UINT64_MAX;
	s->units = mem_new_array(struct unit *, want_count + 1);
	s->kinds = mem_new_array(struct kind, want_count + 1);
	const struct place_unit_request **sorted =
		mem_memdup(wants, want_count * sizeof(*wants));
	if (want_count > 1)
		qsort_r(sorted, want_count, sizeof(*sorted), compare_wants, p);
	collect_kinds(s, sorted, want_count);
	free(sorted);
	for (uint32_t k = 0; k < s->kind_count; k++) {
		const struct need *n = s->kinds[k].need;
		for (uint32_t i = 0; i < n->member_count; i++)
			group_pend(p, n->members[i].group,
				   (int32_t)(n->members[i].count * s->kinds[k].unit_count));
	}
	if (s->kind_count > 1) {
		measure_kinds(s);
		measure_depths(s);
		qsort(s->kinds, s->kind_count, sizeof(*s->kinds), compare_kinds);
	}
	s->dead_end.units = mem_new_array(struct unit *, want_count + 1);
	s->dead_end.zhosts = mem_new_array(uint32_t, want_count + 1);
}

void search_done(struct search *s)
{
	for (uint32_t k = 0; k < s->kind_count; k++) {
		const struct need *n = s->kinds[k].need;
		uint32_t unplaced = s->kinds[k].unit_count - s->kinds[k].placed;
		for (uint32_t i = 0; i < n->member_count; i++)
			group_pend(s->place, n->members[i].group,
				   -(int32_t)(n->members[i].count * unplaced));
		for (uint32_t i = 0; i < s->kinds[k].placed; i++)
			s->kinds[k].units[i]->tried = false;
	}
	free(s->dead_end.units);
	free(s->dead_end.zhosts);
	free(s->kinds);
	free(s->units);
	*s = (struct search){0};
}

/* ---- moves ---- */

static void pend(struct search *s, const struct need *n, int32_t sign)
{
	for (uint32_t i = 0; i < n->member_count; i++)
		group_pend(s->place, n->members[i].group, sign * (int32_t)n->members[i].count);
}

void search_place(struct search *s, struct kind *k, uint32_t zhost)
{
	struct unit *u = k->units[k->placed++];
	u->tried = true;
	pend(s, k->need, -1);
	if (k->request->shares_room && unit_at(s->place, k->request->replaces)->zhost == zhost)
		room_join(s->place, u, unit_at(s->place, k->request->replaces));
	unit_attach(s->place, u, zhost, false);
}

void search_unplace(struct search *s, struct kind *k)
{
	struct unit *u = k->units[--k->placed];
	unit_detach(s->place, u);
	room_leave(s->place, u);
	pend(s, k->need, 1);
	u->tried = false;
}

void search_unplace_all(struct search *s)
{
	for (uint32_t k = 0; k < s->kind_count; k++) {
		while (s->kinds[k].placed > 0)
			search_unplace(s, &s->kinds[k]);
	}
}

void search_ended(struct search *s, struct kind *k, struct unit *at_the_end)
{
	struct dead_end *d = &s->dead_end;
	uint32_t depth = 0;
	for (uint32_t i = 0; i < s->kind_count; i++)
		depth += s->kinds[i].placed;
	if (d->unit != NULL && d->depth >= depth)
		return;
	d->depth = 0;
	for (uint32_t i = 0; i < s->kind_count; i++) {
		for (uint32_t u = 0; u < s->kinds[i].placed; u++) {
			d->units[d->depth] = s->kinds[i].units[u];
			d->zhosts[d->depth++] = s->kinds[i].units[u]->zhost;
		}
	}
	d->request = k->request;
	d->unit = at_the_end != NULL ? at_the_end : k->units[k->placed];
	d->at_the_end = at_the_end != NULL;
}

/* ---- whether it holds in the end ---- */

static bool has_requirement(const struct need *n)
{
	for (uint32_t i = 0; i < n->required_count; i++) {
		if (n->terms[i].kind == TERM_REQUIRE)
			return true;
	}
	return false;
}

/* As if every zhost of the terrain passed the other rules: fewer domains do, so what is
 * balanced against these is balanced. With all units counted, for balanced(). */
static void floors_of_terrain(const struct place *p, const struct kind *k,
			      struct floors *floors)
{
	const struct need *n = k->need;
	if (n->skew_count > floors->capacity) {
		floors->items = mem_resize(floors->items, n->skew_count, sizeof(struct floor));
		floors->capacity = n->skew_count;
	}
	for (uint32_t i = 0; i < n->required_skews; i++) {
		const struct skew *s = &n->skews[i];
		const struct tally *tally = &p->counters.items[s->counter].tally;
		floors->items[i] = (struct floor){UINT32_MAX, DOMAIN_NONE, UINT32_MAX};
		for (uint32_t z = 0; z < p->zhosts.count; z++) {
			uint32_t domain = domain_of(p, s->column, z);
			if (domain != DOMAIN_NONE && zhost_available(zhost_at(p, z)) &&
			    terrain_has(&p->terrains.items[n->demand->terrain], z))
				floor_add(&floors->items[i], domain, tally_get(tally, domain));
		}
	}
}

static bool balanced(const struct place *p, const struct need *n, uint32_t zhost,
		     const struct floors *floors)
{
	for (uint32_t i = 0; i < n->required_skews; i++) {
		const struct skew *s = &n->skews[i];
		uint32_t domain = domain_of(p, s->column, zhost);
		if (domain == DOMAIN_NONE)
			return false;
		uint64_t count = tally_get(&p->counters.items[s->counter].tally, domain);
		const struct floor *f = &floors->items[i];
		if (count > (uint64_t)(domain == f->domain ? f->second : f->fewest) + s->max)
			return false;
	}
	return true;
}

static bool unit_holds(struct search *s, const struct kind *k, struct unit *u,
		       struct floors *floors)
{
	struct place *p = s->place;
	uint32_t zhost = u->zhost;
	struct view view;
	unit_detach(p, u);
	view_open(&view, p, k->request);
	bool holds = fits_labels(p, k->need, zhost, STRICT);
	for (uint32_t i = 0; i < k->need->required_count && holds; i++) {
		const struct term *t = &k->need->terms[i];
		holds = term_holds(p, t, domain_of(p, t->column, zhost), STRICT);
	}
	if (holds && k->need->required_skews > 0) {
		floors_measure(p, k->need, k->request, STRICT, floors);
		s->steps += p->zhosts.count;
		holds = fits_spread(p, k->need, zhost, floors);
	}
	view_close(&view);
	unit_attach(p, u, zhost, true);
	return holds;
}

/* Capacity and anti-affinity held when each came and can only be broken by those who come
 * later, for whom they were checked too. What remains: affinity that held in advance, and
 * spread. */
bool search_holds(struct search *s, struct kind **ret_kind, struct unit **ret_unit)
{
	struct floors floors = {0}, terrain = {0};
	bool holds = true;
	/* One alone counts on nobody. */
	if (s->unit_count == 1)
		return true;
	for (uint32_t k = 0; k < s->kind_count && holds; k++) {
		struct kind *kind = &s->kinds[k];
		bool requires = has_requirement(kind->need);
		if (!requires && kind->need->required_skews == 0)
			continue;
		/* Its slot mates count in no balance: looked at closely. */
		bool closely = requires || has_slot_mates(kind->units[0]);
		if (!closely)
			floors_of_terrain(s->place, kind, &terrain);
		for (uint32_t i = 0; i < kind->placed && holds; i++) {
			if (!closely &&
			    balanced(s->place, kind->need, kind->units[i]->zhost, &terrain))
				continue;
			holds = unit_holds(s, kind, kind->units[i], &floors);
			if (!holds) {
				*ret_kind = kind;
				*ret_unit = kind->units[i];
			}
		}
	}
	floors_done(&floors);
	floors_done(&terrain);
	return holds;
}

/* ---- greedily ---- */

/* Where the next unit of the kind goes, or PLACE_NONE. */
static uint32_t choose(struct place *p, const struct kind *k)
{
	const struct place_unit_request *r = k->request;
	struct view view;
	uint32_t zhost = PLACE_NONE;
	view_open(&view, p, r);
	if (view.room_mate != NULL &&
	    fits_request(p, k->need, r, view.room_mate->zhost, GREEDY))
		zhost = view.room_mate->zhost;
	else if (!r->has_only)
		zhost = index_best(p, k->need, r);
	else if (fits_request(p, k->need, r, r->only, GREEDY))
		zhost = r->only;
	view_close(&view);
	return zhost;
}

/* The kind that found no place, or NULL. */
static struct kind *place_greedily(struct search *s)
{
	for (uint32_t k = 0; k < s->kind_count; k++) {
		struct kind *kind = &s->kinds[k];
		while (kind->placed < kind->unit_count) {
			uint32_t zhost = choose(s->place, kind);
			s->steps++;
			if (zhost == PLACE_NONE) {
				search_ended(s, kind, NULL);
				return kind;
			}
			search_place(s, kind, zhost);
		}
	}
	struct kind *broken = NULL;
	struct unit *unit = NULL;
	if (!search_holds(s, &broken, &unit))
		search_ended(s, broken, unit);
	return broken;
}

/* ---- what can be seen without a search ---- */

/* Whether at most one unit of the need may stand in each domain, and of which column. */
static bool stands_alone(const struct need *n, uint32_t *ret_column)
{
	bool alone = false;
	for (uint32_t i = 0; i < n->required_count; i++) {
		const struct term *t = &n->terms[i];
		if (t->kind != TERM_FORBID || !t->self)
			continue;
		/* By zhost is the least that it can mean. */
		if (!alone || t->column != SCOPE_ZHOST)
			*ret_column = t->column;
		alone = true;
	}
	return alone;
}

/* How many units of the need the zhost has room for, by cpu and memory. */
static uint64_t copies_on(const struct demand *d, const struct zhost *z)
{
	uint64_t copies = UINT32_MAX;
	if (d->cpu > 0)
		copies = (uint64_t)(z->cpu_free / d->cpu);
	if (d->memory > 0 && (uint64_t)(z->memory_free / d->memory) < copies)
		copies = (uint64_t)(z->memory_free / d->memory);
	return copies;
}

/* An upper bound of how many units of the kind have a place, if the others of the set take no
 * room and help as they can. */
static uint64_t bound_of(struct search *s, const struct kind *k)
{
	struct place *p = s->place;
	uint32_t column = SCOPE_ZHOST;
	bool alone = stands_alone(k->need, &column);
	struct map taken = {0}; /* domains */
	uint64_t bound = 0;
	struct view view;
	view_open(&view, p, k->request);
	for (uint32_t z = 0; z < p->zhosts.count && bound < k->unit_count; z++) {
		s->steps++;
		if (is_excluded(k->request, z) || !fits(p, k->need, z, OPTIMISTIC))
			continue;
		uint32_t domain = domain_of(p, column, z);
		if (!alone || domain == DOMAIN_NONE) {
			bound += copies_on(k->need->demand, zhost_at(p, z));
		} else if (map_find(&taken, domain) == NULL) {
			map_put(&taken, domain, 1);
			bound++;
		}
	}
	view_close(&view);
	map_done(&taken);
	return bound;
}

/* Whether it is clear that not all have a place: some kind has not, even alone. */
static bool clearly_impossible(struct search *s)
{
	for (uint32_t k = 0; k < s->kind_count; k++) {
		if (bound_of(s, &s->kinds[k]) < s->kinds[k].unit_count)
			return true;
	}
	return false;
}

bool search_run(struct search *s)
{
	for (uint32_t round = 1; round <= ROUNDS_MAX; round++) {
		struct kind *stuck = place_greedily(s);
		if (stuck == NULL)
			return true;
		search_unplace_all(s);
		if (s->unit_count == 1 || (round == 1 && clearly_impossible(s)))
			return false;
		if (stuck == &s->kinds[0] || s->kind_count == 1)
			break;
		stuck->urgency = round;
		qsort(s->kinds, s->kind_count, sizeof(*s->kinds), compare_kinds);
	}
	return backtrack(s);
}
