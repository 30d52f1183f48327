/*
 * What is on its way: a queue by time, then in the order of sending, with one timer.
 */
#ifndef SAMOZA_ADAPTER_SIM_ARRIVALS_H
#define SAMOZA_ADAPTER_SIM_ARRIVALS_H

#include "adapter/sim/network_state.h"

int64_t net_now_ms(const struct sim_network *net);
/* Draws how long something takes to arrive. */
int64_t net_delay_ms(struct sim_network *net);

struct arrival *arrival_add(struct sim_stream *at, enum arrival_type type, int64_t at_ms);
/* After everything that is on its way to `at`. */
struct arrival *arrival_in_order(struct sim_stream *at, enum arrival_type type);
/* The next that no silence holds back, or NULL. */
struct arrival *arrival_next(const struct sim_network *net);
void arrival_free(struct arrival *a);
/* Drops what is on its way to `at`: of one type, or everything. */
void arrivals_drop(struct sim_stream *at, enum arrival_type type);
void arrivals_drop_all(struct sim_stream *at);
/* Sets the network's timer to the next arrival, for when a trouble has begun or ended. */
void arrivals_schedule(struct sim_network *net);
/* The connection breaks at this end, unless it is broken already. */
void reset_plan(struct sim_stream *s, int64_t at_ms, const char *why);

#endif
