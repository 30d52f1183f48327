/*
 * Answers whose bytes come later.
 */
#ifndef SAMOZA_ADAPTER_HTTP_STREAM_H
#define SAMOZA_ADAPTER_HTTP_STREAM_H

#include <microhttpd.h>

#include "adapter/http/http.h"
#include "base/buffer.h"

struct http_stream {
	struct http_stream *next, **link; /* in server->streams */
	struct http_server *server;
	struct MHD_Connection *connection;
	struct http_request *request;		   /* that it answers; lives longer */
	const struct http_stream_handler *handler; /* borrowed */
	void *user;
	struct buffer output; /* [sent, size) waits */
	size_t sent;
	bool sse, suspended, ended;
	int64_t last_write_ms;
	struct loop_task drained;
};

/* Writes a comment line, if the stream has room for it. */
void http_stream_keepalive(struct http_stream *stream, int64_t now_ms);

#endif
