#include "adapter/http/client.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/str.h"

enum { REQUEST_MAX = 64 * 1024, HEAD_ROOM = 4096 };

struct http_call {
	struct loop *loop;
	struct stream *stream;
	const struct http_call_handler *handler;
	void *user;
	struct loop_timer *idle;
	int64_t idle_ms;
	char *host;
	uint16_t port;
	char *upgrade;
	uint64_t body_max, body_size;
	struct buffer request; /* not sent yet */
	struct http_response response;
};

static void call_free(struct http_call *call)
{
	stream_close(call->stream);
	loop_timer_free(call->idle);
	/* What was sent may be a token or a key. */
	if (call->request.data != NULL)
		explicit_bzero(call->request.data, call->request.capacity);
	buffer_done(&call->request);
	http_response_done(&call->response);
	free(call->host);
	free(call->upgrade);
	free(call);
}

void http_call_cancel(struct http_call *call)
{
	if (call != NULL)
		call_free(call);
}

/* Takes the error over; NULL: complete. */
static void call_done(struct http_call *call, struct error *why)
{
	call->handler->done(call->user, why);
	error_free(why);
	call_free(call);
}

static void on_idle(void *user)
{
	struct http_call *call = user;
	struct error *err = NULL;
	(void)error_set(&err, ERR_TIMEOUT, "no data from %s:%u", call->host, call->port);
	call_done(call, err);
}

static void idle_begin(struct http_call *call)
{
	loop_timer_at(call->idle, loop_now(call->loop).mono_ms + call->idle_ms);
}

/* ---- the response ---- */

static bool is_upgraded(const struct http_call *call)
{
	const char *protocol = http_response_field(&call->response, "Upgrade");
	return call->response.status == 101 && call->upgrade != NULL && protocol != NULL &&
	       strcasecmp(protocol, call->upgrade) == 0;
}

static int head_take(struct http_call *call, struct error **err)
{
	struct http_response *r = &call->response;
	if (call->upgrade != NULL && r->status == 401)
		return error_set(
			err, ERR_DENIED,
			"%s:%u does not know who this is: it needs a token that is valid "
			"there",
			call->host, call->port);
	if (call->upgrade != NULL && !is_upgraded(call))
		return error_set(err, ERR_UNAVAILABLE, "%s:%u refused %s: HTTP status %d",
				 call->host, call->port, call->upgrade, r->status);
	if (r->status == 101 && call->upgrade == NULL)
		return error_set(err, ERR_INVALID,
				 "%s:%u switched protocols without being asked", call->host,
				 call->port);
	if (r->has_length && r->length > call->body_max)
		return error_set(err, ERR_LIMIT, "a body of %llu bytes: larger than allowed",
				 (unsigned long long)r->length);
	return call->handler->head != NULL ? call->handler->head(call->user, r, err) : 0;
}

static int body_take(struct http_call *call, const struct http_part *part, struct error **err)
{
	call->body_size += part->size;
	if (call->body_size > call->body_max)
		return error_set(err, ERR_LIMIT, "a body of more than %llu bytes",
				 (unsigned long long)call->body_max);
	return call->handler->body != NULL
		       ? call->handler->body(call->user, part->data, part->size, err)
		       : 0;
}

/* The bytes after the head belong to the new protocol. */
static void upgrade_finish(struct http_call *call, const char *rest, size_t size)
{
	struct stream *stream = steal_ptr(&call->stream);
	stream_want(stream, 0);
	if (size > 0)
		stream_unread(stream, rest, size);
	call->handler->upgraded(call->user, stream);
	call_free(call);
}

/* Returns whether the call still exists. */
static bool bytes_take(struct http_call *call, const char *data, size_t size)
{
	struct error *err = NULL;
	size_t used = 0;
	for (;;) {
		struct http_part part;
		int r = http_response_take(&call->response, data + used, size - used, &part,
					   &err);
		if (r == 0) {
			used += part.used;
			if (part.type == HTTP_PART_NONE)
				return true;
			if (part.type == HTTP_PART_HEAD)
				r = head_take(call, &err);
			else if (part.type == HTTP_PART_BODY)
				r = body_take(call, &part, &err);
		}
		if (r == 0 && part.type == HTTP_PART_HEAD && is_upgraded(call)) {
			upgrade_finish(call, data + used, size - used);
			return false;
		}
		if (r < 0 || part.type == HTTP_PART_END) {
			call_done(call, err);
			return false;
		}
	}
}

static void stream_failed(struct http_call *call, struct error *err)
{
	(void)error_wrap(&err, "%s:%u", call->host, call->port);
	call_done(call, err);
}

/* ---- the stream ---- */

static void response_read(struct http_call *call)
{
	struct error *err = NULL;
	size_t n = 0;
	int r = stream_read(call->stream, call->loop->scratch, LOOP_SCRATCH_BYTES, &n, &err);
	if (r < 0) {
		stream_failed(call, err);
	} else if (r == 0) {
		if (http_response_finish(&call->response, &err) < 0)
			stream_failed(call, err);
		else
			call_done(call, NULL);
	} else if (n > 0) {
		idle_begin(call);
		(void)bytes_take(call, (const char *)call->loop->scratch, n);
	}
}

/* Returns whether the call still exists. */
static bool request_send(struct http_call *call)
{
	struct error *err = NULL;
	size_t n = 0;
	if (stream_write(call->stream, call->request.data, call->request.size, &n, &err) < 0) {
		stream_failed(call, err);
		return false;
	}
	buffer_consume(&call->request, n);
	if (call->request.size == 0)
		stream_want(call->stream, STREAM_READ);
	return true;
}

static void on_ready(void *user, struct stream *stream, unsigned events)
{
	(void)stream;
	struct http_call *call = user;
	if ((events & STREAM_WRITE) != 0 && call->request.size > 0 && !request_send(call))
		return;
	if ((events & STREAM_READ) != 0)
		response_read(call);
}

static void on_connected(void *user, struct stream *stream, const struct error *why)
{
	struct http_call *call = user;
	if (why == NULL) {
		idle_begin(call);
		stream_want(stream, STREAM_READ | STREAM_WRITE);
		return;
	}
	struct error *copy = NULL;
	(void)error_set(&copy, why->code, "%s", why->message);
	call_done(call, copy);
}

static const struct stream_handler stream_handler = {.connected = on_connected,
						     .ready = on_ready};

/* ---- life ---- */

static int request_prepare(struct http_call *call, const struct http_call_options *options,
			   struct error **err)
{
	struct http_field fields[4];
	size_t count = 0;
	CLEANUP(freep)
	char *bearer = options->token != NULL ? str_printf("Bearer %s", options->token) : NULL;
	bool upgrades = options->upgrade != NULL;
	fields[count++] = (struct http_field){"Connection", upgrades ? "Upgrade" : "close"};
	if (upgrades)
		fields[count++] = (struct http_field){"Upgrade", options->upgrade};
	if (bearer != NULL)
		fields[count++] = (struct http_field){"Authorization", bearer};
	if (options->json != NULL)
		fields[count++] = (struct http_field){"Content-Type", "application/json"};
	const struct http_request_head head = {
		.method = options->method != NULL ? options->method : "GET",
		.target = options->target,
		.host = options->to.host,
		.port = options->to.port,
		.fields = fields,
		.field_count = count,
		.has_body = options->json != NULL,
		.body_size = options->json != NULL ? strlen(options->json) : 0,
	};
	/* So that it does not move, and is in one place. */
	(void)buffer_reserve(&call->request, HEAD_ROOM + head.body_size);
	int r = http_request_write(&call->request, &head, err);
	if (r == 0 && options->json != NULL)
		r = buffer_add_string(&call->request, options->json);
	return r;
}

static struct http_call *call_new(struct loop *loop, const struct http_call_options *options,
				  const struct http_call_handler *handler, void *user)
{
	struct http_call *call = mem_new(struct http_call);
	call->loop = loop;
	call->handler = handler;
	call->user = user;
	call->idle_ms = options->idle_ms;
	call->host = mem_strdup(options->to.host);
	call->port = options->to.port;
	call->upgrade = mem_strdup(options->upgrade);
	call->body_max = options->body_max;
	call->request = BUFFER_INIT(REQUEST_MAX);
	http_response_init(&call->response);
	call->idle = loop_timer_new(loop, on_idle, call);
	int r = request_prepare(call, options, NULL);
	PRE(r == 0); /* targets and hosts are ours, short and without line breaks */
	return call;
}

struct http_call *http_call_new(struct loop *loop, struct stream_transport *transport,
				const struct http_call_options *options,
				const struct http_call_handler *handler, void *user)
{
	struct http_call *call = call_new(loop, options, handler, user);
	const struct stream_connect_options connect = {
		.to = options->to,
		.timeout_ms = options->connect_ms > 0 ? options->connect_ms : options->idle_ms,
		.protocol = "http/1.1",
		.peer_role = options->peer_role,
	};
	call->stream = stream_connect(transport, &connect, &stream_handler, call);
	return call;
}

struct http_call *http_call_on(struct stream *stream, const struct http_call_options *options,
			       const struct http_call_handler *handler, void *user)
{
	struct http_call *call = call_new(stream->loop, options, handler, user);
	call->stream = stream;
	stream_set_handler(stream, &stream_handler, call);
	idle_begin(call);
	stream_want(stream, STREAM_READ | STREAM_WRITE);
	return call;
}
