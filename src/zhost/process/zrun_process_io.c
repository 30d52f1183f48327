#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "adapter/uv/loop.h"
#include "base/check.h"
#include "base/str.h"
#include "zhost/process/zrun_process_private.h"

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
		/* In this order: a receiver gets its message before the sender its result. */
		*p->owner->unwritten_end = p;
		p->owner->unwritten_end = &p->unwritten_next;
	}
	return to + sizeof(frame);
}

static void buffer_settle(struct buffer *b)
{
	if (b->size > 0 || b->capacity <= PROCESS_BUFFER_KEPT)
		return;
	buffer_done(b);
	*b = BUFFER_INIT(PROCESS_OUT_MAX);
}

static void on_event(uv_poll_t *poll, int status, int events);

static void poll_for(struct zrun_process *p, int events)
{
	if (p->poll_events == events)
		return;
	p->poll_events = events;
	(void)uv_poll_start(p->poll, events, on_event);
}

/* Writes what the socket takes. Returns whether anything was written. */
bool process_write(struct zrun_process *p)
{
	size_t done = 0;

	while (p->fd >= 0 && done < p->out.size) {
		ssize_t n = send(p->fd, p->out.data + done, p->out.size - done,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

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
	buffer_settle(&p->out);
	if (p->fd >= 0)
		poll_for(p, p->out.size > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
	return done > 0;
}

bool zrun_processes_flush(struct zrun_processes *ps)
{
	bool any = false;

	while (ps->unwritten != NULL) {
		struct zrun_process *p = ps->unwritten;

		ps->unwritten = p->unwritten_next;
		if (ps->unwritten == NULL)
			ps->unwritten_end = &ps->unwritten;
		p->unwritten_next = NULL;
		p->is_unwritten = false;
		any |= process_write(p);
	}
	return any;
}

/* ---- frames ---- */

/* It breaks the protocol: it is killed. */
static void broken(struct zrun_process *p, const char *what)
{
	log_error("spaces", "process.broken", LOG_S("topology", p->identity.topology),
		  LOG_S("path", p->identity.path), LOG_S("what", what));
	if (!p->report.is_known) {
		p->report.is_known = true;
		p->report.error = str_printf("broke the protocol with its zhost: %s", what);
	}
	zrun_process_kill(p);
	process_disconnect(p);
}

static bool is_text(const char *text, const char *bytes, size_t size)
{
	return strlen(text) == size && memcmp(text, bytes, size) == 0;
}

bool process_hello_matches(const struct zrun_process *p, const uint8_t *body, size_t size,
			   struct zrun_hello *ret_hello)
{
	struct zrun_cursor c = {body, size};
	const char *topology, *instance;

	return zrun_take(&c, ret_hello, sizeof(*ret_hello)) &&
	       ret_hello->version == ZRUN_PROTOCOL_VERSION &&
	       zrun_take_bytes(&c, &topology, ret_hello->topology_size) &&
	       zrun_take_bytes(&c, &instance, ret_hello->instance_size) &&
	       ret_hello->epoch == p->identity.epoch &&
	       is_text(p->identity.topology, topology, ret_hello->topology_size) &&
	       is_text(p->identity.path, instance, ret_hello->instance_size);
}

static bool take_hello(struct zrun_process *p, const uint8_t *body, size_t size)
{
	struct zrun_hello hello;

	if (p->is_connected || !process_hello_matches(p, body, size, &hello))
		return false;
	p->is_connected = true;
	p->window_messages = hello.queued_messages;
	p->window_bytes = hello.queued_bytes;
	p->updates_ignored = hello.update_pending;
	log_debug("spaces", "process.hello", LOG_S("path", p->identity.path),
		  LOG_U("pid", hello.pid), LOG_U("phase", hello.phase),
		  LOG_U("sandbox", hello.sandbox));
	process_resend(p);
	p->listener->connected(p->user, hello.phase == ZRUN_PHASE_STARTED);
	return true;
}

static bool take_log(struct zrun_process *p, const uint8_t *body, size_t size)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	struct zrun_cursor c = {body, size};
	struct zrun_log line;

	if (!zrun_take(&c, &line, sizeof(line)) || line.level >= ARRAY_SIZE(levels) ||
	    c.left > ZRUN_LOG_MAX || line.wall_ms > INT64_MAX / 2)
		return false;
	p->listener->log(p->user, (int64_t)line.wall_ms, levels[line.level], (const char *)c.at,
			 c.left);
	return true;
}

static bool take_credit(struct zrun_process *p, const uint8_t *body, size_t size)
{
	struct zrun_cursor c = {body, size};
	struct zrun_credit credit;

	if (!zrun_take(&c, &credit, sizeof(credit)) || credit.messages > p->window_messages ||
	    credit.bytes > p->window_bytes)
		return false;
	p->window_messages -= credit.messages;
	p->window_bytes -= credit.bytes;
	return true;
}

static bool take_health(struct zrun_process *p, const uint8_t *body, size_t size)
{
	struct zrun_cursor c = {body, size};
	struct zrun_health health;

	if (!zrun_take(&c, &health, sizeof(health)))
		return false;
	p->listener->health(p->user, health.is_healthy != 0);
	return true;
}

static bool take_updated(struct zrun_process *p, const uint8_t *body, size_t size)
{
	struct zrun_cursor c = {body, size};
	struct zrun_updated updated;

	if (!zrun_take(&c, &updated, sizeof(updated)))
		return false;
	if (p->updates_ignored > 0)
		p->updates_ignored--;
	else
		p->listener->updated(p->user, updated.result, (const char *)c.at, c.left);
	return true;
}

static bool take_emit(struct zrun_process *p, uint32_t correlation, const uint8_t *body,
		      size_t size)
{
	struct zrun_cursor c = {body, size};
	struct zrun_emit emit;
	struct zrun_result result;
	const char *address;
	void *answer;

	if (!zrun_take(&c, &emit, sizeof(emit)) ||
	    !zrun_take_bytes(&c, &address, emit.address_size) || correlation == 0)
		return false;
	result.status = p->listener->emit(p->user, address, emit.address_size, c.at, c.left);
	answer = process_frame(p, ZRUN_EMIT_RESULT, correlation, sizeof(result));
	if (answer == NULL)
		return false;
	memcpy(answer, &result, sizeof(result));
	return true;
}

bool process_take_exit_report(struct zrun_process *p, uint16_t type, const uint8_t *body,
			      size_t size)
{
	struct zrun_cursor c = {body, size};
	struct zrun_stopped stopped;
	struct zrun_failed failed;

	if (p->report.is_known)
		return true;
	if (type == ZRUN_FAILED && zrun_take(&c, &failed, sizeof(failed))) {
		p->report.error = c.left > 0 ? mem_strndup((const char *)c.at, c.left)
					     : str_printf("failed (%u, code %d)",
							  (unsigned)failed.kind, failed.code);
	} else if (type == ZRUN_STOPPED && zrun_take(&c, &stopped, sizeof(stopped))) {
		p->report.is_finished = stopped.cause == ZRUN_STOPPED_FINISHED;
		p->report.is_asked = !p->report.is_finished;
		p->report.error =
			mem_strdup(stopped.cause == ZRUN_STOPPED_ORPHAN
					   ? "stopped by itself: no zhost for too long"
				   : stopped.cause == ZRUN_STOPPED_NOT_RENEWED
					   ? "stopped by itself: exclusive, and zrms "
					     "was silent for too long"
					   : "");
	} else {
		return false;
	}
	p->report.is_known = true;
	return true;
}

static bool take_frame(struct zrun_process *p, const struct zrun_frame *frame,
		       const uint8_t *body)
{
	if (!p->is_connected && frame->type != ZRUN_HELLO)
		return false;
	switch (frame->type) {
	case ZRUN_HELLO:
		return take_hello(p, body, frame->size);
	case ZRUN_STARTED:
		p->listener->started(p->user);
		return true;
	case ZRUN_HEALTH:
		return take_health(p, body, frame->size);
	case ZRUN_LOG:
		return take_log(p, body, frame->size);
	case ZRUN_CREDIT:
		return take_credit(p, body, frame->size);
	case ZRUN_UPDATED:
		return take_updated(p, body, frame->size);
	case ZRUN_EMIT:
		return take_emit(p, frame->correlation, body, frame->size);
	case ZRUN_DATA_GET:
	case ZRUN_DATA_PUT:
	case ZRUN_DATA_DELETE:
	case ZRUN_DATA_LIST:
		return p->listener->data(p->user, frame->type, frame->correlation, body,
					 frame->size);
	case ZRUN_STOPPED:
	case ZRUN_FAILED:
		return process_take_exit_report(p, frame->type, body, frame->size);
	default:
		return false;
	}
}

/* Takes whole frames off the front; returns how many bytes were used. A frame may end the
 * connection: then nothing is kept. */
static size_t take_frames(struct zrun_process *p, const uint8_t *data, size_t size)
{
	size_t used = 0;

	while (p->fd >= 0) {
		struct zrun_frame frame;
		const uint8_t *body;
		size_t need;
		int r = zrun_frame_parse(data + used, size - used, &frame, &body, &need);

		if (r == 0)
			return used;
		if (r < 0 || !take_frame(p, &frame, body)) {
			CLEANUP(freep)
			char *what =
				r < 0 ? mem_strdup("a frame is too long")
				      : str_printf("frame of type %u", (unsigned)frame.type);
			broken(p, what);
			return size;
		}
		used += need;
	}
	return size;
}

/* ---- reading ---- */

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
	process_reconnect_soon(p);
	return false;
}

void process_drain(struct zrun_process *p)
{
	while (p->fd >= 0 && read_some(p))
		;
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct zrun_process *p = poll->data;

	if (p == NULL)
		return;
	if (status < 0 || (events & UV_READABLE) != 0)
		(void)read_some(p);
	if (p->fd >= 0 && (events & UV_WRITABLE) != 0)
		(void)process_write(p);
}

/* ---- connection ---- */

static void poll_closed(uv_handle_t *handle)
{
	free(handle);
}

void process_connect(struct zrun_process *p, int fd)
{
	INVARIANT(p->fd < 0 && p->poll == NULL);
	p->fd = fd;
	p->is_connected = false;
	p->poll = mem_new(uv_poll_t);
	if (uv_poll_init(loop_uv(p->owner->options.loop), p->poll, fd) != 0)
		IMPOSSIBLE("a socket can be polled");
	p->poll->data = p;
	p->poll_events = 0;
	poll_for(p, UV_READABLE);
}

void process_disconnect(struct zrun_process *p)
{
	if (p->fd < 0)
		return;
	p->poll->data = NULL;
	uv_close((uv_handle_t *)p->poll, poll_closed);
	p->poll = NULL;
	close(p->fd);
	p->fd = -1;
	p->is_connected = false;
	/* Half a frame is of no use to the next connection. */
	buffer_done(&p->in);
	buffer_done(&p->out);
	p->in = p->out = BUFFER_INIT(PROCESS_OUT_MAX);
	p->window_messages = p->window_bytes = 0;
}

/* ---- what others send ---- */

int zrun_process_deliver(struct zrun_process *p, const char *name, const char *sender,
			 const char *sender_suffix, size_t sender_suffix_size,
			 const void *payload, size_t size)
{
	size_t name_size = strlen(name), sender_size = strlen(sender);
	size_t from_size = name_size + 1 + sender_size + sender_suffix_size;
	uint32_t cost = zrun_message_cost(from_size, size);
	struct zrun_message head = {.from_size = (uint16_t)from_size};
	char *to;

	if (from_size > ZRUN_ADDRESS_MAX)
		return -EINVAL;
	if (!p->is_connected || p->window_messages >= ZRUN_WINDOW_MESSAGES ||
	    p->window_bytes + cost > ZRUN_WINDOW_BYTES)
		return -EAGAIN;
	to = process_frame(p, ZRUN_MESSAGE, 0, sizeof(head) + from_size + size);
	if (to == NULL)
		return -EAGAIN;
	p->window_messages++;
	p->window_bytes += cost;
	to = mempcpy(to, &head, sizeof(head));
	to = mempcpy(to, name, name_size);
	*to++ = '#';
	to = mempcpy(to, sender, sender_size);
	if (sender_suffix_size > 0)
		to = mempcpy(to, sender_suffix, sender_suffix_size);
	memcpy(to, payload, size);
	return 0;
}

void zrun_process_data_result(struct zrun_process *p, uint32_t correlation, int32_t status,
			      const void *content, size_t size)
{
	struct zrun_result result = {.status = status};
	char *to;

	if (p->fd < 0)
		return; /* zrun repeats the request, or gives up, by itself */
	to = process_frame(p, ZRUN_DATA_RESULT, correlation, sizeof(result) + size);
	if (to == NULL) {
		broken(p, "it does not read its answers");
		return;
	}
	to = mempcpy(to, &result, sizeof(result));
	if (size > 0)
		memcpy(to, content, size);
}
