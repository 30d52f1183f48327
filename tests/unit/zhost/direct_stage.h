/* Zhosts "alpha" and "beta" that exchange messages: directly with TLS over a simulated network, and through a
 * simulated hub. */
#ifndef TEST_ZHOST_DIRECT_STAGE_H
#define TEST_ZHOST_DIRECT_STAGE_H

#include "test.h"

#include "adapter/sim/loop.h"
#include "adapter/sim/mesh.h"
#include "adapter/sim/network.h"
#include "adapter/tls/tls.h"
#include "base/vector.h"
#include "certificates.h"
#include "zhost/direct/direct_transport.h"

enum { ENDS = 2, PORT = 7400 };

struct end {
	struct stage *stage;
	const char *name;
	struct machine machine;
	char *directory, key[PKI_PIN_HEX];
	struct zhost_book *book;
	struct stream_transport *streams;
	struct mesh_transport *hub;
	struct direct_transport *direct;
	uint64_t starts;
	VECTOR(uint64_t) got; /* numbers */
};

struct stage {
	struct loop loop;
	struct sim_network *net;
	struct sim_mesh *hub;
	struct pki_authority *authority;
	struct pki_trust *trust;
	struct end ends[ENDS];
	uint64_t sent;
};

/* Both listen, and know each other. */
int stage_begin(void **state);
int stage_end(void **state);
struct stage *stage_new(uint64_t seed);
void stage_free(struct stage *s);
void stage_run(struct stage *s, int64_t ms);
/* The zhost begins or ends; what it has got is kept. */
void end_start(struct end *e);
void end_stop(struct end *e);
void end_restart(struct end *e);
/* `of` is said to be at `host`, with that key. */
void end_know(struct end *e, const struct end *of, const char *host, const char *key);
/* To `e`, the other end has a newer key than the one that it shows; or again only that one. */
void end_renew(struct end *e, bool is_newer);
/* A message with the next number to the other end; as mesh_transport_send(). */
int end_send(struct end *e);
/* PRE: there is one. */
struct direct_peer_view end_view(const struct end *e);
/* The direct network and the hub between both. */
void stage_cut_direct(struct stage *s, bool is_cut);
void stage_cut_hub(struct stage *s, bool is_cut);

#endif
