/*
 * The HTTP client of daemons: one request on a stream of its own (port/stream.h), its response as
 * it arrives.
 *
 *   http_call_new() ─► connects ─► request ─► head() ─► body() … ─► done(NULL)
 *         │                │          │          │         │
 *         │                └──────────┴──────────┴─────────┴──────► done(why)
 *         └─ with options.upgrade:  101 ─► upgraded(stream), which is then the caller's
 *
 * The call frees itself after done() or upgraded(). No callback comes from inside a function of
 * this file.
 */
#ifndef SAMOZA_ADAPTER_HTTP_CLIENT_H
#define SAMOZA_ADAPTER_HTTP_CLIENT_H

#include "adapter/http/message.h"
#include "port/stream.h"

struct http_call;

/* Borrowed for the call of http_call_new(). */
struct http_call_options {
	const char *method; /* NULL: "GET" */
	const char *target;
	struct stream_address to;
	int64_t connect_ms;    /* until the stream stands; 0: idle_ms */
	int64_t idle_ms;       /* without a byte from the server */
	uint64_t body_max;     /* of the response; more is ERR_LIMIT */
	const char *peer_role; /* who must answer, where the kind of stream can tell; or NULL */
	const char *token; /* who asks: "Authorization: Bearer TOKEN"; NULL: nobody says so */
	/* JSON to send; NULL: the request has no body. */
	const char *json;
	/* A protocol to switch to, "samoza-link/1". Any answer but 101 is then ERR_UNAVAILABLE. */
	const char *upgrade;
};

struct http_call_handler {
	/* Status and fields are known. Negative: the call ends with that error. May be NULL. */
	int (*head)(void *user, const struct http_response *response, struct error **err);
	/* The next bytes of the body, borrowed. Negative: the call ends with that error. NULL:
	 * the body is dropped. */
	int (*body)(void *user, const void *data, size_t size, struct error **err);
	/* Once: the response is complete (NULL) or there will be none. ERR_TIMEOUT: nothing
	 * came for idle_ms. ERR_UNAVAILABLE: not reached, or broken off. ERR_INVALID: not HTTP. */
	void (*done)(void *user, const struct error *why);
	/* Instead of done(NULL): the stream speaks the other protocol now. */
	void (*upgraded)(void *user, struct stream *stream);
};

/* `handler` must outlive the call. */
struct http_call *http_call_new(struct loop *loop, struct stream_transport *transport,
				const struct http_call_options *options,
				const struct http_call_handler *handler, void *user);
/* The same on a stream that stands already; it is taken over. options->to names its other end. */
struct http_call *http_call_on(struct stream *stream, const struct http_call_options *options,
			       const struct http_call_handler *handler, void *user);
/* No callback follows. NULL is fine; not from inside done() and upgraded(). */
void http_call_cancel(struct http_call *call);

#endif
