/*
 * Carries a rebalance out (rebalance.h): its moves are handovers to the zhosts that were chosen for them when it
 * was asked for, within the limits that it shares with drains (disruption.h). Each is tried once.
 *
 *   request ──► rebalance_choose() ──► its record is durable ──► answer
 *                                             │
 *   each flush ──► handovers, placement       ▼
 *                  rebalancing_run()          moves whose place has gone end, further ones begin;
 *                                             it ends when nothing is left
 *
 * What waits for a turn, for others of its space, or for room that its own moves are about to leave, is tried
 * again whenever something has changed. When none has been under way for five minutes, what waits stays.
 *
 * Source: [change.drain.rebalance].
 */
#ifndef SAMOZA_CORE_CONTROL_REBALANCING_H
#define SAMOZA_CORE_CONTROL_REBALANCING_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/record.pb-c.h"

struct control;
struct control_input;

/* `cluster rebalance`, and `--stop` of it. */
void rebalance_request(struct control *c, const struct control_input *input);
void rebalancing_load(struct control *c, const Samoza__V1__RebalanceRecord *record);

/* Ends moves whose place has gone, begins others. True: handovers have begun or ended, so there is more to do in this flush. */
bool rebalancing_run(struct control *c);
void rebalancing_tick(struct control *c);
int64_t rebalancing_next_ms(const struct control *c);
/* Something of it waits, and is given up by time. */
bool rebalancing_is_blocked(const struct control *c);

#endif
