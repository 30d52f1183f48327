#include "adapter/uv/link_dial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"

enum { HEADER_MAX = 16 * 1024 };

struct link_dial {
	struct loop *loop;
	char *host;
	uint16_t port;
	link_dial_fn *fn;
	void *user;
	struct loop_timer *deadline;
	uv_getaddrinfo_t lookup;
	bool looking_up; /* the dial cannot be freed before the lookup has come back */
	bool done;
	struct addrinfo *addresses, *next;
	struct error *last; /* why the address before did not do */
	uv_poll_t *poll;    /* on the heap: libuv closes late */
	int fd;
	struct buffer out; /* the request; consumed as it is sent */
	struct buffer in;  /* the answer's header, and what came behind it */
};

static void dial_free(struct link_dial *dial)
{
	if (dial->addresses != NULL)
		uv_freeaddrinfo(dial->addresses);
	buffer_done(&dial->out);
	buffer_done(&dial->in);
	error_free(dial->last);
	free(dial->host);
	free(dial);
}

static void poll_closed(uv_handle_t *handle)
{
	free(handle);
}

/* Stops watching; returns the socket, which is the caller's then. */
static int socket_release(struct link_dial *dial)
{
	int fd = dial->fd;
	if (dial->poll != NULL) {
		(void)uv_poll_stop(dial->poll);
		uv_close((uv_handle_t *)dial->poll, poll_closed);
	}
	dial->poll = NULL;
	dial->fd = -1;
	return fd;
}

/* Everything but the memory, which a lookup may still need. */
static void dial_end(struct link_dial *dial)
{
	dial->done = true;
	loop_timer_free(dial->deadline);
	int fd = socket_release(dial);
	if (fd >= 0)
		(void)close(fd);
	if (dial->looking_up)
		(void)uv_cancel((uv_req_t *)&dial->lookup);
	else
		dial_free(dial);
}

void link_dial_cancel(struct link_dial *dial)
{
	if (dial != NULL)
		dial_end(dial);
}

static void dial_failed(struct link_dial *dial, struct error *why)
{
	dial->fn(dial->user, -1, NULL, 0, why);
	error_free(why);
	dial_end(dial);
}

static void deadline_passed(void *user)
{
	struct link_dial *dial = user;
	struct error *err = NULL;
	(void)error_set(&err, ERR_TIMEOUT, "no answer from %s:%u", dial->host, dial->port);
	dial_failed(dial, err);
}

static void address_try(struct link_dial *dial);

/* The address does not do: the next one, or the end. */
static void address_failed(struct link_dial *dial, struct error *why)
{
	int fd = socket_release(dial);
	if (fd >= 0)
		(void)close(fd);
	error_free(dial->last);
	dial->last = why;
	address_try(dial);
}

static void address_errno(struct link_dial *dial, int number)
{
	struct error *err = NULL;
	(void)error_set(&err, ERR_UNAVAILABLE, "cannot connect to %s:%u: %s", dial->host,
			dial->port, strerror(number));
	address_failed(dial, err);
}

/* ---- the answer ---- */

/* "HTTP/1.1 503 Service Unavailable": anything but 101 is a refusal. */
static void answer_refused(struct link_dial *dial)
{
	size_t line = strcspn(dial->in.data, "\r\n");
	struct error *err = NULL;
	(void)error_set(&err, ERR_UNAVAILABLE, "%s:%u refused the link: %.*s", dial->host,
			dial->port, (int)(line < 200 ? line : 200), dial->in.data);
	dial_failed(dial, err);
}

static bool answer_upgrades(const char *header, size_t size)
{
	CLEANUP(freep) char *text = mem_strndup(header, size);
	return str_has_prefix(text, "HTTP/1.1 101") &&
	       strcasestr(text, "\r\nupgrade: " LINK_PROTOCOL "\r\n") != NULL;
}

static void answer_take(struct link_dial *dial)
{
	const char *end = strstr(dial->in.data, "\r\n\r\n");
	if (end == NULL) {
		if (dial->in.size >= HEADER_MAX)
			answer_refused(dial);
		return;
	}
	size_t header = (size_t)(end - dial->in.data) + 4;
	if (!answer_upgrades(dial->in.data, header)) {
		answer_refused(dial);
		return;
	}
	int fd = socket_release(dial);
	dial->fn(dial->user, fd, dial->in.data + header, dial->in.size - header, NULL);
	dial_end(dial);
}

static void answer_read(struct link_dial *dial)
{
	char chunk[4096];
	ssize_t n = read(dial->fd, chunk, sizeof chunk);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		address_errno(dial, n < 0 ? errno : ECONNRESET);
		return;
	}
	int r = buffer_add(&dial->in, chunk, (size_t)n);
	INVARIANT(r == 0); /* one read more than HEADER_MAX fits */
	answer_take(dial);
}

/* ---- connecting and asking ---- */

static void request_write(struct link_dial *dial);

/* What the socket itself says, else `otherwise`: the loop reports any failure as EBADF. */
static int socket_error(int fd, int otherwise)
{
	int number = 0;
	socklen_t size = sizeof number;
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size);
	return number != 0 ? number : otherwise;
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
	struct link_dial *dial = poll->data;
	if (status < 0)
		address_errno(dial, socket_error(dial->fd, -status));
	else if ((events & UV_WRITABLE) != 0)
		request_write(dial);
	else
		answer_read(dial);
}

static void request_write(struct link_dial *dial)
{
	int number = socket_error(dial->fd, 0);
	if (number != 0) {
		address_errno(dial, number);
		return;
	}
	ssize_t n = send(dial->fd, dial->out.data, dial->out.size, MSG_NOSIGNAL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			address_errno(dial, errno);
		return;
	}
	buffer_consume(&dial->out, (size_t)n);
	if (dial->out.size == 0)
		(void)uv_poll_start(dial->poll, UV_READABLE, socket_ready);
}

static void request_prepare(struct link_dial *dial)
{
	buffer_clear(&dial->in);
	buffer_clear(&dial->out);
	bool v6 = strchr(dial->host, ':') != NULL;
	int r = buffer_printf(&dial->out,
			      "GET " LINK_TARGET " HTTP/1.1\r\nHost: %s%s%s:%u\r\n"
			      "Connection: Upgrade\r\nUpgrade: " LINK_PROTOCOL "\r\n\r\n",
			      v6 ? "[" : "", dial->host, v6 ? "]" : "", dial->port);
	INVARIANT(r == 0);
}

static void address_try(struct link_dial *dial)
{
	struct addrinfo *address = dial->next;
	if (address == NULL) {
		dial_failed(dial, steal_ptr(&dial->last));
		return;
	}
	dial->next = address->ai_next;
	dial->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (dial->fd < 0) {
		address_errno(dial, errno);
		return;
	}
	if (connect(dial->fd, address->ai_addr, address->ai_addrlen) < 0 &&
	    errno != EINPROGRESS) {
		address_errno(dial, errno);
		return;
	}
	request_prepare(dial);
	dial->poll = mem_new(uv_poll_t);
	int r = uv_poll_init(loop_uv(dial->loop), dial->poll, dial->fd);
	INVARIANT(r == 0);
	dial->poll->data = dial;
	(void)uv_poll_start(dial->poll, UV_WRITABLE, socket_ready);
}

static void lookup_done(uv_getaddrinfo_t *lookup, int status, struct addrinfo *addresses)
{
	struct link_dial *dial = container_of(lookup, struct link_dial, lookup);
	dial->looking_up = false;
	if (dial->done) {
		if (addresses != NULL)
			uv_freeaddrinfo(addresses);
		dial_free(dial);
		return;
	}
	if (status < 0) {
		struct error *err = NULL;
		(void)error_set(&err, ERR_UNAVAILABLE, "cannot find %s: %s", dial->host,
				uv_strerror(status));
		dial_failed(dial, err);
		return;
	}
	dial->addresses = addresses;
	dial->next = addresses;
	address_try(dial);
}

struct link_dial *link_dial_new(struct loop *loop, const char *host, uint16_t port,
				int64_t timeout_ms, link_dial_fn *fn, void *user)
{
	struct link_dial *dial = mem_new(struct link_dial);
	dial->loop = loop;
	dial->host = mem_strdup(host);
	dial->port = port;
	dial->fn = fn;
	dial->user = user;
	dial->fd = -1;
	dial->out = BUFFER_INIT(HEADER_MAX);
	dial->in = BUFFER_INIT(HEADER_MAX + 4096);
	dial->deadline = loop_timer_new(loop, deadline_passed, dial);
	loop_timer_at(dial->deadline, loop_now(loop).mono_ms + timeout_ms);
	char service[8];
	(void)snprintf(service, sizeof service, "%u", port);
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	int r = uv_getaddrinfo(loop_uv(loop), &dial->lookup, lookup_done, host, service,
			       &hints);
	if (r == 0)
		dial->looking_up = true;
	else /* the host is no host name at all: told with the deadline's turn */
		loop_timer_at(dial->deadline, 0);
	return dial;
}
