#include "core/place/search/backtrack.h"

#include <stdlib.h>

#include "core/place/choose/eligibility.h"
#include "core/place/choose/score.h"
#include "core/place/search/final_check.h"
#include "core/place/search/moves.h"
#include "core/place/search/promises.h"
#include "core/place/search/repack.h"
#include "core/place/state/devices.h"
#include "core/place/state/nodes.h"
#include "core/place/state/view.h"

struct candidate {
	uint64_t key;
	uint32_t rank, zhost;
	bool keeps; /* what one that is placed relies on */
};

struct level {
	struct unit_kind *kind;
	struct candidate *candidates; /* best first */
	uint32_t count, next;
};

struct tree {
	struct unit_search *search;
	struct level *levels;
	uint32_t depth;
	struct map tried; /* kind, zhost -> levels at which it was tried in vain */
	struct candidate *scratch;
	struct spread_minimums minimums;
	struct promises promises; /* of what is placed */
};

static uint64_t tried_key(const struct tree *t, const struct unit_kind *k, uint32_t zhost)
{
	return (uint64_t)(k - t->search->kinds) << 32 | zhost;
}

static void take(struct unit_search *s, struct unit_kind *k, uint32_t zhost)
{
	struct place_node *node = node_at(s->place, zhost);
	if (k->need->demand->request_count > 0 &&
	    !devices_fit(node->devices, node->device_count, k->need->demand, NULL)) {
		bool fits = search_repack(s->place, zhost, k->need->demand, true);
		INVARIANT(fits);
	}
	search_place(s, k, zhost);
}

/* ---- levels ---- */

static uint32_t count_candidates(struct tree *t, const struct unit_kind *k, uint32_t stop_at)
{
	struct place *p = t->search->place;
	uint32_t count = 0;
	struct view view;
	view_open(&view, p, k->request);
	for (uint32_t rank = 0;
	     rank < p->by_name.count && count < stop_at && !search_is_over(t->search); rank++) {
		uint32_t zhost = p->by_name.items[rank];
		t->search->steps++;
		if (map_find(&t->tried, tried_key(t, k, zhost)) == NULL &&
		    search_can_take(p, k, zhost) &&
		    promises_allow(&t->promises, t->search, k, zhost))
			t->scratch[count++] = (struct candidate){.rank = rank, .zhost = zhost};
	}
	view_close(&view);
	return count;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->keeps != y->keeps)
		return x->keeps ? -1 : 1;
	if (x->key != y->key)
		return x->key > y->key ? -1 : 1;
	return x->rank < y->rank ? -1 : 1;
}

/* Zhosts where units rely on one of the kind come first, and those that satisfy spread and affinity as things are come
 * before those that rely on units placed later. */
static void level_open(struct tree *t, struct unit_kind *k, uint32_t count)
{
	struct place *p = t->search->place;
	struct level *level = &t->levels[t->depth++];
	struct view view;
	view_open(&view, p, k->request);
	minimums_measure(p, k->need, k->request, GREEDY, &t->minimums);
	for (uint32_t i = 0; i < count; i++) {
		struct candidate *c = &t->scratch[i];
		struct place_score score = score_of(p, k->need, c->zhost, &t->minimums);
		c->key = score_key(k->need->demand, &score);
		if (!fits_spread(p, k->need, c->zhost, &t->minimums) ||
		    !fits_but_devices(p, k->need, c->zhost, GREEDY))
			c->key = 0;
		c->keeps = promises_kept_by(&t->promises, t->search, k, c->zhost);
	}
	view_close(&view);
	qsort(t->scratch, count, sizeof(*t->scratch), compare_candidates);
	*level = (struct level){
		.kind = k,
		.candidates = mem_memdup(t->scratch, count * sizeof(*t->scratch)),
		.count = count,
	};
}

static void mark(struct tree *t, const struct unit_kind *k, uint32_t zhost, int delta)
{
	uint64_t key = tried_key(t, k, zhost);
	uint32_t *found = map_find(&t->tried, key);
	uint32_t now = (found != NULL ? *found : 0) + (uint32_t)delta;
	if (now == 0)
		map_remove(&t->tried, key);
	else
		map_put(&t->tried, key, now);
}

static void level_close(struct tree *t)
{
	struct level *level = &t->levels[--t->depth];
	for (uint32_t i = 0; i < level->next; i++)
		mark(t, level->kind, level->candidates[i].zhost, -1);
	free(level->candidates);
}

/* Opens the next level at the kind with the fewest candidates; false when a kind has none: no zhost takes it, or none where
 * it keeps what another one relies on. False, too, when the search is over. */
static bool open_level(struct tree *t)
{
	struct unit_search *s = t->search;
	struct unit_kind *fewest = NULL, *awaited = NULL;
	uint32_t count = UINT32_MAX;
	promises_collect(&t->promises, s);
	const struct promise *broken = promises_find_broken(&t->promises, s, &awaited);
	if (broken != NULL && awaited != NULL)
		search_ended(s, awaited, NULL);
	else if (broken != NULL)
		search_ended(s, broken->kind, broken->unit);
	if (broken != NULL || search_is_over(s))
		return false;
	for (uint32_t k = 0; k < s->kind_count; k++) {
		struct unit_kind *kind = &s->kinds[k];
		if (kind->placed == kind->unit_count)
			continue;
		uint32_t candidates = count_candidates(t, kind, count);
		if (search_is_over(s))
			return false;
		if (candidates < count) {
			fewest = kind;
			count = candidates;
		}
		if (count == 0) {
			search_ended(s, kind, NULL);
			return false;
		}
	}
	INVARIANT(fewest != NULL); /* some kind is not placed yet */
	count = count_candidates(t, fewest, UINT32_MAX);
	if (search_is_over(s))
		return false;
	level_open(t, fewest, count);
	return true;
}

/* Takes back what the deepest level has placed and takes its next candidate, or goes up. */
static bool next_candidate(struct tree *t)
{
	while (t->depth > 0) {
		struct level *level = &t->levels[t->depth - 1];
		if (level->next > 0) {
			search_unplace(t->search, level->kind);
			mark(t, level->kind, level->candidates[level->next - 1].zhost, 1);
		}
		if (level->next < level->count) {
			take(t->search, level->kind, level->candidates[level->next++].zhost);
			return true;
		}
		level_close(t);
	}
	return false;
}

static bool search_tree(struct tree *t)
{
	struct unit_search *s = t->search;
	bool open = open_level(t);
	while (true) {
		if (open) {
			struct level *level = &t->levels[t->depth - 1];
			take(s, level->kind, level->candidates[level->next++].zhost);
		} else if (!next_candidate(t)) {
			/* It may be over before the first level is open. */
			s->budget_spent = s->budget_spent || search_is_over(s);
			return false;
		}
		if (t->depth == s->unit_count) {
			struct unit_kind *broken = NULL;
			struct place_unit *unit = NULL;
			if (search_holds(s, &broken, &unit))
				return true;
			search_ended(s, broken, unit);
			open = false;
		} else {
			open = open_level(t);
		}
		if (search_is_over(s)) {
			s->budget_spent = true;
			return false;
		}
	}
}

bool backtrack(struct unit_search *s)
{
	struct place *p = s->place;
	struct tree t = {.search = s};
	nodes_rank(p);
	t.levels = mem_new_array(struct level, s->unit_count + 1);
	t.scratch = mem_new_array(struct candidate, p->by_name.count + 1);
	bool found = search_tree(&t);
	if (!found)
		search_unplace_all(s);
	while (t.depth > 0) {
		free(t.levels[--t.depth].candidates);
	}
	free(t.levels);
	free(t.scratch);
	map_done(&t.tried);
	minimums_done(&t.minimums);
	promises_done(&t.promises);
	return found;
}
