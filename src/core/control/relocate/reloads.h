/*
 * Instances whose process was started with values of `env` or `config` that are others by now, and whose space says
 * `reload: restart`: their units are handed over, in the same revision, to copies that start with the new values, as a
 * change of version by `rolling` would; where they are, while that is eligible.
 *
 *   a provider comes, goes, exports something else ──┐
 *   a report: with which values a process started ───┴──► each flush: reloads_run() ──► handover_start()
 *
 * Derived, as drains are: compared is what a process has with what it would start with now. While a reference has no value,
 * what runs stays. After a handover that has failed nothing is tried for these values again.
 *
 * Source: [workloads.configuration].
 */
#ifndef SAMOZA_CORE_CONTROL_RELOADS_H
#define SAMOZA_CORE_CONTROL_RELOADS_H

#include <stdbool.h>

struct control;
struct copy;

/* True: handovers have begun, so there is more to do in this flush. */
bool reloads_run(struct control *c);
/* Its process has other values than it would start with now: why it still runs; the caller frees. NULL: it has not. PRE: it serves. */
char *reload_waits(const struct copy *copy);

#endif
