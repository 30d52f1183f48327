/*
 * One turn of waiting.
 */
#ifndef SAMOZA_ZRUN_NATIVE_NATIVE_TURN_H
#define SAMOZA_ZRUN_NATIVE_NATIVE_TURN_H

#include "zrun/native/native_state.h"

/* Waits for something to happen, at most until then (monotonic), and takes it. */
void native_turn(struct native *n, uint64_t until_ms);

#endif
