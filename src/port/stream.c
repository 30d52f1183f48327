#include "port/stream.h"

#include <string.h>

#include "base/check.h"

/* What a user reads too far is at most a header with what came behind it. */
#define UNREAD_MAX ((size_t)1024 * 1024)

/* ---- for implementations ---- */

static unsigned pending(const struct stream *stream)
{
	unsigned events = stream->unread.size > 0 ? STREAM_READ : 0;
	if (stream->ops->pending != NULL)
		events |= stream->ops->pending(stream);
	return events & stream->wanted;
}

static void on_wake(void *user)
{
	struct stream *stream = user;
	unsigned events = pending(stream);
	if (events == 0)
		return;
	/* Before ready(), which may close the stream: level-triggered, so ask again. */
	loop_defer(stream->loop, &stream->wake);
	stream->handler->ready(stream->user, stream, events);
}

void stream_init(struct stream *stream, const struct stream_ops *ops, struct loop *loop,
		 const struct stream_handler *handler, void *user)
{
	stream->ops = ops;
	stream->loop = loop;
	stream->handler = handler;
	stream->user = user;
	stream->unread = BUFFER_INIT(UNREAD_MAX);
	stream->wake = (struct loop_task){.fn = on_wake, .user = stream};
}

void stream_done(struct stream *stream)
{
	loop_defer_cancel(stream->loop, &stream->wake);
	buffer_done(&stream->unread);
}

void stream_wake(struct stream *stream)
{
	if (pending(stream) != 0)
		loop_defer(stream->loop, &stream->wake);
}

void stream_announce(struct stream *stream, unsigned events)
{
	events &= stream->wanted;
	if (events == 0)
		return;
	if (stream->ops->pending != NULL)
		loop_defer(stream->loop, &stream->wake);
	stream->handler->ready(stream->user, stream, events);
}

const struct stream_protocol *stream_protocol_find(const struct stream_protocol *protocols,
						   const char *name, size_t size)
{
	for (const struct stream_protocol *p = protocols; p != NULL && p->name != NULL; p++)
		if (strlen(p->name) == size && memcmp(p->name, name, size) == 0)
			return p;
	return NULL;
}

void stream_accepted(struct stream_listener *listener, const struct stream_protocol *protocols,
		     struct stream *stream)
{
	const char *name = stream->protocol;
	const struct stream_protocol *p =
		name != NULL ? stream_protocol_find(protocols, name, strlen(name)) : NULL;
	if (p != NULL && p->handler != NULL)
		p->handler->accepted(p->user, stream);
	else
		listener->handler->accepted(listener->user, stream);
}

/* ---- a stream ---- */

int stream_read(struct stream *stream, void *to, size_t size, size_t *ret_size,
		struct error **err)
{
	PRE(size > 0);
	if (stream->unread.size == 0)
		return stream->ops->read(stream, to, size, ret_size, err);
	size_t n = stream->unread.size < size ? stream->unread.size : size;
	memcpy(to, stream->unread.data, n);
	buffer_consume(&stream->unread, n);
	if (stream->unread.size == 0)
		buffer_done(&stream->unread);
	*ret_size = n;
	return 1;
}

int stream_write(struct stream *stream, const void *data, size_t size, size_t *ret_size,
		 struct error **err)
{
	return stream->ops->write(stream, data, size, ret_size, err);
}

void stream_unread(struct stream *stream, const void *data, size_t size)
{
	struct buffer before = stream->unread;
	stream->unread = BUFFER_INIT(UNREAD_MAX);
	int r = buffer_add(&stream->unread, data, size);
	if (r == 0 && before.size > 0)
		r = buffer_add(&stream->unread, before.data, before.size);
	INVARIANT(r == 0);
	buffer_done(&before);
	stream_wake(stream);
}

void stream_want(struct stream *stream, unsigned events)
{
	if (stream->wanted == events)
		return;
	stream->wanted = events;
	stream->ops->want(stream);
	stream_wake(stream);
}

void stream_set_patience(struct stream *stream, int64_t ms)
{
	if (stream->ops->patience != NULL)
		stream->ops->patience(stream, ms);
}

void stream_set_handler(struct stream *stream, const struct stream_handler *handler, void *user)
{
	stream->handler = handler;
	stream->user = user;
}

const struct stream_peer *stream_peer(const struct stream *stream)
{
	return &stream->peer;
}

const char *stream_protocol(const struct stream *stream)
{
	return stream->protocol;
}

void stream_close(struct stream *stream)
{
	if (stream != NULL)
		stream->ops->close(stream);
}

/* ---- making streams ---- */

struct stream *stream_connect(struct stream_transport *transport,
			      const struct stream_connect_options *options,
			      const struct stream_handler *handler, void *user)
{
	return transport->ops->connect(transport, options, handler, user);
}

int stream_listen(struct stream_transport *transport,
		  const struct stream_listen_options *options,
		  const struct stream_listen_handler *handler, void *user,
		  struct stream_listener **ret_listener, struct error **err)
{
	return transport->ops->listen(transport, options, handler, user, ret_listener, err);
}

uint16_t stream_listener_port(const struct stream_listener *listener)
{
	return listener->port;
}

void stream_listener_hold(struct stream_listener *listener, bool is_held)
{
	listener->ops->hold(listener, is_held);
}

void stream_listener_close(struct stream_listener *listener)
{
	if (listener != NULL)
		listener->ops->close(listener);
}

int stream_transport_reload(struct stream_transport *transport, struct error **err)
{
	return transport->ops->reload != NULL ? transport->ops->reload(transport, err) : 0;
}

void stream_transport_free(struct stream_transport *transport)
{
	if (transport != NULL)
		transport->ops->free(transport);
}
