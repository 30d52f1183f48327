/*
 * HTTP/1.1 from the client's side, as bytes: writes the head of a request, and takes a response
 * apart as it arrives. No sockets, no waiting: the clients of daemons (client.h) and of zbench
 * share it.
 *
 *   struct http_response response;
 *   http_response_init(&response);
 *   while (http_response_take(&response, data + used, size - used, &part, &err) == 0) {
 *           used += part.used;
 *           HTTP_PART_HEAD    status and fields are known
 *           HTTP_PART_BODY    part.data, part.size: the next bytes of the body
 *           HTTP_PART_END     the response is complete; what follows is not part of it
 *           HTTP_PART_NONE    all was used, more is needed
 *   }
 */
#ifndef SAMOZA_ADAPTER_HTTP_MESSAGE_H
#define SAMOZA_ADAPTER_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/vector.h"

enum { HTTP_HEAD_MAX = 64 * 1024 };

struct http_field {
	const char *name, *value;
};

/* ---- request ---- */

struct http_request_head {
	const char *method, *target; /* target: percent-encoded path and query */
	const char *host;	     /* name or numeric address, without brackets */
	uint16_t port;
	const struct http_field *fields; /* further ones */
	size_t field_count;
	bool has_body;
	size_t body_size;
};

/* Appends the head. ERR_LIMIT: `to` is full. ERR_INVALID: a line break in a value. */
int http_request_write(struct buffer *to, const struct http_request_head *head,
		       struct error **err) must_check;

/* ---- response ---- */

enum http_part_type { HTTP_PART_NONE, HTTP_PART_HEAD, HTTP_PART_BODY, HTTP_PART_END };

struct http_part {
	enum http_part_type type;
	size_t used;	  /* bytes of the input that were taken */
	const char *data; /* BODY: borrowed from the input */
	size_t size;
};

struct http_response {
	int status;	 /* 0 before HTTP_PART_HEAD */
	bool keep_alive; /* the connection serves another request after this response */
	bool has_length; /* Content-Length was given */
	uint64_t length; /* as given */
	/* private */
	int state;
	bool without_body; /* of a HEAD request */
	struct buffer head;
	VECTOR(struct http_field) fields; /* borrowed from `head` */
	char line[32];			  /* of a chunk's size, not complete yet */
	size_t line_size;
	uint64_t left; /* of the body, or of its chunk */
};

void http_response_init(struct http_response *response);
void http_response_done(struct http_response *response);
/* For the next response on the same connection; keeps the memory. */
void http_response_reset(struct http_response *response);
/* Responses to HEAD have no body, whatever their fields claim. */
void http_response_expect_no_body(struct http_response *response);

/* Takes the next part. Interim responses (100, 102 …) are skipped; 101 ends with its head.
 * ERR_INVALID: this is not HTTP. ERR_LIMIT: the head is longer than HTTP_HEAD_MAX. */
int http_response_take(struct http_response *response, const char *data, size_t size,
		       struct http_part *ret_part, struct error **err) must_check;
/* The connection has ended. 0: so has the response. ERR_UNAVAILABLE: too early. */
int http_response_finish(const struct http_response *response, struct error **err) must_check;
/* Value of a header field, or NULL; borrowed. */
const char *http_response_field(const struct http_response *response, const char *name);

#endif
