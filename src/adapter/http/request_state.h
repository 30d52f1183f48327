/*
 * A request on its way, as the parts of the server see it.
 */
#ifndef SAMOZA_ADAPTER_HTTP_REQUEST_STATE_H
#define SAMOZA_ADAPTER_HTTP_REQUEST_STATE_H

#include <microhttpd.h>

#include "adapter/http/http.h"
#include "adapter/http/target.h"
#include "base/buffer.h"
#include "base/vector.h"

struct http_server;
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
	struct http_refusal late; /* that waits; status 0: none */
	int64_t late_ms; /* monotonic clock: when it is answered; 0: its body is read first */

	bool in_handler; /* MHD's callback is below us on the stack: no resume needed */
	bool suspended;
	bool answered; /* response and status are set */
	bool queued;   /* and were given to MHD */
	struct MHD_Response *response;
	unsigned status;
	VECTOR(char *) headers;	   /* name, value, name, value ... for the response */
	http_upgrade_fn *upgraded; /* of http_reply_upgrade() */
	void *upgrade_user;
	void *user; /* http_set_user() */
	void (*free_user)(void *user);
	struct error *target_error; /* of the request line; refused once headers are there */
};

#endif
