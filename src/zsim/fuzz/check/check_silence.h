/*
 * The time in which zrms stood still is no silence: who is lost after it had a heartbeat interval and a check from then on, once for
 * each silence. And nobody is lost later than that: not after several times in which zrms stood still either.
 *
 * A zhost that waits for the answer to its HELLO is not silent: who is lost had a failure timeout from the answer on, or from the moment
 * in which zrms noticed that its link is closed.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_SILENCE_H
#define SAMOZA_ZSIM_FUZZ_CHECK_SILENCE_H

#include <stdint.h>

#include "proto/record.pb-c.h"

struct fuzz;

/* It begins now. */
void silence_stands_still(struct fuzz *f, int64_t duration_ms);
/* It ends now, if it has not. */
void silence_goes_on(struct fuzz *f);
/* An event of a zhost was committed. */
void check_silence(struct fuzz *f, const Samoza__V1__EventRecord *event);

#endif
