/*
 * What is no silence of zhosts: the time in which zrms was held itself (its machine slept or stood still, a turn of its loop
 * took long) and could hear nobody.
 *
 *     last call ──── tick is due ──── held ────► next call: held for longer than a sixth of the failure timeout
 *                                                 └─► who would be judged soon is judged a heartbeat and a check later
 *
 * That is time enough for who is well: a zhost sends a heartbeat, or tries for a link, at least once per interval
 * [topology.detection.heartbeat]. Once for each silence, so that a zrms that is held again and again still loses who is gone:
 * a zhost is forgiven while its deadline is no later than its silence alone makes it.
 *
 * Nor the time in which a zhost waits for the answer to its HELLO: it sends no heartbeat before, and the answer waits until what HELLO
 * has changed is durable.
 *
 *     HELLO ──── waits for the store ────► the answer is with its link (CONTROL_HELLO_ANSWERED), or that is closed
 *                                           └─► silent from here on, until it is heard
 *
 * It needs no bound: what is decided after a HELLO leaves zrms after the answer to it, so an earlier judgement would help nobody. An
 * answer that does not get through is no sign of life.
 *
 * Nothing but the judgement waits. An exclusive instance may live elsewhere only after what its lease allows, which is counted
 * from the last heartbeat that was heard (zhost_leases_end_ms()), not from the judgement.
 */
#ifndef SAMOZA_CORE_CONTROL_SILENCE_H
#define SAMOZA_CORE_CONTROL_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

struct control;

/* Whether zrms was held until that time, at which it is called again. */
bool silence_was_held(const struct control *c, int64_t mono_ms);
/* Before any input. */
void silence_forgive(struct control *c);

#endif
