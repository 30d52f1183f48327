#include "core/place/need/needs.h"

#include <string.h>

#include "core/place/need/demands.h"
#include "core/place/need/index_memory.h"
#include "core/place/rule/filter.h"
#include "core/place/state/groups.h"
#include "core/place/state/labels.h"

struct place_topology *topology_checked(const struct place *p, uint32_t topology)
{
	PRE(topology < p->topologies.count && p->topologies.items[topology]->model != NULL);
	return p->topologies.items[topology];
}

struct need *need_checked(const struct place_topology *t, uint32_t instance)
{
	uint32_t low = 0, high = t->need_count;
	PRE(instance < t->model->instance_count && t->model->instances[instance].parent < 0);
	/* The last need that begins at or before the instance. */
	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;
		if (t->needs[middle].root <= instance)
			low = middle;
		else
			high = middle;
	}
	return &t->needs[low];
}

/* What is collected while a subtree is walked. */
struct subtree {
	uint32_t *times; /* by space: instances in the unit */
	VECTOR(const struct space *) spaces;
	VECTOR(struct affinity_term) terms;
	VECTOR(struct spread_term) spreads;
};

static void walk(struct subtree *tree, const struct topology *t, uint32_t root)
{
	uint32_t end = root + t->instances[root].subtree_count;
	for (uint32_t i = root; i < end; i++) {
		const struct space *s = instance_space(t, i);
		if (tree->times[s->index]++ == 0)
			vector_push(&tree->spaces, s);
	}
}

static void add_members(struct place *p, struct need *n, const struct subtree *tree)
{
	n->members = mem_new_array(struct need_member, tree->spaces.count);
	for (size_t i = 0; i < tree->spaces.count; i++) {
		const struct space *s = tree->spaces.items[i];
		uint32_t group = group_take(p, n->topology->model->name, s->name);
		n->members[n->member_count++] =
			(struct need_member){group, tree->times[s->index]};
		vector_push(&p->groups.items[group].needs, n);
	}
}

static uint32_t members_of(const struct need *n, uint32_t group)
{
	for (uint32_t i = 0; i < n->member_count; i++) {
		if (n->members[i].group == group)
			return n->members[i].count;
	}
	return 0;
}

/* The group of a space of the unit itself. */
static uint32_t own_group(const struct place *p, const struct need *n, const struct space *s)
{
	for (uint32_t i = 0; i < n->member_count; i++) {
		uint32_t group = n->members[i].group;
		if (strcmp(symbol_text(&p->symbols, p->groups.items[group].space), s->name) ==
		    0)
			return group;
	}
	IMPOSSIBLE("a space of the unit is not among its members");
}

static uint32_t scope_take(struct place *p, bool is_zhost, const char *label)
{
	return is_zhost ? SCOPE_ZHOST : column_take(p, label);
}

static void add_term(struct place *p, struct need *n, struct subtree *tree,
		     const struct space *s, const struct affinity *rule, bool against)
{
	const char *own_name = n->topology->model->name;
	struct affinity_term *t = vector_add(&tree->terms);
	t->kind = rule->required ? (against ? TERM_FORBID : TERM_REQUIRE)
				 : (against ? TERM_AVOID : TERM_PREFER);
	t->weight = rule->required ? 0 : (int32_t)rule->weight;
	t->group =
		group_take(p, rule->topology != NULL ? rule->topology : own_name, rule->space);
	t->column = scope_take(p, rule->scope_is_zhost, rule->scope);
	t->counter = counter_take(p, t->kind == TERM_FORBID ? COUNTER_PRESENT : COUNTER_MEMBERS,
				  t->group, t->column, 0);
	t->self = t->group == own_group(p, n, s);
	t->times = tree->times[s->index];
	t->own = members_of(n, t->group) - (t->self ? 1u : 0u);
	t->rule = rule;
	t->space = s;
	t->owners = UINT32_MAX;
	if (t->kind == TERM_FORBID)
		t->owners = counter_take(p, COUNTER_FORBIDS, t->group, t->column, 0);
	/* A preference for the own kind is one preference, not two. */
	else if (t->kind == TERM_PREFER && !t->self)
		t->owners = counter_take(p, COUNTER_PREFERS, t->group, t->column, t->weight);
	else if (t->kind == TERM_AVOID && !t->self)
		t->owners = counter_take(p, COUNTER_AVOIDS, t->group, t->column, t->weight);
	if (t->kind == TERM_REQUIRE)
		p->groups.items[t->group].required_by++;
}

/* Required ones first: a decision stops at the first that fails. */
static void add_terms(struct place *p, struct need *n, struct subtree *tree)
{
	for (int required = 1; required >= 0; required--) {
		vector_for_each (&tree->spaces, space) {
			const struct space *s = *space;
			for (unsigned i = 0; i < s->affinity_count; i++) {
				if (s->affinity[i].required == (required == 1))
					add_term(p, n, tree, s, &s->affinity[i], false);
			}
			for (unsigned i = 0; i < s->anti_affinity_count; i++) {
				if (s->anti_affinity[i].required == (required == 1))
					add_term(p, n, tree, s, &s->anti_affinity[i], true);
			}
		}
		if (required == 1)
			n->required_count = (uint32_t)tree->terms.count;
	}
	n->term_count = (uint32_t)tree->terms.count;
	for (uint32_t i = 0; i < n->term_count; i++)
		n->label_terms += tree->terms.items[i].column != SCOPE_ZHOST;
	n->terms = tree->terms.items;
}

static void add_spreads(struct place *p, struct need *n, struct subtree *tree)
{
	for (int required = 1; required >= 0; required--) {
		vector_for_each (&tree->spaces, space) {
			const struct space *s = *space;
			for (unsigned i = 0; i < s->spread_count; i++) {
				const struct spread_rule *rule = &s->spread[i];
				if (rule->required != (required == 1))
					continue;
				uint32_t group =
					group_take(p, n->topology->model->name, s->name);
				uint32_t column =
					scope_take(p, rule->over_is_zhost, rule->over);
				*vector_add(&tree->spreads) = (struct spread_term){
					.column = column,
					.group = group,
					.counter = counter_take(p, COUNTER_MEMBERS, group,
								column, 0),
					.count = tree->times[s->index],
					.max = rule->max_skew,
					.required = rule->required,
					.space = s,
				};
			}
		}
		if (required == 1)
			n->required_spreads = (uint32_t)tree->spreads.count;
	}
	n->spread_count = (uint32_t)tree->spreads.count;
	n->spreads = tree->spreads.items;
}

/* `times`: zero for every space, and again afterwards. */
static void need_init(struct place *p, struct need *n, struct place_topology *t, uint32_t root,
		      uint32_t *times)
{
	struct subtree tree = {.times = times};
	*n = (struct need){.topology = t,
			   .neighbours = &t->family->neighbours,
			   .leaving = &t->family->leaving,
			   .space = instance_space(t->model, root),
			   .root = root};
	n->demand = demand_take(p, t->model, root);
	walk(&tree, t->model, root);
	add_members(p, n, &tree);
	add_terms(p, n, &tree);
	add_spreads(p, n, &tree);
	vector_for_each (&tree.spaces, space)
		times[(*space)->index] = 0;
	vector_done(&tree.spaces);
	struct filter looking;
	filter_init_some(&looking, p, t->model, root, n, RULE_BY_LOOKING);
	if (looking.requirements.count > 0)
		n->looking = mem_memdup(&looking, sizeof(looking));
	else
		filter_done(&looking);
}

static void need_done(struct place *p, struct need *n)
{
	index_free(p, n->index);
	if (n->looking != NULL)
		filter_done(n->looking);
	free(n->looking);
	for (uint32_t i = 0; i < n->term_count; i++) {
		struct affinity_term *t = &n->terms[i];
		if (t->kind == TERM_REQUIRE)
			p->groups.items[t->group].required_by--;
		if (t->owners != UINT32_MAX)
			counter_drop(p, t->owners);
		counter_drop(p, t->counter);
		if (t->column != SCOPE_ZHOST)
			column_drop(p, t->column);
		group_drop(p, t->group);
	}
	for (uint32_t i = 0; i < n->spread_count; i++) {
		counter_drop(p, n->spreads[i].counter);
		if (n->spreads[i].column != SCOPE_ZHOST)
			column_drop(p, n->spreads[i].column);
		group_drop(p, n->spreads[i].group);
	}
	for (uint32_t i = 0; i < n->member_count; i++) {
		struct affinity_group *g = &p->groups.items[n->members[i].group];
		for (size_t k = 0; k < g->needs.count; k++) {
			if (g->needs.items[k] == n) {
				vector_remove_at(&g->needs, k);
				break;
			}
		}
		group_drop(p, n->members[i].group);
	}
	demand_drop(p, n->demand);
	free(n->members);
	free(n->terms);
	free(n->spreads);
}

/* ---- topologies ---- */

static struct place_topology *topology_new(struct place *p)
{
	if (p->free_topologies.count > 0) {
		uint32_t handle = *vector_last(&p->free_topologies);
		p->free_topologies.count--;
		return p->topologies.items[handle];
	}
	struct place_topology *t = mem_new(struct place_topology);
	t->handle = (uint32_t)p->topologies.count;
	vector_push(&p->topologies, t);
	return t;
}

/* One need for each root space. Roots come in the order of their spaces, so those of one space
 * are together. */
static void topology_compile(struct place *p, struct place_topology *t)
{
	const struct topology *model = t->model;
	uint32_t spaces = 0;
	for (unsigned i = 0; i < model->space_count; i++)
		spaces += model->spaces[i].parent < 0;
	t->needs = mem_new_array(struct need, spaces + 1);
	uint32_t *times = mem_new_array(uint32_t, model->space_count + 1);
	struct need *n = NULL;
	for (uint32_t i = 0; i < model->instance_count;
	     i += model->instances[i].subtree_count) {
		if (n == NULL || n->space != instance_space(model, i)) {
			n = &t->needs[t->need_count++];
			need_init(p, n, t, i, times);
		}
	}
	free(times);
}

static struct family *family_take(struct place *p, const char *name)
{
	uint32_t symbol = symbol_take(&p->symbols, name), free_at = 0;
	const uint32_t *found = map_find(&p->family_names, symbol);
	if (found != NULL) {
		symbol_drop(&p->symbols, symbol);
		p->families.items[*found]->references++;
		return p->families.items[*found];
	}
	if (p->free_families.count > 0) {
		free_at = *vector_last(&p->free_families);
		p->free_families.count--;
	} else {
		free_at = (uint32_t)p->families.count;
		(void)vector_add(&p->families);
	}
	struct family *f = mem_new(struct family);
	*f = (struct family){.name = symbol, .references = 1};
	p->families.items[free_at] = f;
	map_put(&p->family_names, symbol, free_at);
	return f;
}

static void family_drop(struct place *p, struct family *f)
{
	if (--f->references > 0)
		return;
	uint32_t position = *map_find(&p->family_names, f->name);
	p->families.items[position] = NULL;
	vector_push(&p->free_families, position);
	map_remove(&p->family_names, f->name);
	symbol_drop(&p->symbols, f->name);
	counts_done(&f->neighbours);
	counts_done(&f->leaving);
	free(f);
}

uint32_t place_topology_add(struct place *p, struct topology *model, uint64_t order)
{
	struct place_topology *t = topology_new(p);
	*t = (struct place_topology){.place = p,
				     .family = family_take(p, model->name),
				     .handle = t->handle,
				     .model = topology_ref(model),
				     .order = order};
	topology_compile(p, t);
	return t->handle;
}

void place_topology_remove(struct place *p, uint32_t topology)
{
	struct place_topology *t = topology_checked(p, topology);
	PRE(t->unit_count == 0);
	for (uint32_t i = 0; i < t->need_count; i++)
		need_done(p, &t->needs[i]);
	free(t->needs);
	family_drop(p, t->family);
	topology_unref(t->model);
	*t = (struct place_topology){.handle = t->handle};
	vector_push(&p->free_topologies, topology);
}

void topologies_done(struct place *p)
{
	vector_for_each (&p->topologies, t) {
		if ((*t)->model != NULL)
			place_topology_remove(p, (*t)->handle);
		free(*t);
	}
	vector_done(&p->topologies);
	vector_done(&p->free_topologies);
	vector_done(&p->families);
	vector_done(&p->free_families);
	map_done(&p->family_names);
}
