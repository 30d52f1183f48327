#include "core/control/handover/handover_events.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/slot/copies.h"
#include "core/control/state/state.h"

static const char *last_error_below(const struct slot_control *root, const struct slot **ret)
{
	slot_for_each_below (root->slot, s) {
		const struct slot_control *sc = control_of_slot(s);
		*ret = s;
		if (sc->last_error != NULL && s->state != STATE_DEPLOYED_STARTED)
			return sc->last_error;
	}
	return NULL;
}

char *handover_failure(const struct slot_control *root)
{
	const struct slot *s = NULL;
	const char *error = handover_is_between(&root->handover->handover)
				    ? last_error_below(root, &s)
				    : NULL;
	if (error != NULL)
		return str_printf("%s: %s", s->path, error);
	if (root->handover->error != NULL)
		return mem_strdup(root->handover->error);
	return str_printf("%s did not become healthy in time", root->slot->path);
}

void handover_emit_failure(struct control *c, const struct slot_control *root)
{
	const struct control_application *a = application_of(root->slot);
	bool between = handover_is_between(&root->handover->handover);
	const struct unit_placement *failed =
		unit_of(between ? root->of_path->serving : root->of_path->next);
	const struct unit_placement *stays =
		unit_of(between ? root->of_path->standby : root->of_path->serving);
	if (failed == NULL || stays == NULL || root->slot->goal == GOAL_NOT_DEPLOYED)
		return;
	CLEANUP(freep) char *subject = str_printf("%s/%s", a->name, root->slot->path);
	CLEANUP(freep) char *why = handover_failure(root);
	CLEANUP(freep)
	char *cause = str_printf("it stays on %s: its successor on %s has failed: %s",
				 stays->zhost->name, failed->zhost->name, why);
	emit_event(&c->emitter, "placement", subject, failed->zhost->name, stays->zhost->name,
		   a->id, cause);
}

void handover_emit_end(struct control *c, const struct slot_control *root)
{
	const struct control_application *a = application_of(root->slot);
	const struct unit_handover *h = root->handover;
	if (h->handover.leaving == 0)
		return;
	CLEANUP(freep) char *subject = str_printf("%s/%s", a->name, root->slot->path);
	emit_copy_event(&c->emitter, subject, h->handover.leaving, "undeploying",
			"not-deployed", a->id, h->cause);
}
