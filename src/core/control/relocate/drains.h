/*
 * Drains of zhosts: the units there are handed over to other zhosts, as many at a time as the settings and
 * their spaces allow; what cannot move says why, and is looked at again whenever something has changed.
 *
 *   each flush ──► drains_prepare()     those that found no place make room for others
 *                  rollouts, handovers, placement
 *                  drains_run()         begins further handovers; the list of what is left
 *                  drains_give_up()     those that have lost their place, and got no other: a change may wait for them
 *
 * What is to be moved is derived, not stored: a restart of zrms, a loss and a rollout change nothing here. A
 * handover says that a drain has begun it (unit_handover.drains).
 *
 * Source: [change.drain.drain].
 */
#ifndef SAMOZA_CORE_CONTROL_DRAINS_H
#define SAMOZA_CORE_CONTROL_DRAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/record.pb-c.h"

struct control;
struct control_zhost;

/* Asked for; a drain that is under way continues with the new deadline. `deadline_ms`: from now on; 0: none.
 * PRE: the zhost is cordoned. */
void drain_begin(struct control *c, struct control_zhost *z, int64_t deadline_ms, bool force);
/* The zhost is uncordoned: what has not left stays, what is about to take over does. Nothing where there is
 * none. */
void drain_cancel(struct control *c, struct control_zhost *z);
/* The zhost is back, or something has ended or gone there: what goes now is not started before. */
void drain_heard(struct control *c, struct control_zhost *z);
/* The zhost is removed. */
void drain_drop(struct control *c, struct control_zhost *z);
void drains_load(struct control *c, struct control_zhost *z,
		 const Samoza__V1__DrainRecord *record);

void drains_prepare(struct control *c);
/* True: handovers have begun, so there is more to do in this flush. */
bool drains_run(struct control *c);
/* True: handovers have ended that found no place, so there is more to do in this flush. At most once in each: what is tried
 * again and finds none waits for the next one. */
bool drains_give_up(struct control *c);
/* Ends those whose deadline is over. What goes now is not started before. */
void drains_tick(struct control *c);
int64_t drains_next_ms(const struct control *c);

#endif
