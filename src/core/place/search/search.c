#include "core/place/search/search.h"

#include "core/place/choose/eligibility.h"
#include "core/place/choose/index.h"
#include "core/place/search/backtrack.h"
#include "core/place/search/bounds.h"
#include "core/place/search/final_check.h"
#include "core/place/search/kinds.h"
#include "core/place/search/moves.h"
#include "core/place/state/groups.h"
#include "core/place/state/view.h"

/* How often a kind that found no place may go earlier. */
#define ROUNDS_MAX 8u

/* Sets so small are always searched to the end. */
#define SMALL_NODES 6u
#define SMALL_UNITS 8u

void search_init(struct unit_search *s, struct place *p,
		 const struct place_unit_request *const *requests, uint32_t count)
{
	*s = (struct unit_search){.place = p, .unit_count = count};
	s->steps_max = p->options.search_steps;
	if (p->by_name.count <= SMALL_NODES && count <= SMALL_UNITS)
		s->steps_max = UINT64_MAX;
	kinds_init(s, requests, count);
	for (uint32_t k = 0; k < s->kind_count; k++) {
		const struct need *n = s->kinds[k].need;
		for (uint32_t i = 0; i < n->member_count; i++)
			group_pend(p, n->members[i].group,
				   (int32_t)(n->members[i].count * s->kinds[k].unit_count));
	}
	kinds_order(s);
}

void search_done(struct unit_search *s)
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
	*s = (struct unit_search){0};
}

/* Where the next unit of the kind goes, or PLACE_NONE. */
static uint32_t choose(struct place *p, const struct unit_kind *k)
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
static struct unit_kind *place_greedily(struct unit_search *s)
{
	for (uint32_t k = 0; k < s->kind_count; k++) {
		struct unit_kind *kind = &s->kinds[k];
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
	struct unit_kind *broken = NULL;
	struct place_unit *unit = NULL;
	if (!search_holds(s, &broken, &unit))
		search_ended(s, broken, unit);
	return broken;
}

bool search_run(struct unit_search *s)
{
	for (uint32_t round = 1; round <= ROUNDS_MAX; round++) {
		struct unit_kind *unplaced_kind = place_greedily(s);
		if (unplaced_kind == NULL)
			return true;
		search_unplace_all(s);
		if (s->unit_count == 1 || (round == 1 && search_is_impossible(s)))
			return false;
		if (unplaced_kind == &s->kinds[0] || s->kind_count == 1)
			break;
		kinds_prefer(s, unplaced_kind, round);
	}
	return backtrack(s);
}
