/*
 * Connecting: the name is looked up, then its addresses are tried one after the other, all within
 * one deadline.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter/uv/tcp_stream_private.h"
#include "adapter/uv/tcp_transport.h"
#include "base/check.h"
#include "base/heap.h"

struct tcp_connect {
	struct tcp_stream *tcp; /* NULL: cancelled while the lookup was under way */
	char *host;
	uint16_t port;
	struct loop_timer *deadline;
	uv_getaddrinfo_t lookup;
	bool looking_up; /* libuv holds `lookup`: the memory must stay */
	struct addrinfo *addresses, *next;
	struct error *last;  /* why the address before was of no use */
	struct in_addr from; /* zero: any */
};

static void connect_free(struct tcp_connect *c)
{
	if (c->addresses != NULL)
		uv_freeaddrinfo(c->addresses);
	error_free(c->last);
	free(c->host);
	free(c);
}

/* Everything but the memory, which a lookup may still need. */
static void connect_end(struct tcp_connect *c)
{
	c->tcp->connect = NULL;
	c->tcp = NULL;
	loop_timer_free(c->deadline);
	if (c->looking_up)
		(void)uv_cancel((uv_req_t *)&c->lookup);
	else
		connect_free(c);
}

/* Takes the error over; NULL: connected. */
static void report(struct tcp_connect *c, struct error *why)
{
	struct tcp_stream *tcp = c->tcp;
	tcp_unwatch(tcp);
	if (why != NULL) {
		closep(&tcp->fd);
		tcp->fd = -1;
	}
	connect_end(c);
	tcp->stream.handler->connected(tcp->stream.user, &tcp->stream, why);
	error_free(why);
}

static void on_deadline(void *user)
{
	struct tcp_connect *c = user;
	struct error *err = NULL;
	(void)error_set(&err, ERR_TIMEOUT, "no answer from %s:%u", c->host, c->port);
	report(c, err);
}

static void address_try(struct tcp_connect *c);

/* The next address, or the end. */
static void address_failed(struct tcp_connect *c, int number)
{
	tcp_unwatch(c->tcp);
	closep(&c->tcp->fd);
	c->tcp->fd = -1;
	error_free(steal_ptr(&c->last));
	(void)error_set(&c->last, ERR_UNAVAILABLE, "cannot connect to %s:%u: %s", c->host,
			c->port, strerror(number));
	address_try(c);
}

/* The socket's own error, else `otherwise`: the loop reports any failure as EBADF. */
static int socket_error(int fd, int otherwise)
{
	int number = 0;
	socklen_t size = sizeof(number);
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size);
	return number != 0 ? number : otherwise;
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
	(void)events;
	struct tcp_stream *tcp = poll->data;
	int number = socket_error(tcp->fd, status < 0 ? -status : 0);
	if (number != 0) {
		address_failed(tcp->connect, number);
		return;
	}
	tcp_open(tcp, tcp->fd);
	report(tcp->connect, NULL);
}

/* The kernel chooses the port with the connection, of those that are free towards the other end. */
static int bind_from(const struct tcp_connect *c, const struct addrinfo *to)
{
	const struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = c->from};
	int on = 1;
	if (c->from.s_addr == 0 || to->ai_family != AF_INET)
		return 0;
	(void)setsockopt(c->tcp->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(c->tcp->fd, (const struct sockaddr *)&from, sizeof(from));
}

static void address_try(struct tcp_connect *c)
{
	const struct addrinfo *address = c->next;
	if (address == NULL) {
		report(c, steal_ptr(&c->last));
		return;
	}
	c->next = address->ai_next;
	struct tcp_stream *tcp = c->tcp;
	CLEANUP(error_freep) struct error *why = NULL;
	tcp->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (tcp->fd < 0 || bind_from(c, address) < 0 ||
	    (connect(tcp->fd, address->ai_addr, address->ai_addrlen) < 0 &&
	     errno != EINPROGRESS))
		address_failed(c, errno);
	else if (tcp_watch(tcp, UV_WRITABLE, on_writable, &why) < 0)
		address_failed(c, ENOMEM);
}

static void on_lookup(uv_getaddrinfo_t *lookup, int status, struct addrinfo *addresses)
{
	struct tcp_connect *c = container_of(lookup, struct tcp_connect, lookup);
	c->looking_up = false;
	c->addresses = addresses;
	c->next = addresses;
	if (c->tcp == NULL) {
		connect_free(c);
		return;
	}
	if (status < 0)
		(void)error_set(&c->last, ERR_UNAVAILABLE, "cannot find %s: %s", c->host,
				uv_strerror(status));
	address_try(c);
}

static void lookup_start(struct tcp_connect *c)
{
	char service[8];
	(void)snprintf(service, sizeof(service), "%u", c->port);
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	int r = uv_getaddrinfo(loop_uv(c->tcp->stream.loop), &c->lookup, on_lookup, c->host,
			       service, &hints);
	if (r == 0)
		c->looking_up = true;
	else /* it cannot be a host name at all: reported from the loop */
		loop_timer_at(c->deadline, 0);
}

struct stream *tcp_transport_connect(struct stream_transport *transport,
				     const struct stream_connect_options *options,
				     const struct stream_handler *handler, void *user)
{
	const struct tcp_transport *t =
		container_of(transport, struct tcp_transport, transport);
	struct loop *loop = t->loop;
	struct tcp_connect *c = mem_new(struct tcp_connect);
	c->tcp = tcp_new(loop, handler, user);
	c->tcp->connect = c;
	c->tcp->cancel = connect_end;
	c->from = t->from;
	c->host = mem_strdup(options->to.host);
	c->port = options->to.port;
	c->deadline = loop_timer_new(loop, on_deadline, c);
	loop_timer_at(c->deadline, loop_now(loop).mono_ms + options->timeout_ms);
	lookup_start(c);
	return &c->tcp->stream;
}
