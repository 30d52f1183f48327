/* A copy as an object: made, freed, marked, and the gate of its phases. */
#include "core/agent/copy.h"

#include <inttypes.h>

#include "core/agent/attempts.h"
#include "core/agent/family.h"
#include "core/agent/import_list.h"
#include "core/agent/known_imports.h"
#include "core/agent/limit.h"
#include "core/agent/message.h"
#include "core/agent/slot.h"

char *agent_copy_id(const Samoza__V1__InstanceKey *key)
{
	return str_printf("%s/%s#%" PRIu64, key->topology, key->path, key->epoch);
}

static const char *failed_name(const struct agent_copy *copy, Samoza__V1__FailedAction failed)
{
	switch (failed) {
	case SAMOZA__V1__FAILED_ACTION__FAILED_DEPLOY:
		return "deploy";
	case SAMOZA__V1__FAILED_ACTION__FAILED_START:
		return "start";
	case SAMOZA__V1__FAILED_ACTION__FAILED_UPDATE:
		return "update";
	case SAMOZA__V1__FAILED_ACTION__FAILED_STOP:
		return "stop";
	case SAMOZA__V1__FAILED_ACTION__FAILED_UNDEPLOY:
		return "undeploy";
	case SAMOZA__V1__FAILED_ACTION__FAILED_PROCESS:
		return "process";
	case SAMOZA__V1__FAILED_ACTION__FAILED_ENDED:
		return copy->phase == PHASE_STARTING ? "start" : "process";
	case SAMOZA__V1__FAILED_ACTION__FAILED_NONE:
	case _SAMOZA__V1__FAILED_ACTION_IS_INT_SIZE:
		break;
	}
	IMPOSSIBLE("an error of no action");
}

void copy_clear_error(struct agent_copy *copy)
{
	free(copy->error);
	copy->error = NULL;
	copy->failed_action = SAMOZA__V1__FAILED_ACTION__FAILED_NONE;
	copy->error_wall_ms = 0;
}

void copy_set_error(struct agent *agent, struct agent_copy *copy,
		    Samoza__V1__FailedAction failed, const char *error)
{
	copy_clear_error(copy);
	if (error == NULL)
		return;
	copy->error = str_printf("%s: %s", failed_name(copy, failed), error);
	copy->failed_action = failed;
	copy->error_wall_ms = agent->now.wall_ms;
}

void copy_watch_well(struct agent *agent, struct agent_copy *copy)
{
	copy->well = false;
	if (copy->phase == PHASE_STARTED && copy->is_healthy)
		heap_set(&agent->timers, &copy->well_timer.node,
			 agent->now.mono_ms + limit_window_ms(agent, copy));
	else
		heap_remove(&agent->timers, &copy->well_timer.node);
}

void copy_drop_exports(struct agent_copy *copy)
{
	for (size_t n = 0; n < copy->n_exports; n++)
		samoza__v1__variable__free_unpacked(copy->exports[n], NULL);
	free(copy->exports);
	copy->exports = NULL;
	copy->n_exports = 0;
}

/* zrms may have asked a child to start again while it believed that the parent stays; the child has
 * said before that its start waits. */
static void report_waiting_children(struct agent *agent, const struct agent_copy *parent)
{
	struct agent_copy *c = family_children(agent, parent);
	for (; c != NULL; c = c->sibling_next)
		if (c->waiting_reported)
			agent_report_add(agent, c);
}

void copy_enter(struct agent *agent, struct agent_copy *copy, enum agent_phase phase)
{
	bool was_started = copy->phase == PHASE_STARTED;
	if (phase != PHASE_STARTED)
		copy_drop_exports(copy);
	if (phase != PHASE_STOPPING)
		copy->start_unknown = false;
	copy->is_healthy = phase == PHASE_STARTED;
	state_machine_move(&phase_machine, copy, &copy->phase, phase);
	copy_watch_well(agent, copy);
	copy_touch(agent, copy, phase != PHASE_STOPPING);
	agent_report_add(agent, copy);
	if (was_started)
		report_waiting_children(agent, copy);
}

void copy_adopt(struct agent_copy *copy, enum agent_phase phase)
{
	copy->is_healthy = phase == PHASE_STARTED;
	state_machine_adopt(&phase_machine, copy, &copy->phase, phase);
}

void copy_touch(struct agent *agent, struct agent_copy *copy, bool dirty)
{
	copy->dirty |= dirty;
	if (copy->touched)
		return;
	copy->touched = true;
	copy->next_touched = agent->touched;
	agent->touched = copy;
}

struct agent_copy *copy_new(struct agent *agent, const Samoza__V1__InstanceKey *key,
			    const Samoza__V1__InstanceSpec *spec)
{
	struct agent_copy *copy = mem_new(struct agent_copy);
	copy->id = agent_copy_id(key);
	copy->key = message_copy(key);
	copy->spec = message_copy(spec);
	copy->desired = mem_new(Samoza__V1__DesiredInstance);
	samoza__v1__desired_instance__init(copy->desired);
	copy->desired->key = message_copy(key);
	copy->action_timer = (struct timer){.kind = TIMER_ACTION, .copy = copy};
	copy->retry_timer = (struct timer){.kind = TIMER_RETRY, .copy = copy};
	copy->lease_timer = (struct timer){.kind = TIMER_LEASE, .copy = copy};
	copy->well_timer = (struct timer){.kind = TIMER_WELL, .copy = copy};
	state_machine_begin(&phase_machine, copy, &copy->phase, PHASE_ABSENT);
	HASH_ADD_KEYPTR(hh, agent->copies, copy->id, strlen(copy->id), copy);
	if (copy_has_lease(copy))
		DL_APPEND2(agent->leased, copy, leased_prev, leased_next);
	agent->offline_starts += copy->spec->offline_start;
	slot_join(agent, copy);
	family_join(agent, copy);
	return copy;
}

void copy_free(struct agent *agent, struct agent_copy *copy)
{
	if (copy->action != 0) {
		HASH_DELETE(hh_action, agent->actions, copy);
		agent->action_count--;
	}
	heap_remove(&agent->timers, &copy->action_timer.node);
	attempts_set_timer(agent, copy, false);
	heap_remove(&agent->timers, &copy->lease_timer.node);
	heap_remove(&agent->timers, &copy->well_timer.node);
	if (copy_has_lease(copy))
		DL_DELETE2(agent->leased, copy, leased_prev, leased_next);
	agent->offline_starts -= copy->spec->offline_start;
	family_leave(agent, copy);
	slot_leave(agent, copy);
	HASH_DELETE(hh, agent->copies, copy);
	copy_drop_exports(copy);
	copy_forget_lists(copy);
	known_imports_free(copy);
	free(copy->waited);
	vector_done(&copy->failures);
	samoza__v1__instance_key__free_unpacked(copy->key, NULL);
	samoza__v1__instance_spec__free_unpacked(copy->spec, NULL);
	samoza__v1__desired_instance__free_unpacked(copy->desired, NULL);
	free(copy->error);
	free(copy->early_exit);
	free(copy->id);
	free(copy);
}

void copy_kill(struct agent *agent, struct agent_copy *copy)
{
	if (copy->killed)
		return;
	copy->killed = true;
	vector_push(&agent->outbox->orders,
		    ((struct agent_order){
			    .type = ORDER_KILL,
			    .action = copy->action,
			    .kind = copy->action != 0 ? copy->action_kind : ACTION_STOP,
			    .key = copy->key,
			    .spec = copy->spec,
			    .parent = copy->spec->parent,
			    .stop_ms = NEVER_MS,
			    .deadline_ms = NEVER_MS,
		    }));
}
