/*
 * Streams of the simulated network.
 */
#ifndef SAMOZA_ADAPTER_SIM_SIM_STREAM_H
#define SAMOZA_ADAPTER_SIM_SIM_STREAM_H

#include "adapter/sim/network_state.h"

/* Not connected yet. */
struct sim_stream *sim_stream_new(struct sim_machine *machine,
				  const struct stream_handler *handler, void *user);

#endif
