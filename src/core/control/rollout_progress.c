/* How far a rollout is: it follows from the copies. */
#include "core/control/rollout_progress.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/control/handovers.h"
#include "core/control/loss.h"
#include "core/control/wants.h"
#include "core/control/zhost_registry.h"

struct revision *rollout_wanted(const struct control_application *a)
{
	const struct application_rollout *r = a->rollout;
	return r->rollout.state == ROLLOUT_RETURNING ? r->base : r->target;
}

bool rollout_has_same_content(const struct slot_control *root, const struct revision *from,
			      const struct revision *to)
{
	if (from == to)
		return true;
	slot_for_each_below (root->slot, s) {
		uint64_t before = 0, after = 0;
		if (!revision_content(from, s->path, &before) ||
		    !revision_content(to, s->path, &after) || before != after)
			return false;
	}
	return true;
}

bool rollout_is_current(const struct slot_control *root, const struct revision *revision)
{
	const struct unit_placement *unit = unit_of(root->of_path->serving);
	return unit == NULL || rollout_has_same_content(root, unit->revision, revision);
}

void rollout_progress(const struct control_application *a, uint32_t *ret_done,
		      uint32_t *ret_all)
{
	const struct application_rollout *r = a->rollout;
	const struct revision *from = r->base != NULL ? r->base : a->application.served;
	*ret_done = *ret_all = 0;
	for_each_root (a, root) {
		const struct unit_placement *unit = unit_of(root->of_path->serving);
		bool served = unit != NULL && unit->revision == r->target;
		if (!served && rollout_has_same_content(root, from, r->target) &&
		    rollout_is_current(root, r->target))
			continue;
		++*ret_all;
		*ret_done += served && root->handover == NULL;
	}
}

char *rollout_waits_text(const struct control_application *a)
{
	const struct revision *wanted = rollout_wanted(a);
	for_each_root (a, root) {
		const char *path = root->slot->path;
		if (root->handover != NULL && root->handover->revision == NULL)
			return str_printf("%s waits for its move (%s)", path,
					  handover_state_name(root->handover->handover.state));
		if (root->slot->moving)
			return str_printf("%s waits until it has left its zhost", path);
		if (rollout_is_current(root, wanted))
			continue;
		if (root->slot->goal == GOAL_NOT_DEPLOYED)
			return str_printf("%s waits until it is undeployed", path);
		if (loss_waits(root))
			return str_printf("%s waits for its zhost %s", path,
					  slot_zhost(root)->name);
		if (root->lost)
			return str_printf("%s waits for a place, as its zhost was lost", path);
		return str_printf("%s is next", path);
	}
	return mem_strdup("everything is handed over; it waits until all of it runs");
}
