#include "core/control/state/open_roots.h"

#include <stdlib.h>

/* It runs where it is, or is not to be anywhere. */
static bool is_quiet(const struct slot_control *root)
{
	const struct slot *top = root->slot;
	if (top->moving || root->moving_place != UINT32_MAX || root->seeking || root->lost ||
	    root->loss != NULL || root->handover != NULL)
		return false;
	if (serving_copy(root) == NULL)
		return top->goal == GOAL_NOT_DEPLOYED;
	slot_for_each_below (root->slot, s)
		if (slot_is_exhausted(control_of_slot(s)))
			return false;
	return true;
}

void open_root(struct slot_control *root)
{
	if (root->is_open)
		return;
	root->is_open = true;
	vector_push(&application_of(root->slot)->open_roots, root);
}

void open_root_of(const struct slot_control *sc)
{
	struct slot_control *root = control_of_slot(sc->slot->root);
	if (!root->is_open && !is_quiet(root))
		open_root(root);
}

static int compare_slots(const void *pa, const void *pb)
{
	const struct slot_control *const *a = pa, *const *b = pb;
	return ((*a)->slot->id > (*b)->slot->id) - ((*a)->slot->id < (*b)->slot->id);
}

void open_roots_sort(struct control_application *a)
{
	if (a->open_roots.count > 1)
		qsort(a->open_roots.items, a->open_roots.count, sizeof(*a->open_roots.items),
		      compare_slots);
}

void open_roots_review(struct control_application *a)
{
	size_t kept = 0;
	vector_for_each (&a->open_roots, root) {
		(*root)->is_open = !is_quiet(*root);
		if ((*root)->is_open)
			a->open_roots.items[kept++] = *root;
	}
	a->open_roots.count = kept;
}

void open_roots_forget(struct control_application *a, const struct slot_control *root)
{
	for (size_t k = 0; root->is_open && k < a->open_roots.count; k++)
		if (a->open_roots.items[k] == root) {
			vector_remove_at(&a->open_roots, k);
			return;
		}
}
