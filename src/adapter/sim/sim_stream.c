#include "adapter/sim/sim_stream.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "adapter/sim/arrivals.h"
#include "base/check.h"
#include "base/heap.h"

static struct sim_stream *sim_of(const struct stream *stream)
{
	return container_of(stream, struct sim_stream, stream);
}

/* As many of `size` bytes as one read or write moves. */
static size_t fragment(struct sim_network *net, size_t size)
{
	if (net->fragment_max == 0 || size == 0)
		return size;
	size_t max = 1 + random_below(&net->random, (uint32_t)net->fragment_max);
	return size < max ? size : max;
}

static size_t room_at(const struct sim_stream *receiver)
{
	size_t window = receiver->machine->net->window;
	return receiver->bytes.size < window ? window - receiver->bytes.size : 0;
}

static int sim_read(struct stream *stream, void *to, size_t size, size_t *ret_size,
		    struct error **err)
{
	struct sim_stream *s = sim_of(stream);
	PRE(s->is_connected);
	size_t n = fragment(s->machine->net, s->arrived < size ? s->arrived : size);
	if (s->broken != NULL)
		return error_set(err, s->broken->code, "%s", s->broken->message);
	if (n == 0 && s->end_arrived)
		return 0;
	if (n > 0) {
		memcpy(to, s->bytes.data, n);
		buffer_consume(&s->bytes, n);
		s->arrived -= n;
		if (s->other != NULL)
			stream_wake(&s->other->stream);
	}
	*ret_size = n;
	return 1;
}

static int sim_write(struct stream *stream, const void *data, size_t size, size_t *ret_size,
		     struct error **err)
{
	struct sim_stream *s = sim_of(stream);
	struct sim_network *net = s->machine->net;
	PRE(s->is_connected);
	if (s->broken != NULL)
		return error_set(err, s->broken->code, "%s", s->broken->message);
	if (s->other == NULL) { /* the first write to a closed end is taken, and answered */
		reset_plan(s, net_now_ms(net) + net_delay_ms(net), "connection reset by peer");
		*ret_size = size;
		return 0;
	}
	size_t room = room_at(s->other);
	size_t n = fragment(net, size < room ? size : room);
	if (n > 0) {
		int r = buffer_add(&s->other->bytes, data, n);
		INVARIANT(r == 0);
		arrival_in_order(s->other, ARRIVES_BYTES)->size = n;
	}
	*ret_size = n;
	return 0;
}

static unsigned sim_pending(const struct stream *stream)
{
	const struct sim_stream *s = sim_of(stream);
	if (!s->is_connected)
		return 0;
	if (s->broken != NULL)
		return STREAM_READ | STREAM_WRITE;
	unsigned events = 0;
	if (s->arrived > 0 || s->end_arrived)
		events |= STREAM_READ;
	if (s->other == NULL || room_at(s->other) > 0)
		events |= STREAM_WRITE;
	return events;
}

static void sim_want(struct stream *stream)
{
	(void)stream; /* sim_pending() is asked */
}

static void sim_close(struct stream *stream)
{
	struct sim_stream *s = sim_of(stream);
	arrivals_drop_all(s);
	if (s->other != NULL) {
		s->other->other = NULL;
		(void)arrival_in_order(s->other, ARRIVES_END);
		stream_wake(&s->other->stream);
	}
	DL_DELETE(s->machine->net->streams, s);
	buffer_done(&s->bytes);
	error_free(s->broken);
	free(s->host);
	free(s->protocol);
	free(s->peer_role);
	free(s->peer_name);
	stream_done(stream);
	free(s);
}

static const struct stream_ops sim_ops = {
	.read = sim_read,
	.write = sim_write,
	.want = sim_want,
	.pending = sim_pending,
	.close = sim_close,
};

struct sim_stream *sim_stream_new(struct sim_machine *machine,
				  const struct stream_handler *handler, void *user)
{
	struct sim_stream *s = mem_new(struct sim_stream);
	s->machine = machine;
	s->bytes = BUFFER_INIT(SIZE_MAX / 2);
	stream_init(&s->stream, &sim_ops, machine->net->loop, handler, user);
	DL_APPEND(machine->net->streams, s);
	return s;
}
