/*
 * At rest nothing of a rollout, a handover, a placement, a drain or a rebalance waits to be noticed: who looks at all of them once more decides nothing
 * else. What follows from a change and is not looked at then would come with the next message, whatever that is about.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_NOTICED_H
#define SAMOZA_ZSIM_FUZZ_CHECK_NOTICED_H

struct fuzz;

/* Between two steps: sometimes it looks, when all is idle. */
void check_noticed(struct fuzz *f);

#endif
