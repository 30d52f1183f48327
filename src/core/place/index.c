#include "core/place/index.h"

#include "core/place/tournament.h"

/* All indexes together; one takes some 30 bytes for each zhost. */
#define INDEX_BYTES_MAX ((size_t)48 << 20)
/* Zhosts looked at by themselves before a need gets an index of its own. */
#define NOTED_MAX 48u
/* Tallies that say which. */
#define TALLIES_MAX 16u
/* With so few zhosts looking at each is quicker. */
#define SCAN_MAX 8u

struct cell {
	uint32_t begin, end; /* positions */
	uint32_t best;	     /* position; POSITION_NONE: none */
	bool stale;	     /* `best` is to be looked up again */
	bool open;	     /* scratch: rule 4 holds for its labels */
};

struct index {
	struct index *newer, *older; /* by last use */
	bool linked;		     /* it has memory, or had when it was last used */
	const struct demand *demand;
	struct need *need; /* NULL: of the demand alone */
	struct tournament tournament;
	uint32_t count;				       /* 0: its memory was dropped */
	uint64_t layout, versions, log_seen, workload; /* what it knows of */
	uint32_t *zhosts;			       /* position -> zhost */
	uint32_t *positions;			       /* zhost -> position */
	uint32_t *columns;			       /* that its cells are about */
	uint32_t column_count;
	struct cell *cells;
	uint32_t cell_count;
	uint32_t *cell_of; /* position -> cell */
	struct floors floors;
	size_t bytes;
};

/* ---- least recently used ---- */

static void unlink_index(struct place *p, struct index *x)
{
	if (x->newer != NULL)
		x->newer->older = x->older;
	else
		p->newest = x->older;
	if (x->older != NULL)
		x->older->newer = x->newer;
	else
		p->oldest = x->newer;
	x->newer = x->older = NULL;
	x->linked = false;
}

static void link_newest(struct place *p, struct index *x)
{
	x->older = p->newest;
	if (x->older != NULL)
		x->older->newer = x;
	else
		p->oldest = x;
	p->newest = x;
	x->linked = true;
}

static void clear(struct place *p, struct index *x)
{
	tournament_done(&x->tournament);
	free(x->zhosts);
	free(x->positions);
	free(x->columns);
	free(x->cells);
	free(x->cell_of);
	x->zhosts = x->positions = x->columns = x->cell_of = NULL;
	x->cells = NULL;
	x->count = x->column_count = x->cell_count = 0;
	p->index_bytes -= x->bytes;
	x->bytes = 0;
}

void index_free(struct place *p, struct index *x)
{
	if (x == NULL)
		return;
	if (x->linked)
		unlink_index(p, x);
	clear(p, x);
	floors_done(&x->floors);
	free(x);
}

static struct index *index_new(const struct demand *d, struct need *n)
{
	struct index *x = mem_new(struct index);
	*x = (struct index){.demand = d, .need = n};
	return x;
}

/* Drops the memory of those not used for longest; they are built again when they are asked. */
static void make_room(struct place *p, const struct index *keep)
{
	while (p->index_bytes > INDEX_BYTES_MAX && p->oldest != keep) {
		struct index *x = p->oldest;
		unlink_index(p, x);
		clear(p, x);
	}
}

/* ---- keys of zhosts ---- */

static uint64_t key_of(const struct place *p, const struct index *x, uint32_t zhost)
{
	if (x->need != NULL ? !fits_zhost(p, x->need, zhost, GREEDY)
			    : !fits_demand(p, x->demand, zhost))
		return 0;
	struct place_score s = x->need != NULL ? score_zhost(p, x->need, zhost)
					       : score_demand(p, x->demand, zhost);
	return score_key(x->demand, &s);
}

static void set_position(struct index *x, uint32_t position, uint64_t key)
{
	if (tournament_key(&x->tournament, position) == key)
		return;
	tournament_set(&x->tournament, position, key);
	if (x->cell_of != NULL)
		x->cells[x->cell_of[position]].stale = true;
}

static void catch_up(struct place *p, struct index *x)
{
	uint64_t end = p->log_first + p->log.count;
	for (uint64_t at = x->log_seen; at < end; at++) {
		uint32_t zhost = p->log.items[at - p->log_first];
		if (zhost_at(p, zhost)->log_position == at)
			set_position(x, x->positions[zhost], key_of(p, x, zhost));
	}
	x->log_seen = end;
}

/* ---- cells ---- */

static void add_column(struct index *x, uint32_t column)
{
	for (uint32_t i = 0; i < x->column_count; i++) {
		if (x->columns[i] == column)
			return;
	}
	x->columns = mem_resize(x->columns, x->column_count + 1, sizeof(*x->columns));
	x->columns[x->column_count++] = column;
}

/* Labels that a rule or a preference of the need, or of others about it, depends on. A spread
 * over zhosts makes each zhost a cell. */
static void collect_columns(const struct place *p, struct index *x)
{
	const struct need *n = x->need;
	for (uint32_t i = 0; i < n->term_count; i++) {
		if (n->terms[i].column != SCOPE_ZHOST)
			add_column(x, n->terms[i].column);
	}
	for (uint32_t i = 0; i < n->skew_count; i++)
		add_column(x, n->skews[i].column);
	for (uint32_t i = 0; i < n->member_count; i++) {
		const struct group *g = &p->groups.items[n->members[i].group];
		for (size_t k = 0; k < g->counters.count; k++) {
			const struct counter *c = &p->counters.items[g->counters.items[k]];
			if (c->kind != COUNTER_MEMBERS && c->column != SCOPE_ZHOST)
				add_column(x, c->column);
		}
	}
}

/* Numbers the combinations of label values: zhosts with the same numbers so far and the same
 * value of one more label get the same new number. By rank, so numbers follow names. */
static uint32_t number_cells(const struct place *p, const struct index *x, uint32_t *numbers)
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

static void build_cells(struct place *p, struct index *x)
{
	uint32_t *numbers = mem_new_array(uint32_t, x->count);
	x->cell_count = number_cells(p, x, numbers);
	x->cells = mem_new_array(struct cell, x->cell_count);
	x->cell_of = mem_new_array(uint32_t, x->count);
	for (uint32_t rank = 0; rank < x->count; rank++)
		x->cells[numbers[rank]].end++;
	for (uint32_t c = 0, begin = 0; c < x->cell_count; c++) {
		uint32_t size = x->cells[c].end;
		x->cells[c] = (struct cell){.begin = begin, .end = begin, .stale = true};
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

/* The latest version among the groups whose state is built into the index. */
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

static void build(struct place *p, struct index *x)
{
	clear(p, x);
	zhosts_rank(p);
	x->count = (uint32_t)p->by_name.count;
	x->zhosts = mem_memdup(p->by_name.items, x->count * sizeof(*x->zhosts));
	x->positions = mem_new_array(uint32_t, p->zhosts.count);
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
	p->index_bytes += x->bytes;
	make_room(p, x);
}

static void refresh(struct place *p, struct index *x)
{
	if (p->newest != x) {
		if (x->linked)
			unlink_index(p, x);
		link_newest(p, x);
	}
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
struct best {
	uint64_t key;
	uint32_t zhost;
};

static void better(const struct place *p, struct best *b, uint64_t key, uint32_t zhost)
{
	if (key > b->key || (key == b->key && key > 0 &&
			     zhost_at(p, zhost)->rank < zhost_at(p, b->zhost)->rank))
		*b = (struct best){key, zhost};
}

static void note_tally(struct place *p, const struct tally *t)
{
	for (uint32_t i = 0; t->sparse.count > 0 && i <= t->sparse.mask; i++) {
		if (t->sparse.keys[i] == MAP_EMPTY)
			continue;
		uint32_t zhost = (uint32_t)t->sparse.keys[i];
		if (zhost_at(p, zhost)->noted != p->note) {
			zhost_at(p, zhost)->noted = p->note;
			vector_push(&p->noted, zhost);
		}
	}
}

/* The tallies by zhost that rules and score of the need depend on; TALLIES_MAX + 1 where that
 * is too many, or a label has a say. */
static uint32_t collect_tallies(const struct place *p, const struct need *n,
				const struct tally **tallies)
{
	uint32_t count = 0;
	if (n->skew_count > 0 || n->label_terms > 0 || n->term_count >= TALLIES_MAX)
		return TALLIES_MAX + 1;
	if (!n->demand->pack)
		tallies[count++] = n->neighbours;
	for (uint32_t i = 0; i < n->term_count; i++)
		tallies[count++] = &p->counters.items[n->terms[i].counter].tally;
	for (uint32_t i = 0; i < n->member_count; i++) {
		const struct group *g = &p->groups.items[n->members[i].group];
		for (size_t k = 0; k < g->counters.count; k++) {
			const struct counter *c = &p->counters.items[g->counters.items[k]];
			if (c->kind == COUNTER_MEMBERS)
				continue;
			if (c->column != SCOPE_ZHOST || count == TALLIES_MAX)
				return TALLIES_MAX + 1;
			tallies[count++] = &c->tally;
		}
	}
	return count;
}

/* Notes every zhost where one of those tallies is not zero. False where they are too many. */
static bool note_zhosts(struct place *p, const struct need *n)
{
	const struct tally *tallies[TALLIES_MAX];
	uint32_t count = collect_tallies(p, n, tallies), total = 0;
	if (count > TALLIES_MAX)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (tallies[i]->dense != NULL)
			return false;
		total += tallies[i]->sparse.count;
	}
	if (total > NOTED_MAX)
		return false;
	p->note++;
	vector_clear(&p->noted);
	for (uint32_t i = 0; i < count; i++)
		note_tally(p, tallies[i]);
	return true;
}

struct skipping {
	const struct place *place;
	const struct index *index;
	const struct place_unit_request *request;
};

static bool skip_noted(void *context, uint32_t position)
{
	const struct skipping *s = context;
	uint32_t zhost = s->index->zhosts[position];
	return zhost_at(s->place, zhost)->noted == s->place->note ||
	       is_excluded(s->request, zhost);
}

/* Rule 4 on a zhost where none of those stand whom it is about. */
static bool fits_alone(const struct place *p, const struct need *n)
{
	for (uint32_t i = 0; i < n->required_count; i++) {
		const struct term *t = &n->terms[i];
		if (t->kind == TERM_FORBID ? t->own > 0
					   : t->own == 0 && !affinity_in_advance(p, t, GREEDY))
			return false;
	}
	return true;
}

static uint32_t best_by_demand(struct place *p, struct need *n,
			       const struct place_unit_request *r)
{
	struct best best = {0, PLACE_NONE};
	vector_for_each (&p->noted, zhost) {
		if (is_excluded(r, *zhost) || !fits_zhost(p, n, *zhost, GREEDY))
			continue;
		struct place_score s = score_zhost(p, n, *zhost);
		better(p, &best, score_key(n->demand, &s), *zhost);
	}
	if (!fits_alone(p, n))
		return best.zhost;
	if (n->demand->index == NULL)
		n->demand->index = index_new(n->demand, NULL);
	struct index *x = n->demand->index;
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

/* Which cells rule 4 leaves open, and what spread compares with. */
static void open_cells(const struct place *p, struct index *x)
{
	const struct need *n = x->need;
	floors_reset(&x->floors, n);
	for (uint32_t c = 0; c < x->cell_count; c++) {
		struct cell *cell = &x->cells[c];
		if (cell->stale)
			cell->best =
				tournament_best_within(&x->tournament, cell->begin, cell->end);
		cell->stale = false;
		uint32_t zhost = x->zhosts[cell->begin];
		cell->open = cell->best != POSITION_NONE && fits_labels(p, n, zhost, GREEDY);
		if (cell->open && n->skew_count > 0)
			floors_add(p, n, zhost, &x->floors);
	}
}

static uint32_t best_by_cells(struct place *p, struct index *x)
{
	const struct need *n = x->need;
	struct best best = {0, PLACE_NONE};
	open_cells(p, x);
	for (uint32_t c = 0; c < x->cell_count; c++) {
		const struct cell *cell = &x->cells[c];
		uint32_t zhost = x->zhosts[cell->begin];
		if (!cell->open || !fits_spread(p, n, zhost, &x->floors))
			continue;
		uint64_t key = tournament_key(&x->tournament, cell->best);
		int32_t more = preference_labels(p, n, zhost, &x->floors);
		better(p, &best, score_prefer(key, more), x->zhosts[cell->best]);
	}
	return best.zhost;
}

static uint32_t best_by_need(struct place *p, struct need *n,
			     const struct place_unit_request *r)
{
	if (n->index == NULL)
		n->index = index_new(n->demand, n);
	struct index *x = n->index;
	refresh(p, x);
	for (uint32_t i = 0; i < r->excluded_count; i++) {
		uint32_t zhost = r->excluded[i].zhost;
		if (zhost < p->zhosts.count && zhost_at(p, zhost)->known)
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
		if (out < p->zhosts.count && zhost_at(p, out)->known)
			set_position(x, x->positions[out], key_of(p, x, out));
	}
	return zhost;
}

/* ---- all ---- */

uint32_t scan_best(struct place *p, const struct need *n, const struct place_unit_request *r)
{
	struct floors floors = {0};
	struct best best = {0, PLACE_NONE};
	zhosts_rank(p);
	workload_refresh(p);
	floors_measure(p, n, r, GREEDY, &floors);
	for (uint32_t rank = 0; rank < p->by_name.count; rank++) {
		uint32_t z = p->by_name.items[rank];
		if (!fits(p, n, z, GREEDY) || is_excluded(r, z) ||
		    !fits_spread(p, n, z, &floors))
			continue;
		struct place_score score = score_of(p, n, z, &floors);
		better(p, &best, score_key(n->demand, &score), z);
	}
	floors_done(&floors);
	return best.zhost;
}

uint32_t index_best(struct place *p, struct need *n, const struct place_unit_request *r)
{
	workload_refresh(p);
	if (p->by_name.count <= SCAN_MAX)
		return scan_best(p, n, r);
	if ((n->index == NULL || n->index->count == 0) && note_zhosts(p, n))
		return best_by_demand(p, n, r);
	return best_by_need(p, n, r);
}
