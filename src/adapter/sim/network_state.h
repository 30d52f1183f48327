/*
 * The simulated network, as its files see it; each uses those below it:
 *
 *   network.c      the network, its faults, what happens on an arrival
 *   connect.c      machines: connecting and listening
 *   sim_stream.c   reading and writing
 *   arrivals.c     what is on its way
 *   troubles.c     what is wrong between machines
 */
#ifndef SAMOZA_ADAPTER_SIM_NETWORK_STATE_H
#define SAMOZA_ADAPTER_SIM_NETWORK_STATE_H

#include "adapter/sim/network.h"
#include "base/random.h"

/* What comes to a stream, or to a connection that is being made, at its time. */
enum arrival_type {
	ARRIVES_SYN,	   /* at the machine that listens */
	ARRIVES_CONNECTED, /* at the machine that connects, as the following two */
	ARRIVES_REFUSED,
	ARRIVES_TIMEOUT,
	ARRIVES_BYTES,
	ARRIVES_END,
	ARRIVES_RESET,
};

struct arrival {
	struct arrival *next, *prev; /* in network.arrivals */
	struct sim_stream *at;
	enum arrival_type type;
	int64_t at_ms;
	size_t size;	   /* BYTES */
	struct error *why; /* REFUSED, TIMEOUT, RESET */
};

struct sim_stream {
	struct stream stream;
	struct sim_machine *machine, *remote; /* remote: NULL until a peer answers */
	struct sim_stream *other;	      /* NULL: none yet, or closed at that end */
	struct sim_stream *next, *prev;	      /* in network.streams */
	/* What the other end wrote: the first `arrived` bytes can be read, the rest is under way. */
	struct buffer bytes;
	size_t arrived;
	bool end_arrived;
	int64_t last_arrival_ms; /* nothing arrives before it */
	struct error *broken;	 /* by a reset */
	bool is_connected;
	/* while connecting */
	char *host, *protocol, *peer_role, *peer_name;
	uint16_t port;
	char address[64]; /* of the peer */
};

struct sim_machine {
	struct stream_transport transport;
	struct sim_network *net;
	struct sim_machine *next;
	char *name;
	uint16_t last_port;
	struct stream_peer identity; /* of sim_network_certify(); owns its strings */
};

struct sim_listener {
	struct stream_listener listener;
	struct sim_machine *machine;
	const struct stream_protocol *protocols;
	bool is_held;			  /* who connects waits on the way */
	struct sim_listener *next, *prev; /* in network.listeners */
};

/* What is wrong between two machines, in one direction. */
struct trouble {
	char *from, *to;
	bool is_cut; /* else silent */
};

struct sim_network {
	struct loop *loop;
	struct random random;
	int64_t delay_min_ms, delay_max_ms;
	size_t fragment_max, window;
	struct arrival *arrivals; /* by time, then in the order in which they were sent */
	struct loop_timer *timer;
	struct sim_stream *streams;
	struct sim_listener *listeners;
	struct sim_machine *machines;
	VECTOR(struct trouble) troubles;
};

#endif
