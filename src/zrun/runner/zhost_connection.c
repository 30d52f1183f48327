#include "zrun/runner/zhost_connection.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zrun/runner/clocks.h"
#include "zrun/runner/runner.h"
#include "zrun/runner/secret_set.h"

/* One process, one instance, one connection: see zhost_connection.h for what is in them. */
static uint8_t out[CONNECTION_OUT_SIZE];
static uint8_t ring[CONNECTION_RING_SIZE];

void connection_open(struct runner *i, int listener, int status_fd)
{
	struct zhost_connection *l = &i->connection;

	*l = (struct zhost_connection){.listener = listener, .fd = -1, .status_fd = status_fd};
	l->lost_ms = mono_ms();
	/* SO_PEERCRED of later connections names this process. */
	(void)listen(listener, 8);
}

void connection_lost(struct runner *i)
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
	secrets_unstage();
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
			connection_lost(i);
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

static uint16_t hello_flags(const struct runner *i)
{
	return (uint16_t)(ZRUN_FLAG_SECRETS | (i->kind->exec != NULL ? ZRUN_FLAG_EXEC : 0));
}

bool connection_send3(struct runner *i, enum zrun_frame_type type, uint32_t correlation,
		      const void *a, size_t a_size, const void *b, size_t b_size, const void *c,
		      size_t c_size)
{
	struct zhost_connection *l = &i->connection;
	struct zrun_frame frame = {
		.size = (uint32_t)(a_size + b_size + c_size),
		.type = (uint16_t)type,
		.flags = type == ZRUN_HELLO ? hello_flags(i) : 0,
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
				"%u older log line%s lost while no zhost read them", dropped,
				dropped == 1 ? " was" : "s were");
	}
	flush(i);
}

void connection_log(struct runner *i, enum zrun_log_source source, enum zrun_log_level level,
		    const char *text, size_t size)
{
	struct zrun_log log = {
		.wall_ms = wall_ms(), .level = (uint8_t)level, .source = (uint8_t)source};
	char line[ZRUN_LOG_MAX], cut[64] = "";
	size_t whole = size, tail = 0;

	/* What is cut says so. */
	if (whole > sizeof(line)) {
		tail = (size_t)snprintf(cut, sizeof(cut), " ... (%zu bytes in all)", whole);
		size = sizeof(line) - tail;
	}
	for (size_t at = 0; at < size; at++)
		line[at] = (unsigned char)text[at] < ' ' || text[at] == 0x7f ? ' ' : text[at];
	memcpy(line + size, cut, tail);
	size += tail;
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
		.update_pending = i->updates_owed > 0,
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

void connection_flush(struct runner *i)
{
	flush(i);
	ring_send(i);
}

void connection_record(struct runner *i, enum zrun_frame_type type, const void *fixed,
		       size_t fixed_size)
{
	struct zrun_frame frame = {.size = (uint32_t)fixed_size, .type = (uint16_t)type};
	uint8_t whole[sizeof(frame) + 64];

	if (i->connection.status_fd < 0 || fixed_size > sizeof(whole) - sizeof(frame))
		return;
	memcpy(whole, &frame, sizeof(frame));
	memcpy(whole + sizeof(frame), fixed, fixed_size);
	if (write(i->connection.status_fd, whole, sizeof(frame) + fixed_size) < 0)
		connection_note(i, ZRUN_LEVEL_WARN, "cannot write to its status file: %s",
				strerror(errno));
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
