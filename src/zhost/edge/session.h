/*
 * Pages that are open: each has a session, with a secret token that the page shows when it
 * emits, and an address that spaces see and answer to:
 *
 *   dashboard~1f6c9a02b7d44e31@edge-node-1       instance ~ address @ zhost of its zedge
 *
 * A session outlives its event stream for a while (a page that reconnects), and the space's
 * being re-placed; messages that come in between are kept, within bounds. It belongs to
 * names (topology, space), so that it also outlives a redeploy.
 */
#ifndef SAMOZA_ZHOST_EDGE_SESSION_H
#define SAMOZA_ZHOST_EDGE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/http/http.h"
#include "adapter/token/token.h"
#include "zhost/edge/client.h"

#define SESSIONS_MAX	   1000
#define SESSIONS_OF_CLIENT 200 /* so that one cannot keep all others out */
#define SESSION_IDLE_MS	   ((int64_t)60 * 1000)
#define SESSION_KEPT	   ((size_t)256 * 1024)	 /* while its page is away */
#define SESSION_STREAM_MAX ((size_t)1024 * 1024) /* on the way to it */

struct sessions;
struct session;

struct sessions *sessions_new(const char *zhost);
void sessions_free(struct sessions *s);

/* The session of the token if it is of this space; NULL otherwise. */
struct session *session_find(struct sessions *s, const char *token, const char *topology,
			     const char *space);
/* `client`: whose page it is; NULL: this machine's. NULL: too many are open, of one client SESSIONS_OF_CLIENT. */
struct session *session_new(struct sessions *s, const char *topology, const char *space,
			    const struct client_address *client, int64_t now_ms);
/* It is of somebody who has shown the secret with that hash (page_access.h). */
void session_bind(struct session *session, const uint8_t hash[TOKEN_HASH_SIZE]);
/* Ends all of which `holds` says no, by the hash of their secret; NULL: nothing was asked when they began. Nothing more goes
 * to their pages. */
void sessions_look(struct sessions *s,
		   bool (*holds)(void *user, const char *topology, const char *space,
				 const uint8_t *hash),
		   void *user);
/* "~ADDRESS@ZHOST", borrowed. */
const char *session_suffix(const struct session *session);

/* Answers the request with the session's events; an earlier stream of it is ended. */
void session_attach(struct session *session, struct http_request *request);

/* As edge_deliver(). */
int sessions_deliver(struct sessions *s, const char *topology, const char *space,
		     const char *suffix, size_t suffix_size, const char *path_name,
		     const char *from, const void *payload, size_t size);
/* Ends those whose page is gone; to be called now and then. */
void sessions_expire(struct sessions *s, int64_t now_ms);
/* Each space that has pages open, once. */
void sessions_visit_spaces(const struct sessions *s,
			   void (*visit)(void *data, const char *topology, const char *space),
			   void *data);
size_t sessions_count(const struct sessions *s);

#endif
