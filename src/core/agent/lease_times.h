/*
 * The leases that processes have. Those of a copy with a lease and of all inside it stop by themselves, in
 * the order in which the agent would stop them (lease.c), also where no zhost runs: the time from stop to
 * end is divided among the levels, the innermost first.
 *
 *     stop ───── children ─────┬───── parent ───── end
 */
#ifndef SAMOZA_CORE_AGENT_LEASE_TIMES_H
#define SAMOZA_CORE_AGENT_LEASE_TIMES_H

#include "core/agent/internal.h"

/* When a copy's process stops by itself, and when it is gone (monotonic); NEVER_MS: neither it nor a copy
 * that it is inside has a lease. */
struct lease_times {
	int64_t stop_ms, end_ms;
};
struct lease_times lease_of(const struct agent *agent, const struct agent_copy *copy);
/* A copy whose lease is over does not start before a heartbeat is acknowledged, and an exclusive one never. */
bool lease_holds_start(const struct agent *agent, const struct agent_copy *copy);
/* Gives its process the lease of now. */
void lease_order_renew(struct agent *agent, const struct agent_copy *copy);
/* The copies that it is inside are given their lease again: it begins to take a part of their time. */
void lease_share(struct agent *agent, const struct agent_copy *copy);

#endif
