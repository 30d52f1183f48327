/* What ends an action or a process: results, exits, time limits. */
#include "core/agent/result.h"

#include <inttypes.h>

#include "core/agent/alone_events.h"
#include "core/agent/attempts.h"
#include "core/agent/copy.h"
#include "core/agent/family.h"
#include "core/agent/lease.h"
#include "core/agent/limit.h"
#include "core/agent/message.h"
#include "core/agent/reconcile.h"

#define FAILED(action) SAMOZA__V1__FAILED_ACTION__FAILED_##action

static void fail(struct agent *agent, struct agent_copy *copy, enum agent_phase phase,
		 Samoza__V1__FailedAction failed, const char *error)
{
	copy_set_error(agent, copy, failed, error);
	attempts_count_failure(agent, copy);
	if (phase == PHASE_DEPLOYED)
		copy->next_start_is_restart = true;
	copy_enter(agent, copy, phase);
}

/* The process of a started copy is gone; `error` is "" if it finished. */
static void process_exited(struct agent *agent, struct agent_copy *copy, bool not_renewed,
			   bool is_ended, const char *error)
{
	heap_remove(&agent->timers, &copy->lease_timer.node);
	if (not_renewed || lease_is_over(agent, copy)) { /* its lease ended: not a failure */
		copy_clear_error(copy);
		copy_enter(agent, copy, PHASE_DEPLOYED);
	} else if (error[0] == '\0') {
		copy->finished = true;
		copy_clear_error(copy);
		copy_enter(agent, copy, PHASE_DEPLOYED);
	} else {
		fail(agent, copy, PHASE_DEPLOYED, is_ended ? FAILED(ENDED) : FAILED(PROCESS),
		     error);
	}
}

static void set_exports(struct agent_copy *copy, size_t count,
			const Samoza__V1__Variable *const *exports)
{
	copy_drop_exports(copy);
	copy->exports = mem_new_array(Samoza__V1__Variable *, count + 1);
	for (size_t n = 0; n < count; n++)
		copy->exports[n] = message_copy(exports[n]);
	copy->n_exports = count;
}

/* Nothing of it ran: zrms could not be asked for what it needs, or has given it another version meanwhile. */
static void start_again(struct agent *agent, struct agent_copy *copy, const char *error)
{
	heap_remove(&agent->timers, &copy->lease_timer.node);
	attempts_start_unreached(agent, copy);
	copy_set_error(agent, copy, FAILED(START), error);
	copy_enter(agent, copy, PHASE_DEPLOYED);
}

static void start_done(struct agent *agent, struct agent_copy *copy,
		       const struct agent_input *input, const char *error)
{
	if (error != NULL && (copy->early_not_renewed || lease_is_over(agent, copy))) {
		heap_remove(&agent->timers, &copy->lease_timer.node);
		copy_clear_error(copy);
		copy_enter(agent, copy, PHASE_DEPLOYED);
		return;
	}
	if (error != NULL && input->done.is_unreached) {
		start_again(agent, copy, input->done.error);
		return;
	}
	if (error != NULL) {
		heap_remove(&agent->timers, &copy->lease_timer.node);
		fail(agent, copy, PHASE_DEPLOYED,
		     input->done.is_ended && error == input->done.error ? FAILED(ENDED)
									: FAILED(START),
		     error);
		return;
	}
	set_exports(copy, input->done.n_exports, input->done.exports);
	copy->imports_version = copy->action_imports_version;
	copy->imports_hash = copy->action_imports_hash;
	copy->settings = copy->action_settings;
	copy->settings_unsure = copy->imports_first = false;
	attempts_update_reached(copy);
	copy_clear_error(copy);
	copy_enter(agent, copy, PHASE_STARTED);
	if (copy->early_exit != NULL)
		process_exited(agent, copy, copy->early_not_renewed, copy->early_is_ended,
			       copy->early_exit);
	else if (input->done.finished)
		process_exited(agent, copy, false, false, "");
}

/* Its process goes on with what it has, until an update reaches it. Also where only its env and config could not be made: what
 * it imports does not wait for them. */
static void update_again(struct agent *agent, struct agent_copy *copy, const char *error)
{
	CLEANUP(freep) char *text = str_printf("%s; it is tried again", error);
	attempts_update_unreached(agent, copy);
	copy_set_error(agent, copy, FAILED(UPDATE), text);
	copy_watch_well(agent, copy);
	agent_report_add(agent, copy);
}

static void update_done(struct agent *agent, struct agent_copy *copy,
			const struct agent_input *input, const char *error, bool is_late)
{
	if (copy->phase != PHASE_STARTED)
		return; /* its process has exited meanwhile */
	if (error != NULL && input->done.is_unreached) {
		copy->imports_first = is_late;
		update_again(agent, copy, error);
		return;
	}
	copy->imports_first = false;
	copy->imports_version = copy->action_imports_version;
	copy->imports_hash = copy->action_imports_hash;
	if (error != NULL && input->done.settings_failed) {
		copy_touch(agent, copy, true);
		update_again(agent, copy, input->done.error);
		return;
	}
	attempts_update_reached(copy);
	copy->settings_unsure &= copy->action_keeps_settings;
	copy->settings = copy->action_settings;
	copy_set_error(agent, copy, FAILED(UPDATE), error);
	if (error != NULL)
		copy_watch_well(agent, copy);
	copy_touch(agent, copy, true);
	agent_report_add(agent, copy);
}

/* The order to kill it is on its way, and may be so for long (a slow disk): until it comes there is a
 * process, whose end is a failure as any other. */
static bool succeeded_before_kill(const struct agent_copy *copy,
				  const struct agent_input *input)
{
	return copy->action_kind == ACTION_START && input->done.error == NULL;
}

void result_take(struct agent *agent, struct agent_copy *copy, const struct agent_input *input)
{
	CLEANUP(freep) char *timeout = NULL;
	const char *error = input->done.error;
	if (copy->killed && !succeeded_before_kill(copy, input)) {
		timeout = copy->action_ms % 1000 == 0
				  ? str_printf("%s %" PRId64 " s",
					       copy->action_kind == ACTION_STOP
						       ? "killed after"
						       : "timed out after",
					       copy->action_ms / 1000)
				  : str_printf("%s %" PRId64 " ms",
					       copy->action_kind == ACTION_STOP
						       ? "killed after"
						       : "timed out after",
					       copy->action_ms);
		error = timeout;
	}
	HASH_DELETE(hh_action, agent->actions, copy);
	agent->action_count--;
	copy->action = 0;
	copy->killed = false;
	heap_remove(&agent->timers, &copy->action_timer.node);

	switch (copy->action_kind) {
	case ACTION_DEPLOY:
		if (error != NULL) {
			fail(agent, copy, PHASE_ABSENT, FAILED(DEPLOY), error);
		} else {
			copy_clear_error(copy);
			copy_enter(agent, copy, PHASE_DEPLOYED);
		}
		break;
	case ACTION_START:
		start_done(agent, copy, input, error);
		break;
	case ACTION_UPDATE:
		update_done(agent, copy, input, error, timeout != NULL);
		break;
	case ACTION_STOP:
		heap_remove(&agent->timers, &copy->lease_timer.node);
		copy_set_error(agent, copy, FAILED(STOP), error);
		copy_enter(agent, copy, PHASE_DEPLOYED);
		break;
	case ACTION_UNDEPLOY:
		copy_set_error(agent, copy, FAILED(UNDEPLOY), error);
		copy->undeploy_failed = error != NULL;
		copy_enter(agent, copy, error != NULL ? PHASE_DEPLOYED : PHASE_ABSENT);
		break;
	}
	free(copy->early_exit);
	copy->early_exit = NULL;
	if (copy->early_not_renewed)
		lease_lost(agent, copy);
	copy->early_not_renewed = copy->early_is_ended = false;
	reconcile(agent, copy);
	reconcile_around(agent, copy);
	/* An update whose process has ended says nothing by itself. */
	reconcile_answer(agent, copy);
	alone_provider_changed(agent, copy);
}

void result_process_ended(struct agent *agent, struct agent_copy *copy,
			  const struct agent_input *input)
{
	bool finished = input->ended.finished, not_renewed = input->ended.not_renewed;
	const char *error = input->ended.error;
	if (error == NULL || finished)
		error = finished ? "" : "ended";
	if (copy->action != 0 && copy->action_kind == ACTION_START) {
		if (copy->early_exit != NULL)
			return;
		copy->early_exit = mem_strdup(error); /* until the start is answered */
		copy->early_not_renewed = not_renewed;
		copy->early_is_ended = input->ended.is_ended;
		return;
	}
	if (copy->orphan) { /* whether its start had succeeded is unknown: no failure */
		copy->orphan = false;
		heap_remove(&agent->timers, &copy->lease_timer.node);
		copy_enter(agent, copy, PHASE_DEPLOYED);
	} else if (copy->phase == PHASE_STARTED) {
		process_exited(agent, copy, not_renewed, input->ended.is_ended, error);
	} else {
		return; /* it is being stopped, or this was known */
	}
	if (not_renewed)
		lease_lost(agent, copy);
	reconcile(agent, copy);
	reconcile_around(agent, copy);
}

void result_health(struct agent *agent, struct agent_copy *copy, bool is_healthy)
{
	if (copy->phase != PHASE_STARTED || copy->is_healthy == is_healthy)
		return;
	copy->is_healthy = is_healthy;
	copy_watch_well(agent, copy);
	agent_report_add(agent, copy);
}

/* What went wrong before is over [lifecycle.failure.last-error]. */
static void is_well(struct agent *agent, struct agent_copy *copy)
{
	copy->well = true;
	copy_clear_error(copy);
	if (copy->failures.count > 0) {
		attempts_forget(copy);
		copy_touch(agent, copy, true);
	}
	agent_report_add(agent, copy);
}

void result_timer(struct agent *agent, struct timer *timer)
{
	struct agent_copy *copy = timer->copy;
	switch (timer->kind) {
	case TIMER_ACTION:
		INVARIANT(copy->action != 0);
		copy_kill(agent, copy);
		return;
	case TIMER_RETRY:
		agent->retry_count--;
		reconcile(agent, copy);
		return;
	case TIMER_LEASE:
		lease_expire(agent, copy);
		return;
	case TIMER_WELL:
		is_well(agent, copy);
		return;
	case TIMER_HEARTBEAT:
	case TIMER_ALONE:
	case TIMER_TRY:
		break;
	}
	IMPOSSIBLE("a timer of the agent belongs to no copy");
}

void result_begin_exited(struct agent *agent, struct agent_copy *copy)
{
	if (!copy->exited_while_away)
		return;
	copy->exited_while_away = false;
	if (copy->rebooted)
		copy_enter(agent, copy, PHASE_DEPLOYED);
	else
		fail(agent, copy, PHASE_DEPLOYED, FAILED(PROCESS),
		     "ended while the zhost was away");
}
