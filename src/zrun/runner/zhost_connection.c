#include "zrun/runner/zhost_connection.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "zrun/native/native.h"
#include "zrun/runner/runner.h"

/* A wait shorter than twice this is one of a conversation. */
#define SPIN_US 60

/* One process, one instance, one link: see zhost_connection.h for what is in them. */
static uint8_t in[CONNECTION_IN_SIZE];
static uint8_t out[CONNECTION_OUT_SIZE];
static uint8_t queue[CONNECTION_QUEUE_SIZE];
static uint8_t ring[CONNECTION_RING_SIZE];
static uint8_t answer[ZRUN_BODY_MAX];

void connection_open(struct runner *i, int listener, int status_fd)
{
	struct zhost_connection *l = &i->connection;

	*l = (struct zhost_connection){.listener = listener, .fd = -1, .status_fd = status_fd};
	l->lost_ms = mono_ms();
	/* SO_PEERCRED of those who connect from now on names this process. */
	(void)listen(listener, 8);
}

static void lost(struct runner *i)
{
	struct zhost_connection *l = &i->connection;

	if (l->fd < 0)
		return;
	close(l->fd);
	l->fd = -1;
	l->lost_ms = mono_ms();
	l->generation++;
	l->in_size = l->out_sent = l->out_size = 0;
	i->updates_owed = 0;
}

static void flush(struct runner *i)
{
	struct zhost_connection *l = &i->connection;

	while (l->fd >= 0 && l->out_sent < l->out_size) {
		ssize_t n = send(l->fd, out + l->out_sent, l->out_size - l->out_sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			lost(i);
			return;
		}
		l->out_sent += (size_t)n;
	}
	l->out_sent = l->out_size = 0;
}

static bool room(struct zhost_connection *l, size_t size)
{
	if (CONNECTION_OUT_SIZE - l->out_size >= size)
		return true;
	memmove(out, out + l->out_sent, l->out_size - l->out_sent);
	l->out_size -= l->out_sent;
	l->out_sent = 0;
	return CONNECTION_OUT_SIZE - l->out_size >= size;
}

bool connection_send3(struct runner *i, enum zrun_frame_type type, uint32_t correlation,
		      const void *a, size_t a_size, const void *b, size_t b_size, const void *c,
		      size_t c_size)
{
	struct zhost_connection *l = &i->connection;
	struct zrun_frame frame = {
		.size = (uint32_t)(a_size + b_size + c_size),
		.type = (uint16_t)type,
		.correlation = correlation,
	};
	uint8_t *to;

	if (l->fd < 0 || !room(l, sizeof(frame) + frame.size))
		return false;
	to = out + l->out_size;
	memcpy(to, &frame, sizeof(frame));
	to += sizeof(frame);
	memcpy(to, a, a_size);
	if (b_size > 0)
		memcpy(to + a_size, b, b_size);
	if (c_size > 0)
		memcpy(to + a_size + b_size, c, c_size);
	l->out_size += sizeof(frame) + frame.size;
	flush(i);
	return true;
}

bool connection_send(struct runner *i, enum zrun_frame_type type, uint32_t correlation,
		     const void *a, size_t a_size, const void *b, size_t b_size)
{
	return connection_send3(i, type, correlation, a, a_size, b, b_size, NULL, 0);
}

/* ---- log ------------------------------------------------------------------------------ */

static void ring_add(struct zhost_connection *l, const struct zrun_log *log, const char *text,
		     size_t size)
{
	struct zrun_frame frame = {.size = (uint32_t)(sizeof(*log) + size), .type = ZRUN_LOG};
	size_t total = sizeof(frame) + frame.size;

	while (l->ring_size + total > CONNECTION_RING_SIZE) {
		struct zrun_frame oldest;
		size_t oldest_size;

		memcpy(&oldest, ring, sizeof(oldest));
		oldest_size = sizeof(oldest) + oldest.size;
		memmove(ring, ring + oldest_size, l->ring_size - oldest_size);
		l->ring_size -= oldest_size;
		l->ring_dropped++;
	}
	memcpy(ring + l->ring_size, &frame, sizeof(frame));
	memcpy(ring + l->ring_size + sizeof(frame), log, sizeof(*log));
	memcpy(ring + l->ring_size + sizeof(frame) + sizeof(*log), text, size);
	l->ring_size += total;
}

static void ring_send(struct runner *i)
{
	struct zhost_connection *l = &i->connection;

	if (l->fd < 0 || l->ring_size == 0 || !room(l, l->ring_size + 256))
		return;
	memcpy(out + l->out_size, ring, l->ring_size);
	l->out_size += l->ring_size;
	l->ring_size = 0;
	if (l->ring_dropped > 0) {
		uint32_t dropped = l->ring_dropped;

		l->ring_dropped = 0;
		connection_note(i, ZRUN_LEVEL_WARN,
				"%u older log lines were lost while no zhost took them",
				dropped);
	}
	flush(i);
}

void connection_log(struct runner *i, enum zrun_log_source source, enum zrun_log_level level,
		    const char *text, size_t size)
{
	struct zrun_log log = {
		.wall_ms = wall_ms(), .level = (uint8_t)level, .source = (uint8_t)source};
	char line[ZRUN_LOG_MAX];

	if (size > sizeof(line))
		size = sizeof(line);
	for (size_t at = 0; at < size; at++)
		line[at] = (unsigned char)text[at] < ' ' || text[at] == 0x7f ? ' ' : text[at];
	/* The order of lines is kept: nothing passes what waits in the ring. */
	ring_send(i);
	if (i->connection.ring_size > 0 ||
	    !connection_send(i, ZRUN_LOG, 0, &log, sizeof(log), line, size))
		ring_add(&i->connection, &log, line, size);
}

void connection_note(struct runner *i, enum zrun_log_level level, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	connection_log(i, ZRUN_LOG_HOST, level, text, strlen(text));
}

/* ---- connection ----------------------------------------------------------------------- */

static void hello(struct runner *i)
{
	struct zhost_connection *l = &i->connection;
	struct zrun_hello hello = {
		.version = ZRUN_PROTOCOL_VERSION,
		.pid = (uint32_t)getpid(),
		.epoch = i->request->epoch,
		.started_wall_ms = i->started_wall_ms,
		.sandbox = i->sandbox,
		.phase = i->phase,
		.update_pending = i->imports_changed,
		.queued_messages = (uint16_t)l->queue_messages,
		.queued_bytes = l->queue_bytes,
		.topology_size = (uint16_t)strlen(i->topology),
		.instance_size = (uint16_t)strlen(i->path),
	};

	l->credit_messages = l->credit_bytes = 0;
	(void)connection_send3(i, ZRUN_HELLO, 0, &hello, sizeof(hello), i->topology,
			       hello.topology_size, i->path, hello.instance_size);
}

static void send_health(struct runner *i)
{
	struct zrun_health health = {.is_healthy = !i->unhealthy};

	(void)connection_send(i, ZRUN_HEALTH, 0, &health, sizeof(health), NULL, 0);
}

void connection_health(struct runner *i, bool is_healthy)
{
	if (i->unhealthy == !is_healthy)
		return;
	i->unhealthy = !is_healthy;
	send_health(i);
}

void connection_accept(struct runner *i)
{
	struct zhost_connection *l = &i->connection;

	if (l->fd >= 0)
		return;
	l->fd = accept4(l->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (l->fd < 0)
		return;
	hello(i);
	if (i->unhealthy)
		send_health(i);
	ring_send(i);
}

static void broken(struct runner *i, const char *why)
{
	lost(i);
	connection_note(i, ZRUN_LEVEL_ERROR, "disconnected zhost: %s", why);
}

static void take_message(struct runner *i, const struct zrun_frame *frame, const uint8_t *body)
{
	struct zhost_connection *l = &i->connection;
	size_t size = sizeof(*frame) + frame->size;
	struct zrun_cursor c = {body, frame->size};
	struct zrun_message message;

	if (!zrun_take(&c, &message, sizeof(message)) || message.from_size > c.left ||
	    message.from_size > ZRUN_ADDRESS_MAX ||
	    c.left - message.from_size > ZRUN_PAYLOAD_MAX) {
		broken(i, "a damaged message");
		return;
	}
	if (l->queue_messages + 1 > ZRUN_WINDOW_MESSAGES ||
	    l->queue_bytes + size > ZRUN_WINDOW_BYTES) {
		broken(i, "more messages than the window allows");
		return;
	}
	if (l->queue_tail + size > CONNECTION_QUEUE_SIZE) {
		memmove(queue, queue + l->queue_head, l->queue_tail - l->queue_head);
		l->queue_tail -= l->queue_head;
		l->queue_head = 0;
	}
	memcpy(queue + l->queue_tail, frame, sizeof(*frame));
	memcpy(queue + l->queue_tail + sizeof(*frame), body, frame->size);
	l->queue_tail += size;
	l->queue_messages++;
	l->queue_bytes += (uint32_t)size;
}

static void take_result(struct runner *i, const struct zrun_frame *frame, const uint8_t *body)
{
	struct zhost_connection *l = &i->connection;
	struct zrun_cursor c = {body, frame->size};
	struct zrun_result result;

	if (!zrun_take(&c, &result, sizeof(result))) {
		broken(i, "a damaged answer");
		return;
	}
	/* One that comes too late is for a call that has returned already. */
	if (frame->correlation == 0 || frame->correlation != l->awaited || l->answered)
		return;
	memcpy(answer, c.at, c.left);
	l->answer = answer;
	l->answer_size = c.left;
	l->answer_status = result.status;
	l->answered = true;
}

/* Reads an UPDATE into one block; NULL when it is damaged. */
static char *update_read(struct zrun_cursor *c, uint32_t count, size_t *ret_size)
{
	char *block = malloc(c->left + 2 * (size_t)count + 1), *to = block;

	for (uint32_t n = 0; block != NULL && n < count; n++) {
		struct zrun_import import;
		const char *name, *value;

		if (!zrun_take(c, &import, sizeof(import)) ||
		    !zrun_take_bytes(c, &name, import.name_size) ||
		    !zrun_take_bytes(c, &value, import.value_size) ||
		    memchr(name, '\0', import.name_size) != NULL ||
		    memchr(value, '\0', import.value_size) != NULL) {
			free(block);
			return NULL;
		}
		memcpy(to, name, import.name_size);
		to += import.name_size;
		*to++ = '\0';
		memcpy(to, value, import.value_size);
		to += import.value_size;
		*to++ = '\0';
	}
	*ret_size = (size_t)(to - block);
	return block;
}

static void take_update(struct runner *i, const struct zrun_frame *frame, const uint8_t *body)
{
	struct zrun_cursor c = {body, frame->size};
	struct zrun_update update;
	const struct zrun_updated nothing = {0};
	size_t size = 0;
	char *block = NULL;
	bool is_same;

	if (zrun_take(&c, &update, sizeof(update)) &&
	    update.count <= c.left / sizeof(struct zrun_import))
		block = update_read(&c, update.count, &size);
	if (block == NULL) {
		broken(i, "a damaged update of imports");
		return;
	}
	is_same = size == i->imports.size && memcmp(block, i->imports.data, size) == 0;
	if (is_same) {
		free(block);
	} else {
		free(i->imports.data);
		i->imports = (struct import_set){block, size, update.count};
		i->imports_changed = i->module != NULL && i->module->on_update != NULL;
	}
	if (i->native != NULL)
		native_update(i, is_same);
	else if (i->imports_changed)
		i->updates_owed++;
	else
		(void)connection_send(i, ZRUN_UPDATED, 0, &nothing, sizeof(nothing), NULL, 0);
}

static void take_renew(struct runner *i, const struct zrun_frame *frame, const uint8_t *body)
{
	struct zrun_cursor c = {body, frame->size};
	struct zrun_renew renew;

	if (!zrun_take(&c, &renew, sizeof(renew))) {
		broken(i, "a damaged renewal");
		return;
	}
	/* Too late once it is stopping for want of one: the end it was given stands. */
	if (i->stop_cause == ZRUN_STOPPED_NOT_RENEWED)
		return;
	i->stop_at_boot_ms = renew.stop_at_ms;
	i->end_at_boot_ms = renew.end_at_ms;
	termination_arm(i);
}

static void take_frame(struct runner *i, const struct zrun_frame *frame, const uint8_t *body)
{
	struct zrun_cursor c = {body, frame->size};
	struct zrun_stop stop;

	switch (frame->type) {
	case ZRUN_STOP:
		if (zrun_take(&c, &stop, sizeof(stop)))
			runner_stop(i, ZRUN_STOPPED_ASKED, stop.grace_ms);
		break;
	case ZRUN_MESSAGE:
		take_message(i, frame, body);
		break;
	case ZRUN_EMIT_RESULT:
	case ZRUN_DATA_RESULT:
		take_result(i, frame, body);
		break;
	case ZRUN_UPDATE:
		take_update(i, frame, body);
		break;
	case ZRUN_RENEW:
		take_renew(i, frame, body);
		break;
	case ZRUN_CANCEL:
		if (i->native != NULL)
			native_cancel(i);
		break;
	default:
		broken(i, "a frame of an unknown type");
	}
}

static void take_all(struct runner *i)
{
	struct zhost_connection *l = &i->connection;
	uint32_t generation = l->generation;
	size_t at = 0;

	for (;;) {
		struct zrun_frame frame;
		const uint8_t *body;
		size_t need;
		int r = zrun_frame_parse(in + at, l->in_size - at, &frame, &body, &need);

		if (r < 0)
			broken(i, "a frame over the limit");
		if (r <= 0)
			break;
		take_frame(i, &frame, body);
		if (l->generation != generation)
			return; /* in_size is 0 now */
		at += need;
	}
	if (l->generation != generation)
		return;
	memmove(in, in + at, l->in_size - at);
	l->in_size -= at;
}

void connection_flush(struct runner *i)
{
	flush(i);
	ring_send(i);
}

void connection_poll(struct runner *i)
{
	struct zhost_connection *l = &i->connection;

	connection_accept(i);
	while (l->fd >= 0) {
		size_t space = sizeof(in) - l->in_size;
		ssize_t n = recv(l->fd, in + l->in_size, space, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			lost(i);
			connection_accept(i);
			continue;
		}
		l->in_size += (size_t)n;
		take_all(i);
		if ((size_t)n < space)
			break;
	}
	runner_check_clocks(i);
}

static uint64_t mono_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* poll() that spins for some microseconds before it sleeps, yielding the processor to others,
 * because waking a sleeping processor takes longer than most answers take to arrive. It spins
 * only after a short wait: after a long one the next wait sleeps at once. */
static int poll_spin(struct zhost_connection *l, struct pollfd *p, int timeout_ms)
{
	uint64_t begin = mono_us();
	int r = 0;

	while (l->spin_next && timeout_ms > 0 && mono_us() - begin < SPIN_US) {
		r = poll(p, 1, 0);
		if (r != 0)
			return r;
		(void)sched_yield();
	}
	r = poll(p, 1, timeout_ms);
	l->spin_next = r > 0 && mono_us() - begin < 2 * SPIN_US;
	return r;
}

void connection_wait(struct runner *i, uint64_t until_ms)
{
	struct zhost_connection *l = &i->connection;
	struct pollfd p = {.fd = l->fd >= 0 ? l->fd : l->listener, .events = POLLIN};
	uint64_t now = mono_ms(), until = until_ms;

	termination_overdue(i);
	if (l->fd < 0 && l->lost_ms + i->request->orphan_ms < until)
		until = l->lost_ms + i->request->orphan_ms;
	if (i->stop_at_boot_ms != 0 && !runner_stopping(i)) {
		uint64_t boot = boot_ms();
		uint64_t left = i->stop_at_boot_ms > boot ? i->stop_at_boot_ms - boot : 0;

		if (now + left < until)
			until = now + left;
	}
	if (l->out_sent < l->out_size)
		p.events |= POLLOUT;
	now = until > now ? until - now : 0;
	if (poll_spin(l, &p, now > 3600000 ? 3600000 : (int)now) > 0) {
		if ((p.revents & POLLOUT) != 0)
			connection_flush(i);
		if ((p.revents & ~POLLOUT) != 0) {
			connection_poll(i);
			return;
		}
	}
	runner_check_clocks(i);
	termination_overdue(i);
}

int32_t connection_call(struct runner *i, enum zrun_frame_type type, bool again,
			uint64_t until_ms, const void *fixed, size_t fixed_size, const void *b,
			size_t b_size, const void *c, size_t c_size)
{
	struct zhost_connection *l = &i->connection;

	do {
		uint32_t generation = l->generation;

		connection_accept(i);
		if (l->fd < 0 && !again)
			return -EAGAIN;
		l->correlation = l->correlation == UINT32_MAX ? 1 : l->correlation + 1;
		l->awaited = l->correlation;
		l->answered = false;
		if (!connection_send3(i, type, l->awaited, fixed, fixed_size, b, b_size, c,
				      c_size)) {
			/* No zhost, or it does not read: wait for either. */
			connection_wait(i, until_ms);
			continue;
		}
		while (!l->answered && l->generation == generation && mono_ms() < until_ms)
			connection_wait(i, until_ms);
		l->awaited = 0;
		if (l->answered)
			return l->answer_status;
		if (l->generation != generation && !again)
			return -EHOSTUNREACH;
	} while (mono_ms() < until_ms);
	l->awaited = 0;
	return -EAGAIN;
}

bool connection_message(struct runner *i, const char **ret_from, size_t *ret_from_size,
			const uint8_t **ret_payload, size_t *ret_payload_size)
{
	struct zhost_connection *l = &i->connection;
	struct zrun_frame frame;
	struct zrun_message message;
	const uint8_t *body = queue + l->queue_head + sizeof(frame);

	if (l->queue_messages == 0)
		return false;
	memcpy(&frame, queue + l->queue_head, sizeof(frame));
	memcpy(&message, body, sizeof(message));
	*ret_from = (const char *)body + sizeof(message);
	*ret_from_size = message.from_size;
	*ret_payload = body + sizeof(message) + message.from_size;
	*ret_payload_size = frame.size - sizeof(message) - message.from_size;
	return true;
}

void connection_message_taken(struct runner *i)
{
	struct zhost_connection *l = &i->connection;
	struct zrun_frame frame;
	uint32_t size;

	memcpy(&frame, queue + l->queue_head, sizeof(frame));
	size = (uint32_t)sizeof(frame) + frame.size;
	l->queue_head += size;
	l->queue_messages--;
	l->queue_bytes -= size;
	if (l->queue_messages == 0)
		l->queue_head = l->queue_tail = 0;
	l->credit_messages++;
	l->credit_bytes += size;
	/* A quarter of the window: zhost always has room left when the guest waits. */
	if (l->credit_messages >= ZRUN_WINDOW_MESSAGES / 4 ||
	    l->credit_bytes >= ZRUN_WINDOW_BYTES / 4) {
		struct zrun_credit credit = {l->credit_messages, l->credit_bytes};

		if (connection_send(i, ZRUN_CREDIT, 0, &credit, sizeof(credit), NULL, 0))
			l->credit_messages = l->credit_bytes = 0;
	}
}

void connection_last(struct runner *i, enum zrun_frame_type type, const void *fixed,
		     size_t fixed_size, const char *text, size_t text_size, int wait_ms)
{
	struct zhost_connection *l = &i->connection;
	struct zrun_frame frame = {.size = (uint32_t)(fixed_size + text_size),
				   .type = (uint16_t)type};
	uint8_t whole[sizeof(frame) + 64 + 512];
	size_t size = sizeof(frame) + fixed_size + text_size;

	memcpy(whole, &frame, sizeof(frame));
	memcpy(whole + sizeof(frame), fixed, fixed_size);
	if (text_size > 0)
		memcpy(whole + sizeof(frame) + fixed_size, text, text_size);
	if (l->status_fd >= 0 && write(l->status_fd, whole, size) < 0)
		(void)fdatasync(l->status_fd); /* nothing else can be done about it */
	connection_accept(i);
	if (l->fd < 0 || !room(l, size))
		return;
	memcpy(out + l->out_size, whole, size);
	l->out_size += size;
	flush(i);
	while (l->fd >= 0 && l->out_size > 0 && wait_ms > 0) {
		struct pollfd p = {.fd = l->fd, .events = POLLOUT};

		if (poll(&p, 1, 50) == 0)
			wait_ms -= 50;
		flush(i);
	}
}

const char *import_value(const struct import_set *set, const char *name, size_t name_size,
			 size_t *ret_size)
{
	const char *at = set->data;

	for (uint32_t n = 0; n < set->count; n++) {
		size_t size = strlen(at);
		const char *value = at + size + 1;

		if (size == name_size && memcmp(at, name, size) == 0) {
			*ret_size = strlen(value);
			return value;
		}
		at = value + strlen(value) + 1;
	}
	return NULL;
}
