#include "relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

enum { PAIRS_MAX = 32, TURN_MS = 10 };

/* An end that has closed stays until both have: what the client sent is delivered after it went. */
struct pair {
	int client, server; /* -1: none, or closed */
	size_t answered;    /* bytes since the client sent something */
};

struct relay {
	int listening;
	unsigned port, to_port;
	atomic_int mode;
	atomic_bool ends, holds_some;
	pthread_t thread;
	struct pair pairs[PAIRS_MAX];
};

static struct sockaddr_in address_of(unsigned port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void accept_one(struct relay *r)
{
	struct sockaddr_in to = address_of(r->to_port);
	int client = accept4(r->listening, NULL, NULL, SOCK_CLOEXEC);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client < 0 || connect(server, (struct sockaddr *)&to, sizeof(to)) < 0) {
		(void)close(client);
		(void)close(server);
		return;
	}
	for (size_t i = 0; i < PAIRS_MAX; i++) {
		if (r->pairs[i].client < 0 && r->pairs[i].server < 0) {
			r->pairs[i] = (struct pair){client, server, 0};
			return;
		}
	}
	fail_msg("too many connections");
}

static bool pass(int from, int to, bool is_lost, size_t *passed)
{
	char data[65536];
	ssize_t n = recv(from, data, sizeof(data), MSG_DONTWAIT);
	*passed += n > 0 ? (size_t)n : 0;
	if (n == 0 || (n < 0 && to < 0))
		return false;
	for (ssize_t sent = 0; n > 0 && !is_lost && to >= 0 && sent < n;) {
		ssize_t k = send(to, data + sent, (size_t)(n - sent), MSG_NOSIGNAL);
		if (k <= 0)
			return false;
		sent += k;
	}
	return true;
}

static void close_end(int *fd)
{
	(void)close(*fd);
	*fd = -1;
}

static void pair_turn(struct relay *r, struct pair *p, short client, short server)
{
	int mode = atomic_load(&r->mode);
	bool is_held = mode == RELAY_ONLY_SMALL && p->answered >= RELAY_SMALL_BYTES;
	size_t asked = 0;
	if (client != 0 && p->client >= 0 && mode != RELAY_HOLD_REQUESTS &&
	    !pass(p->client, p->server, false, &asked)) {
		close_end(&p->client);
		if (p->server >= 0)
			close_end(&p->server);
	}
	if (asked > 0)
		p->answered = 0;
	if (server != 0 && p->server >= 0 && !is_held &&
	    !pass(p->server, p->client, mode == RELAY_LOSE_ANSWERS, &p->answered)) {
		close_end(&p->server);
		if (p->client >= 0)
			close_end(&p->client);
	}
}

static bool is_waiting(const struct pair *p)
{
	char byte;
	return p->client >= 0 && recv(p->client, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void *relay_main(void *user)
{
	struct relay *r = user;
	while (!atomic_load(&r->ends)) {
		struct pollfd fds[1 + 2 * PAIRS_MAX] = {{r->listening, POLLIN, 0}};
		bool holds = atomic_load(&r->mode) == RELAY_HOLD_REQUESTS, some = false;
		for (size_t i = 0; i < PAIRS_MAX; i++) {
			some |= holds && is_waiting(&r->pairs[i]);
			fds[1 + 2 * i] =
				(struct pollfd){holds ? -1 : r->pairs[i].client, POLLIN, 0};
			fds[2 + 2 * i] = (struct pollfd){r->pairs[i].server, POLLIN, 0};
		}
		atomic_store(&r->holds_some, some);
		if (poll(fds, ARRAY_SIZE(fds), TURN_MS) <= 0)
			continue;
		for (size_t i = 0; i < PAIRS_MAX; i++)
			pair_turn(r, &r->pairs[i], fds[1 + 2 * i].revents,
				  fds[2 + 2 * i].revents);
		if (fds[0].revents != 0)
			accept_one(r);
	}
	return NULL;
}

struct relay *relay_new(unsigned to_port)
{
	struct relay *r = mem_new(struct relay);
	struct sockaddr_in address = address_of(0);
	socklen_t size = sizeof(address);
	r->to_port = to_port;
	r->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(r->listening, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(r->listening, 16), 0);
	assert_int_equal(getsockname(r->listening, (struct sockaddr *)&address, &size), 0);
	r->port = ntohs(address.sin_port);
	for (size_t i = 0; i < PAIRS_MAX; i++)
		r->pairs[i] = (struct pair){-1, -1, 0};
	assert_int_equal(pthread_create(&r->thread, NULL, relay_main, r), 0);
	return r;
}

void relay_free(struct relay *r)
{
	atomic_store(&r->ends, true);
	(void)pthread_join(r->thread, NULL);
	for (size_t i = 0; i < PAIRS_MAX; i++) {
		(void)close(r->pairs[i].client);
		(void)close(r->pairs[i].server);
	}
	(void)close(r->listening);
	free(r);
}

unsigned relay_port(const struct relay *r)
{
	return r->port;
}

bool relay_holds_some(const struct relay *r)
{
	return atomic_load(&r->holds_some);
}

void relay_set(struct relay *r, enum relay_mode mode)
{
	atomic_store(&r->mode, mode);
}
