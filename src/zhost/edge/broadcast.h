/*
 * A message to a UI space without a "#sender" is for all pages of it, at whichever zedge they
 * are open. The zhost where the space is placed (its home) receives it. Every other zedge that has
 * pages of the space open notifies the home every few seconds, and the home forwards messages to it:
 *
 *   zedge n1, n3 (pages open) ── MESH_MESSAGE, no path, to "dashboard" ──► home n2
 *   api ── emit "queries" ──► home n2 ── to "dashboard~*" ──► n1, n3 ──► pages
 *
 * Nothing is kept for pages that open later. When the space moves, messages sent before the next
 * notification are lost.
 */
#ifndef SAMOZA_ZHOST_EDGE_BROADCAST_H
#define SAMOZA_ZHOST_EDGE_BROADCAST_H

#include "port/mesh.h"
#include "zhost/mesh/mesh_table.h"

#define BROADCAST_NOTIFY_MS	3000
#define BROADCAST_KEPT_MS	10000
#define BROADCAST_LISTENERS_MAX 1000
#define BROADCAST_SUFFIX	"~*"

struct broadcast;

/* Both borrowed. `zhost`: the name of this one. */
struct broadcast *broadcast_new(const char *zhost, struct mesh_transport *transport);
void broadcast_free(struct broadcast *b);

/* Pages of the space are open here: notifies its home. */
void broadcast_notify(struct broadcast *b, const struct mesh_peer *peer);
/* At home: the zhost has pages of the space open. */
void broadcast_listen(struct broadcast *b, const struct mesh_peer *peer, const char *zhost,
		      int64_t now_ms);
/* At home: passes the message on to all who listen. How many there were. */
unsigned broadcast_pass_on(struct broadcast *b, const struct mesh_peer *peer,
			   const char *path_name, const char *from, const void *payload,
			   size_t size, int64_t now_ms);

#endif
