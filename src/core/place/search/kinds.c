#include "core/place/search/kinds.h"

#include <stdlib.h>
#include <string.h>

#include "core/place/state/nodes.h"

/* A unit with slot mates is of a kind of its own: its mates count for all others. */
static bool same_kind(const struct place *p, const struct place_unit_request *a,
		      const struct place_unit_request *b)
{
	const struct place_unit *u = unit_at(p, a->unit), *v = unit_at(p, b->unit);
	if (u->need != v->need || a->excluded_count != b->excluded_count || a->has_only ||
	    b->has_only || has_slot_mates(u) || has_slot_mates(v))
		return false;
	for (uint32_t i = 0; i < b->excluded_count; i++) {
		if (!is_excluded(a, b->excluded[i].zhost))
			return false;
	}
	return true;
}

static int compare_requests(const void *a, const void *b, void *place)
{
	const struct place_unit_request *x = *(const struct place_unit_request *const *)a;
	const struct place_unit_request *y = *(const struct place_unit_request *const *)b;
	const struct place_unit *u = unit_at(place, x->unit), *v = unit_at(place, y->unit);
	const struct place_topology *s = u->need->topology, *t = v->need->topology;
	if (s != t && s->order != t->order)
		return s->order < t->order ? -1 : 1;
	if (u->instance != v->instance)
		return u->instance < v->instance ? -1 : 1;
	return x < y ? -1 : 1; /* as the caller names them */
}

/* How large the need is, relative to the most that one zhost offers. */
static double size_of(const struct need *n, double cpu_most, double memory_most)
{
	double cpu = (double)n->demand->cpu / cpu_most,
	       memory = (double)n->demand->memory / memory_most;
	return cpu > memory ? cpu : memory;
}

/* Requests come by instance, so those of one need are together. */
static void collect_kinds(struct unit_search *s, const struct place_unit_request **requests,
			  uint32_t count)
{
	uint32_t few[FEW_UNITS];
	uint32_t *kind_of = count <= FEW_UNITS ? few : mem_new_array(uint32_t, count);
	for (uint32_t i = 0; i < count; i++) {
		struct place_unit *u = unit_at(s->place, requests[i]->unit);
		uint32_t k = s->kind_count;
		while (k > 0 && s->kinds[k - 1].need == u->need &&
		       !same_kind(s->place, s->kinds[k - 1].request, requests[i]))
			k--;
		if (k == 0 || s->kinds[k - 1].need != u->need) {
			s->kinds[s->kind_count] = (struct unit_kind){.need = u->need,
								     .request = requests[i],
								     .number = s->kind_count};
			k = ++s->kind_count;
		}
		kind_of[i] = k - 1;
		s->kinds[k - 1].unit_count++;
	}
	struct place_unit **next = s->units;
	for (uint32_t k = 0; k < s->kind_count; k++) {
		s->kinds[k].units = next;
		next += s->kinds[k].unit_count;
		s->kinds[k].unit_count = 0;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct unit_kind *k = &s->kinds[kind_of[i]];
		k->units[k->unit_count++] = unit_at(s->place, requests[i]->unit);
	}
	if (kind_of != few)
		free(kind_of);
}

static void measure_kinds(struct unit_search *s)
{
	struct place *p = s->place;
	nodes_measure(p);
	for (uint32_t k = 0; k < s->kind_count; k++) {
		struct unit_kind *kind = &s->kinds[k];
		kind->feasible = p->feasible_sets.items[kind->need->demand->feasible].count;
		kind->size = size_of(kind->need, p->cpu_most, p->memory_most);
	}
}

/* A kind goes after those that it requires beside it. The number of rounds ends a circle. */
static void measure_depths(struct unit_search *s)
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
			struct unit_kind *kind = &s->kinds[k];
			for (uint32_t i = 0; i < kind->need->required_count; i++) {
				const struct affinity_term *t = &kind->need->terms[i];
				const struct affinity_group *g = &p->groups.items[t->group];
				if (t->kind != TERM_REQUIRE || t->self || t->own > 0 ||
				    g->pending == 0 || kind->depth > g->depth)
					continue;
				kind->depth = g->depth + 1;
				changed = true;
			}
			for (uint32_t i = 0; i < kind->need->member_count; i++) {
				struct affinity_group *g =
					&p->groups.items[kind->need->members[i].group];
				if (g->depth < kind->depth)
					g->depth = kind->depth;
			}
		}
	}
}

static int compare_kinds(const void *a, const void *b)
{
	const struct unit_kind *x = a, *y = b;
	if (x->urgency != y->urgency)
		return x->urgency > y->urgency ? -1 : 1;
	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	if (x->feasible != y->feasible)
		return x->feasible < y->feasible ? -1 : 1;
	if (x->need->demand->device_total != y->need->demand->device_total)
		return x->need->demand->device_total > y->need->demand->device_total ? -1 : 1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

void kinds_init(struct unit_search *s, const struct place_unit_request *const *requests,
		uint32_t count)
{
	s->units = mem_new_array(struct place_unit *, count + 1);
	s->kinds = mem_new_array(struct unit_kind, count + 1);
	const struct place_unit_request *few[FEW_UNITS], **sorted = few;
	if (count > FEW_UNITS)
		sorted = mem_new_array(const struct place_unit_request *, count);
	memcpy(sorted, requests, count * sizeof(*sorted));
	if (count > 1)
		qsort_r(sorted, count, sizeof(*sorted), compare_requests, s->place);
	collect_kinds(s, sorted, count);
	if (sorted != few)
		free(sorted);
}

void kinds_order(struct unit_search *s)
{
	if (s->kind_count < 2)
		return;
	measure_kinds(s);
	measure_depths(s);
	qsort(s->kinds, s->kind_count, sizeof(*s->kinds), compare_kinds);
}

void kinds_prefer(struct unit_search *s, struct unit_kind *kind, uint32_t urgency)
{
	kind->urgency = urgency;
	qsort(s->kinds, s->kind_count, sizeof(*s->kinds), compare_kinds);
}
