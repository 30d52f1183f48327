/*
 * zedge: serves the pages of UI spaces to browsers and carries their messages
 * ([shell.zedge]; docs/mesh.md).
 *
 *   GET  /                                     what is served here
 *   GET  /TOPOLOGY/SPACE/FILE                  the space's files, from wherever it is placed
 *   GET  /TOPOLOGY/SPACE/samoza.js             emit(path, data), onMessage(callback)
 *   GET  /TOPOLOGY/SPACE/_samoza/messages      server-sent events: a session, its messages
 *   POST /TOPOLOGY/SPACE/_samoza/emit?path=P   a message of a session along path P
 *   GET  /TOPOLOGY/SPACE/_samoza/placements    which zhost each space runs on
 *   GET  /TOPOLOGY/SPACE/_samoza/sign-in       where a page asks for it: a form for a code; POST: the code
 *   GET  /healthz, /metrics                    of this zhost
 *
 * Everybody who reaches it may read pages, but for those that ask for a token (page_access.h). The list, the metrics and
 * which zhosts there are is for this machine alone: who comes from another one, or through a trusted proxy, gets 404 (audience.h).
 *
 * Every zhost serves every started UI space that it knows (MESH_TABLE); the files come by
 * digest from zrms, once.
 */
#ifndef SAMOZA_ZHOST_EDGE_EDGE_H
#define SAMOZA_ZHOST_EDGE_EDGE_H

#include "adapter/cli/cli.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/metrics.h"
#include "zhost/artifact/artifact.h"
#include "zhost/edge/client_limits.h"
#include "zhost/mesh/mesh.h"
#include "zhost/uplink/upstream.h"

struct edge;

/* How it is reached by others ([machines.transport.zedge]). */
struct edge_public {
	const char *certificate, *key; /* PEM files; NULL: plain HTTP, on loopback */
	const char *proxies;	       /* networks of trusted proxies, client.h; NULL: none */
	const char
		*url; /* by which browsers reach it; NULL: by its address. PRE: with proxies */
	/* Of one client, which is not this machine; 0: any number. */
	uint32_t connections;
	struct client_rates rates;
};

/* All borrowed. */
struct edge_options {
	struct loop *loop;
	struct cli_address listen; /* port 0: any; not of loopback only with a certificate */
	const struct edge_public *public; /* borrowed for the call, but for what it says */
	struct artifacts *artifacts;
	struct mesh *mesh; /* its pages are those of this edge from now on */
	struct upstream *upstream;
	struct metric_registry *metrics; /* for GET /metrics; gets those of this edge */
};

/* Listens. ERR_DENIED: other machines would reach it, and there is no certificate. Further errors are those of
 * tls_transport_new(). */
int edge_new(const struct edge_options *options, struct edge **ret_edge,
	     struct error **err) must_check;
void edge_free(struct edge *e);
extern const struct metric_source edge_metrics; /* of struct edge */

/* The port that it listens on. */
uint16_t edge_port(const struct edge *e);

/* What zrms says of somebody who has shown something for a page. */
void edge_take(struct edge *e, const Samoza__V1__PageAnswer *answer);

/* A message for pages of the UI space `peer`: for the session in `suffix` ("~SESSION@ZHOST"),
 * with BROADCAST_SUFFIX for all that are open here, with an empty one for all that are open
 * anywhere (broadcast.h). 0, -EHOSTUNREACH when no page is open there, -EAGAIN when a page does not
 * keep up. */
int edge_deliver(struct edge *e, const struct mesh_peer *peer, const char *suffix,
		 size_t suffix_size, const char *path_name, const char *from,
		 const void *payload, size_t size);

#endif
