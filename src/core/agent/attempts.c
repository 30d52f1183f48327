/* Failures within the restart window, the back-off after each, and when there is no further try. */
#include "core/agent/attempts.h"

#include "core/agent/limit.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS	 60000

void attempts_set_timer(struct agent *agent, struct agent_copy *copy, bool wanted)
{
	bool set = heap_has(&copy->retry_timer.node);
	if (wanted && !set)
		agent->retry_count++;
	if (!wanted && set)
		agent->retry_count--;
	if (wanted)
		heap_set(&agent->timers, &copy->retry_timer.node,
			 copy->phase == PHASE_STARTED ? copy->update_not_before_ms
						      : copy->retry_not_before_ms);
	else
		heap_remove(&agent->timers, &copy->retry_timer.node);
}

void attempts_reset(struct agent *agent, struct agent_copy *copy)
{
	vector_clear(&copy->failures);
	copy->retry_not_before_ms = 0;
	copy->exhausted = copy->finished = copy->undeploy_failed = false;
	attempts_set_timer(agent, copy, false);
}

void attempts_forget(struct agent_copy *copy)
{
	vector_clear(&copy->failures);
	copy->retry_not_before_ms = 0;
}

void attempts_begin(struct agent *agent, struct agent_copy *copy)
{
	int64_t now = agent->now.mono_ms, shift = 0;
	if (copy->failures.count ==
	    0) { /* as of a start that could not begin: it is tried at once */
		copy->retry_not_before_ms = 0;
		return;
	}
	if (!copy->same_boot) { /* a wall clock that was set back: no time has passed */
		int64_t passed = agent->now.wall_ms - copy->loaded_wall_ms;
		shift = now - (passed > 0 ? passed : 0) - copy->loaded_mono_ms;
	}
	vector_for_each (&copy->failures, failure) {
		*failure += shift;
		if (*failure > now)
			*failure = now;
	}
	copy->retry_not_before_ms += shift;
	if (copy->retry_not_before_ms > now + BACKOFF_MAX_MS)
		copy->retry_not_before_ms = now + BACKOFF_MAX_MS;
	/* What runs has not used them up, even where fewer are allowed by now. */
	copy->exhausted = copy->phase != PHASE_STARTED &&
			  copy->failures.count > limit_attempts(agent, copy);
}

/* After so many failures. */
static int64_t backoff_ms(size_t failures)
{
	int64_t backoff = BACKOFF_FIRST_MS;
	for (size_t n = 1; n < failures && backoff < BACKOFF_MAX_MS; n++)
		backoff *= 2;
	return backoff < BACKOFF_MAX_MS ? backoff : BACKOFF_MAX_MS;
}

void attempts_count_failure(struct agent *agent, struct agent_copy *copy)
{
	int64_t oldest = agent->now.mono_ms - limit_window_ms(agent, copy);
	while (copy->failures.count > 0 && copy->failures.items[0] < oldest)
		vector_remove_at(&copy->failures, 0);
	vector_push(&copy->failures, agent->now.mono_ms);

	copy->retry_not_before_ms = agent->now.mono_ms + backoff_ms(copy->failures.count);
	/* Without zrms nothing is placed elsewhere, and what it needs of zrms may come back. */
	copy->exhausted = !agent->alone && copy->failures.count > limit_attempts(agent, copy);
}

bool attempts_next_is_due(struct agent *agent, struct agent_copy *copy)
{
	if (copy->exhausted || copy->finished)
		return false;
	if (agent->now.mono_ms >= copy->retry_not_before_ms)
		return true;
	attempts_set_timer(agent, copy, true);
	return false;
}

void attempts_start_unreached(const struct agent *agent, struct agent_copy *copy)
{
	copy->unreached++;
	copy->retry_not_before_ms = agent->now.mono_ms + backoff_ms(copy->unreached);
}

void attempts_update_unreached(const struct agent *agent, struct agent_copy *copy)
{
	copy->unreached++;
	copy->update_not_before_ms = agent->now.mono_ms + backoff_ms(copy->unreached);
}

void attempts_update_reached(struct agent_copy *copy)
{
	/* The error that was reported is over. */
	copy->well |= copy->unreached > 0 && copy->phase == PHASE_STARTED;
	copy->unreached = 0;
	copy->update_not_before_ms = 0;
}

bool attempts_update_is_due(struct agent *agent, struct agent_copy *copy)
{
	if (agent->now.mono_ms >= copy->update_not_before_ms)
		return true;
	attempts_set_timer(agent, copy, true);
	return false;
}
