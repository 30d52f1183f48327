/*
 * Zhosts of a plan: they do what they are asked, every action succeeds after its usual time, probes pass, and
 * nothing else happens. They speak the protocol of the link with a core, in virtual time.
 *
 *     core ──DESIRED, MESH_TABLE──► zhost ──action, time──► REPORT, MESH_APPLIED ──► core
 *                                     └────each interval──► HEARTBEAT ─────────────► core
 *
 * Where a copy is at the beginning is what its zhost has reported last. A zhost without a link says nothing.
 * Copies of an instance with `alone` take turns on their zhost, and what is inside of another one stops and is
 * undeployed before it, as core/agent does.
 */
#ifndef SAMOZA_CORE_PLAN_IDEAL_ZHOST_H
#define SAMOZA_CORE_PLAN_IDEAL_ZHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/control/control.h"

struct ideal_zhosts;

/* How long an action takes. */
struct ideal_times {
	int64_t deploy_ms, start_ms, update_ms, stop_ms, undeploy_ms;
};

/* The zhosts of that core that have a link, and what is on them. Both borrowed; `times` is copied. */
struct ideal_zhosts *ideal_zhosts_new(struct control *control, const struct ideal_times *times,
				      int64_t now_ms);
void ideal_zhosts_free(struct ideal_zhosts *all);

/* A message of the core; what it leads to comes later. */
void ideal_zhosts_take(struct ideal_zhosts *all, int64_t now_ms,
		       const struct link_message *message);
/* When something happens next; NEVER_MS: nothing. */
int64_t ideal_zhosts_next_ms(const struct ideal_zhosts *all);
/* Hands the core what happens until then. Returns how many inputs that were. */
size_t ideal_zhosts_run(struct ideal_zhosts *all, struct instant now, struct outbox *outbox);
/* Only heartbeats are to come. */
bool ideal_zhosts_are_idle(const struct ideal_zhosts *all);

#endif
