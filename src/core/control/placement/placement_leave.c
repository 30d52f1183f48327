#include "core/control/placement/placement_leave.h"

#include "core/control/handover/handovers.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/wants.h"
#include "core/control/state/open_roots.h"
#include "core/control/state/state.h"

/* A successor that was there before is no place that it has found: it serves until that one takes over. */
static bool has_left(const struct slot_control *root)
{
	bool found = root->of_path->next != NULL && root->handover != NULL &&
		     root->handover->handover.state == HANDOVER_PLACING;
	return found || root->slot->moving;
}

void placement_leave_at_once(struct control *c, const struct control_application *a,
			     leaving_roots *leaving)
{
	for_each_open_root(a, root)
	{
		bool leaves = wants_to_move(root) ||
			      (handover_moves_at_once(root) && !each_has_no_zhost(root));
		if (!leaves || place_unit_is_leaving(c->place, root->place_unit))
			continue;
		place_unit_leaves(c->place, root->place_unit, true);
		vector_push(leaving, root);
	}
}

void placement_stay(struct control *c, leaving_roots *leaving)
{
	vector_for_each (leaving, root)
		if (!has_left(*root))
			unit_review_leaving(c, *root);
	vector_done(leaving);
}

size_t placement_count_left(const leaving_roots *leaving, const struct control_application *a)
{
	size_t count = 0;
	vector_for_each (leaving, root)
		count += application_of((*root)->slot) == a && has_left(*root);
	return count;
}
