#include "core/control/state/unit_reload.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/state.h"
#include "model/setting.h"

struct unit_reload *unit_reload_new(struct slot_control *root)
{
	PRE(root->reload == NULL && root->slot->parent == NULL);
	struct application_list *all = application_of(root->slot)->list;
	struct unit_reload *r = mem_new(struct unit_reload);
	r->root = root;
	r->all = all;
	root->reload = r;
	DL_APPEND(all->reloads, r);
	all->reloads_sorted = false;
	return r;
}

void unit_reload_mark(struct slot_control *root)
{
	struct unit_reload *r = root->reload != NULL ? root->reload : unit_reload_new(root);
	r->due = true;
}

void unit_reload_mark_copy(const struct copy *copy)
{
	const struct space *space = copy->declared != NULL ? copy->declared->space : NULL;
	if (space != NULL && copy->sc != NULL && space_has_settings(space))
		unit_reload_mark(control_of_slot(copy->sc->slot->root));
}

void unit_reload_free(struct slot_control *root)
{
	struct unit_reload *r = steal_ptr(&root->reload);
	if (r == NULL)
		return;
	DL_DELETE(r->all->reloads, r);
	free(r);
}

static int compare(struct unit_reload *a, struct unit_reload *b)
{
	uint64_t sa = application_of(a->root->slot)->sequence;
	uint64_t sb = application_of(b->root->slot)->sequence;
	if (sa != sb)
		return sa < sb ? -1 : 1;
	return str_compare(a->root->slot->path, b->root->slot->path);
}

void unit_reloads_sort(struct application_list *all)
{
	if (!all->reloads_sorted)
		DL_SORT(all->reloads, compare);
	all->reloads_sorted = true;
}
