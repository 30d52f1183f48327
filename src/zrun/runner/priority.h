/*
 * The share of a process under contention, and the most that it may use, without a control group: by
 * its nice value and by pauses. Joining a group of version 1 costs a start some 10 ms, and not every
 * machine lets groups be made.
 */
#ifndef SAMOZA_ZRUN_RUNNER_PRIORITY_H
#define SAMOZA_ZRUN_RUNNER_PRIORITY_H

#include <stdint.h>

/* Whose weight in the kernel is nearest to this part of a processor, where 1000 millicores have that
 * of an ordinary process; 0 to 19. Never before an ordinary process, as zhost is: what runs in a space
 * does not hold up the messages of others. 0 millicores: 0. */
int priority_nice(uint32_t cpu_millicores);
/* Of this process and its children to come. */
void priority_set(uint32_t cpu_millicores);
/* Where the kernel shares the processors between sessions first (autogroups), the nice value of a
 * process counts only within its session. Gives it to the session, too, if it is this process' own. */
void priority_set_session(void);
/* From now on this process uses at most this part of a processor: whenever it has computed for a while,
 * it pauses for as long as that was too early (SIGPROF, on the signal stack). Handlers of other
 * signals run meanwhile, deadlines too. Only for one thread. 0: no limit. */
void priority_limit(uint32_t cpu_millicores);

#endif
