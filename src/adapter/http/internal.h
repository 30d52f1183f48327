/*
 * What the files of this folder share. Nobody else includes it.
 *
 *   server.c    life of the daemon: set-up, loop, sweeps, end
 *   request.c   from the first byte of a request to its handler; the body
 *   reply.c     answers
 *   stream.c    answers whose bytes come later
 *   upgrade.c   sockets that become links
 *   target.c    percent-encoding, query, patterns
 */
#ifndef SAMOZA_ADAPTER_HTTP_INTERNAL_H
#define SAMOZA_ADAPTER_HTTP_INTERNAL_H

#include <microhttpd.h>

#include "adapter/http/http.h"
#include "adapter/http/target.h"
#include "base/buffer.h"
#include "base/heap.h"

struct http_connection {
	struct http_connection *next, **link; /* in server->connections */
	int fd;				      /* MHD's: only for shutdown(2) */
	bool in_header;			      /* no whole header since `since_ms` */
	int64_t since_ms;		      /* monotonic */
	int64_t header_limit_ms;	      /* how long that may last */
	int64_t body_deadline_ms;	      /* NEVER_MS: no body on its way */
};

struct spool_job;

enum request_phase {
	REQUEST_HEADER,	    /* before the first call of the access handler */
	REQUEST_BODY,	    /* its body arrives */
	REQUEST_DISPATCHED, /* its handler has been called */
};

struct http_request {
	struct http_request *next, **link; /* in server->requests */
	struct http_server *server;
	struct MHD_Connection *connection;
	enum request_phase phase;
	struct http_target target; /* path, segments, query */
	const struct http_route *route;
	struct http_match match; /* {name}s of the route's pattern */
	char *method;

	uint64_t content_length;
	struct buffer body;    /* in memory; for a spooled one: what is not written yet */
	int spool_fd;	       /* -1: in memory */
	uint64_t spooled;      /* bytes that were handed to spool jobs */
	struct spool_job *job; /* a chunk is being written; the connection is suspended */
	bool spool_failed;

	bool in_handler; /* MHD's callback is below us on the stack: no resume needed */
	bool suspended;
	bool answered; /* response and status are set */
	bool queued;   /* and were given to MHD */
	struct MHD_Response *response;
	unsigned status;
	VECTOR(char *) headers;	   /* name, value, name, value ... for the response */
	http_upgrade_fn *upgraded; /* of http_reply_upgrade() */
	void *upgrade_user;
	struct error *target_error; /* of the request line; refused once headers are there */
};

struct http_stream {
	struct http_stream *next, **link; /* in server->streams */
	struct http_server *server;
	struct MHD_Connection *connection;
	const struct http_stream_handler *handler; /* borrowed */
	void *user;
	struct buffer output; /* [sent, size) waits */
	size_t sent;
	bool sse, suspended, ended;
	int64_t last_write_ms;
	struct loop_task drained;
};

/* A socket that was handed out by an upgrade, as a stream. */
struct http_lent {
	struct http_lent *next, **link; /* in server->lent */
	struct http_server *server; /* NULL: the server has ended before it was given back */
	struct MHD_UpgradeResponseHandle *handle;
};

struct http_server {
	struct loop *loop;
	struct http_options options;
	struct MHD_Daemon *daemon;
	uint16_t port;
	uv_poll_t *poll;	    /* on MHD's epoll descriptor */
	struct loop_timer *timeout; /* MHD's own */
	struct loop_timer *sweep;   /* ours */
	bool dirty;		    /* MHD_run() is needed */
	bool draining;		    /* new requests get 503 */
	bool stopping;		    /* unanswered requests get 503 */
	struct http_connection *connections;
	struct http_request *requests;
	struct http_stream *streams;
	struct http_lent *lent;
	struct http_counters counters;
};

/* The intrusive lists above. */
#define LIST_ADD(head, item)                          \
	do {                                          \
		(item)->next = (head);                \
		(item)->link = &(head);               \
		if ((head) != NULL)                   \
			(head)->link = &(item)->next; \
		(head) = (item);                      \
	} while (0)
#define LIST_REMOVE(item)                                  \
	do {                                               \
		*(item)->link = (item)->next;              \
		if ((item)->next != NULL)                  \
			(item)->next->link = (item)->link; \
	} while (0)

/* server.c: after MHD_resume_connection() and the like. */
void server_must_run(struct http_server *server);
void connection_resume(struct http_server *server, struct MHD_Connection *connection);

/* request.c: MHD's callbacks */
void *request_begin(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result request_handle(void *cls, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *data,
			       size_t *data_size, void **context);
void request_completed(void *cls, struct MHD_Connection *connection, void **context,
		       enum MHD_RequestTerminationCode code);
struct http_connection *connection_of(struct MHD_Connection *connection);

/* spool.c */
enum { SPOOL_MEMORY_MAX = 256 * 1024 }; /* larger bodies go to a file */
/* Opens the unnamed file. */
int spool_open(struct http_request *request, struct error **err) must_check;
/* Suspends the connection and writes what request->body holds; resumes when it is done. */
void spool_write(struct http_request *request);
/* The request goes: a running job is left to itself. */
void spool_abandon(struct http_request *request);

/* stream.c: a comment line, where there is room for it. */
void http_stream_keepalive(struct http_stream *stream, int64_t now_ms);

/* reply.c */
enum MHD_Result reply_queue(struct http_request *request);
void reply_with(struct http_request *request, unsigned status, const char *type,
		struct MHD_Response *response);

#endif
