/* What its spec leaves out has the default of the schema: a copy of before, or of an older zrms. */
#include "core/agent/limit.h"

int64_t limit_action_ms(const struct agent *agent, const struct agent_copy *copy)
{
	uint64_t ms = copy->spec->has_action_timeout_ms ? copy->spec->action_timeout_ms : 0;
	return ms > 0 && ms < INT32_MAX ? (int64_t)ms : agent->defaults.action_timeout_ms;
}

int64_t limit_window_ms(const struct agent *agent, const struct agent_copy *copy)
{
	return copy->spec->has_restart_window_ms ? (int64_t)copy->spec->restart_window_ms
						 : agent->defaults.restart_window_ms;
}

uint32_t limit_attempts(const struct agent *agent, const struct agent_copy *copy)
{
	return copy->spec->has_restart_attempts ? copy->spec->restart_attempts
						: agent->defaults.restart_attempts;
}

int64_t limit_grace_ms(const struct agent *agent, const struct agent_copy *copy)
{
	int64_t grace = copy->spec->has_stop_grace_ms ? (int64_t)copy->spec->stop_grace_ms
						      : agent->defaults.stop_grace_ms;
	if (copy->spec->exclusive) {
		int64_t most = agent->lease_timeout_ms - 2 * agent->lease_heartbeat_ms;
		if (grace > most)
			grace = most > 0 ? most : 0;
	}
	return grace;
}

int64_t limit_lease_stop_ms(const struct agent *agent, const struct agent_copy *copy)
{
	int64_t timeout = agent->lease_timeout_ms;
	if (copy->spec->exclusive)
		return agent->lease_from_ms + timeout - limit_grace_ms(agent, copy);
	int64_t after = (int64_t)copy->spec->stop_after_ms;
	return agent->heard_ms + (after > timeout ? after : timeout);
}

int64_t limit_lease_end_ms(const struct agent *agent, const struct agent_copy *copy)
{
	if (copy->spec->exclusive)
		return agent->lease_from_ms + agent->lease_timeout_ms;
	return limit_lease_stop_ms(agent, copy) + limit_grace_ms(agent, copy);
}
