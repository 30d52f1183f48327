#include "core/control/handover/handover_reports.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/handover_facts.h"
#include "core/control/slot/mesh_tables.h"
#include "core/control/state/apart.h"
#include "core/control/state/state.h"
#include "core/lifecycle/goal.h"

const char *copy_phase_name(const struct copy *copy)
{
	static const char *const names[] = {
		"not-deployed",	    "deploying", "deployed-stopped", "starting",
		"deployed-started", "stopping",	 "undeploying"};
	return copy->heard && copy->phase < ARRAY_SIZE(names) ? names[copy->phase] : names[0];
}

static void set_phase(struct control *c, struct copy *copy, uint8_t phase, const char *cause)
{
	const struct control_application *a = copy->unit->application;
	CLEANUP(freep) char *subject = str_printf("%s/%s", a->name, copy->of_slot.slot->path);
	const char *from = copy_phase_name(copy);
	bool was_started = copy->heard && copy->phase == SAMOZA__V1__PHASE__PHASE_STARTED;
	copy->heard = true;
	copy->phase = phase;
	if (was_started != (phase == SAMOZA__V1__PHASE__PHASE_STARTED))
		mesh_tables_mark(copy->sc);
	if (!str_equal(from, copy_phase_name(copy)))
		emit_copy_event(&c->emitter, subject, copy->of_slot.epoch, from,
				copy_phase_name(copy), a->id, cause);
	copy_set_active(copy, phase_is_active((Samoza__V1__Phase)phase));
}

static void find_again(struct control *c, struct unit_placement *unit)
{
	unit->lost = false;
	vector_for_each (&unit->placement.copies, item) {
		struct copy *copy = container_of(*item, struct copy, of_slot);
		copy_set_ends_by(c, copy, 0);
		mark_copy(copy, COPY_RECORD);
	}
}

static void take_successor_error(const struct copy *copy, const char *error)
{
	struct unit_handover *h = control_of_slot(copy->sc->slot->root)->handover;
	if (h == NULL || !copy_is_next(copy))
		return;
	free(h->error);
	h->error = str_printf("%s: %s", copy->sc->slot->path, error);
}

/* What is led back to does not fail: it has finished as one that serves would have. A successor that is judged is
 * not healthy in time [change.rollout.failure]. */
static void take_end(const struct copy *copy, const Samoza__V1__InstanceReport *r)
{
	struct slot *s = copy->sc->slot;
	const struct unit_handover *h = control_of_slot(s->root)->handover;
	if (!r->finished || r->observed_generation < copy->generation || h == NULL ||
	    !h->returns || !copy_is_next(copy) || s->goal != GOAL_DEPLOYED_STARTED)
		return;
	s->finished = true;
	goal_request(s, GOAL_DEPLOYED_STOPPED, "finished by itself");
}

void handover_report(struct control *c, struct copy *copy, const Samoza__V1__InstanceReport *r)
{
	if (copy->unit->lost)
		find_again(c, copy->unit);
	copy_take_failures(copy, r);
	copy->exhausted = r->exhausted;
	if (r->error != NULL)
		take_successor_error(copy, r->error);
	copy->absent = r->phase == SAMOZA__V1__PHASE__PHASE_ABSENT &&
		       copy->target == TARGET_NONE &&
		       r->observed_generation >= copy->generation;
	set_phase(c, copy, (uint8_t)r->phase, r->error != NULL ? r->error : "reported");
	if (r->phase == SAMOZA__V1__PHASE__PHASE_STARTED)
		copy_take_exports(copy, r);
	else
		copy_set_exports(copy, NULL, 0);
	if (copy_is_apart(copy))
		apart_changed(copy);
	mark_copy(copy, COPY_RECORD);
	take_end(copy, r);
}

void handover_report_missing(struct control *c, struct copy *copy)
{
	copy->healthy = false;
	set_phase(c, copy, SAMOZA__V1__PHASE__PHASE_ABSENT, "not on its zhost");
	if (copy_is_apart(copy))
		apart_changed(copy);
	mark_application(copy->unit->application, APPLICATION_HANDOVER);
}

void handover_lost(struct control *c, struct copy *copy)
{
	copy->unit->lost = true;
	copy->healthy = false;
	set_phase(c, copy, SAMOZA__V1__PHASE__PHASE_ABSENT, "zhost lost");
	copy->heard = false;
	copy_set_exports(copy, NULL, 0);
	if (copy_is_apart(copy))
		apart_changed(copy);
	mark_copy(copy, COPY_RECORD);
	mark_application(copy->unit->application, APPLICATION_HANDOVER);
}
