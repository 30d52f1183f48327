/*
 * Connections: how long each may take for a header or a body, and how a sleeping one is woken.
 */
#ifndef SAMOZA_ADAPTER_HTTP_CONNECTION_H
#define SAMOZA_ADAPTER_HTTP_CONNECTION_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "port/stream.h"

struct http_server;

struct http_connection {
	struct http_connection *next, **link; /* in server->connections */
	int fd;				      /* MHD's: only for shutdown(2) */
	bool in_header;			      /* no whole header since `since_ms` */
	int64_t since_ms;		      /* monotonic */
	int64_t header_limit_ms;	      /* how long that may last */
	int64_t body_deadline_ms;	      /* NEVER_MS: no body on its way */
	struct stream_peer peer;	      /* owns its strings */
	bool is_secure;			      /* over TLS */
	bool is_owner;			      /* over options.socket */
};

/* MHD's callback for connections that are opened and closed. */
void connection_notify(void *cls, struct MHD_Connection *connection, void **context,
		       enum MHD_ConnectionNotificationCode code);
struct http_connection *connection_of(struct MHD_Connection *connection);
/* Cuts off those that are too slow with a header or a body. */
void connections_sweep(struct http_server *server, int64_t now_ms);

/* MHD must look at its connections before the loop waits again. */
void server_must_run(struct http_server *server);
/* Resumes a suspended connection. */
void connection_resume(struct http_server *server, struct MHD_Connection *connection);

#endif
