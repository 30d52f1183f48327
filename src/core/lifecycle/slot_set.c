#include "core/lifecycle/slot_set.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/lifecycle/lifecycle.h"
#include "core/lifecycle/ordered_stop.h"
#include "core/lifecycle/patience.h"
#include "core/lifecycle/provider_set.h"
#include "core/lifecycle/slot_index.h"

void slot_set_init(struct slot_set *set, struct lifecycle *l, const char *name)
{
	PRE(lifecycle_slot_set(l, name) == NULL);
	*set = (struct slot_set){.lifecycle = l, .name = name};
	HASH_ADD_KEYPTR(hh, l->sets, set->name, strlen(set->name), set);
}

/* ---- names ---- */

static void add_provided(struct slot_set *set, struct declaration *declared, const char *name,
			 bool is_public)
{
	declared->provides[declared->provide_count++] =
		is_public ? provider_set_public(set, set->name, name)
			  : provider_set_own(set, name);
}

/* Its own name, then its facets. */
static void add_names(struct slot_set *set, struct declaration *declared, bool is_public)
{
	const struct space *space = declared->space;
	add_provided(set, declared, space->name, is_public);
	for (unsigned k = 0; k < space->provide_count; k++)
		add_provided(set, declared, space->provides[k], is_public);
}

static void declare_space(struct slot_set *set, struct declaration *declared,
			  const struct space *space)
{
	declared->space = space;
	declared->imports = mem_new_array(struct provider_set *, space->import_count);
	for (unsigned k = 0; k < space->import_count; k++) {
		const struct import_decl *import = &space->imports[k];
		declared->imports[k] =
			import->topology != NULL
				? provider_set_public(set, import->topology,
						      strchr(import->from, '/') + 1)
				: provider_set_own(set, import->from);
	}
	declared->provides =
		mem_new_array(struct provider_set *, 2 * (space->provide_count + 1));
	add_names(set, declared, false);
	if (space->is_public)
		add_names(set, declared, true);
}

/* ---- slots ---- */

/* Of that space and number, within that parent (NULL: a root). */
static struct slot *find_numbered(const struct slot_set *set, const struct slot *parent,
				  const char *space, unsigned ordinal)
{
	const struct slot_space *known = NULL;
	HASH_FIND_STR(set->spaces_by_name, space, known);
	for (size_t k = 0; known != NULL && k < known->slots.count; k++)
		if (!known->slots.items[k]->each && known->slots.items[k]->parent == parent &&
		    known->slots.items[k]->ordinal == ordinal)
			return known->slots.items[k];
	return NULL;
}

/* Only the first instance of a space can have another name: without a count it is "api", with one "api-1". What
 * is inside of it has its name in its path. What is on each zhost comes or goes: none is another one under a new
 * name. */
static bool may_be_renamed(const struct topology *t, const struct instance_decl *decl)
{
	if (decl->is_pattern)
		return false;
	return decl->ordinal == 1 ||
	       (decl->parent >= 0 && may_be_renamed(t, &t->instances[decl->parent]));
}

struct slot *slot_set_slot_of(const struct slot_set *set, const struct topology *t,
			      unsigned instance)
{
	const struct instance_decl *decl = &t->instances[instance];
	struct slot *s = slot_find_declared(set, decl->path);
	if (s != NULL || !may_be_renamed(t, decl))
		return s;
	const struct slot *parent = NULL;
	if (decl->parent >= 0) {
		parent = slot_set_slot_of(set, t, (unsigned)decl->parent);
		if (parent == NULL)
			return NULL;
	}
	return find_numbered(set, parent, t->spaces[decl->space].name, decl->ordinal);
}

void slot_set_name(struct slot *s, const char *path)
{
	char *name = mem_strdup(path);
	free(s->path);
	s->path = name;
}

/* Which instance of that revision it is; -1: none. `decl` is as another one declares it. */
static int instance_of(const struct declarations *d, const struct topology *t,
		       const struct instance_decl *decl, const struct slot *s)
{
	int found = topology_find_instance(d->topology, s->path);
	int space = found < 0 && may_be_renamed(t, decl)
			    ? topology_find_space(d->topology, t->spaces[decl->space].name)
			    : -1;
	for (unsigned k = 0; space >= 0 && k < d->topology->spaces[space].instance_count; k++) {
		unsigned i = d->topology->spaces[space].instances[k];
		const struct instance_decl *other = &d->topology->instances[i];
		const struct slot *parent = other->parent >= 0 ? d->slots[other->parent] : NULL;
		if (!other->is_pattern && other->ordinal == s->ordinal && parent == s->parent &&
		    (other->parent < 0 || parent != NULL))
			return (int)i;
	}
	return found;
}

/* It was removed, and is declared again: revisions that declared it before know it, too. */
static void link_again(struct slot_set *set, const struct topology *t,
		       const struct instance_decl *decl, struct slot *s)
{
	vector_for_each (&set->declarations, d) {
		int index = instance_of(*d, t, decl, s);
		if (index >= 0 && (*d)->slots[index] == NULL)
			(*d)->slots[index] = s;
	}
}

/* Takes the path. */
static struct slot *slot_new(struct slot_set *set, struct declarations *d,
			     const struct instance_decl *decl, char *take_path,
			     struct slot *parent)
{
	struct slot *s = mem_new(struct slot);
	s->set = set;
	s->id = (uint32_t)set->slots.count;
	s->serial = set->next_serial++;
	s->space = slot_set_space(set, d->topology->spaces[decl->space].name);
	s->ordinal = decl->ordinal;
	s->path = take_path;
	s->each = decl->is_pattern;
	s->root = s;
	s->serving.declared = &d->spaces[decl->space];
	state_machine_begin(&slot_machine, s, &s->state, STATE_NOT_DEPLOYED);
	set->in_state[STATE_NOT_DEPLOYED]++;
	vector_push(&set->slots, s);
	vector_push(&set->spaces.items[s->space]->slots, s);
	if (s->each)
		HASH_ADD_KEYPTR(hh, set->each_by_path, s->path, strlen(s->path), s);
	if (parent != NULL) {
		s->parent = parent;
		s->root = parent->root;
		*(parent->last_child != NULL ? &parent->last_child->next_sibling
					     : &parent->first_child) = s;
		parent->last_child = s;
	}
	return s;
}

static void add_slot(struct slot_set *set, struct declarations *d, unsigned instance)
{
	const struct instance_decl *decl = &d->topology->instances[instance];
	if (decl->is_pattern)
		return;
	struct slot *s = slot_set_slot_of(set, d->topology, instance);
	if (s != NULL) {
		d->slots[instance] = s;
		return;
	}
	s = slot_new(set, d, decl, mem_strdup(decl->path),
		     decl->parent >= 0 ? d->slots[decl->parent] : NULL);
	d->slots[instance] = s;
	link_again(set, d->topology, decl, s);
}

/* What the pattern `root` and those inside of it are on that zhost. */
static void add_each(struct slot_set *set, struct declarations *d, unsigned root,
		     const char *zhost)
{
	const struct instance_decl *instances = d->topology->instances;
	for (unsigned k = root; k < root + instances[root].subtree_count; k++) {
		CLEANUP(freep) char *path = instance_path_on(instances[k].path, zhost);
		struct slot *parent = NULL;
		if (slot_find_declared(set, path) != NULL)
			continue;
		if (k > root) {
			CLEANUP(freep)
			char *above =
				instance_path_on(instances[instances[k].parent].path, zhost);
			parent = slot_find_declared(set, above);
		}
		(void)slot_new(set, d, &instances[k], steal_ptr(&path), parent);
	}
}

/* Those that there are get what this revision has inside of them. */
static void add_inside_of_each(struct slot_set *set, struct declarations *d)
{
	for (size_t k = 0; k < set->slots.count; k++) {
		const struct slot *s = set->slots.items[k];
		int root = s->each && s->parent == NULL
				   ? topology_find_instance(d->topology, s->path)
				   : -1;
		if (root < 0)
			continue;
		CLEANUP(freep) char *zhost = instance_path_zhost(s->path);
		add_each(set, d, (unsigned)root, zhost);
	}
}

const struct declarations *slot_set_declare(struct slot_set *set, struct topology *topology)
{
	struct declarations *d = mem_new(struct declarations);
	d->topology = topology_ref(topology);
	d->spaces = mem_new_array(struct declaration, topology->space_count);
	d->slots = mem_new_array(struct slot *, topology->instance_count);
	for (unsigned n = 0; n < topology->space_count; n++) {
		(void)slot_set_space(set, topology->spaces[n].name);
		declare_space(set, &d->spaces[n], &topology->spaces[n]);
	}
	for (unsigned i = 0; i < topology->instance_count; i++)
		add_slot(set, d, i);
	add_inside_of_each(set, d);
	vector_push(&set->declarations, d);
	slot_index_all(set);
	return d;
}

void slot_set_add_each(struct slot_set *set, const char *const *paths, size_t count)
{
	uint32_t first = (uint32_t)set->slots.count;
	for (size_t k = 0; k < count; k++) {
		CLEANUP(freep) char *zhost = instance_path_zhost(paths[k]);
		vector_for_each (&set->declarations, d) {
			int root = topology_find_instance((*d)->topology, paths[k]);
			if (root >= 0)
				add_each(set, *d, (unsigned)root, zhost);
		}
	}
	slot_index_added(set, first);
}

/* ---- the end ---- */

static void forget_path(struct slot *s)
{
	if (s->each)
		HASH_DELETE(hh, s->set->each_by_path, s);
	s->each = false;
}

static void slot_free(struct slot *s)
{
	forget_path(s);
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

static void leave_lifecycle(struct slot_set *set)
{
	struct lifecycle *l = set->lifecycle;
	lifecycle_forget(set);
	HASH_DEL(l->sets, set);
}

/* What still is started: others are not to count on it. */
static void stop_counting(struct slot_set *set)
{
	vector_for_each (&set->slots, s) {
		const struct declaration *declared = (*s)->serving.declared;
		for (unsigned k = 0; k < declared->provide_count; k++)
			declared->provides[k]->started -= (*s)->state == STATE_DEPLOYED_STARTED;
	}
}

void slot_set_done(struct slot_set *set)
{
	vector_for_each (&set->slots, s)
		ordered_stop_leave(*s);
	stop_counting(set);
	vector_for_each (&set->declarations, d)
		declarations_free(*d);
	vector_clear(&set->declarations);
	slot_index_providers(set); /* other applications have nothing of it left */
	leave_lifecycle(set);
	provider_sets_free(set);
	HASH_CLEAR(hh, set->spaces_by_name);
	vector_for_each (&set->spaces, space) {
		vector_done(&(*space)->slots);
		free((*space)->name);
		free(*space);
	}
	vector_for_each (&set->slots, s)
		slot_free(*s);
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
	slot_index_all(set);
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
	s->set->in_state[STATE_NOT_DEPLOYED]--;
	ordered_stop_leave(s);
	lifecycle_take(s);
	leave_parent(s);
	leave_space(s);
	forget_path(s);
	if (s->set->blocker == s)
		s->set->blocker = NULL;
	vector_for_each (&s->set->declarations, d) {
		int32_t instance = declarations_instance(*d, s);
		if (instance >= 0) /* of a pattern it is NULL */
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
	slot_index_all(set);
	vector_for_each (gone, s)
		slot_free(*s);
}

/* ---- another order ---- */

void slot_order_done(struct slot_order *order)
{
	vector_done(&order->spaces);
	vector_done(&order->declarations);
	vector_done(&order->slots);
	vector_done(&order->serials);
}

/* Those that are not named keep their order, and follow. */
static void arrange_spaces(struct slot_set *set, const struct slot_order *order)
{
	VECTOR(struct slot_space *) before = {0};
	vector_for_each (&order->spaces, name)
		(void)slot_set_space(set, *name);
	vector_for_each (&set->spaces, space) {
		vector_push(&before, *space);
		vector_clear(&(*space)->slots);
	}
	vector_clear(&set->spaces);
	vector_for_each (&order->spaces, name) {
		struct slot_space *space = NULL;
		HASH_FIND_STR(set->spaces_by_name, *name, space);
		before.items[space->id] = NULL;
		vector_push(&set->spaces, space);
	}
	vector_for_each (&before, space)
		if (*space != NULL)
			vector_push(&set->spaces, *space);
	vector_done(&before);
}

static void link_child(struct slot *s)
{
	struct slot *parent = s->parent;
	s->next_sibling = NULL;
	if (parent == NULL)
		return;
	*(parent->last_child != NULL ? &parent->last_child->next_sibling
				     : &parent->first_child) = s;
	parent->last_child = s;
}

void slot_set_arrange(struct slot_set *set, const struct slot_order *order)
{
	PRE(order->slots.count == set->slots.count &&
	    order->declarations.count == set->declarations.count);
	for (size_t k = 0; k < order->declarations.count; k++)
		set->declarations.items[k] =
			(struct declarations *)order->declarations.items[k];
	VECTOR(struct slot_space *) spaces = {0}; /* of the slots in `order` */
	vector_for_each (&order->slots, s) {
		(*s)->first_child = (*s)->last_child = NULL;
		vector_push(&spaces, set->spaces.items[(*s)->space]);
	}
	arrange_spaces(set, order);
	for (size_t k = 0; k < set->spaces.count; k++)
		set->spaces.items[k]->id = (uint32_t)k;
	for (size_t k = 0; k < order->slots.count; k++) {
		struct slot *s = order->slots.items[k];
		set->slots.items[k] = s;
		s->id = (uint32_t)k;
		s->serial = order->serials.items[k];
		s->space = spaces.items[k]->id;
		link_child(s);
		vector_push(&spaces.items[k]->slots, s);
	}
	vector_done(&spaces);
	set->next_serial = order->next_serial;
	slot_index_all(set);
}

/* ---- serving ---- */

/* What they import may be provided, or not, from now on. */
static void push_importers(const struct slot *s, const struct declaration *provider)
{
	struct lifecycle *l = s->set->lifecycle;
	vector_for_each (&provider->importers, importer) {
		vector_for_each (&importer->set->spaces.items[importer->space]->slots, other)
			lifecycle_push(*other);
		l->observer->on_imports_changed(l, importer->set, importer->space);
	}
}

/* What lacks it may have stayed for its zhost, which is back, or was given up; or is about to stop, and may stay for it
 * now that its zhost is lost. */
static void push_those_that_stay(const struct slot *s)
{
	const struct declaration *provider = s->serving.declared;
	for (unsigned k = 0; k < provider->provide_count; k++) {
		if (provider->provides[k]->started > 1)
			continue;
		vector_for_each (&provider->provides[k]->importers, importer)
			vector_for_each (&importer->set->spaces.items[importer->space]->slots,
					 other)
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
	if (s->serving.may_return != facts->may_return)
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
