/*
 * An HTTP/1.1 server on the event loop, behind a small request/response type of ours:
 * zrms's REST interface, event stream, artifacts and links; zhost's zedge.
 *
 *   route table ─► handler(context, request)
 *                     │ at once or later, exactly one of
 *                     ├─ http_reply…()          a whole answer
 *                     ├─ http_reply_file()      a file
 *                     ├─ http_reply_stream()    bytes as they come: server-sent events
 *                     └─ http_reply_upgrade()   the bare stream: links
 *
 * A request lives until it is answered; the client's leaving in between is not noticed (and a
 * handler that answers later need not care). One thread: everything is called from the loop.
 *
 * What is refused before a handler sees it: a header that is not whole after header_timeout_ms,
 * more than one Content-Length or Host, Transfer-Encoding in requests (411), bodies over the
 * route's limit (413, before they are read), paths that are not percent-encoded UTF-8 or hold
 * NUL, query parameters that the route does not know, too many connections. With
 * `loopback_only`: a Host that is not this machine (but over TLS), and an Origin that is not Host, so
 * that web pages of others cannot talk to a daemon on loopback.
 *
 * Underneath is libmicrohttpd in external epoll mode; its traps are handled where they arise
 * (see the comments), and no other part needs to know it.
 */
#ifndef SAMOZA_ADAPTER_HTTP_HTTP_H
#define SAMOZA_ADAPTER_HTTP_HTTP_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/uv/loop.h"
#include "base/error.h"
#include "port/stream.h"

struct http_server;
struct http_request;
struct http_stream;

enum http_body {
	HTTP_BODY_NONE,	  /* a body is refused */
	HTTP_BODY_MEMORY, /* at most options.memory_max */
	HTTP_BODY_SPOOL,  /* at most options.spool_max; large ones go to a file */
};

enum http_value {
	HTTP_TEXT, /* in one line */
	HTTP_NUMBER,
	HTTP_FLAG, /* 0, 1, true or false */
	HTTP_LINES,
};

/* A parameter of the query. */
struct http_query {
	const char *name;
	enum http_value type;
	const char *summary; /* for openapi.json */
};
/* For routes that take any parameter. */
extern const struct http_query http_query_any[];

/* One line of a server's table, which also makes openapi.json (openapi.h). */
struct http_route {
	const char *method; /* "GET" also answers HEAD */
	/* Segments with '/'; {name} is one segment, {name*} one or more (at most once). The
	 * first route that matches wins. */
	const char *pattern;
	void (*handler)(void *context, struct http_request *request);
	enum http_body body;
	const struct http_query *query; /* ends with {0}; NULL: none; http_query_any */
	const char *summary;		/* for openapi.json; NULL: not listed there */
	const ProtobufCMessageDescriptor *request_type; /* JSON body, or NULL */
	const ProtobufCMessageDescriptor *answer_type;	/* JSON answer, or NULL */
	/* Further for openapi.json: a name for the operation, the statuses of its success (NULL:
	 * "200"), and those of its refusals beside the ones that every request may meet ("404 409"). */
	const char *operation;
	const char *done;
	const char *refusals;
	unsigned needs;	 /* what options.admit makes of it; 0: nothing */
	size_t body_max; /* of a body in memory; 0: options.memory_max */
	/* Its body in memory has a secret: it is wiped as it goes, and is not in http_said(). */
	bool is_secret;
};

/* What is wrong with a request; status 0: nothing. */
struct http_refusal {
	unsigned status;
	const char *code; /* as error_code_name() */
	char *message;	  /* owned */
	int64_t after_ms; /* the answer waits so long, without holding up anything else; 0: not at all */
};

/* Zero takes the default. All strings and tables are borrowed for the server's life. */
struct http_options {
	const char *
		address; /* "127.0.0.1", "::1"; NULL: it does not listen, see http_server_take() */
	uint16_t port; /* 0: a free one, see http_server_port() */
	/* Path of a further, Unix socket for the owner of this program (owner_socket.h); NULL: none. */
	const char *socket;
	const struct http_route *routes;
	size_t route_count;
	void *context; /* of handlers and of error_body */
	/* Body (the caller frees) and type of an error answer; NULL: plain text. `code` is as
	 * error_code_name(). */
	char *(*error_body)(void *context, const char *code, const char *message,
			    const char **ret_type);
	/* Asked first, of whatever has come, also of what is refused for its address, its route or its form: so that who
	 * asks for what there is not is counted, too. May do what `admit` may. NULL: nobody counts. */
	struct http_refusal (*count)(void *context, struct http_request *request);
	/* Asked when the route is known, and before the body is read: whether the request may go on. It may
	 * http_set_user(), and add headers to the answer. NULL: all may. */
	struct http_refusal (*admit)(void *context, struct http_request *request,
				     const struct http_route *route);
	/* Told of the bytes of a request's body as they come, of those that are admitted. NULL: nobody. */
	void (*body)(void *context, struct http_request *request, const void *data,
		     size_t size);
	/* Asked when all of it is there: whether the handler is called now. Otherwise it was answered, or goes on with
	 * http_handle_again(). NULL: it is. */
	bool (*begins)(void *context, struct http_request *request,
		       const struct http_route *route);
	/* Whether the request comes through a trusted proxy, and its Host is the name by which that is asked for this
	 * server. NULL: none does. */
	bool (*is_proxied)(void *context, const struct http_request *request);
	/* Whether the connections from that address are of many clients: per_address_max is not for them. NULL: none
	 * are. */
	bool (*is_shared)(void *context, const char *address);
	/* Told of the bytes of an answer's body, whole or as they come. NULL: nobody. */
	void (*sent)(void *context, struct http_request *request, uint64_t bytes);
	/* Told of each refusal, before it is answered: `code` and `message` as of error_body(). NULL: nobody. */
	void (*refused)(void *context, struct http_request *request, const char *code,
			const char *message);
	const char *spool_dir;	  /* where large bodies go; needed for HTTP_BODY_SPOOL */
	bool loopback_only;	  /* check Host and Origin, see above */
	unsigned connections_max; /* 4096; those that were upgraded do not count */
	unsigned
		upgrades_max; /* connections_max: upgraded ones, beside those; a further one is refused (503) */
	/* Of http_server_take(), from one address or one /64 of IPv6, four times as many from this machine;
	 * 0: connections_max. */
	unsigned per_address_max;
	int64_t header_timeout_ms; /* 5 s: from the first to the last byte of a header */
	int64_t idle_timeout_ms;   /* 60 s without any byte */
	int64_t body_timeout_ms; /* 30 s for a body in memory, ten times that for a spooled one
				  */
	int64_t keepalive_ms;	 /* 15 s: ":" lines on silent streams */
	size_t memory_max;	 /* 1 MiB */
	size_t spool_max;	 /* 256 MiB */
};

/* Listens when it returns. ERR_CONFLICT: the port is taken. */
int http_server_new(struct loop *loop, const struct http_options *options,
		    struct http_server **ret_server, struct error **err) must_check;
uint16_t http_server_port(const struct http_server *server);
/* Serves a stream that somebody else has accepted, over TLS. It is taken over; closed where there are too many
 * connections already, or no descriptors. */
void http_server_take(struct http_server *server, struct stream *stream);
/* Where it listens on one address: lets another socket of this program listen on all addresses of its port, until
 * the end. ERR_CONFLICT: other programs of this user could do so, too. */
void http_server_share_port(struct http_server *server);
int http_server_share_port_end(struct http_server *server, struct error **err) must_check;
/* Takes no new connections and refuses new requests with 503; what is under way continues. */
void http_server_drain(struct http_server *server);
/* Answers what waits with 503, ends event streams (their closed() is called) and upgraded
 * streams that are not closed yet, frees the server. NULL is fine. Not from inside a handler. */
void http_server_free(struct http_server *server);

struct http_counters {
	uint64_t connections_total, requests_total, refused_total, uploads_total;
	uint64_t answers[6];	/* by first digit of the status */
	uint64_t starved_total; /* times when no descriptor was left for a new connection */
	unsigned connections, streams, waiting; /* open now; requests without an answer */
};
struct http_counters http_server_counters(const struct http_server *server);

/* ---- the request; what is returned lives as long as it ---- */

const char *http_method(const struct http_request *request);
/* As it was sent, still encoded, without the query. */
const char *http_raw_path(const struct http_request *request);
/* The same with the query, if there is one. */
const char *http_raw_target(const struct http_request *request);
/* {name} of the pattern, decoded. PRE: the pattern has it. */
const char *http_param(const struct http_request *request, const char *name);
/* Decoded, "" when it has no value, NULL when it is not there. */
const char *http_query(const struct http_request *request, const char *name);
/* Who sent it: the address, and over TLS what its certificate says. Lives as long as the request. */
const struct stream_peer *http_peer(const struct http_request *request);
/* Whether it came over TLS. */
bool http_is_secure(const struct http_request *request);
/* Whether it came over options.socket: from a process of the user that runs this program, or of root. */
bool http_is_owner(const struct http_request *request);
/* All values of a header that may come on several lines, in their order with ", " between; NULL: there is none. The
 * caller frees. */
char *http_header_list(const struct http_request *request, const char *name);
/* Whether Host is a name of this machine for itself: "127.0.0.1:8088", "localhost". */
bool http_host_is_loopback(const struct http_request *request);
/* The value of a header, or NULL: of several lines, the first one's. */
const char *http_header(const struct http_request *request, const char *name);
/* All that the client has written, but for headers, a body in a file and that of a route with a secret: segments of the path, values of the query,
 * decoded, and the body, one per line. The caller frees. */
char *http_said(const struct http_request *request);
/* Whatever options.admit has found out about who asks; freed with the request by `free_user`. */
void http_set_user(struct http_request *request, void *user, void (*free_user)(void *user));
/* NULL: nothing was set. */
void *http_user(const struct http_request *request);
/* The body, or NULL when it is in a file; followed by NUL. */
const char *http_body_data(const struct http_request *request);
size_t http_body_size(const struct http_request *request);
/* The spooled body, unnamed, positioned at 0; -1 when it is in memory. Borrowed: dup() it. */
int http_body_fd(const struct http_request *request);
/* Hands the body in memory over; NULL when it is in a file. The caller frees. */
char *http_body_take(struct http_request *request);

/* Calls the handler of a request that was not answered yet again. Not from inside a handler. */
void http_handle_again(struct http_request *request);

/* ---- the answer: exactly one of the replies ends the request ---- */

/* A further header; before the reply. */
void http_add_header(struct http_request *request, const char *name, const char *value);
/* `body` is malloc'ed and taken over; NULL: none. */
void http_reply(struct http_request *request, unsigned status, const char *type, char *body,
		size_t size);
/* options.error_body with a status of the caller's. */
void http_reply_failure(struct http_request *request, unsigned status, const char *code,
			const char *message);
/* The same after refusal.after_ms, without holding up anything else. Takes refusal.message over. */
void http_refuse_late(struct http_request *request, struct http_refusal refusal);
/* The same with a body of the caller's, as http_reply(). */
void http_reply_refusal(struct http_request *request, unsigned status, const char *code,
			const char *message, const char *type, char *body, size_t size);
/* `fd` is taken over. */
void http_reply_file(struct http_request *request, unsigned status, const char *type, int fd,
		     uint64_t size);

struct http_stream_handler {
	/* The client has left or the server ends, or http_stream_end() has been carried out;
	 * once; the stream is gone after it. */
	void (*closed)(void *user, struct http_stream *stream);
	/* Everything written was taken by the socket: more may be written. May be NULL. */
	void (*drained)(void *user, struct http_stream *stream);
};
/* Status 200. `max`: bytes that may wait. `sse`: silent streams get a comment line now and
 * then, which also finds clients that left. */
struct http_stream *http_reply_stream(struct http_request *request, const char *type, bool sse,
				      size_t max, const struct http_stream_handler *handler,
				      void *user);
/* -1: the client does not keep up, nothing was added. */
int http_stream_write(struct http_stream *stream, const void *data, size_t size) must_check;
/* Bytes that wait. */
size_t http_stream_waiting(const struct http_stream *stream);
/* Ends when what waits is sent; closed() follows. */
void http_stream_end(struct http_stream *stream);

/* The callee owns the stream, and sets its handler at once or closes it. */
typedef void http_upgrade_fn(void *user, struct stream *stream);
/* Whether the client asks for it: `Connection: Upgrade` and `Upgrade: PROTOCOL`. */
bool http_wants_upgrade(const struct http_request *request, const char *protocol);
void http_reply_upgrade(struct http_request *request, const char *protocol, http_upgrade_fn *fn,
			void *user);

#endif
