/* A copy as an object: made, freed, marked, and the gate of its phases. */
#include "core/agent/copy.h"

#include "core/agent/attempts.h"
#include "core/agent/family.h"
#include "core/agent/message.h"

void copy_set_error(struct agent_copy *copy, const char *action, const char *error)
{
	free(copy->error);
	copy->error = error != NULL ? str_printf("%s: %s", action, error) : NULL;
}

void copy_drop_exports(struct agent_copy *copy)
{
	for (size_t n = 0; n < copy->n_exports; n++)
		samoza__v1__variable__free_unpacked(copy->exports[n], NULL);
	free(copy->exports);
	copy->exports = NULL;
	copy->n_exports = 0;
}

void copy_enter(struct agent *agent, struct agent_copy *copy, enum agent_phase phase)
{
	if (phase != PHASE_STARTED)
		copy_drop_exports(copy);
	state_machine_move(&phase_machine, copy, &copy->phase, phase);
	copy_touch(agent, copy, phase != PHASE_STOPPING);
	report_add(agent, copy);
}

void copy_adopt(struct agent_copy *copy, enum agent_phase phase)
{
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
	copy->id = str_printf("%s/%s", key->topology, key->path);
	copy->key = message_copy(key);
	copy->spec = message_copy(spec);
	copy->desired = mem_new(Samoza__V1__DesiredInstance);
	samoza__v1__desired_instance__init(copy->desired);
	copy->desired->key = message_copy(key);
	copy->action_timer = (struct timer){.kind = TIMER_ACTION, .copy = copy};
	copy->retry_timer = (struct timer){.kind = TIMER_RETRY, .copy = copy};
	copy->lease_timer = (struct timer){.kind = TIMER_LEASE, .copy = copy};
	state_machine_begin(&phase_machine, copy, &copy->phase, PHASE_ABSENT);
	HASH_ADD_KEYPTR(hh, agent->copies, copy->id, strlen(copy->id), copy);
	if (spec->exclusive)
		DL_APPEND2(agent->exclusive, copy, exclusive_prev, exclusive_next);
	family_join(agent, copy);
	return copy;
}

static void leave_indexes(struct agent *agent, struct agent_copy *copy)
{
	if (copy->action != 0) {
		HASH_DELETE(hh_action, agent->actions, copy);
		agent->action_count--;
		copy->action = 0;
	}
	attempts_set_timer(agent, copy, false);
	heap_remove(&agent->timers, &copy->action_timer.node);
	heap_remove(&agent->timers, &copy->lease_timer.node);
	if (copy->spec->exclusive)
		DL_DELETE2(agent->exclusive, copy, exclusive_prev, exclusive_next);
	family_leave(agent, copy);
}

void copy_free(struct agent *agent, struct agent_copy *copy)
{
	leave_indexes(agent, copy);
	HASH_DELETE(hh, agent->copies, copy);
	copy_drop_exports(copy);
	vector_done(&copy->failures);
	samoza__v1__instance_key__free_unpacked(copy->key, NULL);
	samoza__v1__instance_spec__free_unpacked(copy->spec, NULL);
	samoza__v1__desired_instance__free_unpacked(copy->desired, NULL);
	samoza__v1__desired_instance__free_unpacked(copy->next, NULL);
	free(copy->error);
	free(copy->early_exit);
	free(copy->id);
	free(copy);
}

void copy_replace(struct agent *agent, struct agent_copy *copy)
{
	PRE(copy->phase == PHASE_ABSENT && copy->action == 0 && copy->next != NULL);
	leave_indexes(agent, copy);
	samoza__v1__instance_key__free_unpacked(copy->key, NULL);
	samoza__v1__instance_spec__free_unpacked(copy->spec, NULL);
	samoza__v1__desired_instance__free_unpacked(copy->desired, NULL);
	copy->desired = steal_ptr(&copy->next);
	copy->spec = steal_ptr(&copy->desired->spec);
	copy->key = message_copy(copy->desired->key);
	if (copy->spec->exclusive)
		DL_APPEND2(agent->exclusive, copy, exclusive_prev, exclusive_next);
	family_join(agent, copy);
	vector_clear(&copy->failures);
	copy_set_error(copy, "", NULL);
	copy->retry_not_before_ms = 0;
	copy->restarts = 0;
	copy->answered_generation = 0;
	copy->imports_version = 0;
	copy->exhausted = copy->finished = copy->undeploy_failed = copy->next_start_is_restart =
		copy->fenced = false;
	copy_touch(agent, copy, true);
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
			    .deadline_ms = NEVER_MS,
		    }));
}
