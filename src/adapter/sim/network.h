/*
 * Streams in memory (port/stream.h), between machines that are names, over a network that does
 * what the test asks for: it delays, fragments, cuts, and falls silent. Everything happens on one
 * simulated loop (loop.h), so a test of two ends is one thread and takes the same steps each time.
 *
 *   struct sim_network *net = sim_network_new(&loop, 1);
 *   struct stream_transport *zrms = sim_network_machine(net, "zrms");
 *   struct stream_transport *alpha = sim_network_machine(net, "alpha");
 *   stream_listen(zrms, ...);  stream_connect(alpha, &(...){.to = {"zrms", 7331}}, ...);
 *   sim_network_delay(net, 5, 20);
 *   sim_network_silence(net, "zrms", "alpha");      what zrms writes does not arrive
 */
#ifndef SAMOZA_ADAPTER_SIM_NETWORK_H
#define SAMOZA_ADAPTER_SIM_NETWORK_H

#include "port/stream.h"

struct sim_network;

/* `seed`: of delays and fragments. */
struct sim_network *sim_network_new(struct loop *loop, uint64_t seed);
/* PRE: every stream, listener and transport is closed. */
void sim_network_free(struct sim_network *net);

/* The network as one machine sees it; others connect to it by this name. Free it with
 * stream_transport_free(). */
struct stream_transport *sim_network_machine(struct sim_network *net, const char *name);
/* From now on the machine proves its identity: its peers see `name`, `role` and `cluster`, and
 * application protocols are negotiated with machines that do the same. */
void sim_network_certify(struct sim_network *net, const char *machine,
			 const struct stream_peer *identity);

/* Bytes need between min_ms and max_ms to arrive, always in order. At first 0. */
void sim_network_delay(struct sim_network *net, int64_t min_ms, int64_t max_ms);
/* One read or write moves between 1 and max_bytes bytes. 0: as many as there are. */
void sim_network_fragment(struct sim_network *net, size_t max_bytes);
/* How many bytes one direction of a stream holds before its writer must wait. At first 64 KiB. */
void sim_network_window(struct sim_network *net, size_t bytes);

/* The connections between two machines break at both ends; new ones are impossible. */
void sim_network_cut(struct sim_network *net, const char *a, const char *b);
/* Nothing that `from` sends arrives at `to`, and neither notices: half-open connections. After
 * SIM_KEEPALIVE_MS they break, as TCP's keep-alive has it. */
void sim_network_silence(struct sim_network *net, const char *from, const char *to);
/* Ends cuts and silences between the two. Bytes that were held back arrive. */
void sim_network_heal(struct sim_network *net, const char *a, const char *b);

enum { SIM_KEEPALIVE_MS = 60000 };

#endif
