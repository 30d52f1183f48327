#include "core/place/choose/index.h"

#include <stdlib.h>

#include "core/place/choose/eligibility.h"
#include "core/place/choose/score.h"
#include "core/place/need/index_memory.h"
#include "core/place/need/workload.h"
#include "core/place/rule/terms.h"
#include "core/place/state/nodes.h"

/* So many zhosts are looked at by themselves before a need gets an index of its own. */
#define NOTED_MAX 48u
/* Counters that decide which. */
#define COUNTS_MAX 16u
/* With so few zhosts, looking at each is faster. */
#define SCAN_MAX 8u

/* ---- keys of zhosts ---- */

static uint64_t key_of(const struct place *p, const struct node_index *x, uint32_t zhost)
{
	if (x->need != NULL ? !fits_node(p, x->need, zhost, GREEDY)
			    : !fits_demand(p, x->demand, zhost))
		return 0;
	struct place_score s = x->need != NULL ? score_node(p, x->need, zhost)
					       : score_demand(p, x->demand, zhost);
	return score_key(x->demand, &s);
}

static void set_position(struct node_index *x, uint32_t position, uint64_t key)
{
	if (tournament_key(&x->tournament, position) == key)
		return;
	tournament_set(&x->tournament, position, key);
	if (x->cell_of != NULL)
		x->cells[x->cell_of[position]].stale = true;
}

static void catch_up(struct place *p, struct node_index *x)
{
	uint64_t end = p->log_first + p->log.count;
	for (uint64_t at = x->log_seen; at < end; at++) {
		uint32_t zhost = p->log.items[at - p->log_first];
		if (node_at(p, zhost)->log_position == at)
			set_position(x, x->positions[zhost], key_of(p, x, zhost));
	}
	x->log_seen = end;
}

/* ---- cells ---- */

static void add_column(struct node_index *x, uint32_t column)
{
	for (uint32_t i = 0; i < x->column_count; i++) {
		if (x->columns[i] == column)
			return;
	}
	x->columns = mem_resize(x->columns, x->column_count + 1, sizeof(*x->columns));
	x->columns[x->column_count++] = column;
}

/* They matter to others only. */
static bool counts_members(const struct group_counter *c)
{
	return c->kind == COUNTER_MEMBERS || c->kind == COUNTER_PRESENT;
}

/* Labels that a rule or a preference depends on, of the need or of others for it. A spread over
 * zhosts makes each zhost a cell. */
static void collect_columns(const struct place *p, struct node_index *x)
{
	const struct need *n = x->need;
	for (uint32_t i = 0; i < n->term_count; i++) {
		if (n->terms[i].column != SCOPE_ZHOST)
			add_column(x, n->terms[i].column);
	}
	for (uint32_t i = 0; i < n->spread_count; i++)
		add_column(x, n->spreads[i].column);
	for (uint32_t i = 0; i < n->member_count; i++) {
		const struct affinity_group *g = &p->groups.items[n->members[i].group];
		for (size_t k = 0; k < g->counters.count; k++) {
			const struct group_counter *c =
				&p->counters.items[g->counters.items[k]];
			if (!counts_members(c) && c->column != SCOPE_ZHOST)
				add_column(x, c->column);
		}
	}
}

/* Numbers the combinations of label values: zhosts with the same number so far and the same
 * value of one more label get the same new number. By rank, so that numbers follow names. */
static uint32_t number_cells(const struct place *p, const struct node_index *x,
			     uint32_t *numbers)
{
	uint32_t count = 1;
	for (uint32_t c = 0; c < x->column_count; c++) {
		struct map seen = {0};
		count = 0;
		for (uint32_t rank = 0; rank < x->count; rank++) {
			uint32_t domain = domain_of(p, x->columns[c], p->by_name.items[rank]);
			uint64_t key = (uint64_t)numbers[rank] << 32 | (uint32_t)(domain + 1);
			const uint32_t *found = map_find(&seen, key);
			if (found != NULL) {
				numbers[rank] = *found;
			} else {
				map_put(&seen, key, count);
				numbers[rank] = count++;
			}
		}
		map_done(&seen);
	}
	return count;
}

static void build_cells(struct place *p, struct node_index *x)
{
	uint32_t *numbers = mem_new_array(uint32_t, x->count);
	x->cell_count = number_cells(p, x, numbers);
	x->cells = mem_new_array(struct index_cell, x->cell_count);
	x->cell_of = mem_new_array(uint32_t, x->count);
	for (uint32_t rank = 0; rank < x->count; rank++)
		x->cells[numbers[rank]].end++;
	for (uint32_t c = 0, begin = 0; c < x->cell_count; c++) {
		uint32_t size = x->cells[c].end;
		x->cells[c] = (struct index_cell){.begin = begin, .end = begin, .stale = true};
		begin += size;
	}
	for (uint32_t rank = 0; rank < x->count; rank++) {
		uint32_t position = x->cells[numbers[rank]].end++;
		x->zhosts[position] = p->by_name.items[rank];
		x->cell_of[position] = numbers[rank];
	}
	free(numbers);
}

/* ---- building ---- */

/* The latest version among the groups whose state the index relies on. */
static uint64_t versions_of(const struct place *p, const struct need *n)
{
	uint64_t latest = 0;
	for (uint32_t i = 0; i < n->member_count; i++) {
		uint64_t v = p->groups.items[n->members[i].group].version;
		latest = v > latest ? v : latest;
	}
	for (uint32_t i = 0; i < n->term_count; i++) {
		uint64_t v = p->groups.items[n->terms[i].group].version;
		latest = v > latest ? v : latest;
	}
	return latest;
}

static void build(struct place *p, struct node_index *x)
{
	index_clear(p, x);
	nodes_rank(p);
	x->count = (uint32_t)p->by_name.count;
	x->zhosts = mem_memdup(p->by_name.items, x->count * sizeof(*x->zhosts));
	x->positions = mem_new_array(uint32_t, p->nodes.count);
	if (x->need != NULL)
		collect_columns(p, x);
	if (x->column_count > 0)
		build_cells(p, x);
	tournament_init(&x->tournament, x->count);
	for (uint32_t i = 0; i < x->count; i++) {
		x->positions[x->zhosts[i]] = i;
		tournament_put(&x->tournament, i, key_of(p, x, x->zhosts[i]));
	}
	tournament_build(&x->tournament);
	x->layout = p->layout;
	x->versions = p->versions;
	x->workload = p->workload.version;
	x->log_seen = p->log_first + p->log.count;
	x->bytes = tournament_bytes(&x->tournament) + 8 * (size_t)x->count +
		   x->cell_count * sizeof(*x->cells) +
		   (x->cell_of != NULL ? 4 * (size_t)x->count : 0);
	index_built(p, x);
}

static void refresh(struct place *p, struct node_index *x)
{
	index_touch(p, x);
	bool valid = x->count > 0 && x->layout == p->layout && x->log_seen >= p->log_first &&
		     x->workload == p->workload.version;
	if (valid && x->need != NULL && x->versions != p->versions) {
		valid = versions_of(p, x->need) <= x->versions;
		x->versions = p->versions;
	}
	if (valid)
		catch_up(p, x);
	else
		build(p, x);
}

/* ---- of a demand, and zhosts looked at by themselves ---- */

/* The best so far. */
struct best_node {
	uint64_t key;
	uint32_t zhost;
};

static void better(const struct place *p, struct best_node *b, uint64_t key, uint32_t zhost)
{
	if (key > b->key ||
	    (key == b->key && key > 0 && node_at(p, zhost)->rank < node_at(p, b->zhost)->rank))
		*b = (struct best_node){key, zhost};
}

static void note_counts(struct place *p, const struct domain_counts *c)
{
	for (uint32_t i = 0; c->sparse.count > 0 && i <= c->sparse.mask; i++) {
		if (c->sparse.keys[i] == MAP_EMPTY)
			continue;
		uint32_t zhost = (uint32_t)c->sparse.keys[i];
		if (node_at(p, zhost)->noted != p->note) {
			node_at(p, zhost)->noted = p->note;
			vector_push(&p->noted, zhost);
		}
	}
}

/* The counts by zhost on which rules and score of the need depend; COUNTS_MAX + 1 where these
 * are too many, or a label matters. */
static uint32_t collect_counts(const struct place *p, const struct need *n,
			       const struct domain_counts **list)
{
	uint32_t count = 0;
	if (n->spread_count > 0 || n->label_terms > 0 || n->term_count >= COUNTS_MAX)
		return COUNTS_MAX + 1;
	if (!n->demand->pack)
		list[count++] = n->neighbours;
	for (uint32_t i = 0; i < n->term_count; i++)
		list[count++] = &p->counters.items[n->terms[i].counter].counts;
	for (uint32_t i = 0; i < n->member_count; i++) {
		const struct affinity_group *g = &p->groups.items[n->members[i].group];
		for (size_t k = 0; k < g->counters.count; k++) {
			const struct group_counter *c =
				&p->counters.items[g->counters.items[k]];
			if (counts_members(c))
				continue;
			if (c->column != SCOPE_ZHOST || count == COUNTS_MAX)
				return COUNTS_MAX + 1;
			list[count++] = &c->counts;
		}
	}
	return count;
}

/* Notes every zhost where one of those counts is not zero. False where they are too many. */
static bool note_nodes(struct place *p, const struct need *n)
{
	const struct domain_counts *list[COUNTS_MAX];
	uint32_t count = collect_counts(p, n, list), total = 0;
	if (count > COUNTS_MAX)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (list[i]->dense != NULL)
			return false;
		total += list[i]->sparse.count;
	}
	if (total > NOTED_MAX)
		return false;
	p->note++;
	vector_clear(&p->noted);
	for (uint32_t i = 0; i < count; i++)
		note_counts(p, list[i]);
	return true;
}

struct skipping {
	const struct place *place;
	const struct node_index *index;
	const struct place_unit_request *request;
};

static bool skip_noted(void *user, uint32_t position)
{
	const struct skipping *s = user;
	uint32_t zhost = s->index->zhosts[position];
	return node_at(s->place, zhost)->noted == s->place->note ||
	       is_excluded(s->request, zhost);
}

/* Rule 4 on a zhost without any unit that it is about. */
static bool fits_alone(const struct place *p, const struct need *n)
{
	for (uint32_t i = 0; i < n->required_count; i++) {
		const struct affinity_term *t = &n->terms[i];
		if (t->kind == TERM_FORBID ? t->own > 0
					   : t->own == 0 && !affinity_in_advance(p, t, GREEDY))
			return false;
	}
	return true;
}

static uint32_t best_by_demand(struct place *p, struct need *n,
			       const struct place_unit_request *r)
{
	struct best_node best = {0, PLACE_NONE};
	vector_for_each (&p->noted, zhost) {
		if (is_excluded(r, *zhost) || !fits_node(p, n, *zhost, GREEDY))
			continue;
		struct place_score s = score_node(p, n, *zhost);
		better(p, &best, score_key(n->demand, &s), *zhost);
	}
	if (!fits_alone(p, n))
		return best.zhost;
	if (n->demand->index == NULL)
		n->demand->index = index_new(n->demand, NULL);
	struct node_index *x = n->demand->index;
	refresh(p, x);
	struct skipping skipping = {p, x, r};
	uint32_t position =
		p->noted.count == 0 && r->excluded_count == 0
			? tournament_best(&x->tournament)
			: tournament_best_but(&x->tournament, skip_noted, &skipping);
	if (position != POSITION_NONE)
		better(p, &best, tournament_key(&x->tournament, position), x->zhosts[position]);
	return best.zhost;
}

/* ---- of a need ---- */

/* Decides which cells rule 4 leaves open, and measures what spread compares with. */
static void open_cells(const struct place *p, struct node_index *x)
{
	const struct need *n = x->need;
	minimums_reset(&x->minimums, n);
	for (uint32_t c = 0; c < x->cell_count; c++) {
		struct index_cell *cell = &x->cells[c];
		if (cell->stale)
			cell->best =
				tournament_best_within(&x->tournament, cell->begin, cell->end);
		cell->stale = false;
		uint32_t zhost = x->zhosts[cell->begin];
		cell->open = cell->best != POSITION_NONE && fits_labels(p, n, zhost, GREEDY);
		if (cell->open && n->spread_count > 0)
			minimums_add(p, n, zhost, &x->minimums);
	}
}

static uint32_t best_by_cells(struct place *p, struct node_index *x)
{
	const struct need *n = x->need;
	struct best_node best = {0, PLACE_NONE};
	open_cells(p, x);
	for (uint32_t c = 0; c < x->cell_count; c++) {
		const struct index_cell *cell = &x->cells[c];
		uint32_t zhost = x->zhosts[cell->begin];
		if (!cell->open || !fits_spread(p, n, zhost, &x->minimums))
			continue;
		uint64_t key = tournament_key(&x->tournament, cell->best);
		int32_t more = preference_labels(p, n, zhost, &x->minimums);
		better(p, &best, score_prefer(key, more), x->zhosts[cell->best]);
	}
	return best.zhost;
}

static uint32_t best_by_need(struct place *p, struct need *n,
			     const struct place_unit_request *r)
{
	if (n->index == NULL)
		n->index = index_new(n->demand, n);
	struct node_index *x = n->index;
	refresh(p, x);
	for (uint32_t i = 0; i < r->excluded_count; i++) {
		uint32_t zhost = r->excluded[i].zhost;
		if (zhost < p->nodes.count && node_at(p, zhost)->known)
			set_position(x, x->positions[zhost], 0);
	}
	uint32_t zhost = PLACE_NONE;
	if (x->cell_count > 0) {
		zhost = best_by_cells(p, x);
	} else {
		uint32_t position = tournament_best(&x->tournament);
		zhost = position != POSITION_NONE ? x->zhosts[position] : PLACE_NONE;
	}
	for (uint32_t i = 0; i < r->excluded_count; i++) {
		uint32_t out = r->excluded[i].zhost;
		if (out < p->nodes.count && node_at(p, out)->known)
			set_position(x, x->positions[out], key_of(p, x, out));
	}
	return zhost;
}

/* ---- all ---- */

uint32_t scan_best(struct place *p, const struct need *n, const struct place_unit_request *r)
{
	struct spread_minimums minimums = {0};
	struct best_node best = {0, PLACE_NONE};
	nodes_rank(p);
	workload_refresh(p);
	minimums_measure(p, n, r, GREEDY, &minimums);
	for (uint32_t rank = 0; rank < p->by_name.count; rank++) {
		uint32_t z = p->by_name.items[rank];
		if (!fits(p, n, z, GREEDY) || is_excluded(r, z) ||
		    !fits_spread(p, n, z, &minimums))
			continue;
		struct place_score score = score_of(p, n, z, &minimums);
		better(p, &best, score_key(n->demand, &score), z);
	}
	minimums_done(&minimums);
	return best.zhost;
}

uint32_t index_best(struct place *p, struct need *n, const struct place_unit_request *r)
{
	workload_refresh(p);
	if (p->by_name.count <= SCAN_MAX || n->looking != NULL)
		return scan_best(p, n, r);
	if ((n->index == NULL || n->index->count == 0) && note_nodes(p, n))
		return best_by_demand(p, n, r);
	return best_by_need(p, n, r);
}
