/*
 * [change.drain.drain] Drains: never more at a time than allowed, and at rest nothing is left that could
 * leave.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_DRAINS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_DRAINS_H

#include "proto/wire.pb-c.h"

struct fuzz;

/* A report comes to zrms: what it has decided to start before it reads that something has gone there. */
void check_drains_report(struct fuzz *f, const char *zhost, const Samoza__V1__Report *report);
/* A zhost says hello: what it has begun by itself meanwhile. */
void check_drains_hello(struct fuzz *f, const char *zhost, const Samoza__V1__Hello *hello);
/* After each commit. */
void check_drains_committed(struct fuzz *f);
/* At rest, without faults, with one zhost that is being drained. */
void check_drained(struct fuzz *f, const char *zhost);

#endif
