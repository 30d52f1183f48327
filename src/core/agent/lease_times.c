/* When the processes of a family stop by themselves. */
#include "core/agent/lease_times.h"

#include "core/agent/family.h"
#include "core/agent/limit.h"

/* How many levels of copies are inside of it. */
static int64_t height_of(const struct agent *agent, const struct agent_copy *copy)
{
	int64_t height = 0;
	const struct agent_copy *c = family_children(agent, copy);
	for (; c != NULL; c = c->sibling_next) {
		int64_t below = height_of(agent, c) + 1;
		if (below > height)
			height = below;
	}
	return height;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

struct lease_times lease_of(const struct agent *agent, const struct agent_copy *copy)
{
	struct lease_times times = {NEVER_MS, NEVER_MS};
	int64_t level = height_of(agent, copy);
	for (const struct agent_copy *x = copy; x != NULL; x = family_parent(agent, x)) {
		if (!copy_has_lease(x))
			continue;
		int64_t parts = height_of(agent, x) + 1, grace = limit_grace_ms(agent, x);
		int64_t stop = limit_lease_stop_ms(agent, x);
		times.stop_ms = earlier(times.stop_ms, stop + grace * level / parts);
		times.end_ms = earlier(times.end_ms, stop + grace * (level + 1) / parts);
	}
	return times;
}

bool lease_holds_start(const struct agent *agent, const struct agent_copy *copy)
{
	return copy_has_lease(copy) &&
	       ((copy->spec->exclusive && !agent->has_lease) || copy->fenced ||
		agent->now.mono_ms >= limit_lease_stop_ms(agent, copy));
}

void lease_order_renew(struct agent *agent, const struct agent_copy *copy)
{
	struct lease_times times = lease_of(agent, copy);
	vector_push(&agent->outbox->orders, ((struct agent_order){
						    .type = ORDER_RENEW,
						    .key = copy->key,
						    .spec = copy->spec,
						    .parent = copy->spec->parent,
						    .stop_ms = times.stop_ms,
						    .deadline_ms = times.end_ms,
					    }));
}

void lease_share(struct agent *agent, const struct agent_copy *copy)
{
	for (copy = family_parent(agent, copy); copy != NULL; copy = family_parent(agent, copy))
		if (phase_has_process(copy->phase) && lease_of(agent, copy).end_ms != NEVER_MS)
			lease_order_renew(agent, copy);
}
