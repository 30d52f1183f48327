#include "core/agent/link_record.h"

#include "core/agent/limit.h"
#include "core/agent/message.h"

/* Longer ago than any `stop_after`. */
#define TOO_LONG_AGO_MS (INT64_MIN / 4)

static int64_t heard_of(const struct agent *agent, const Samoza__V1__LinkRecord *r)
{
	int64_t now = agent->now.mono_ms;
	if (r->boot != NULL && agent->boot != NULL && str_equal(r->boot, agent->boot))
		return r->heard_mono_ms < now ? r->heard_mono_ms : now;
	int64_t passed = agent->now.wall_ms - r->clock_wall_ms;
	if (passed < 0)
		return TOO_LONG_AGO_MS;
	return now - passed - (r->clock_mono_ms - r->heard_mono_ms);
}

void link_record_begin(struct agent *agent)
{
	const Samoza__V1__LinkRecord *r = agent->link_record;
	agent->heard_ms = agent->now.mono_ms;
	if (r == NULL || !r->has_heard_mono_ms)
		return;
	agent->heard_ms = agent->recorded_ms = heard_of(agent, r);
	agent->is_heard_recorded = true;
}

/* How much earlier than agent.heard_ms the record may say; NEVER_MS: no copy needs it. */
static int64_t lag_ms(const struct agent *agent)
{
	int64_t lag = NEVER_MS;
	const struct agent_copy *copy = NULL;
	DL_FOREACH2 (agent->leased, copy, leased_next) {
		int64_t part = (limit_lease_stop_ms(agent, copy) - agent->heard_ms) / 16;
		if (!copy->spec->exclusive && part < lag)
			lag = part;
	}
	return lag == NEVER_MS || lag < LINK_LAG_MS ? lag : LINK_LAG_MS;
}

/* Once all is stopped the next agent may join again. */
static bool has_to_end(const struct agent *agent)
{
	return agent->removed && !agent->ended;
}

static bool is_due(const struct agent *agent)
{
	int64_t lag = lag_ms(agent);
	const Samoza__V1__LinkRecord *r = agent->link_record;
	if (agent->term != (r != NULL ? r->term : 0) ||
	    has_to_end(agent) != (r != NULL && r->removed))
		return true;
	if (lag == NEVER_MS && agent->offline_starts == 0)
		return false;
	return r == NULL ||
	       (lag != NEVER_MS &&
		(!agent->is_heard_recorded || agent->heard_ms - agent->recorded_ms > lag)) ||
	       !str_equal(r->machine, agent->machine) ||
	       r->heartbeat_ms != agent->heartbeat_ms ||
	       r->failure_timeout_ms != agent->failure_timeout_ms;
}

void link_record_update(struct agent *agent)
{
	if (!is_due(agent))
		return;
	Samoza__V1__LinkRecord r = SAMOZA__V1__LINK_RECORD__INIT;
	r.has_heard_mono_ms = r.has_heartbeat_ms = r.has_failure_timeout_ms = true;
	r.heard_mono_ms = agent->heard_ms;
	r.clock_mono_ms = agent->now.mono_ms;
	r.clock_wall_ms = agent->now.wall_ms;
	r.boot = agent->boot;
	r.machine = agent->machine;
	r.heartbeat_ms = agent->heartbeat_ms;
	r.failure_timeout_ms = agent->failure_timeout_ms;
	r.has_term = agent->term != 0;
	r.term = agent->term;
	r.has_removed = r.removed = has_to_end(agent);
	size_t size = samoza__v1__link_record__get_packed_size(&r);
	struct agent_record record = {
		.owner = AGENT_LINK,
		.id = mem_strdup("zrms"),
		.data = mem_calloc(1, size),
		.size = size,
	};
	samoza__v1__link_record__pack(&r, record.data);
	vector_push(&agent->outbox->records, record);
	samoza__v1__link_record__free_unpacked(agent->link_record, NULL);
	agent->link_record = message_copy(&r);
	agent->recorded_ms = agent->heard_ms;
	agent->is_heard_recorded = true;
}

static bool is_time(int64_t ms)
{
	return ms > 0 && ms < INT32_MAX;
}

int agent_load_link(struct agent *agent, const void *data, size_t size, struct error **err)
{
	PRE(!agent->begun);
	Samoza__V1__LinkRecord *r = samoza__v1__link_record__unpack(NULL, size, data);
	if (r == NULL)
		return error_set(err, ERR_INVALID, "the record of the link cannot be read");
	samoza__v1__link_record__free_unpacked(agent->link_record, NULL);
	agent->link_record = r;
	agent->term = r->term;
	agent->removed = r->removed;
	if (is_time(r->heartbeat_ms) && is_time(r->failure_timeout_ms)) {
		agent->heartbeat_ms = r->heartbeat_ms;
		agent->failure_timeout_ms = r->failure_timeout_ms;
	}
	return 0;
}
