#include <string.h>

#include "adapter/http/connection.h"
#include "adapter/http/list.h"
#include "adapter/http/reply.h"
#include "adapter/http/request_state.h"
#include "adapter/http/server_state.h"
#include "adapter/http/stream.h"
#include "base/check.h"

size_t http_stream_waiting(const struct http_stream *stream)
{
	return stream->output.size - stream->sent;
}

static void wake(struct http_stream *stream)
{
	if (!stream->suspended)
		return;
	stream->suspended = false;
	connection_resume(stream->server, stream->connection);
}

int http_stream_write(struct http_stream *stream, const void *data, size_t size)
{
	if (stream->ended)
		return -1;
	if (stream->sent > stream->output.size / 2) {
		buffer_consume(&stream->output, stream->sent);
		stream->sent = 0;
	}
	if (buffer_add(&stream->output, data, size) < 0)
		return -1;
	reply_sent(stream->request, size);
	stream->last_write_ms = loop_now(stream->server->loop).mono_ms;
	wake(stream);
	return 0;
}

void http_stream_keepalive(struct http_stream *stream, int64_t now_ms)
{
	/* A full stream is being written to anyway. */
	if (http_stream_write(stream, ":\n\n", 3) < 0)
		stream->last_write_ms = now_ms;
}

void http_stream_end(struct http_stream *stream)
{
	stream->ended = true;
	wake(stream);
}

static void on_drained(void *user)
{
	struct http_stream *stream = user;
	if (!stream->ended && http_stream_waiting(stream) == 0)
		stream->handler->drained(stream->user, stream);
}

/* MHD asks for bytes; with none the connection sleeps until some are written. */
static ssize_t on_read(void *cls, uint64_t position, char *to, size_t max)
{
	(void)position;
	struct http_stream *stream = cls;
	size_t size = http_stream_waiting(stream);
	if (size > max)
		size = max;
	if (size > 0) {
		memcpy(to, stream->output.data + stream->sent, size);
		stream->sent += size;
		if (http_stream_waiting(stream) == 0) {
			buffer_clear(&stream->output);
			stream->sent = 0;
			if (stream->handler->drained != NULL)
				loop_defer(stream->server->loop, &stream->drained);
		}
		return (ssize_t)size;
	}
	if (stream->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	stream->suspended = true;
	MHD_suspend_connection(stream->connection);
	return 0;
}

static void on_free(void *cls)
{
	struct http_stream *stream = cls;
	LIST_REMOVE(stream);
	stream->server->counters.streams--;
	loop_defer_cancel(stream->server->loop, &stream->drained);
	stream->handler->closed(stream->user, stream);
	buffer_done(&stream->output);
	free(stream);
}

struct http_stream *http_reply_stream(struct http_request *request, const char *type, bool sse,
				      size_t max, const struct http_stream_handler *handler,
				      void *user)
{
	struct http_server *server = request->server;
	struct http_stream *stream = mem_new(struct http_stream);
	stream->server = server;
	stream->connection = request->connection;
	stream->request = request;
	stream->handler = handler;
	stream->user = user;
	stream->output = BUFFER_INIT(max);
	stream->sse = sse;
	stream->last_write_ms = loop_now(stream->server->loop).mono_ms;
	stream->drained = (struct loop_task){.fn = on_drained, .user = stream};
	LIST_ADD(server->streams, stream);
	server->counters.streams++;
	if (sse)
		http_add_header(request, "Cache-Control", "no-store");
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, 16 * 1024, on_read, stream, on_free);
	reply_with(request, 200, type, response);
	return stream;
}
