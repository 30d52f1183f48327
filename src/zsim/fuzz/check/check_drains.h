/*
 * [change.drain.drain] Drains: never more at a time than allowed, and at rest nothing is left that could
 * leave.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_DRAINS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_DRAINS_H

struct fuzz;

/* After each commit. */
void check_drains_committed(struct fuzz *f);
/* At rest, without faults, with one zhost that is being drained. */
void check_drained(struct fuzz *f, const char *zhost);

#endif
