/*
 * Leases: a copy may have a process only while zrms acknowledges heartbeats. Exclusive copies have one
 * [topology.exclusive.zhost], and those with `loss.stop_after` [change.loss.stop-after]. Counted from
 * when the last acknowledged heartbeat was sent:
 *
 *     sent ─────────────────────────────────► stop ─────────────► end
 *       └──── failure timeout less grace ───────┘                  │    exclusive
 *       └──────────────── failure timeout ─────────────────────────┘
 *       └──── stop_after ───────────────────────┴───── grace ──────┘    the others
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

/* It, and what is inside of it; those with a lease of their own are renewed by themselves. */
static void renew_all(struct agent *agent, const struct agent_copy *copy)
{
	lease_order_renew(agent, copy);
	const struct agent_copy *c = family_children(agent, copy);
	for (; c != NULL; c = c->sibling_next)
		if (phase_has_process(c->phase) && !copy_has_lease(c))
			renew_all(agent, c);
}

static bool is_in_exclusive(const struct agent *agent, const struct agent_copy *copy)
{
	while (copy != NULL && !copy->spec->exclusive)
		copy = family_parent(agent, copy);
	return copy != NULL;
}

/* Its process goes by what was known when it got its lease; the record may say a little less, by which all that starts
 * from now on goes. Of an exclusive one only an acknowledged heartbeat says how long. */
static void begin_renewed(struct agent *agent, const struct agent_copy *copy)
{
	if (agent->is_heard_recorded && !copy->exited_while_away &&
	    !is_in_exclusive(agent, copy) && lease_of(agent, copy).end_ms != NEVER_MS)
		lease_order_renew(agent, copy);
}

void lease_begin(struct agent *agent, struct agent_copy *copy)
{
	if (!phase_has_process(copy->phase))
		return;
	if (copy_has_lease(copy))
		heap_set(&agent->timers, &copy->lease_timer.node,
			 limit_lease_stop_ms(agent, copy));
	if (agent->leased != NULL)
		begin_renewed(agent, copy);
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
		if (copy->fenced || (copy_has_lease(copy) &&
				     agent->now.mono_ms >= limit_lease_end_ms(agent, copy)))
			return true;
	return false;
}

/* A process without a zhost ends, too, long before the lease of a copy that is not exclusive. */
static bool may_be_lost(const struct agent *agent, const struct agent_copy *copy)
{
	return copy->spec->exclusive ||
	       (copy_has_lease(copy) &&
		agent->now.mono_ms + agent->heartbeat_ms >= limit_lease_stop_ms(agent, copy));
}

void lease_lost(struct agent *agent, struct agent_copy *copy)
{
	while (copy != NULL && !may_be_lost(agent, copy))
		copy = family_parent(agent, copy);
	if (copy == NULL || copy->fenced)
		return;
	copy->fenced = true;
	if (phase_has_process(copy->phase))
		heap_set(&agent->timers, &copy->lease_timer.node,
			 limit_lease_end_ms(agent, copy));
	reconcile_inside(agent, copy);
	reconcile(agent, copy);
}

void lease_expire(struct agent *agent, struct agent_copy *copy)
{
	copy->fenced = true;
	if (agent->now.mono_ms >= limit_lease_end_ms(agent, copy)) {
		kill_all(agent, copy);
		return;
	}
	heap_set(&agent->timers, &copy->lease_timer.node, limit_lease_end_ms(agent, copy));
	reconcile_inside(agent, copy);
	reconcile(agent, copy);
}

void lease_adjust(struct agent *agent, struct agent_copy *copy, bool had_lease)
{
	bool has_lease = copy_has_lease(copy);
	if (had_lease && !has_lease) {
		DL_DELETE2(agent->leased, copy, leased_prev, leased_next);
		heap_remove(&agent->timers, &copy->lease_timer.node);
		copy->fenced = false;
	} else if (!had_lease && has_lease) {
		DL_APPEND2(agent->leased, copy, leased_prev, leased_next);
	}
	if (!phase_has_process(copy->phase) || !(had_lease || has_lease))
		return;
	if (has_lease && !copy->fenced)
		heap_set(&agent->timers, &copy->lease_timer.node,
			 limit_lease_stop_ms(agent, copy));
	renew_all(agent, copy);
}
