#include "core/control/slot/successor_place.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/slot/wants.h"
#include "core/control/state/handover_kind.h"
#include "core/control/state/state.h"

static bool has_place(struct control *c, struct slot_control *root,
		      struct unit_handover *wanted, char **ret_reason)
{
	PRE(root->handover == NULL && slot_is_placed(root));
	struct wants one = {0};
	struct place_result result;
	const struct control_application *a = application_of(root->slot);
	uint32_t unit = application_new_unit(a, c->place, unit_revision_elsewhere(root),
					     root->slot, root->place_unit);
	root->handover = wanted;
	wants_add_successor(c, &one, root, unit);
	root->handover = NULL;
	const struct place_request request = {.mode = PLACE_TOGETHER,
					      .units = one.list.items,
					      .unit_count = 1,
					      .dry_run = true};
	place_try(c->place, &request, &result);
	bool complete = result.complete;
	if (!complete)
		*ret_reason = place_reason_text(&result.reason);
	if (!complete && *ret_reason == NULL)
		*ret_reason = mem_strdup("there is no place for it");
	place_result_done(&result);
	wants_done(&one);
	place_unit_free(c->place, unit);
	return complete;
}

bool successor_has_place(struct control *c, struct slot_control *root, const char *to,
			 char **ret_reason)
{
	struct unit_handover wanted = {.root = root, .to = (char *)(uintptr_t)to};
	return has_place(c, root, &wanted, ret_reason);
}

bool successor_has_place_for_reload(struct control *c, struct slot_control *root,
				    uint64_t reloads, char **ret_reason)
{
	struct unit_handover wanted = {.root = root, .reloads = reloads};
	wanted.handover.kind = handover_kind_of(root->slot, unit_revision_elsewhere(root));
	return has_place(c, root, &wanted, ret_reason);
}
