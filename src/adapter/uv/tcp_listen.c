#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter/uv/tcp_accept.h"
#include "adapter/uv/tcp_stream_private.h"
#include "adapter/uv/tcp_transport.h"
#include "base/heap.h"

/* Of a cluster that comes back at once, who finds no room here tries again after 1 s, 3 s, 7 s, 15 s. The kernel takes at most
 * net.core.somaxconn, 4096 if nobody has changed it. */
enum { BACKLOG = 4096 };

struct tcp_listener {
	struct stream_listener listener;
	struct loop *loop;
	struct tcp_acceptor *acceptor;
};

/* ---- a listening socket ---- */

static bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)address;
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	}
	const struct sockaddr_in6 *v6 = (const void *)address;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static int socket_listen(const struct stream_listen_options *options,
			 const struct addrinfo *address, int *ret_fd, struct error **err)
{
	const struct stream_address *at = &options->at;
	if (options->loopback_only && !is_loopback(address->ai_addr))
		return error_set(err, ERR_DENIED,
				 "will not listen on %s: there is no access control yet, so "
				 "only loopback addresses (127.0.0.1, ::1) are allowed",
				 at->host);
	CLEANUP(closep)
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(err, "cannot make a socket");
	int on = 1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (options->shares_port)
		tcp_share_port(fd, true);
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
		if (errno == EADDRINUSE)
			return error_set(err, ERR_CONFLICT,
					 "cannot listen on %s:%u: the port is in use", at->host,
					 at->port);
		return error_errno(err, "cannot listen on %s:%u", at->host, at->port);
	}
	tcp_share_port(fd, false);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	(void)getsockname(fd, (struct sockaddr *)&address, &size);
	if (address.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
	/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): zeroed above, as another type */
	return ntohs(((const struct sockaddr_in *)&address)->sin_port);
}

int tcp_listen(const struct stream_listen_options *options, int *ret_fd, uint16_t *ret_port,
	       struct error **err)
{
	char service[8];
	(void)snprintf(service, sizeof(service), "%u", options->at.port);
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags =
					       AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *address = NULL;
	if (getaddrinfo(options->at.host, service, &hints, &address) != 0)
		return error_set(err, ERR_INVALID, "'%s' is not an IP address to listen on",
				 options->at.host);
	int fd = -1;
	int r = socket_listen(options, address, &fd, err);
	if (r == 0) {
		*ret_fd = fd;
		*ret_port = port_of(fd);
	}
	freeaddrinfo(address);
	return r;
}

/* ---- streams of those who connect ---- */

static void on_accepted(void *user, int fd)
{
	const struct tcp_listener *l = user;
	struct tcp_stream *tcp = tcp_new(l->loop, NULL, NULL);
	tcp_open(tcp, fd);
	l->listener.handler->accepted(l->listener.user, &tcp->stream);
}

static void listener_close(struct stream_listener *listener)
{
	struct tcp_listener *l = container_of(listener, struct tcp_listener, listener);
	tcp_acceptor_free(l->acceptor);
	free(l);
}

static void listener_hold(struct stream_listener *listener, bool is_held)
{
	struct tcp_listener *l = container_of(listener, struct tcp_listener, listener);
	tcp_acceptor_hold(l->acceptor, is_held);
}

static const struct stream_listener_ops listener_ops = {.close = listener_close,
							.hold = listener_hold};

int tcp_transport_listen(struct stream_transport *transport,
			 const struct stream_listen_options *options,
			 const struct stream_listen_handler *handler, void *user,
			 struct stream_listener **ret_listener, struct error **err)
{
	int fd = -1;
	uint16_t port;
	int r = tcp_listen(options, &fd, &port, err);
	if (r < 0)
		return r;
	struct tcp_listener *l = mem_new(struct tcp_listener);
	l->listener = (struct stream_listener){
		.ops = &listener_ops, .handler = handler, .user = user, .port = port};
	l->loop = container_of(transport, struct tcp_transport, transport)->loop;
	r = tcp_acceptor_new(l->loop, fd, on_accepted, l, &l->acceptor, err);
	if (r < 0) {
		free(l);
		return r;
	}
	*ret_listener = &l->listener;
	return 0;
}
