/*
 * What the files of the simulated network share:
 *
 *   network.c      machines, what is on its way, what is wrong between machines
 *   connect.c      connecting and listening
 *   sim_stream.c   reading and writing
 */
#ifndef SAMOZA_ADAPTER_SIM_NETWORK_PRIVATE_H
#define SAMOZA_ADAPTER_SIM_NETWORK_PRIVATE_H

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
	struct sim_machine *machine, *remote; /* remote: NULL until somebody answers */
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
	char *host, *protocol, *peer_name;
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
	const char *const *protocols;
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

/* ---- network.c ---- */

int64_t net_now_ms(const struct sim_network *net);
int64_t net_delay_ms(struct sim_network *net);
struct arrival *arrival_add(struct sim_stream *at, enum arrival_type type, int64_t at_ms);
/* After everything that is on its way to `at`. */
struct arrival *arrival_in_order(struct sim_stream *at, enum arrival_type type);
/* Drops what is on its way to `at`: of one type, or everything. */
void arrivals_drop(struct sim_stream *at, enum arrival_type type);
void arrivals_drop_all(struct sim_stream *at);
void reset_plan(struct sim_stream *s, int64_t at_ms, const char *why);
bool net_is_silent(const struct sim_network *net, const char *from, const char *to);
bool net_is_cut(const struct sim_network *net, const char *from, const char *to);
struct sim_machine *machine_find(struct sim_network *net, const char *name);

/* ---- connect.c ---- */

extern const struct stream_transport_ops sim_transport_ops;
void syn_arrived(struct sim_stream *client);
/* Takes the error over; NULL: connected. */
void connect_over(struct sim_stream *client, struct error *why);

/* ---- sim_stream.c ---- */

struct sim_stream *sim_stream_new(struct sim_machine *machine,
				  const struct stream_handler *handler, void *user);

#endif
