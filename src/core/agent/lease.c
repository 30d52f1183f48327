/*
 * Leases of exclusive copies [topology.exclusive.zhost]: a copy may have a process only while zrms
 * acknowledges heartbeats. Counted from when the last acknowledged heartbeat was sent:
 *
 *     sent ─────────────────────────────────► stop ─────────────► end
 *       └──── failure timeout less grace ───────┘                  │
 *       └──────────────── failure timeout ─────────────────────────┘
 *
 * At `stop` the copy is fenced: it and all copies inside it are asked to stop, the innermost first.
 * At `end` what still runs is killed.
 */
#include "core/agent/lease.h"

#include "core/agent/copy.h"
#include "core/agent/family.h"
#include "core/agent/lease_times.h"
#include "core/agent/limit.h"
#include "core/agent/reconcile.h"

/* It, and what is inside of it; exclusive ones inside are renewed by themselves. */
static void renew_all(struct agent *agent, const struct agent_copy *copy)
{
	lease_order_renew(agent, copy);
	const struct agent_copy *c = family_children(agent, copy);
	for (; c != NULL; c = c->sibling_next)
		if (phase_has_process(c->phase) && !c->spec->exclusive)
			renew_all(agent, c);
}

void lease_begin(struct agent *agent, struct agent_copy *copy)
{
	if (copy->spec->exclusive && phase_has_process(copy->phase))
		heap_set(&agent->timers, &copy->lease_timer.node,
			 limit_lease_stop_ms(agent, copy));
}

void lease_renew(struct agent *agent, struct agent_copy *copy)
{
	if (agent->now.mono_ms >= limit_lease_stop_ms(agent, copy))
		return;
	bool was_fenced = copy->fenced;
	copy->fenced = false;
	if (phase_has_process(copy->phase)) {
		heap_set(&agent->timers, &copy->lease_timer.node,
			 limit_lease_stop_ms(agent, copy));
		renew_all(agent, copy);
	}
	reconcile(agent, copy);
	if (was_fenced)
		reconcile_inside(agent, copy); /* children that have stopped already */
}

/* The innermost first. */
static void kill_all(struct agent *agent, struct agent_copy *copy)
{
	struct agent_copy *c = family_children(agent, copy);
	for (; c != NULL; c = c->sibling_next)
		kill_all(agent, c);
	if (phase_has_process(copy->phase))
		copy_kill(agent, copy);
}

bool lease_is_over(const struct agent *agent, const struct agent_copy *copy)
{
	for (; copy != NULL; copy = family_parent(agent, copy))
		if (copy->fenced ||
		    (copy->spec->exclusive && agent->now.mono_ms >= limit_lease_end_ms(agent)))
			return true;
	return false;
}

void lease_lost(struct agent *agent, struct agent_copy *copy)
{
	while (copy != NULL && !copy->spec->exclusive)
		copy = family_parent(agent, copy);
	if (copy == NULL || copy->fenced)
		return;
	copy->fenced = true;
	if (phase_has_process(copy->phase))
		heap_set(&agent->timers, &copy->lease_timer.node, limit_lease_end_ms(agent));
	reconcile_inside(agent, copy);
	reconcile(agent, copy);
}

void lease_expire(struct agent *agent, struct agent_copy *copy)
{
	copy->fenced = true;
	if (agent->now.mono_ms >= limit_lease_end_ms(agent)) {
		kill_all(agent, copy);
		return;
	}
	heap_set(&agent->timers, &copy->lease_timer.node, limit_lease_end_ms(agent));
	reconcile_inside(agent, copy);
	reconcile(agent, copy);
}
