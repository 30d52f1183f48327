#include "core/control/zhost/reports.h"
#include "core/control/state/unit_reload.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handover_reports.h"
#include "core/control/placement/placement.h"
#include "core/control/placement/placement_assign.h"
#include "core/control/relocate/reload_event.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/copy_token.h"
#include "core/control/slot/handover_facts.h"
#include "core/control/slot/unit_return.h"
#include "core/control/state/loss.h"
#include "core/control/state/remains.h"
#include "core/control/state/report_facts.h"
#include "core/control/state/state.h"
#include "core/control/state/target.h"
#include "core/control/state/topology_state.h"
#include "core/lifecycle/goal.h"
#include "core/lifecycle/patience.h"
#include "core/lifecycle/rules.h"

static void take_error(struct control *c, struct copy *copy,
		       const Samoza__V1__InstanceReport *r, bool adopting)
{
	struct slot_control *sc = copy->sc;
	bool exhausted = r->exhausted && !copy->exhausted;
	copy_take_failures(copy, r);
	copy->retry_at_ms = r->has_retry_ms ? c->now.mono_ms + (int64_t)r->retry_ms : 0;
	/* A zhost of 0.1.0 does not say when. */
	int64_t at_ms = r->has_error_wall_ms ? r->error_wall_ms : c->now.wall_ms;
	bool is_new =
		r->error != NULL && (!str_equal(r->error, sc->last_error) ||
				     (r->has_error_wall_ms && at_ms != sc->last_error_ms));
	if (is_new || (r->error == NULL && r->well && sc->last_error != NULL)) {
		free(sc->last_error);
		sc->last_error = mem_strdup(r->error);
		sc->last_error_ms = is_new ? at_ms : 0;
		mark_slot(sc);
	}
	copy->exhausted = r->exhausted;
	slot_publish_facts(sc);
	mark_copy(copy, COPY_RECORD);
	if (exhausted)
		placement_exhausted(c, copy, adopting && r->error != NULL && !is_new);
	topology_state_count(sc);
}

static bool exports_differ(const struct copy *copy, const Samoza__V1__InstanceReport *r)
{
	if (copy->export_count != r->n_exports)
		return true;
	for (size_t k = 0; k < r->n_exports; k++)
		if (!str_equal(copy->exports[k].name, r->exports[k]->name) ||
		    !str_equal(copy->exports[k].value, r->exports[k]->value))
			return true;
	return false;
}

static const char *cause_of(const Samoza__V1__InstanceReport *r, const char *ordinary)
{
	if (r->waited != NULL)
		return r->waited; /* the error is of before */
	return r->error != NULL ? r->error : ordinary;
}

/* Nothing is left of it, and its zhost knows that nothing is asked: it will not try again. */
static bool has_gone(const struct copy *copy, const Samoza__V1__InstanceReport *r)
{
	return r->phase == SAMOZA__V1__PHASE__PHASE_ABSENT && copy->target == TARGET_NONE &&
	       r->observed_generation >= copy->generation;
}

/* What failed before its zhost heard that failures are to be forgotten: it tries again as soon as it does. */
static bool is_forgiven(const struct copy *copy, const Samoza__V1__InstanceReport *r)
{
	return (r->error != NULL || r->exhausted) && r->observed_generation < copy->forgiven &&
	       (r->phase == SAMOZA__V1__PHASE__PHASE_ABSENT ||
		r->phase == SAMOZA__V1__PHASE__PHASE_DEPLOYED);
}

/* ---- by phase ---- */

static void on_absent(struct copy *copy, const Samoza__V1__InstanceReport *r, bool adopting)
{
	copy->absent = has_gone(copy, r);
	switch (copy->sc->slot->state) {
	case STATE_DEPLOYING:
		if (adopting && r->error == NULL && !r->exhausted)
			return; /* it has not heard of the order yet */
		slot_move(copy->sc->slot, STATE_NOT_DEPLOYED, false,
			  cause_of(r, "deploy failed"));
		break;
	case STATE_UNDEPLOYING:
		slot_move(copy->sc->slot, STATE_NOT_DEPLOYED, false, cause_of(r, "undeployed"));
		break;
	case STATE_NOT_DEPLOYED:
		lifecycle_push(copy->sc->slot); /* it may be tried again */
		break;
	case STATE_DEPLOYED_STOPPED:
	case STATE_UNRESOLVED:
	case STATE_WAITING_FOR_ANCESTOR:
	case STATE_STARTING:
	case STATE_DEPLOYED_STARTED:
	case STATE_STOPPING:
		copy_order(copy, TARGET_NONE); /* its zhost may try again by itself */
		slot_move(copy->sc->slot, STATE_NOT_DEPLOYED, false,
			  cause_of(r, "gone from its zhost"));
		break;
	case STATE_PROBLEM:
		IMPOSSIBLE("only a zhost has a problem");
	}
}

static void on_deploying(struct copy *copy)
{
	if (copy->sc->slot->state == STATE_NOT_DEPLOYED && copy->target != TARGET_NONE)
		slot_move(copy->sc->slot, STATE_DEPLOYING, false, "tried again");
}

/* The error of a start, or of a process that had started; another one is of something before. */
static bool start_failed(const Samoza__V1__InstanceReport *r)
{
	if (r->has_failed_action)
		return r->failed_action == SAMOZA__V1__FAILED_ACTION__FAILED_START ||
		       r->failed_action == SAMOZA__V1__FAILED_ACTION__FAILED_PROCESS ||
		       r->failed_action == SAMOZA__V1__FAILED_ACTION__FAILED_ENDED;
	return r->error != NULL &&
	       (str_has_prefix(r->error, "start:") || str_has_prefix(r->error, "process:"));
}

/* What is to be undeployed by now stays so. */
static void finished(struct copy *copy)
{
	struct slot *s = copy->sc->slot;
	s->finished = true;
	if (s->goal == GOAL_DEPLOYED_STARTED)
		goal_request(s, GOAL_DEPLOYED_STOPPED, "finished by itself");
}

/* It was not known to run: its zhost was silent, or it took over, asked to start, before it was installed.
 * What had finished before the newest order starts again. */
static void finished_unseen(struct copy *copy, const Samoza__V1__InstanceReport *r)
{
	bool is_newest = r->observed_generation >= copy->generation;
	if (r->finished && (is_newest || copy->target == TARGET_STARTED))
		finished(copy);
}

static void on_deployed(struct copy *copy, const Samoza__V1__InstanceReport *r, bool adopting)
{
	/* A zhost that has started since it failed knows no error any longer. */
	bool ended = r->finished || start_failed(r) || (adopting && r->exhausted);
	switch (copy->sc->slot->state) {
	case STATE_NOT_DEPLOYED:
		if (!adopting)
			break;
		slot_move(copy->sc->slot, STATE_DEPLOYED_STOPPED, true,
			  r->waited != NULL ? r->waited : "its zhost is back");
		finished_unseen(copy, r);
		break;
	case STATE_DEPLOYING:
		slot_move(copy->sc->slot, STATE_DEPLOYED_STOPPED, false, "deployed");
		finished_unseen(copy, r);
		break;
	case STATE_STARTING:
		/* A successor that was starting when it took over may be asked for less by now. */
		if (!ended && ((adopting && copy->target == TARGET_STARTED) ||
			       r->observed_generation < copy->generation))
			return; /* it has not heard of the order yet */
		if (r->finished) {
			slot_move(copy->sc->slot, STATE_DEPLOYED_STARTED, false, "started");
			finished(copy);
			slot_move(copy->sc->slot, STATE_DEPLOYED_STOPPED, false,
				  "finished by itself");
			return;
		}
		slot_move(copy->sc->slot, STATE_DEPLOYED_STOPPED, false,
			  cause_of(r, "start failed"));
		break;
	case STATE_DEPLOYED_STARTED:
		if (r->finished)
			finished(copy);
		slot_move(copy->sc->slot, STATE_DEPLOYED_STOPPED, false,
			  r->finished ? "finished by itself" : cause_of(r, "stopped there"));
		break;
	case STATE_STOPPING:
		if (r->finished)
			finished(copy);
		slot_stopped(copy->sc->slot, cause_of(r, "stopped"));
		break;
	case STATE_UNDEPLOYING:
		if (!report_undeploy_failed(r))
			return; /* not begun yet; an error is of something before */
		if (copy->sc->slot->root->moving && copy->sc->slot->goal != GOAL_NOT_DEPLOYED) {
			/* No request would follow. It continues elsewhere under a newer epoch;
			 * what is left here goes with the next full set. */
			copy_want(copy, TARGET_NONE);
			slot_move(copy->sc->slot, STATE_NOT_DEPLOYED, false, r->error);
			break;
		}
		copy->undeploy_failed = true;
		slot_publish_facts(copy->sc);
		slot_move(copy->sc->slot, STATE_DEPLOYED_STOPPED, false, r->error);
		break;
	case STATE_DEPLOYED_STOPPED:
	case STATE_UNRESOLVED:
	case STATE_WAITING_FOR_ANCESTOR:
		if (r->finished && !copy->sc->slot->finished)
			finished(copy);		/* tried again and done while disconnected */
		lifecycle_push(copy->sc->slot); /* a try that had begun before the order came */
		break;
	case STATE_PROBLEM:
		IMPOSSIBLE("only a zhost has a problem");
	}
}

static void on_starting(struct copy *copy, bool adopting)
{
	if (copy->target != TARGET_STARTED && !adopting)
		return; /* its own retry, crossing our order to wait: it will stop */
	switch (copy->sc->slot->state) {
	case STATE_DEPLOYED_STOPPED:
		copy_want(copy, TARGET_STARTED);
		slot_move(copy->sc->slot, STATE_STARTING, false, "tried again");
		break;
	case STATE_DEPLOYED_STARTED:
		/* It died and is being started again, while disconnected. */
		slot_move(copy->sc->slot, STATE_DEPLOYED_STOPPED, false,
			  copy->sc->last_error != NULL ? copy->sc->last_error : "ended");
		slot_move(copy->sc->slot, STATE_STARTING, false, "tried again");
		break;
	case STATE_NOT_DEPLOYED:
	case STATE_DEPLOYING:
	case STATE_UNRESOLVED:
	case STATE_WAITING_FOR_ANCESTOR:
		if (adopting) {
			copy_take_up(copy, TARGET_STARTED);
			slot_move(copy->sc->slot, STATE_STARTING, true, "its zhost is back");
		}
		break;
	case STATE_STOPPING:
		/* Stopped by its zhost itself, and being started again, while disconnected. */
		if (adopting && copy->target == TARGET_STARTED) {
			slot_move(copy->sc->slot, STATE_DEPLOYED_STOPPED, false,
				  "stopped there");
			slot_move(copy->sc->slot, STATE_STARTING, false, "tried again");
		}
		break;
	case STATE_STARTING:
	case STATE_UNDEPLOYING:
		break;
	case STATE_PROBLEM:
		IMPOSSIBLE("only a zhost has a problem");
	}
}

static void on_started(struct copy *copy, const Samoza__V1__InstanceReport *r, bool adopting)
{
	bool arrives = false;
	switch (copy->sc->slot->state) {
	case STATE_STARTING:
		arrives = true;
		break;
	case STATE_DEPLOYED_STOPPED:
		if (copy->target == TARGET_STARTED || adopting)
			arrives = true;
		break;
	case STATE_DEPLOYED_STARTED:
		if (!exports_differ(copy, r))
			return;
		copy_take_exports(copy, r);
		mark_copy(copy, COPY_RECORD);
		slot_exports_changed(copy->sc->slot);
		return;
	case STATE_NOT_DEPLOYED:
	case STATE_DEPLOYING:
	case STATE_UNRESOLVED:
	case STATE_WAITING_FOR_ANCESTOR:
		arrives = adopting;
		break;
	case STATE_STOPPING:
		/* Stopped by its zhost itself, and started again, while disconnected.
		 * Otherwise our order to stop is on its way. */
		arrives = adopting && copy->target == TARGET_STARTED;
		break;
	case STATE_UNDEPLOYING:
		break; /* our order to stop is on its way */
	case STATE_PROBLEM:
		IMPOSSIBLE("only a zhost has a problem");
	}
	if (!arrives)
		return;
	bool ordinary = copy->sc->slot->state == STATE_STARTING;
	bool was_lost = copy->sc->slot->state == STATE_NOT_DEPLOYED;
	copy_take_exports(copy, r);
	(adopting ? copy_take_up : copy_want)(copy, TARGET_STARTED);
	copy->retry_at_ms = 0;
	slot_move(copy->sc->slot, STATE_DEPLOYED_STARTED, !ordinary,
		  ordinary ? "started" : "its zhost is back");
	if (was_lost)
		slot_returned(copy->sc->slot,
			      control_of(copy->sc->slot)->now.mono_ms +
				      control_of(copy->sc->slot)->config.failure_timeout_ms);
}

static void on_stopping(struct copy *copy, const Samoza__V1__InstanceReport *r, bool adopting)
{
	if (copy->sc->slot->state == STATE_DEPLOYED_STARTED) {
		slot_move(copy->sc->slot, STATE_STOPPING, false,
			  cause_of(r, "its zhost stops it"));
	} else if (copy->sc->slot->state == STATE_NOT_DEPLOYED && adopting) {
		copy_take_up(copy, TARGET_DEPLOYED);
		slot_move(copy->sc->slot, STATE_STOPPING, true, "its zhost is back");
	}
}

static void on_undeploying(struct copy *copy, bool adopting)
{
	/* Asked for before the zhost was lost; the rules will deploy it again where it is
	 * wanted. */
	if (adopting && copy->sc->slot->state == STATE_NOT_DEPLOYED &&
	    copy->sc->slot->goal != GOAL_NOT_DEPLOYED)
		slot_move(copy->sc->slot, STATE_UNDEPLOYING, true, "its zhost is back");
}

static void apply_phase(struct copy *copy, const Samoza__V1__InstanceReport *r, bool adopting)
{
	switch (r->phase) {
	case SAMOZA__V1__PHASE__PHASE_ABSENT:
		on_absent(copy, r, adopting);
		break;
	case SAMOZA__V1__PHASE__PHASE_DEPLOYING:
		on_deploying(copy);
		break;
	case SAMOZA__V1__PHASE__PHASE_DEPLOYED:
		on_deployed(copy, r, adopting);
		break;
	case SAMOZA__V1__PHASE__PHASE_STARTING:
		on_starting(copy, adopting);
		break;
	case SAMOZA__V1__PHASE__PHASE_STARTED:
		on_started(copy, r, adopting);
		break;
	case SAMOZA__V1__PHASE__PHASE_STOPPING:
		on_stopping(copy, r, adopting);
		break;
	case SAMOZA__V1__PHASE__PHASE_UNDEPLOYING:
		on_undeploying(copy, adopting);
		break;
	case _SAMOZA__V1__PHASE_IS_INT_SIZE:
	default:
		break; /* a phase of a newer zhost */
	}
}

/* ---- retired copies ---- */

/* It is to go, and nothing else is asked of it. */
static void take_retired(struct control *c, struct copy *copy,
			 const Samoza__V1__InstanceReport *r)
{
	if (has_gone(copy, r)) {
		copy_gone(c, copy);
		return;
	}
	unit_returned(c, copy->unit);
	/* Without a process it may start one by itself, until it has heard that it is to go. */
	bool has_heard =
		copy->target == TARGET_NONE && r->observed_generation >= copy->generation;
	copy_set_active(copy, phase_is_active(r->phase) || !has_heard);
	copy->undeploy_failed = report_undeploy_failed(r);
	copy_set_ends_by(c, copy, 0);
	mark_copy(copy, COPY_RECORD);
}

/* Nothing is counted or waited for, but what has ended has ended: what is inside of it must not count on it. */
static void take_forgiven(struct copy *copy, const Samoza__V1__InstanceReport *r)
{
	struct slot *slot = copy->sc->slot;
	if (r->phase != SAMOZA__V1__PHASE__PHASE_DEPLOYED)
		return;
	if (slot->state == STATE_STOPPING)
		slot_stopped(slot, "stopped");
	else if (slot->state == STATE_DEPLOYED_STARTED)
		slot_move(slot, STATE_DEPLOYED_STOPPED, false, cause_of(r, "stopped there"));
}

/* ---- which copy ---- */

/* What fails from now on ends what ran (copy_has_broken_down()). */
static void note_run(struct copy *copy, const Samoza__V1__InstanceReport *r)
{
	if (r->phase != SAMOZA__V1__PHASE__PHASE_STARTED || copy->target != TARGET_STARTED ||
	    r->observed_generation < copy->generation)
		return;
	copy->ran = true;
	copy->ran_with = r->failures;
}

void report_apply(struct control *c, struct control_zhost *z,
		  const Samoza__V1__InstanceReport *r, bool adopting)
{
	struct copy *copy = copy_find(c, z, r->key);
	c->count.reports++;
	if (copy == NULL || (copy->unit->lost && !adopting && !copy_is_retired(copy))) {
		c->count.reports_ignored++;
		if (copy == NULL)
			remains_report(c, z, r);
		return;
	}
	copy_token_report(c, copy, r);
	if (copy_is_retired(copy)) {
		if (!copy->forsaken)
			take_retired(c, copy, r);
		return;
	}
	copy->healthy =
		r->phase == SAMOZA__V1__PHASE__PHASE_STARTED && (!r->has_healthy || r->healthy);
	copy->observed = r->observed_generation;
	reload_report(c, copy, r);
	copy->settings = r->phase == SAMOZA__V1__PHASE__PHASE_STARTED
				 ? (struct settings_sum){r->settings, r->settings_unset}
				 : (struct settings_sum){0};
	unit_reload_mark_copy(copy);
	note_run(copy, r);
	mark_application(copy->unit->application, APPLICATION_HANDOVER);
	if (copy_is_beside(copy)) {
		handover_report(c, copy, r);
		return;
	}
	copy->phase = (uint8_t)r->phase;
	copy->heard = true;
	if (copy->unit->lost)
		placement_adopt(c, copy);
	if (is_forgiven(copy, r)) {
		take_forgiven(copy, r);
		return;
	}
	take_error(c, copy, r, adopting);
	apply_phase(copy, r, adopting);
}

void report_missing(struct control *c, struct control_zhost *z, const Samoza__V1__Hello *hello)
{
	for (size_t k = 0; k < hello->n_instances; k++) {
		struct copy *copy = copy_find(c, z, hello->instances[k]->key);
		if (copy != NULL)
			copy->marks |= COPY_LISTED;
	}
	VECTOR(struct copy *) missing = {0};
	for (struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost) {
		if ((copy->marks & COPY_LISTED) == 0)
			vector_push(&missing, copy);
		copy->marks &= ~(unsigned)COPY_LISTED;
	}
	vector_for_each (&missing, m) {
		struct copy *copy = *m;
		copy_token_missing(c, copy);
		if (copy_is_retired(copy)) {
			if (!copy->forsaken)
				copy_gone(c, copy);
			continue;
		}
		if (copy_is_beside(copy)) {
			if (!copy->unit->lost)
				handover_report_missing(c, copy);
			continue;
		}
		copy->phase = SAMOZA__V1__PHASE__PHASE_ABSENT;
		copy->heard = true;
		struct slot *s = copy->sc->slot;
		if (copy->unit->lost && s->parent == NULL)
			loss_end(c, copy->sc);
		if (copy->unit->lost || s->state == STATE_NOT_DEPLOYED ||
		    s->state == STATE_DEPLOYING)
			continue; /* nothing is there, and nothing was known to be */
		copy->absent = true;
		if (s->state == STATE_UNDEPLOYING) {
			slot_move(s, STATE_NOT_DEPLOYED, false, "undeployed");
			continue;
		}
		copy_want(copy, TARGET_NONE);
		slot_move(s, STATE_NOT_DEPLOYED, false, "gone from its zhost");
	}
	vector_done(&missing);
}
