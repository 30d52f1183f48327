/*
 * Machines: connecting and listening.
 */
#ifndef SAMOZA_ADAPTER_SIM_CONNECT_H
#define SAMOZA_ADAPTER_SIM_CONNECT_H

#include "adapter/sim/network_state.h"

/* NULL when there is none. */
struct sim_machine *machine_find(struct sim_network *net, const char *name);
/* What happens on arrivals while `client` connects. */
void syn_arrived(struct sim_stream *client);
/* Takes the error over; NULL: connected. */
void connect_over(struct sim_stream *client, struct error *why);

#endif
