/*
 * A small HTTP client of zbench's own: one connection, kept alive, plain blocking sockets. Its
 * cost is part of what is measured, on the same cores, so there is as little of it as can be.
 *
 *   struct client c = {.port = port};                    any number of requests, then
 *   client_request(&c, "POST", "/v1/topologies", data, size, &answer, &err);
 *   client_done(&c);
 *
 * Requests show the token in SAMOZA_TOKEN, which a cluster sets (cluster.h).
 *
 * A stream of server-sent events takes the connection for itself: events.h.
 */
#ifndef SAMOZA_ZBENCH_CLIENT_H
#define SAMOZA_ZBENCH_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/http/message.h"
#include "base/buffer.h"
#include "base/error.h"

/* Monotonic. */
uint64_t now_ns(void);
double seconds_between(uint64_t from_ns, uint64_t to_ns);

struct client {
	uint16_t port; /* on 127.0.0.1 */
	int fd;	       /* valid where `connected` */
	bool connected;
	/* private */
	uint64_t used_ns;    /* when the newest request began */
	struct buffer input; /* not taken by `response` yet */
	struct http_response response;
	bool has_response; /* initialized */
	bool is_complete;  /* of the newest request */
};

/* Closes and frees; the struct may be used again. */
void client_done(struct client *c);

/* Connects unless connected. ERR_UNAVAILABLE. */
int client_connect(struct client *c, struct error **err) must_check;

struct answer {
	int status;
	struct buffer body;
};
void answer_done(struct answer *a);

/*
 * One request and its whole answer, whatever its status; `ret_answer` is overwritten and its
 * memory used again. `body` NULL: none. At most a minute; ERR_UNAVAILABLE, ERR_TIMEOUT,
 * ERR_INVALID (not HTTP).
 */
int client_request(struct client *c, const char *method, const char *path, const void *body,
		   size_t size, struct answer *answer, struct error **err) must_check;

/* As client_request; a status other than 2xx is an error that quotes the answer. The JSON is
 * the caller's; NULL where the answer has no body. `ret_json` may be NULL. */
int client_call(struct client *c, const char *method, const char *path, const void *body,
		size_t size, json_t **ret_json, struct error **err) must_check;

/* For streams: sends, reads the header, leaves the body. */
int client_begin(struct client *c, const char *method, const char *path, const void *body,
		 size_t size, uint64_t deadline_ns, int *ret_status,
		 struct error **err) must_check;
/* Appends what comes next of the body: 1, 0 at its end, ERR_TIMEOUT at the deadline. */
int client_more(struct client *c, uint64_t deadline_ns, struct buffer *to,
		struct error **err) must_check;

#endif
