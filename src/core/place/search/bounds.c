#include "core/place/search/bounds.h"

#include "core/place/choose/eligibility.h"
#include "core/place/state/view.h"

/* Whether at most one unit of the need may be in each domain, and of which column. */
static bool is_solitary(const struct need *n, uint32_t *ret_column)
{
	bool solitary = false;
	for (uint32_t i = 0; i < n->required_count; i++) {
		const struct affinity_term *t = &n->terms[i];
		if (t->kind != TERM_FORBID || !t->self)
			continue;
		/* By zhost is the weakest that it can mean. */
		if (!solitary || t->column != SCOPE_ZHOST)
			*ret_column = t->column;
		solitary = true;
	}
	return solitary;
}

/* How many units of the demand the zhost has room for, by cpu and memory. */
static uint64_t copies_on(const struct demand *d, const struct place_node *node)
{
	uint64_t copies = UINT32_MAX;
	if (d->cpu > 0)
		copies = (uint64_t)(node->cpu_free / d->cpu);
	if (d->memory > 0 && (uint64_t)(node->memory_free / d->memory) < copies)
		copies = (uint64_t)(node->memory_free / d->memory);
	return copies;
}

/* An upper bound of how many units of the kind have a place, if the others of the set take no
 * room and help where they can. */
static uint64_t bound_of(struct unit_search *s, const struct unit_kind *k)
{
	struct place *p = s->place;
	uint32_t column = SCOPE_ZHOST;
	bool solitary = is_solitary(k->need, &column);
	struct map taken = {0}; /* domains */
	uint64_t bound = 0;
	struct view view;
	view_open(&view, p, k->request);
	for (uint32_t zhost = 0; zhost < p->nodes.count && bound < k->unit_count; zhost++) {
		s->steps++;
		if (is_excluded(k->request, zhost) || !fits(p, k->need, zhost, OPTIMISTIC))
			continue;
		uint32_t domain = domain_of(p, column, zhost);
		if (!solitary || domain == DOMAIN_NONE) {
			bound += copies_on(k->need->demand, node_at(p, zhost));
		} else if (map_find(&taken, domain) == NULL) {
			map_put(&taken, domain, 1);
			bound++;
		}
	}
	view_close(&view);
	map_done(&taken);
	return bound;
}

bool search_is_impossible(struct unit_search *s)
{
	for (uint32_t k = 0; k < s->kind_count; k++) {
		if (bound_of(s, &s->kinds[k]) < s->kinds[k].unit_count)
			return true;
	}
	return false;
}
