#include "adapter/uv/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/heap.h"

enum {
	OUTPUT_MAX_DEFAULT = 64 * 1024 * 1024,
	READS_PER_TURN = 8,	   /* a busy peer must not starve the others */
	KEEP_CAPACITY = 64 * 1024, /* a larger buffer is freed when it is empty */
	CLOSE_AFTER_MS = 5000,
};

struct link {
	uv_poll_t poll; /* first: freed as it */
	struct loop *loop;
	struct loop_task turn; /* there is something to write, to look at, or to end */
	int fd;
	int events; /* what the poll waits for */
	struct link_options options;
	const struct link_handler *handler; /* borrowed */
	void *user;
	struct buffer input;  /* the beginning of a frame that is not whole yet */
	struct buffer output; /* [output_sent, size) waits to be written */
	size_t output_sent;
	struct loop_timer *deadline; /* of link_close_after() */
	struct error *why;
	bool extra;	   /* input holds bytes that nobody looked at yet */
	bool closing;	   /* closed() follows */
	bool close_at_end; /* of the output */
};

static void socket_arm(int fd)
{
	int on = 1, idle_s = 30, interval_s = 10, count = 3;
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	/* Refused by Unix sockets, which need neither. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

static void link_fail(struct link *link, struct error *why)
{
	if (link->closing) {
		error_free(why);
		return;
	}
	link->closing = true;
	link->why = why;
	loop_defer(link->loop, &link->turn);
}

void link_close(struct link *link, const struct error *why)
{
	struct error *copy = NULL;
	if (why != NULL)
		(void)error_set(&copy, why->code, "%s", why->message);
	link_fail(link, copy);
}

static void deadline_passed(void *user)
{
	struct link *link = user;
	link_fail(link, NULL);
}

void link_close_after(struct link *link)
{
	if (link->closing || link->close_at_end)
		return;
	link->close_at_end = true;
	loop_defer(link->loop, &link->turn);
	link->deadline = loop_timer_new(link->loop, deadline_passed, link);
	loop_timer_at(link->deadline, loop_now(link->loop).mono_ms + CLOSE_AFTER_MS);
}

/* ---- reading ---- */

/* Hands the whole frames at the front to the handler; returns how many bytes they took. */
static size_t frames_take(struct link *link, const uint8_t *data, size_t size)
{
	size_t used = 0;
	while (!link->closing) {
		struct frame frame;
		struct error *err = NULL;
		int r = frame_next(data + used, size - used, &frame, &err);
		if (r == 0)
			break;
		if (r > 0) {
			used += frame.whole_size;
			r = link->handler->frame(link->user, link, &frame, &err);
		}
		if (r < 0)
			link_fail(link, err);
	}
	return used;
}

static void buffer_trim(struct buffer *b)
{
	if (b->size == 0 && b->capacity > KEEP_CAPACITY)
		buffer_done(b);
}

static void input_take(struct link *link, const uint8_t *data, size_t size)
{
	if (link->input.size == 0) {
		size_t used = frames_take(link, data, size);
		int r = buffer_add(&link->input, data + used, size - used);
		INVARIANT(r == 0); /* less than one frame and one read */
		return;
	}
	int r = buffer_add(&link->input, data, size);
	INVARIANT(r == 0);
	buffer_consume(&link->input,
		       frames_take(link, (const uint8_t *)link->input.data, link->input.size));
	buffer_trim(&link->input);
}

static void socket_failed(struct link *link, const char *doing)
{
	struct error *err = NULL;
	(void)error_errno(&err, "cannot %s the link", doing);
	link_fail(link, err);
}

static void socket_read(struct link *link)
{
	for (unsigned i = 0; i < READS_PER_TURN && !link->closing; i++) {
		ssize_t n = read(link->fd, link->loop->scratch, LOOP_SCRATCH_BYTES);
		if (n > 0) {
			input_take(link, link->loop->scratch, (size_t)n);
			if ((size_t)n < LOOP_SCRATCH_BYTES)
				return;
		} else if (n == 0) {
			link_fail(link, NULL);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR) {
			socket_failed(link, "read from");
		}
	}
}

/* ---- writing ---- */

static void socket_write(struct link *link)
{
	while (link->output_sent < link->output.size) {
		ssize_t n = send(link->fd, link->output.data + link->output_sent,
				 link->output.size - link->output_sent, MSG_NOSIGNAL);
		if (n >= 0) {
			link->output_sent += (size_t)n;
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR) {
			socket_failed(link, "write to");
			return;
		}
	}
	link->output_sent = 0;
	buffer_clear(&link->output);
	buffer_trim(&link->output);
	if (link->close_at_end)
		link_fail(link, NULL);
}

size_t link_waiting(const struct link *link)
{
	return link->output.size - link->output_sent;
}

/* What was written is dropped from the front once it is the larger part. */
static void output_compact(struct link *link)
{
	if (link->output_sent > link->output.size / 2) {
		buffer_consume(&link->output, link->output_sent);
		link->output_sent = 0;
	}
}

static int sending_allowed(const struct link *link, struct error **err)
{
	if (link->closing || link->close_at_end)
		return error_set(err, ERR_UNAVAILABLE, "the link is closing");
	return 0;
}

int link_send(struct link *link, Samoza__V1__FrameType type, const ProtobufCMessage *message,
	      struct error **err)
{
	int r = sending_allowed(link, err);
	if (r < 0)
		return r;
	output_compact(link);
	loop_defer(link->loop, &link->turn);
	return frame_encode(&link->output, type, message, err);
}

int link_forward(struct link *link, const struct frame *frame, size_t room, struct error **err)
{
	int r = sending_allowed(link, err);
	if (r < 0)
		return r;
	output_compact(link);
	if (link_waiting(link) > room ||
	    buffer_add(&link->output, frame->whole, frame->whole_size) < 0)
		return error_set(err, ERR_LIMIT, "%zu bytes wait to be written",
				 link_waiting(link));
	loop_defer(link->loop, &link->turn);
	return 0;
}

/* ---- life ---- */

static void poll_arm(struct link *link);

static void socket_ready(uv_poll_t *poll, int status, int events)
{
	struct link *link = container_of(poll, struct link, poll);
	if (status < 0) {
		errno = -status;
		socket_failed(link, "wait for");
		return;
	}
	if ((events & UV_READABLE) != 0)
		socket_read(link);
	if ((events & UV_WRITABLE) != 0 && !link->closing) {
		socket_write(link);
		poll_arm(link);
	}
}

static void poll_arm(struct link *link)
{
	int events = UV_READABLE | (link_waiting(link) > 0 ? UV_WRITABLE : 0);
	if (events == link->events)
		return;
	link->events = events;
	(void)uv_poll_start(&link->poll, events, socket_ready);
}

static void poll_closed(uv_handle_t *handle)
{
	free(handle);
}

static void link_end(struct link *link)
{
	(void)uv_poll_stop(&link->poll);
	loop_defer_cancel(link->loop, &link->turn);
	loop_timer_free(link->deadline);
	link->handler->closed(link->user, link, link->why);
	if (link->handler->give_back != NULL)
		link->handler->give_back(link->options.lender, link->fd);
	else
		(void)close(link->fd);
	error_free(link->why);
	buffer_done(&link->input);
	buffer_done(&link->output);
	uv_close((uv_handle_t *)&link->poll, poll_closed);
}

/* Before the loop waits: look at early bytes, write what was appended, end what is closing. */
static void link_turn(void *user)
{
	struct link *link = user;
	if (link->extra && !link->closing) {
		link->extra = false;
		buffer_consume(
			&link->input,
			frames_take(link, (const uint8_t *)link->input.data, link->input.size));
	}
	if (!link->closing && (link->events & UV_WRITABLE) == 0) {
		socket_write(link);
		if (!link->closing)
			poll_arm(link);
	}
	if (link->closing)
		link_end(link);
}

struct link *link_new(struct loop *loop, int fd, const void *extra, size_t extra_size,
		      const struct link_options *options, const struct link_handler *handler,
		      void *user)
{
	struct link *link = mem_new(struct link);
	link->loop = loop;
	link->turn = (struct loop_task){.fn = link_turn, .user = link};
	link->fd = fd;
	if (options != NULL)
		link->options = *options;
	if (link->options.output_max == 0)
		link->options.output_max = OUTPUT_MAX_DEFAULT;
	link->handler = handler;
	link->user = user;
	link->input = BUFFER_INIT(FRAME_MAX_BYTES + FRAME_HEADER_BYTES + LOOP_SCRATCH_BYTES);
	link->output = BUFFER_INIT(link->options.output_max);
	socket_arm(fd);
	int r = uv_poll_init(loop_uv(loop), &link->poll, fd);
	INVARIANT(r == 0);
	if (extra_size > 0) {
		r = buffer_add(&link->input, extra, extra_size);
		INVARIANT(r == 0);
		link->extra = true;
		loop_defer(loop, &link->turn);
	}
	poll_arm(link);
	return link;
}
