/*
 * [change.drain.rebalance] Rebalances: nothing moves that stops first unless it is named, each ends, and in peace a
 * second one finds nothing. How many units they hand over at a time is in check_drains.h.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_REBALANCES_H
#define SAMOZA_ZSIM_FUZZ_CHECK_REBALANCES_H

#include "core/outbox.h"

struct fuzz;

/* A move of the newest one waits for its turn: a stop drops it. */
bool check_rebalance_waits(const struct fuzz *f);
/* A record of one, in the commit that is looked at. */
void check_rebalance_taken(struct fuzz *f, const struct record_change *r);
void check_rebalance_event(struct fuzz *f, const Samoza__V1__EventRecord *e);
/* After each commit. */
void check_rebalances_committed(struct fuzz *f);
/* At rest, without faults: none is running. */
void check_rebalances_ended(struct fuzz *f);
/* At rest, after one that was asked for in peace. True: everything that it chose has moved, nothing is better off
 * elsewhere, and nothing that time ends keeps it from there: a second one has to find nothing. */
bool check_rebalance_is_whole(const struct fuzz *f);
/* That second one, at rest. */
void check_rebalance_found_nothing(struct fuzz *f);
void check_rebalances_done(struct fuzz *f);

#endif
