/*
 * The whole search, where going greedily did not help. Each level takes the kind of unit that
 * has the fewest zhosts left to stand on, and tries them, best first. A zhost on which a kind
 * has been tried in vain at some level is tried for no other unit of that kind below: they can
 * stand for each other, so that would be the same answer again.
 *
 * Below the last level everything is checked once more: an affinity may have been counted on
 * and not come, and spread is only known when all stand.
 *
 * Every look at a zhost for a kind is one step of the budget.
 */
#include "core/place/search.h"

/* One way to go on. */
struct candidate {
	uint64_t key;
	uint32_t rank, zhost;
};

struct level {
	struct kind *kind;
	struct candidate *candidates; /* best first */
	uint32_t count, next;
};

struct tree {
	struct search *search;
	struct level *levels;
	uint32_t depth;
	struct map tried; /* kind, zhost -> levels at which it has been tried in vain */
	struct candidate *scratch;
	struct floors floors;
};

static uint64_t tried_key(const struct tree *t, const struct kind *k, uint32_t zhost)
{
	return (uint64_t)(k - t->search->kinds) << 32 | zhost;
}

/* ---- devices of the whole set on one zhost ---- */

/* All asks of the units tried there and of one more, as one demand. */
static uint32_t join_asks(const struct place *p, const struct zhost *z,
			  const struct demand *more, struct demand *ret_joint)
{
	*ret_joint = (struct demand){0};
	uint32_t asks = more->ask_count;
	for_each_unit_on (p, z, u)
		asks += u->tried ? u->need->demand->ask_count : 0;
	ret_joint->asks = mem_new_array(struct ask, asks + 1);
	for_each_unit_on (p, z, u) {
		for (uint32_t i = 0; u->tried && i < u->need->demand->ask_count; i++)
			ret_joint->asks[ret_joint->ask_count++] = u->need->demand->asks[i];
	}
	uint32_t before = 0;
	for (uint32_t i = 0; i < ret_joint->ask_count; i++)
		before += ret_joint->asks[i].count;
	ret_joint->device_total = before;
	for (uint32_t i = 0; i < more->ask_count; i++) {
		ret_joint->asks[ret_joint->ask_count++] = more->asks[i];
		ret_joint->device_total += more->asks[i].count;
	}
	return before;
}

/* Gives the devices of a zhost out anew among those tried there, so that one more fits. With
 * `apply` for real. */
static bool repack(struct place *p, uint32_t zhost, const struct demand *more, bool apply)
{
	struct zhost *z = zhost_at(p, zhost);
	struct demand joint;
	if (more->too_many_devices)
		return false;
	(void)join_asks(p, z, more, &joint);
	uint16_t *slots = mem_new_array(uint16_t, joint.device_total + 1);
	for_each_unit_on (p, z, u) {
		if (u->tried)
			devices_apply(z, u->need->demand, u->devices, 1);
	}
	bool fits = devices_fit(z->slots, z->slot_count, &joint, slots);
	const uint16_t *given = slots;
	for_each_unit_on (p, z, u) {
		if (!u->tried)
			continue;
		if (fits && apply && u->need->demand->device_total > 0)
			memcpy(u->devices, given,
			       u->need->demand->device_total * sizeof(*slots));
		given += u->need->demand->device_total;
		devices_apply(z, u->need->demand, u->devices, -1);
	}
	free(joint.asks);
	free(slots);
	return fits;
}

static bool can_stand(struct place *p, const struct kind *k, uint32_t zhost)
{
	if (is_excluded(k->request, zhost) || !fits_but_devices(p, k->need, zhost, OPTIMISTIC))
		return false;
	const struct zhost *z = zhost_at(p, zhost);
	return k->need->demand->ask_count == 0 ||
	       devices_fit(z->slots, z->slot_count, k->need->demand, NULL) ||
	       repack(p, zhost, k->need->demand, false);
}

static void stand(struct search *s, struct kind *k, uint32_t zhost)
{
	struct zhost *z = zhost_at(s->place, zhost);
	if (k->need->demand->ask_count > 0 &&
	    !devices_fit(z->slots, z->slot_count, k->need->demand, NULL)) {
		bool fits = repack(s->place, zhost, k->need->demand, true);
		INVARIANT(fits);
	}
	search_place(s, k, zhost);
}

/* ---- levels ---- */

static uint32_t count_candidates(struct tree *t, const struct kind *k, uint32_t stop_at)
{
	struct place *p = t->search->place;
	uint32_t count = 0;
	struct view view;
	view_open(&view, p, k->request);
	for (uint32_t rank = 0; rank < p->by_name.count && count < stop_at; rank++) {
		uint32_t z = p->by_name.items[rank];
		t->search->steps++;
		if (map_find(&t->tried, tried_key(t, k, z)) == NULL && can_stand(p, k, z))
			t->scratch[count++] = (struct candidate){.rank = rank, .zhost = z};
	}
	view_close(&view);
	return count;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->key != y->key)
		return x->key > y->key ? -1 : 1;
	return x->rank < y->rank ? -1 : 1;
}

/* Those that would keep spread and affinity as things stand come before those that count on
 * others. */
static void level_open(struct tree *t, struct kind *k, uint32_t count)
{
	struct place *p = t->search->place;
	struct level *level = &t->levels[t->depth++];
	struct view view;
	view_open(&view, p, k->request);
	floors_measure(p, k->need, k->request, GREEDY, &t->floors);
	for (uint32_t i = 0; i < count; i++) {
		struct candidate *c = &t->scratch[i];
		struct place_score score = score_of(p, k->need, c->zhost, &t->floors);
		c->key = score_key(k->need->demand, &score);
		if (!fits_spread(p, k->need, c->zhost, &t->floors) ||
		    !fits_but_devices(p, k->need, c->zhost, GREEDY))
			c->key = 0;
	}
	view_close(&view);
	qsort(t->scratch, count, sizeof(*t->scratch), compare_candidates);
	*level = (struct level){
		.kind = k,
		.candidates = mem_memdup(t->scratch, count * sizeof(*t->scratch)),
		.count = count,
	};
}

static void mark(struct tree *t, const struct kind *k, uint32_t zhost, int delta)
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

/* Opens the next level at the kind with the fewest candidates; false where one has none. */
static bool go_deeper(struct tree *t)
{
	struct search *s = t->search;
	struct kind *fewest = NULL;
	uint32_t count = UINT32_MAX;
	for (uint32_t k = 0; k < s->kind_count; k++) {
		struct kind *kind = &s->kinds[k];
		if (kind->placed == kind->unit_count)
			continue;
		uint32_t candidates = count_candidates(t, kind, count);
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
	level_open(t, fewest, count);
	return true;
}

/* Takes back what the deepest level has placed and goes to its next candidate, or up. */
static bool go_on(struct tree *t)
{
	while (t->depth > 0) {
		struct level *level = &t->levels[t->depth - 1];
		if (level->next > 0) {
			search_unplace(t->search, level->kind);
			mark(t, level->kind, level->candidates[level->next - 1].zhost, 1);
		}
		if (level->next < level->count) {
			stand(t->search, level->kind, level->candidates[level->next++].zhost);
			return true;
		}
		level_close(t);
	}
	return false;
}

static bool search_tree(struct tree *t)
{
	struct search *s = t->search;
	bool open = go_deeper(t);
	while (true) {
		if (open) {
			struct level *level = &t->levels[t->depth - 1];
			stand(s, level->kind, level->candidates[level->next++].zhost);
		} else if (!go_on(t)) {
			return false;
		}
		if (t->depth == s->unit_count) {
			struct kind *broken = NULL;
			struct unit *unit = NULL;
			if (search_holds(s, &broken, &unit))
				return true;
			search_ended(s, broken, unit);
			open = false;
		} else {
			open = go_deeper(t);
		}
		if (s->steps > s->steps_max) {
			s->budget_spent = true;
			return false;
		}
	}
}

bool backtrack(struct search *s)
{
	struct place *p = s->place;
	struct tree t = {.search = s};
	zhosts_rank(p);
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
	floors_done(&t.floors);
	return found;
}
