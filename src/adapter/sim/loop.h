/*
 * The event loop of tests (port/loop.h): virtual time, no threads, no system calls. Time moves
 * only when nothing else can happen, and then to the next timer, so the same test takes the
 * same steps every time and ten virtual seconds take microseconds.
 *
 *   sim_loop_init(&loop);
 *   ... timers, tasks, streams of sim_network (stream.h) ...
 *   assert_true(sim_loop_until(&loop, is_connected, peer, 5000));
 *   sim_loop_done(&loop);
 */
#ifndef SAMOZA_ADAPTER_SIM_LOOP_H
#define SAMOZA_ADAPTER_SIM_LOOP_H

#include "port/loop.h"

void sim_loop_init(struct loop *loop);
/* PRE: all timers are freed. */
void sim_loop_done(struct loop *loop);

/* Runs everything that is due within `ms`; then the time is `ms` later than before. */
void sim_loop_run(struct loop *loop, int64_t ms);
/* Runs until `is_true`, at most `ms`; returns whether it became true. */
bool sim_loop_until(struct loop *loop, bool (*is_true)(void *user), void *user, int64_t ms);

#endif
