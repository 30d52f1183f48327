#include "adapter/uv/tcp_accept.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/heap.h"

enum { ACCEPTS_PER_TURN = 64 }; /* a storm of new peers must not starve the others */

struct tcp_acceptor {
	struct loop *loop;
	int fd;
	uv_poll_t *poll; /* on the heap, because libuv closes late */
	struct loop_timer *retry;
	tcp_accepted_fn *accepted;
	void *user;
	uint64_t starved;
	bool is_held, is_starved;
};

static void on_connection(uv_poll_t *poll, int status, int events);

static void wait_for_peers(struct tcp_acceptor *a)
{
	if (a->is_held || a->is_starved)
		(void)uv_poll_stop(a->poll);
	else
		(void)uv_poll_start(a->poll, UV_READABLE, on_connection);
}

/* It is not the peer's fault: the connection stays in the backlog. */
static bool is_starvation(int number)
{
	return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

/* Neither is it ours: this peer is gone, the next one may be there. */
static bool is_passing(int number)
{
	return number == EINTR || number == ECONNABORTED || number == EPROTO;
}

static void starve(struct tcp_acceptor *a)
{
	a->starved++;
	a->is_starved = true;
	wait_for_peers(a);
	loop_timer_at(a->retry, loop_now(a->loop).mono_ms + ACCEPT_RETRY_MS);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	struct tcp_acceptor *a = poll->data;
	for (unsigned i = 0; a != NULL && !a->is_held && i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(a->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && is_passing(errno))
			continue;
		if (fd < 0) {
			if (is_starvation(errno))
				starve(a);
			return;
		}
		a->accepted(a->user, fd);
		a = poll->data; /* NULL: it was freed by the callee */
	}
}

static void on_retry(void *user)
{
	struct tcp_acceptor *a = user;
	a->is_starved = false;
	wait_for_peers(a);
}

void tcp_share_port(int fd, bool is_shared)
{
	int on = is_shared;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

/*
 * The kernel remembers for the whole port that the last socket could share it, and then looks at no socket of those
 * that are there. One more socket that does not share makes it forget. It must not be in the way of the others: it
 * is of IPv6, and of an address that no machine has.
 */
static void make_kernel_forget(uint16_t port)
{
	CLEANUP(closep) int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int on = 1;
	(void)inet_pton(AF_INET6, "100::1", &at.sin6_addr);
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	(void)bind(fd, (const struct sockaddr *)&at, sizeof(at));
}

int tcp_share_port_end(uint16_t port, struct error **err)
{
	make_kernel_forget(port);
	CLEANUP(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_in at = {.sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int on = 1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return 0;
	return error_set(err, ERR_CONFLICT,
			 "other programs of this user could listen on port %u, too", port);
}

void tcp_acceptor_share_port(struct tcp_acceptor *a, bool is_shared)
{
	tcp_share_port(a->fd, is_shared);
}

void tcp_acceptor_hold(struct tcp_acceptor *a, bool is_held)
{
	if (a->is_held == is_held)
		return;
	a->is_held = is_held;
	wait_for_peers(a);
}

uint64_t tcp_acceptor_starved(const struct tcp_acceptor *a)
{
	return a->starved;
}

void tcp_acceptor_free(struct tcp_acceptor *a)
{
	if (a == NULL)
		return;
	(void)uv_poll_stop(a->poll);
	a->poll->data = NULL;
	uv_close((uv_handle_t *)a->poll, loop_handle_free);
	loop_timer_free(a->retry);
	(void)close(a->fd);
	free(a);
}

int tcp_acceptor_new(struct loop *loop, int fd, tcp_accepted_fn *accepted, void *user,
		     struct tcp_acceptor **ret_acceptor, struct error **err)
{
	uv_poll_t *poll = NULL;
	int r = loop_poll_new(loop, fd, &poll, err);
	if (r < 0) {
		(void)close(fd);
		return error_wrap(err, "cannot wait for connections");
	}
	struct tcp_acceptor *a = mem_new(struct tcp_acceptor);
	*a = (struct tcp_acceptor){
		.loop = loop, .fd = fd, .poll = poll, .accepted = accepted, .user = user};
	a->poll->data = a;
	a->retry = loop_timer_new(loop, on_retry, a);
	wait_for_peers(a);
	*ret_acceptor = a;
	return 0;
}
