/*
 * Source: RFC 5424 (the message), RFC 6587 3.4.1 (octet counting over TCP), RFC 5426 (UDP).
 *
 *     <134>1 2026-04-29T10:30:00.123Z ZHOST TOPOLOGY - - [samoza@32473 instance="api-1" …] text
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "zhost/sink/writer.h"

#define FACILITY    16 /* local0 */
#define CONNECT_MS  5000
#define SEND_S	    10
#define MESSAGE_MAX ((size_t)64 * 1024)
#define APP_MAX	    48
#define HOST_MAX    255

struct syslog_writer {
	struct sink_writer writer;
	char *host, *port;
	bool is_tcp;
	int fd; /* -1: not connected */
	struct buffer message;
};

static void encode(struct buffer *to, const struct sink_record *r)
{
	time_t seconds = (time_t)(r->wall_ms / 1000);
	struct tm tm;
	char date[32];

	gmtime_r(&seconds, &tm);
	(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	buffer_clear(to);
	/* Names have no space, quotation mark or bracket. */
	(void)buffer_printf(to,
			    "<%d>1 %s.%03dZ %.*s %.*s - - [samoza@32473 topology=\"%s\" "
			    "id=\"%s\" space=\"%s\" instance=\"%s\" level=\"%s\"] ",
			    FACILITY * 8 + sink_severity(r->level), date,
			    (int)(r->wall_ms % 1000), HOST_MAX, r->zhost, APP_MAX, r->topology,
			    r->topology, r->id, r->space, r->path, r->level);
	(void)buffer_add(to, r->text, r->size);
}

/* errno on failure. */
static int connect_within(int fd, const struct addrinfo *to)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	int problem = 0;
	socklen_t size = sizeof(problem);

	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -1;
	if (poll(&ready, 1, CONNECT_MS) != 1) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0)
		return -1;
	errno = problem;
	return problem == 0 ? 0 : -1;
}

static int open_to(const struct syslog_writer *w, const struct addrinfo *to)
{
	const struct timeval wait = {.tv_sec = SEND_S};
	int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (connect_within(fd, to) < 0) {
		closep(&fd);
		return -1;
	}
	(void)fcntl(fd, F_SETFL, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (w->is_tcp)
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
	return fd;
}

static int open_any(struct syslog_writer *w, struct error **err)
{
	const struct addrinfo hints = {.ai_socktype = w->is_tcp ? SOCK_STREAM : SOCK_DGRAM};
	struct addrinfo *found = NULL;
	int r = getaddrinfo(w->host, w->port, &hints, &found);

	if (r != 0)
		return error_set(err, ERR_UNAVAILABLE, "%s: %s", w->host, gai_strerror(r));
	for (const struct addrinfo *to = found; w->fd < 0 && to != NULL; to = to->ai_next)
		w->fd = open_to(w, to);
	if (w->fd < 0)
		r = error_set(err, ERR_UNAVAILABLE, "%s:%s: %s", w->host, w->port,
			      strerror(errno));
	freeaddrinfo(found);
	return r;
}

static void drop(struct syslog_writer *w)
{
	closep(&w->fd);
	w->fd = -1;
}

/* A server that has closed is not written to: the first line would be lost without a word. */
static bool has_ended(const struct syslog_writer *w)
{
	char byte;
	ssize_t n = recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static int send_all(struct syslog_writer *w, struct error **err)
{
	char length[16];
	int size = snprintf(length, sizeof(length), "%zu ", w->message.size);
	struct iovec parts[] = {{length, w->is_tcp ? (size_t)size : 0},
				{w->message.data, w->message.size}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	size_t left = parts[0].iov_len + parts[1].iov_len;

	while (left > 0) {
		ssize_t n = sendmsg(w->fd, &message, MSG_NOSIGNAL);

		if (n < 0 && errno == EMSGSIZE && !w->is_tcp)
			return error_set(err, ERR_LIMIT, "a line is too long for a datagram");
		if (n <= 0)
			return error_set(err, ERR_UNAVAILABLE, "%s:%s: %s", w->host, w->port,
					 errno == EAGAIN ? "it takes nothing"
							 : strerror(errno));
		left -= (size_t)n;
		for (size_t i = 0, taken = (size_t)n; i < 2; i++) {
			size_t part = taken < parts[i].iov_len ? taken : parts[i].iov_len;

			parts[i].iov_base = (char *)parts[i].iov_base + part;
			parts[i].iov_len -= part;
			taken -= part;
		}
	}
	return 0;
}

static int syslog_write(struct sink_writer *writer, const struct sink_record *r,
			struct error **err)
{
	struct syslog_writer *w = (struct syslog_writer *)writer;
	int result = 0;

	if (w->fd >= 0 && w->is_tcp && has_ended(w))
		drop(w);
	if (w->fd < 0)
		result = open_any(w, err);
	if (result < 0)
		return result;
	encode(&w->message, r);
	result = send_all(w, err);
	if (result == ERR_UNAVAILABLE)
		drop(w); /* what was half sent ends with the connection */
	return result;
}

static void syslog_free(struct sink_writer *writer)
{
	struct syslog_writer *w = (struct syslog_writer *)writer;

	drop(w);
	buffer_done(&w->message);
	free(w->host);
	free(w->port);
	free(w);
}

struct sink_writer *syslog_writer_new(const char *host, const char *port, bool is_tcp)
{
	static const struct sink_writer_ops ops = {.write = syslog_write, .free = syslog_free};
	struct syslog_writer *w = mem_new(struct syslog_writer);

	w->writer.ops = &ops;
	w->fd = -1;
	w->host = mem_strdup(host);
	w->port = mem_strdup(port);
	w->is_tcp = is_tcp;
	w->message = BUFFER_INIT(MESSAGE_MAX);
	return &w->writer;
}
