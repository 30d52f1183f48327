#include "zhost/process/zrun_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/str.h"
#include "zhost/process/zrun_process_private.h"

#define PROCESS_BUFFER_KEPT ((size_t)8 * 1024)

/* ---- writing ---- */

void *process_frame(struct zrun_process *p, uint16_t type, uint32_t correlation,
		    size_t body_size)
{
	struct zrun_frame frame = {
		.size = (uint32_t)body_size, .type = type, .correlation = correlation};
	char *to = buffer_reserve(&p->out, sizeof(frame) + body_size);

	if (to == NULL)
		return NULL;
	memcpy(to, &frame, sizeof(frame));
	buffer_grew(&p->out, sizeof(frame) + body_size);
	if (!p->is_unwritten) {
		p->is_unwritten = true;
		loop_defer(p->owner->options.loop, &p->owner->turn);
		/* In this order: a receiver gets its message before the sender its result. */
		*p->owner->unwritten_end = p;
		p->owner->unwritten_end = &p->unwritten_next;
	}
	return to + sizeof(frame);
}

void process_pass(struct zrun_process *p, const int fds[ZRUN_EXEC_FDS])
{
	struct zrun_passed *passed = vector_add(&p->passed);

	passed->at = p->out.size;
	memcpy(passed->fds, fds, sizeof(passed->fds));
}

static void close_passed(struct zrun_process *p, size_t n)
{
	for (size_t k = 0; k < n; k++)
		for (unsigned f = 0; f < ZRUN_EXEC_FDS; f++)
			close(p->passed.items[k].fds[f]);
	p->passed.count -= n;
	if (p->passed.count > 0)
		memmove(p->passed.items, p->passed.items + n,
			p->passed.count * sizeof(p->passed.items[0]));
}

static void buffer_settle(struct buffer *b)
{
	if (b->size > 0 || b->capacity <= PROCESS_BUFFER_KEPT)
		return;
	buffer_done(b);
	*b = BUFFER_INIT(PROCESS_OUT_MAX);
}

static void on_event(uv_poll_t *poll, int status, int events);

static bool is_behind(const struct zrun_process *p)
{
	/* The last that a process has said is read in any case. */
	return !p->is_draining &&
	       (p->unanswered >= PROCESS_UNANSWERED_MAX || p->out.size >= PROCESS_OUT_BEHIND);
}

/* Waits for what there is to do next. */
static void poll_next(struct zrun_process *p)
{
	int events = (p->is_paused ? 0 : UV_READABLE) | (p->out.size > 0 ? UV_WRITABLE : 0);

	if (p->poll_events == events)
		return;
	p->poll_events = events;
	(void)uv_poll_start(p->poll, events, on_event);
}

static void resume(struct zrun_process *p);

/* send() of what waits from `done` on; with the descriptors that belong to its first byte, and not
 * further than to those of a later one. */
static ssize_t send_some(struct zrun_process *p, size_t done)
{
	struct zrun_passed *next = p->passed.count > 0 ? &p->passed.items[0] : NULL;
	size_t end = next != NULL && next->at > done ? next->at : p->out.size;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(next->fds))];
	} control = {.bytes = {0}};
	struct iovec vector = {p->out.data + done, end - done};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

	if (next == NULL || next->at > done)
		return send(p->fd, p->out.data + done, end - done, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (p->passed.count > 1)
		vector.iov_len = p->passed.items[1].at - done;
	message.msg_control = control.bytes;
	message.msg_controllen = sizeof(control.bytes);
	control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS,
					  .cmsg_len = CMSG_LEN(sizeof(next->fds))};
	memcpy(CMSG_DATA(&control.header), next->fds, sizeof(next->fds));
	ssize_t n = sendmsg(p->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0)
		close_passed(p, 1);
	return n;
}

/* What was written of secrets, or will not be. */
static void out_hide(struct zrun_process *p, size_t from)
{
	if (p->hides_out && p->out.capacity > from)
		explicit_bzero(p->out.data + from, p->out.capacity - from);
	p->hides_out &= from > 0;
}

/* Writes what the socket takes. */
static void process_write(struct zrun_process *p)
{
	size_t done = 0;

	while (p->fd >= 0 && done < p->out.size) {
		ssize_t n = send_some(p, done);

		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		/* Any other error shows when reading: the exit report may still be there. */
		break;
	}
	if (done > 0)
		buffer_consume(&p->out, done);
	out_hide(p, p->out.size);
	vector_for_each (&p->passed, passed)
		passed->at -= done;
	buffer_settle(&p->out);
	if (p->fd >= 0 && p->is_paused && !is_behind(p))
		resume(p);
	if (p->fd >= 0)
		poll_next(p);
}

void zrun_processes_flush(struct zrun_processes *ps)
{
	while (ps->unwritten != NULL) {
		struct zrun_process *p = ps->unwritten;

		ps->unwritten = p->unwritten_next;
		if (ps->unwritten == NULL)
			ps->unwritten_end = &ps->unwritten;
		p->unwritten_next = NULL;
		p->is_unwritten = false;
		process_write(p);
	}
}

/* ---- reading ---- */

/* Takes whole frames off the front; returns how many bytes were used. A frame may end the
 * connection: then nothing is kept. */
static size_t take_frames(struct zrun_process *p, const uint8_t *data, size_t size)
{
	size_t used = 0;

	while (p->fd >= 0) {
		if (is_behind(p)) {
			p->is_paused = true;
			return used;
		}
		struct zrun_frame frame;
		const uint8_t *body;
		size_t need;
		int r = zrun_frame_parse(data + used, size - used, &frame, &body, &need);

		if (r == 0)
			return used;
		if (r < 0 || !p->events->frame(p, &frame, body)) {
			CLEANUP(freep)
			char *what =
				r < 0 ? mem_strdup("a frame is too long")
				      : str_printf("frame of type %u", (unsigned)frame.type);
			p->events->broken(p, what);
			return size;
		}
		used += need;
	}
	return size;
}

static void take_bytes(struct zrun_process *p, const uint8_t *data, size_t size)
{
	size_t used;

	if (p->in.size == 0) {
		used = take_frames(p, data, size);
		if (used < size && buffer_add(&p->in, data + used, size - used) < 0)
			IMPOSSIBLE("a frame is smaller than the buffer for it");
		return;
	}
	/* The rest of a frame that came in parts, and perhaps more. */
	if (buffer_add(&p->in, data, size) < 0)
		IMPOSSIBLE("a frame and one reading are smaller than the buffer");
	used = take_frames(p, (const uint8_t *)p->in.data, p->in.size);
	if (p->fd < 0)
		return; /* disconnected: `in` is empty already */
	buffer_consume(&p->in, used);
	buffer_settle(&p->in);
}

/* It has caught up: first what was read before. */
static void resume(struct zrun_process *p)
{
	size_t used;

	p->is_paused = false;
	used = take_frames(p, (const uint8_t *)p->in.data, p->in.size);
	if (p->fd < 0)
		return;
	buffer_consume(&p->in, used);
	buffer_settle(&p->in);
}

/* One reading. False: nothing is there now, or the connection is gone. */
static bool read_some(struct zrun_process *p)
{
	ssize_t n =
		recv(p->fd, p->owner->options.loop->scratch, LOOP_SCRATCH_BYTES, MSG_DONTWAIT);

	if (n > 0) {
		take_bytes(p, p->owner->options.loop->scratch, (size_t)n);
		return p->fd >= 0;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	process_disconnect(p);
	p->events->lost(p);
	return false;
}

void process_drain(struct zrun_process *p)
{
	p->is_draining = true;
	if (p->fd >= 0 && p->is_paused)
		resume(p);
	while (p->fd >= 0 && read_some(p))
		;
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct zrun_process *p = poll->data;

	if (p == NULL)
		return;
	if ((status < 0 || (events & UV_READABLE) != 0) && !p->is_paused)
		(void)read_some(p);
	if (p->fd >= 0 && p->is_paused)
		poll_next(p);
	if (p->fd >= 0 && (events & UV_WRITABLE) != 0)
		process_write(p);
}

/* ---- connection ---- */

int process_connect(struct zrun_process *p, int fd, struct error **err)
{
	INVARIANT(p->fd < 0 && p->poll == NULL);
	int r = loop_poll_new(p->owner->options.loop, fd, &p->poll, err);
	if (r < 0) {
		close(fd);
		return r;
	}
	p->fd = fd;
	p->is_connected = false;
	p->poll->data = p;
	p->poll_events = 0;
	poll_next(p);
	return 0;
}

void process_disconnect(struct zrun_process *p)
{
	if (p->fd < 0)
		return;
	p->poll->data = NULL;
	uv_close((uv_handle_t *)p->poll, loop_handle_free);
	p->poll = NULL;
	close(p->fd);
	p->fd = -1;
	p->is_connected = false;
	p->update_lost |= p->awaits_updated;
	p->awaits_updated = false;
	/* Half a frame is of no use to the next connection. */
	buffer_done(&p->in);
	out_hide(p, 0);
	buffer_done(&p->out);
	close_passed(p, p->passed.count);
	p->in = p->out = BUFFER_INIT(PROCESS_OUT_MAX);
	p->is_paused = false;
	p->window_messages = p->window_bytes = 0;
}
