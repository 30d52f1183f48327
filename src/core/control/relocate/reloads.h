/*
 * Instances whose process was started with values of `env` or `config` that are others by now, and whose space says
 * `reload: restart`: their units are handed over, in the same revision, to copies that start with the new values, as a
 * change of version by `rolling` would; where they are, while that is eligible.
 *
 *   a provider comes, goes, exports something else ──┐
 *   a report: with which values a process started ───┴──► unit_reload_mark() ──► reloads_run() ──► handover_start()
 *
 * Derived, as drains are: compared is what a process has with what it would start with now. Values have to stand still first,
 * the longer the more reloads of the unit there were. While a reference has no value, what runs stays. One that finds no place is
 * not begun; one that waits, or starts its copy, is taken back when the values are again what runs has, when one is missing, and
 * for a rollout or a drain. After a handover that has ended, well or not, nothing is tried for the same values again: that is
 * durable. Units that make each other's values end after some of them.
 *
 * Source: [workloads.configuration].
 */
#ifndef SAMOZA_CORE_CONTROL_RELOADS_H
#define SAMOZA_CORE_CONTROL_RELOADS_H

#include <stdbool.h>
#include <stdint.h>

struct control;
struct copy;
struct unit_reload;

/* True: handovers have begun, so there is more to do in this flush. */
bool reloads_run(struct control *c);
/* When one of them goes on though nothing has changed; NEVER_MS. */
int64_t reloads_next_ms(const struct control *c);
/* That one; NULL: there is none. */
const struct unit_reload *reloads_first_timed(const struct control *c);
/* Its process has other values than it would start with now: why it still runs; the caller frees. NULL: it has not. PRE: it serves. */
char *reload_waits(const struct copy *copy);

#endif
