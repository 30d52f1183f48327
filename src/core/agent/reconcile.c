/* What is due next for a copy, and for those that wait for it. */
#include "core/agent/reconcile.h"

#include "core/agent/alone.h"
#include "core/agent/attempts.h"
#include "core/agent/copy.h"
#include "core/agent/family.h"
#include "core/agent/import_list.h"
#include "core/agent/import_set.h"
#include "core/agent/known_imports.h"
#include "core/agent/lease_times.h"
#include "core/agent/limit.h"
#include "core/agent/message.h"
#include "core/agent/slot.h"

/* [workloads.configuration.missing] An update does not take a value away from what runs, and gives no secret that is missing. */
static bool takes_settings(const struct agent_copy *copy, struct settings_sum *ret_now)
{
	if (!settings_in_place(copy->spec) || settings_missing_secret(copy->spec) != NULL)
		return false;
	*ret_now = copy_settings(copy);
	return !settings_lose(&copy->settings, ret_now);
}

static bool begins_with_imports(const struct agent_copy *copy)
{
	return copy->imports_first && copy->action_imports_hash != copy->imports_hash;
}

/* True: they stay as they are. */
static bool begin_settings(struct agent *agent, struct agent_copy *copy, enum agent_action kind)
{
	bool keeps = false;
	if (kind == ACTION_START)
		copy->action_settings = copy_settings(copy);
	else
		keeps = begins_with_imports(copy) ||
			!takes_settings(copy, &copy->action_settings);
	if (keeps)
		copy->action_settings = copy->settings;
	if (kind == ACTION_UPDATE && settings_any(copy->spec) && !keeps) {
		copy->settings_unsure = true;
		/* Of what either of the two has it may have a value, until an update reaches it. */
		copy->settings.unset &= copy->action_settings.unset;
		copy_touch(agent, copy, true);
	}
	copy->action_keeps_settings = keeps;
	return keeps;
}

static void begin_action(struct agent *agent, struct agent_copy *copy, enum agent_action kind)
{
	struct agent_order o = {
		.type = ORDER_ACTION,
		.action = ++agent->next_action,
		.kind = kind,
		.key = copy->key,
		.spec = copy->spec,
		.parent = copy->spec->parent,
		.writes = copy->desired->writes,
		.serves = copy->desired->serves,
		.stop_ms = NEVER_MS,
		.deadline_ms = NEVER_MS,
	};
	struct lease_times lease = lease_of(agent, copy);
	if (kind == ACTION_START || kind == ACTION_UPDATE) {
		copy->action_imports_hash = copy_hash_imports(copy);
		o.keeps_settings = begin_settings(agent, copy, kind);
		o.drops_settings = kind == ACTION_UPDATE && !settings_any(copy->spec) &&
				   copy->settings.sum != 0 && !o.keeps_settings;
		o.import_set = copy_imports(copy);
		o.imports = o.import_set->providers;
		o.n_imports = o.import_set->count;
		if (copy->spec->offline_start && !copy->starts_alone)
			known_imports_keep(copy, o.import_set);
		/* What it imports without zrms is compared when zrms is back. */
		o.imports_version = copy->starts_alone ? 0 : copy->desired->imports_version;
	}
	if (kind == ACTION_START) {
		o.stop_ms = lease.stop_ms;
		o.deadline_ms = lease.end_ms;
		lease_share(agent, copy);
	}
	if (kind == ACTION_START && copy_has_lease(copy))
		heap_set(&agent->timers, &copy->lease_timer.node,
			 limit_lease_stop_ms(agent, copy));
	copy->action_ms = limit_action_ms(agent, copy);
	if (kind == ACTION_STOP) {
		int64_t grace = limit_grace_ms(agent, copy);
		int64_t left = lease.end_ms - agent->now.mono_ms;
		if (family_is_fenced(agent, copy) && grace > left)
			grace = left > 0 ? left : 0;
		o.grace_ms = copy->action_ms = grace;
	}
	copy->action = o.action;
	copy->action_kind = kind;
	copy->action_imports_version = o.imports_version;
	copy->killed = false;
	HASH_ADD(hh_action, agent->actions, action, sizeof(copy->action), copy);
	agent->action_count++;
	attempts_set_timer(agent, copy, false);
	heap_set(&agent->timers, &copy->action_timer.node,
		 agent->now.mono_ms + copy->action_ms);
	vector_push(&agent->outbox->orders, o);
}

static void begin(struct agent *agent, struct agent_copy *copy, enum agent_action kind,
		  enum agent_phase phase)
{
	begin_action(agent, copy, kind);
	if (kind == ACTION_START && copy->next_start_is_restart) {
		copy->restarts++;
		copy->next_start_is_restart = false;
	}
	copy_clear_error(copy);
	copy->undeploy_failed = false;
	copy_enter(agent, copy, phase);
}

static void reconcile_deployed(struct agent *agent, struct agent_copy *copy)
{
	if (copy_is_unwanted(agent, copy)) {
		if (family_holds_undeploy(agent, copy))
			return;
		if (!copy->undeploy_failed)
			begin(agent, copy, ACTION_UNDEPLOY, PHASE_UNDEPLOYING);
		return;
	}
	if (copy->desired->target != SAMOZA__V1__TARGET__TARGET_STARTED ||
	    !(agent->synced || agent->alone))
		return;
	if (!family_may_start(agent, copy)) {
		if (agent->alone)
			alone_wait(agent, copy, mem_strdup("its ancestor does not run"));
		/* The parent's start reconciles its children. */
		if (!copy->waiting_reported)
			agent_report_add(agent, copy);
		return;
	}
	if (slot_holds_start(agent, copy))
		return; /* the end of the other copy's process continues */
	if (!agent->synced && !alone_may_start(agent, copy))
		return;
	if (lease_holds_start(agent, copy))
		return; /* lease_renew() continues */
	if (attempts_next_is_due(agent, copy))
		begin(agent, copy, ACTION_START, PHASE_STARTING);
}

/* Its start is held up by another copy of the instance, or until a heartbeat is acknowledged. It answers
 * when it starts: for zrms, which asks for one of the two copies only, the start has begun. */
static bool start_is_held_up(const struct agent *agent, const struct agent_copy *copy)
{
	return copy->phase == PHASE_DEPLOYED && !copy_is_unwanted(agent, copy) &&
	       copy->desired->target == SAMOZA__V1__TARGET__TARGET_STARTED && !copy->finished &&
	       !copy->exhausted && family_may_start(agent, copy) &&
	       (slot_holds_start(agent, copy) || lease_holds_start(agent, copy));
}

void reconcile_answer(struct agent *agent, struct agent_copy *copy)
{
	if (copy->action == 0 && copy->answered_generation < copy->desired->generation &&
	    !start_is_held_up(agent, copy))
		agent_report_add(agent, copy);
}

/* It was adjusted: what it gets as env and config is written otherwise. Where a value of an import differs, its set does.
 * Or an update was interrupted. */
static bool wants_settings(const struct agent_copy *copy)
{
	struct settings_sum now;
	return takes_settings(copy, &now) &&
	       (copy->settings_unsure || now.sum != copy->settings.sum);
}

static bool wants_update(const struct agent_copy *copy)
{
	return copy->desired->imports_version > copy->imports_version ||
	       (copy->desired->has_imports_version && wants_settings(copy));
}

/* No update for a set that is again what the process knows
 * [lifecycle.dependency.unchanged]. */
static void update(struct agent *agent, struct agent_copy *copy)
{
	if (copy_hash_imports(copy) != copy->imports_hash || wants_settings(copy)) {
		begin_action(agent, copy, ACTION_UPDATE);
		return;
	}
	copy->imports_version = copy->desired->imports_version;
	if (copy->unreached > 0) /* it is not wanted any more */
		copy_clear_error(copy);
	attempts_update_reached(copy);
	copy_touch(agent, copy, true);
	agent_report_add(agent, copy);
}

void reconcile(struct agent *agent, struct agent_copy *copy)
{
	if (copy->action != 0)
		return;
	attempts_set_timer(agent, copy, false);
	switch (copy->phase) {
	case PHASE_ABSENT:
		if (copy_is_unwanted(agent, copy))
			copy_touch(agent, copy, false); /* freed at the end of the call */
		else if (agent->alone)
			alone_wait(agent, copy, mem_strdup("it is not installed"));
		else if (agent->synced && attempts_next_is_due(agent, copy))
			begin(agent, copy, ACTION_DEPLOY, PHASE_DEPLOYING);
		return;
	case PHASE_DEPLOYED:
		reconcile_deployed(agent, copy);
		return;
	case PHASE_STARTED:
		if (family_must_stop(agent, copy)) {
			if (family_holds_stop(agent, copy))
				reconcile_inside(agent, copy); /* the last of them continues */
			else
				begin(agent, copy, ACTION_STOP, PHASE_STOPPING);
		} else if (agent->synced && wants_update(copy)) {
			if (attempts_update_is_due(agent, copy))
				update(agent, copy);
		} else if (alone_wants_update(agent, copy)) {
			if (attempts_update_is_due(agent, copy))
				begin_action(agent, copy, ACTION_UPDATE);
		}
		return;
	case PHASE_STARTING:
		INVARIANT(copy->orphan);
		if (family_holds_stop(agent, copy)) { /* of its life before this start */
			reconcile_inside(agent, copy);
			return;
		}
		copy->orphan = false;
		begin(agent, copy, ACTION_STOP, PHASE_STOPPING);
		return;
	case PHASE_DEPLOYING:
	case PHASE_STOPPING:
	case PHASE_UNDEPLOYING:
		break;
	}
	IMPOSSIBLE("the phase of an action that does not run");
}

void reconcile_inside(struct agent *agent, const struct agent_copy *copy)
{
	struct agent_copy *c = family_children(agent, copy);
	for (; c != NULL; c = c->sibling_next) {
		reconcile_inside(agent, c);
		reconcile(agent, c);
	}
}

void reconcile_around(struct agent *agent, const struct agent_copy *copy)
{
	for (struct agent_copy *p = family_parent(agent, copy); p != NULL;
	     p = family_parent(agent, p))
		reconcile(agent, p);
	for (struct agent_copy *c = copy->slot->copies; c != NULL; c = c->slot_next)
		if (c != copy)
			reconcile(agent, c);
	for (struct agent_copy *c = family_children(agent, copy); c != NULL;
	     c = c->sibling_next)
		reconcile(agent, c);
}
