#include "core/lifecycle/slot_set.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "core/lifecycle/lifecycle.h"
#include "core/lifecycle/ordered_stop.h"
#include "core/lifecycle/patience.h"

void slot_set_init(struct slot_set *set, struct lifecycle *l)
{
	*set = (struct slot_set){.lifecycle = l};
}

/* ---- names ---- */

static uint32_t intern_space(struct slot_set *set, const char *name)
{
	struct slot_space *space = NULL;
	HASH_FIND_STR(set->spaces_by_name, name, space);
	if (space == NULL) {
		space = mem_new(struct slot_space);
		space->name = mem_strdup(name);
		space->id = (uint32_t)set->spaces.count;
		vector_push(&set->spaces, space);
		HASH_ADD_KEYPTR(hh, set->spaces_by_name, space->name, strlen(name), space);
	}
	return space->id;
}

static struct provider_set *intern_provider_set(struct slot_set *set, const char *name)
{
	struct provider_set *found = NULL;
	HASH_FIND_STR(set->providers, name, found);
	if (found == NULL) {
		found = mem_new(struct provider_set);
		found->name = mem_strdup(name);
		found->of = set;
		HASH_ADD_KEYPTR(hh, set->providers, found->name, strlen(name), found);
	}
	return found;
}

static void declare_space(struct slot_set *set, struct declaration *declared,
			  const struct space *space)
{
	declared->space = space;
	declared->imports = mem_new_array(struct provider_set *, space->import_count);
	for (unsigned k = 0; k < space->import_count; k++)
		declared->imports[k] = intern_provider_set(set, space->imports[k].from);
	declared->provides = mem_new_array(struct provider_set *, space->provide_count + 1);
	declared->provides[declared->provide_count++] = intern_provider_set(set, space->name);
	for (unsigned k = 0; k < space->provide_count; k++)
		declared->provides[declared->provide_count++] =
			intern_provider_set(set, space->provides[k]);
}

/* ---- slots ---- */

/* It was removed, and is declared again: revisions that declared it before know it, too. */
static void link_again(struct slot_set *set, struct slot *s)
{
	vector_for_each (&set->declarations, d) {
		int index = topology_find_instance((*d)->topology, s->path);
		if (index >= 0)
			(*d)->slots[index] = s;
	}
}

static void add_slot(struct slot_set *set, struct declarations *d, unsigned instance)
{
	const struct instance_decl *decl = &d->topology->instances[instance];
	struct slot *s = slot_find(set, decl->path);
	if (s != NULL) {
		d->slots[instance] = s;
		return;
	}
	s = mem_new(struct slot);
	s->set = set;
	s->id = (uint32_t)set->slots.count;
	s->serial = set->next_serial++;
	s->space = intern_space(set, d->topology->spaces[decl->space].name);
	s->path = mem_strdup(decl->path);
	link_again(set, s);
	s->root = s;
	s->serving.declared = &d->spaces[decl->space];
	state_machine_begin(&slot_machine, s, &s->state, STATE_NOT_DEPLOYED);
	d->slots[instance] = s;
	vector_push(&set->slots, s);
	vector_push(&set->spaces.items[s->space]->slots, s);
	if (decl->parent >= 0) {
		s->parent = d->slots[decl->parent];
		s->root = s->parent->root;
		*(s->parent->last_child != NULL ? &s->parent->last_child->next_sibling
						: &s->parent->first_child) = s;
		s->parent->last_child = s;
	}
}

/* Every slot of the revision is a possible provider under the names of its declaration. */
static void add_providers(const struct declarations *d)
{
	for (unsigned n = 0; n < d->topology->space_count; n++) {
		const struct declaration *declared = &d->spaces[n];
		for (unsigned k = 0; k < declared->provide_count; k++)
			for (unsigned i = 0; i < declared->space->instance_count; i++) {
				struct slot *s = d->slots[declared->space->instances[i]];
				if (s != NULL)
					vector_push(&declared->provides[k]->slots, s);
			}
	}
}

static int compare_ids(const void *pa, const void *pb)
{
	const struct slot *const *a = pa, *const *b = pb;
	return ((*a)->id > (*b)->id) - ((*a)->id < (*b)->id);
}

/* Several revisions may declare the same. */
static void sort_providers(struct provider_set *p)
{
	if (p->slots.count < 2)
		return;
	qsort(p->slots.items, p->slots.count, sizeof(struct slot *), compare_ids);
	size_t kept = 1;
	for (size_t k = 1; k < p->slots.count; k++)
		if (p->slots.items[k] != p->slots.items[kept - 1])
			p->slots.items[kept++] = p->slots.items[k];
	p->slots.count = kept;
}

static void index_providers(struct slot_set *set)
{
	for (struct provider_set *p = set->providers; p != NULL; p = p->hh.next)
		vector_clear(&p->slots);
	vector_for_each (&set->declarations, d)
		add_providers(*d);
	for (struct provider_set *p = set->providers; p != NULL; p = p->hh.next)
		sort_providers(p);
}

/* ---- importers ---- */

static int compare_importers(const void *pa, const void *pb)
{
	const struct importer *a = pa, *b = pb;
	return (a->space > b->space) - (a->space < b->space);
}

/* Sorts, and joins the entries of one space. */
static void normalise(importer_list *list)
{
	if (list->count == 0)
		return;
	qsort(list->items, list->count, sizeof(*list->items), compare_importers);
	size_t kept = 1;
	for (size_t k = 1; k < list->count; k++) {
		struct importer *last = &list->items[kept - 1];
		if (last->space == list->items[k].space)
			last->mandatory = last->mandatory || list->items[k].mandatory;
		else
			list->items[kept++] = list->items[k];
	}
	list->count = kept;
}

static void add_patience(struct provider_set *set, uint32_t patience_ms)
{
	if (patience_ms == 0)
		return;
	vector_for_each (&set->patiences, known)
		if (*known == patience_ms)
			return;
	vector_push(&set->patiences, patience_ms);
}

static void collect_importers(struct slot_set *set, const struct declaration *importer)
{
	uint32_t id = intern_space(set, importer->space->name);
	for (unsigned k = 0; k < importer->space->import_count; k++) {
		const struct import_decl *import = &importer->space->imports[k];
		*vector_add(&importer->imports[k]->importers) =
			(struct importer){.space = id, .mandatory = !import->optional};
		add_patience(importer->imports[k], import->patience_ms);
	}
}

static void merge_importers(struct declaration *provider)
{
	vector_clear(&provider->importers);
	for (unsigned k = 0; k < provider->provide_count; k++)
		vector_for_each (&provider->provides[k]->importers, importer)
			vector_push(&provider->importers, *importer);
	normalise(&provider->importers);
}

static void index_importers(struct slot_set *set)
{
	for (struct provider_set *p = set->providers; p != NULL; p = p->hh.next) {
		vector_clear(&p->importers);
		vector_clear(&p->patiences);
	}
	vector_for_each (&set->declarations, d)
		for (unsigned n = 0; n < (*d)->topology->space_count; n++)
			collect_importers(set, &(*d)->spaces[n]);
	for (struct provider_set *p = set->providers; p != NULL; p = p->hh.next)
		normalise(&p->importers);
	vector_for_each (&set->declarations, d)
		for (unsigned n = 0; n < (*d)->topology->space_count; n++)
			merge_importers(&(*d)->spaces[n]);
}

static void index_instances(const struct slot_set *set, struct declarations *d)
{
	free(d->instances);
	d->instance_count = (uint32_t)set->slots.count;
	d->instances = mem_new_array(int32_t, d->instance_count);
	for (uint32_t k = 0; k < d->instance_count; k++)
		d->instances[k] = -1;
	for (unsigned i = 0; i < d->topology->instance_count; i++)
		if (d->slots[i] != NULL)
			d->instances[d->slots[i]->id] = (int32_t)i;
}

/* After a change of slots or declarations. */
static void index_all(struct slot_set *set)
{
	vector_for_each (&set->declarations, d)
		index_instances(set, *d);
	index_providers(set);
	index_importers(set);
}

const struct declarations *slot_set_declare(struct slot_set *set, struct topology *topology)
{
	struct declarations *d = mem_new(struct declarations);
	d->topology = topology_ref(topology);
	d->spaces = mem_new_array(struct declaration, topology->space_count);
	d->slots = mem_new_array(struct slot *, topology->instance_count);
	for (unsigned n = 0; n < topology->space_count; n++) {
		(void)intern_space(set, topology->spaces[n].name);
		declare_space(set, &d->spaces[n], &topology->spaces[n]);
	}
	for (unsigned i = 0; i < topology->instance_count; i++)
		add_slot(set, d, i);
	vector_push(&set->declarations, d);
	index_all(set);
	return d;
}

/* ---- the end ---- */

static void slot_free(struct slot *s)
{
	slot_returned(s, 0);
	free(s->goal_cause);
	free(s->path);
	free(s);
}

static void declarations_free(struct declarations *d)
{
	for (unsigned n = 0; n < d->topology->space_count; n++) {
		free(d->spaces[n].imports);
		free(d->spaces[n].provides);
		vector_done(&d->spaces[n].importers);
	}
	free(d->spaces);
	free(d->slots);
	free(d->instances);
	topology_unref(d->topology);
	free(d);
}

void slot_set_done(struct slot_set *set)
{
	vector_for_each (&set->slots, s)
		ordered_stop_leave(*s);
	lifecycle_forget(set);
	for (struct provider_set *p = set->providers, *next; p != NULL; p = next) {
		next = p->hh.next;
		HASH_DEL(set->providers, p);
		heap_remove(&set->lifecycle->patience_timers, &p->patience_timer);
		vector_done(&p->slots);
		vector_done(&p->importers);
		free(p->name);
		vector_done(&p->patiences);
		free(p);
	}
	HASH_CLEAR(hh, set->spaces_by_name);
	vector_for_each (&set->spaces, space) {
		vector_done(&(*space)->slots);
		free((*space)->name);
		free(*space);
	}
	vector_for_each (&set->slots, s)
		slot_free(*s);
	vector_for_each (&set->declarations, d)
		declarations_free(*d);
	vector_done(&set->spaces);
	vector_done(&set->slots);
	vector_done(&set->declarations);
}

/* ---- what ends while others run ---- */

void slot_set_withdraw(struct slot_set *set, const struct declarations *declared)
{
	size_t at = 0;
	while (set->declarations.items[at] != declared)
		at++;
	struct declarations *d = set->declarations.items[at];
	for (unsigned n = 0; n < d->topology->space_count; n++)
		vector_for_each (&set->slots, s)
			PRE((*s)->serving.declared != &d->spaces[n]);
	vector_remove_at(&set->declarations, at);
	declarations_free(d);
	index_all(set);
}

static void leave_parent(struct slot *s)
{
	struct slot *parent = s->parent, *before = NULL;
	if (parent == NULL)
		return;
	for (struct slot *c = parent->first_child; c != s; c = c->next_sibling)
		before = c;
	*(before != NULL ? &before->next_sibling : &parent->first_child) = s->next_sibling;
	if (parent->last_child == s)
		parent->last_child = before;
}

static void leave_space(struct slot *s)
{
	struct slot_space *space = s->set->spaces.items[s->space];
	size_t at = 0;
	while (space->slots.items[at] != s)
		at++;
	vector_remove_at(&space->slots, at);
}

/* Its children have left. */
static void slot_leave(struct slot *s)
{
	PRE(s->first_child == NULL && s->goal == GOAL_NOT_DEPLOYED &&
	    s->state == STATE_NOT_DEPLOYED && !s->serving.placed);
	ordered_stop_leave(s);
	lifecycle_take(s);
	leave_parent(s);
	leave_space(s);
	if (s->set->blocker == s)
		s->set->blocker = NULL;
	vector_for_each (&s->set->declarations, d) {
		int32_t instance = declarations_instance(*d, s);
		if (instance >= 0)
			(*d)->slots[instance] = NULL;
	}
}

void slot_set_remove(struct slot_set *set, const slot_list *gone)
{
	for (size_t k = gone->count; k-- > 0;)
		slot_leave(gone->items[k]);
	size_t kept = 0, next = 0;
	for (size_t k = 0; k < set->slots.count; k++) {
		struct slot *s = set->slots.items[k];
		if (next < gone->count && gone->items[next] == s) {
			next++;
			continue;
		}
		s->id = (uint32_t)kept;
		set->slots.items[kept++] = s;
	}
	INVARIANT(next == gone->count);
	set->slots.count = kept;
	index_all(set);
	vector_for_each (gone, s)
		slot_free(*s);
}

/* ---- serving ---- */

/* What they import may be provided, or not, from now on. */
static void push_importers(const struct slot *s, const struct declaration *provider)
{
	struct lifecycle *l = s->set->lifecycle;
	vector_for_each (&provider->importers, importer) {
		vector_for_each (&s->set->spaces.items[importer->space]->slots, other)
			lifecycle_push(*other);
		l->observer->on_imports_changed(l, s->set, importer->space);
	}
}

/* What lacks it may have stayed for its zhost, which is back, or was given up. */
static void push_those_that_stay(const struct slot *s)
{
	const struct declaration *provider = s->serving.declared;
	for (unsigned k = 0; k < provider->provide_count; k++) {
		if (provider->provides[k]->started > 1)
			continue;
		vector_for_each (&provider->provides[k]->importers, importer)
			vector_for_each (&s->set->spaces.items[importer->space]->slots, other)
				if ((*other)->returned_until_ms > 0)
					lifecycle_push(*other);
	}
}

/* A slot that is started counts under the names of the declaration that it has now. */
static void change_declaration(struct slot *s, const struct declaration *to)
{
	const struct declaration *from = s->serving.declared;
	for (unsigned k = 0; k < from->provide_count; k++)
		from->provides[k]->started--;
	for (unsigned k = 0; k < to->provide_count; k++) {
		to->provides[k]->started++;
		patience_provider_came(to->provides[k]);
	}
	/* A version that provides under that name no longer: a handover, which nobody asked to stop. */
	for (unsigned k = 0; k < from->provide_count; k++)
		if (!declaration_provides(to, from->provides[k]))
			patience_provider_left(from->provides[k], false);
	push_importers(s, from);
	push_importers(s, to);
}

void slot_count_required(struct slot *s, int sign)
{
	PRE(sign == 1 || sign == -1);
	if (!slot_is_required(s))
		return;
	s->set->to_start += (uint32_t)sign;
	if (s->state == STATE_DEPLOYED_STARTED)
		s->set->to_start_started += (uint32_t)sign;
}

void slot_set_serving(struct slot *s, const struct serving_facts *facts)
{
	PRE(facts->declared != NULL);
	if (s->state == STATE_DEPLOYED_STARTED && facts->declared != s->serving.declared)
		change_declaration(s, facts->declared);
	bool is_placed_now = s->unplaced && facts->placed;
	bool counts_otherwise =
		is_placed_now || facts->declared->space->optional != slot_is_optional(s);
	if (counts_otherwise)
		slot_count_required(s, -1);
	if (s->serving.may_return && !facts->may_return)
		push_those_that_stay(s);
	s->serving = *facts;
	if (is_placed_now)
		s->unplaced = false;
	if (counts_otherwise)
		slot_count_required(s, 1);
}

void slot_set_unplaced(struct slot *s, bool unplaced)
{
	PRE(!unplaced || !s->serving.placed);
	slot_count_required(s, -1);
	s->unplaced = unplaced;
	slot_count_required(s, 1);
}

/* ---- reading ---- */

size_t slot_set_from_serial(const struct slot_set *set, uint32_t serial)
{
	size_t low = 0, high = set->slots.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (set->slots.items[middle]->serial < serial)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
