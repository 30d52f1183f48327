#include "core/place/state/groups.h"

uint32_t group_take(struct place *p, const char *topology, const char *space)
{
	uint32_t a = symbol_take(&p->symbols, topology), b = symbol_take(&p->symbols, space);
	uint64_t key = (uint64_t)a << 32 | b;
	uint32_t *found = map_find(&p->group_keys, key);
	if (found != NULL) {
		symbol_drop(&p->symbols, a);
		symbol_drop(&p->symbols, b);
		p->groups.items[*found].references++;
		return *found;
	}
	uint32_t index;
	if (p->free_groups.count > 0) {
		index = *vector_last(&p->free_groups);
		p->free_groups.count--;
	} else {
		index = (uint32_t)p->groups.count;
		(void)vector_add(&p->groups);
	}
	p->groups.items[index] = (struct affinity_group){
		.topology = a, .space = b, .references = 1, .version = ++p->versions};
	map_put(&p->group_keys, key, index);
	return index;
}

void group_drop(struct place *p, uint32_t group)
{
	struct affinity_group *g = &p->groups.items[group];
	PRE(g->references > 0);
	if (--g->references > 0)
		return;
	INVARIANT(g->placed == 0 && g->counters.count == 0 && g->needs.count == 0 &&
		  g->watchers.count == 0);
	map_remove(&p->group_keys, (uint64_t)g->topology << 32 | g->space);
	symbol_drop(&p->symbols, g->topology);
	symbol_drop(&p->symbols, g->space);
	vector_done(&g->counters);
	vector_done(&g->needs);
	vector_done(&g->watchers);
	*g = (struct affinity_group){0};
	vector_push(&p->free_groups, group);
}

static void counter_fill_zhost(struct place *p, struct group_counter *c, const struct need *n,
			       uint32_t each, uint32_t zhost)
{
	uint32_t domain = domain_of(p, c->column, zhost);
	if (domain == DOMAIN_NONE)
		return;
	for_each_unit_on (p, node_at(p, zhost), u) {
		if (u->need == n && (c->kind == COUNTER_PRESENT || !u->leaves))
			counts_add(&c->counts, domain, (int32_t)each,
				   domain_count(p, c->column));
	}
}

/* On the zhosts where `on` counts something, and `but` (NULL: it counts nothing) does not. */
static void counter_fill_need(struct place *p, struct group_counter *c, const struct need *n,
			      const struct domain_counts *on, const struct domain_counts *but)
{
	uint32_t each = 0;
	for (uint32_t i = 0; i < n->member_count; i++)
		each += n->members[i].group == c->group ? n->members[i].count : 0;
	for (uint32_t z = 0; z < on->dense_size; z++) {
		if (on->dense[z] > 0 && (but == NULL || counts_get(but, z) == 0))
			counter_fill_zhost(p, c, n, each, z);
	}
	for (uint32_t i = 0; on->sparse.count > 0 && i <= on->sparse.mask; i++) {
		uint32_t z = (uint32_t)on->sparse.keys[i];
		if (on->sparse.keys[i] != MAP_EMPTY && (but == NULL || counts_get(but, z) == 0))
			counter_fill_zhost(p, c, n, each, z);
	}
}

/* A counter that is made after instances of its group have been placed starts with them. They
 * are on zhosts where their family has neighbours, or some that leave. */
static void counter_fill(struct place *p, struct group_counter *c)
{
	struct affinity_group *g = &p->groups.items[c->group];
	vector_for_each (&g->needs, need) {
		const struct need *n = *need;
		if (n->placed == 0)
			continue;
		counter_fill_need(p, c, n, n->neighbours, NULL);
		counter_fill_need(p, c, n, n->leaving, n->neighbours);
	}
}

uint32_t counter_take(struct place *p, enum counter_kind kind, uint32_t group, uint32_t column,
		      int32_t weight)
{
	struct affinity_group *g = &p->groups.items[group];
	vector_for_each (&g->counters, i) {
		struct group_counter *c = &p->counters.items[*i];
		if (c->kind == kind && c->column == column && c->weight == weight) {
			c->references++;
			return *i;
		}
	}
	uint32_t index;
	if (p->free_counters.count > 0) {
		index = *vector_last(&p->free_counters);
		p->free_counters.count--;
	} else {
		index = (uint32_t)p->counters.count;
		(void)vector_add(&p->counters);
	}
	p->counters.items[index] = (struct group_counter){.kind = kind,
							  .group = group,
							  .column = column,
							  .weight = weight,
							  .references = 1};
	vector_push(&g->counters, index);
	g->version = ++p->versions;
	if (kind == COUNTER_MEMBERS || kind == COUNTER_PRESENT)
		counter_fill(p, &p->counters.items[index]);
	return index;
}

void counter_drop(struct place *p, uint32_t counter)
{
	struct group_counter *c = &p->counters.items[counter];
	PRE(c->references > 0);
	if (--c->references > 0)
		return;
	struct affinity_group *g = &p->groups.items[c->group];
	for (size_t i = 0; i < g->counters.count; i++) {
		if (g->counters.items[i] == counter) {
			vector_remove_at(&g->counters, i);
			break;
		}
	}
	g->version = ++p->versions;
	counts_done(&c->counts);
	*c = (struct group_counter){0};
	vector_push(&p->free_counters, counter);
}

void counter_move(struct place *p, uint32_t counter, uint32_t zhost, int32_t count)
{
	struct group_counter *c = &p->counters.items[counter];
	uint32_t domain = domain_of(p, c->column, zhost);
	if (domain != DOMAIN_NONE)
		counts_add(&c->counts, domain, count, domain_count(p, c->column));
}

static unsigned parts_of(enum counter_kind kind)
{
	return kind == COUNTER_MEMBERS	 ? PART_COMPANY
	       : kind == COUNTER_PRESENT ? PART_PRESENCE
					 : 0;
}

void group_move(struct place *p, uint32_t group, uint32_t zhost, int32_t count, unsigned parts)
{
	struct affinity_group *g = &p->groups.items[group];
	if (parts & PART_COMPANY) {
		bool none = g->placed == 0;
		g->placed += (uint32_t)count;
		/* What GREEDY makes of an affinity with the group depends on whether any is placed
		 * and, while none is, on whether any is requested. */
		if (g->required_by > 0 && none != (g->placed == 0))
			g->version = ++p->versions;
	}
	vector_for_each (&g->counters, i) {
		if (parts_of(p->counters.items[*i].kind) & parts)
			counter_move(p, *i, zhost, count);
	}
}

void group_pend(struct place *p, uint32_t group, int32_t count)
{
	struct affinity_group *g = &p->groups.items[group];
	bool none = g->pending == 0;
	g->pending += (uint32_t)count;
	INVARIANT(g->pending <= INT32_MAX);
	if (g->required_by > 0 && g->placed == 0 && none != (g->pending == 0))
		g->version = ++p->versions;
}

void groups_done(struct place *p)
{
	vector_for_each (&p->groups, g) {
		INVARIANT(g->references == 0);
		vector_done(&g->counters);
		vector_done(&g->needs);
	}
	vector_done(&p->groups);
	vector_done(&p->free_groups);
	map_done(&p->group_keys);
	vector_for_each (&p->counters, c)
		counts_done(&c->counts);
	vector_done(&p->counters);
	vector_done(&p->free_counters);
}
