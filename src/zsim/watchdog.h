/*
 * An assertion, a crash, or a call of the core that does not come back: nothing can be done any more but
 * to say in which seed or scenario it was, and to end.
 *
 *   watchdog_start()   once
 *   watchdog_watch()   before each seed, scenario or step: names it, and its time begins
 */
#ifndef SAMOZA_ZSIM_WATCHDOG_H
#define SAMOZA_ZSIM_WATCHDOG_H

/* From now on "FAIL NAME: what happened" is printed on stdout, and the program ends with CLI_FAILED, at an
 * assertion that fails, at a crash, and when what is watched computes for longer than `seconds`, of processor
 * time: whatever else the machine does. */
void watchdog_start(unsigned seconds);
/* `name` is copied, its first 255 bytes. Flushes stdout: what was printed before is seen whatever happens. */
void watchdog_watch(const char *name);

#endif
