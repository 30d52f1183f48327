#include "adapter/uv/tcp_stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter/uv/tcp_stream_private.h"
#include "base/check.h"
#include "base/heap.h"

static struct tcp_stream *tcp_of(struct stream *stream)
{
	return container_of(stream, struct tcp_stream, stream);
}

/* ---- sockets ---- */

void tcp_socket_tune(int fd)
{
	int on = 1, idle_s = 30, interval_s = 10, count = 3;
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	/* Refused by Unix sockets, which need neither. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

void tcp_address_text(const struct sockaddr_storage *address, char *to, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "";
	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)address;
		(void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		(void)snprintf(to, size, "%s:%u", host, ntohs(v4->sin_port));
	} else if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)address;
		(void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		(void)snprintf(to, size, "[%s]:%u", host, ntohs(v6->sin6_port));
	} else {
		(void)snprintf(to, size, "local");
	}
}

static void peer_set(struct tcp_stream *tcp)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	(void)getpeername(tcp->fd, (struct sockaddr *)&address, &size);
	tcp_address_text(&address, tcp->address, sizeof(tcp->address));
	tcp->stream.peer.address = tcp->address;
}

/* ---- waiting ---- */

void tcp_unwatch(struct tcp_stream *tcp)
{
	if (tcp->poll == NULL)
		return;
	(void)uv_poll_stop(tcp->poll);
	uv_close((uv_handle_t *)tcp->poll, loop_handle_free);
	tcp->poll = NULL;
}

int tcp_watch(struct tcp_stream *tcp, int events, uv_poll_cb on_event, struct error **err)
{
	if (tcp->poll == NULL) {
		int r = loop_poll_new(tcp->stream.loop, tcp->fd, &tcp->poll, err);
		if (r < 0)
			return r;
		tcp->poll->data = tcp;
	}
	(void)uv_poll_start(tcp->poll, events, on_event);
	return 0;
}

static const struct stream_ops unwatched_ops;

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct tcp_stream *tcp = poll->data;
	unsigned ready = 0;
	if (status < 0) /* libuv stops watching a broken socket */
		ready = STREAM_READ | STREAM_WRITE;
	if ((events & UV_READABLE) != 0)
		ready |= STREAM_READ;
	if ((events & UV_WRITABLE) != 0)
		ready |= STREAM_WRITE;
	if (status < 0)
		tcp_want(&tcp->stream);
	stream_announce(&tcp->stream, ready);
}

void tcp_want(struct stream *stream)
{
	struct tcp_stream *tcp = tcp_of(stream);
	int events = ((stream->wanted & STREAM_READ) != 0 ? UV_READABLE : 0) |
		     ((stream->wanted & STREAM_WRITE) != 0 ? UV_WRITABLE : 0);
	if (events == 0 && tcp->poll != NULL)
		(void)uv_poll_stop(tcp->poll);
	else if (events != 0 && tcp_watch(tcp, events, on_event, NULL) < 0)
		stream->ops = &unwatched_ops;
}

/* ---- reading and writing ---- */

static int tcp_read(struct stream *stream, void *to, size_t size, size_t *ret_size,
		    struct error **err)
{
	ssize_t n;
	do
		n = recv(tcp_of(stream)->fd, to, size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		return error_set(err, ERR_UNAVAILABLE, "the connection broke: %s",
				 strerror(errno));
	*ret_size = n > 0 ? (size_t)n : 0;
	return n != 0;
}

static int tcp_write(struct stream *stream, const void *data, size_t size, size_t *ret_size,
		     struct error **err)
{
	ssize_t n;
	do
		n = send(tcp_of(stream)->fd, data, size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		return error_set(err, ERR_UNAVAILABLE, "the connection broke: %s",
				 strerror(errno));
	*ret_size = n > 0 ? (size_t)n : 0;
	return 0;
}

static void tcp_close(struct stream *stream)
{
	struct tcp_stream *tcp = tcp_of(stream);
	tcp_unwatch(tcp);
	if (tcp->connect != NULL)
		tcp->cancel(tcp->connect);
	if (tcp->give_back != NULL)
		tcp->give_back(tcp->lender, tcp->fd);
	else
		closep(&tcp->fd);
	stream_done(stream);
	free(tcp);
}

static void tcp_patience(struct stream *stream, int64_t ms)
{
	unsigned most = ms < 1 ? 1 : ms > INT32_MAX ? INT32_MAX : (unsigned)ms;
	(void)setsockopt(tcp_of(stream)->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &most,
			 sizeof(most));
}

/* ---- one that the kernel has no room to watch: as good as broken ---- */

static int unwatched(struct error **err)
{
	return error_set(
		err, ERR_UNAVAILABLE,
		"the connection broke: the system has no memory or no room to watch it");
}

static int unwatched_read(struct stream *stream, void *to, size_t size, size_t *ret_size,
			  struct error **err)
{
	(void)stream, (void)to, (void)size, (void)ret_size;
	return unwatched(err);
}

static int unwatched_write(struct stream *stream, const void *data, size_t size,
			   size_t *ret_size, struct error **err)
{
	(void)stream, (void)data, (void)size, (void)ret_size;
	return unwatched(err);
}

static void unwatched_want(struct stream *stream)
{
	(void)stream;
}

/* Nothing announces it, so it is ready at once, and the next call says why it broke. */
static unsigned unwatched_pending(const struct stream *stream)
{
	(void)stream;
	return STREAM_READ | STREAM_WRITE;
}

static const struct stream_ops unwatched_ops = {
	.read = unwatched_read,
	.write = unwatched_write,
	.want = unwatched_want,
	.pending = unwatched_pending,
	.close = tcp_close,
};

static const struct stream_ops tcp_ops = {
	.read = tcp_read,
	.write = tcp_write,
	.want = tcp_want,
	.patience = tcp_patience,
	.close = tcp_close,
};

struct tcp_stream *tcp_new(struct loop *loop, const struct stream_handler *handler, void *user)
{
	struct tcp_stream *tcp = mem_new(struct tcp_stream);
	tcp->fd = -1;
	stream_init(&tcp->stream, &tcp_ops, loop, handler, user);
	return tcp;
}

void tcp_open(struct tcp_stream *tcp, int fd)
{
	tcp->fd = fd;
	tcp_socket_tune(fd);
	peer_set(tcp);
}

struct stream *tcp_stream_adopt(struct loop *loop, int fd,
				void (*give_back)(void *lender, int fd), void *lender)
{
	struct tcp_stream *tcp = tcp_new(loop, NULL, NULL);
	tcp_open(tcp, fd);
	tcp->give_back = give_back;
	tcp->lender = lender;
	return &tcp->stream;
}
