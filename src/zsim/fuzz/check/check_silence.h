/*
 * The time in which zrms stood still is no silence: who is lost after it had a heartbeat interval and a check from then on. Looked at
 * the first time in a life of zrms, since a silence is forgiven once.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_SILENCE_H
#define SAMOZA_ZSIM_FUZZ_CHECK_SILENCE_H

#include <stdint.h>

#include "proto/record.pb-c.h"

struct fuzz;

/* It begins now. */
void silence_stands_still(struct fuzz *f, int64_t duration_ms);
/* An event of a zhost was committed. */
void check_silence(struct fuzz *f, const Samoza__V1__EventRecord *event);

#endif
