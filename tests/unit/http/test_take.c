/* adapter/http: streams that somebody else has accepted, and how many of them the server takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter/http/http.h"
#include "adapter/http/pump.h"
#include "adapter/uv/loop.h"
#include "adapter/uv/tcp_stream.h"

enum { CLIENTS = 8 };

struct stage {
	struct loop loop;
	struct http_server *server;
	int clients[CLIENTS];
	unsigned count;
};

static void server_make(struct stage *s, unsigned connections_max, unsigned per_address_max)
{
	const struct http_options options = {.connections_max = connections_max,
					     .per_address_max = per_address_max};
	assert_int_equal(http_server_new(&s->loop, &options, &s->server, NULL), 0);
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	assert_int_equal(loop_init(&s->loop, NULL), 0);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	http_server_free(s->server);
	loop_done(&s->loop);
	for (unsigned i = 0; i < s->count; i++)
		(void)close(s->clients[i]);
	free(s);
	return 0;
}

/* One more client of this machine. */
static void client_connect(struct stage *s)
{
	int pair[2];
	assert_true(s->count < CLIENTS);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	s->clients[s->count++] = pair[0];
	http_server_take(s->server, tcp_stream_adopt(&s->loop, pair[1], NULL, NULL));
}

static void turns(struct stage *s)
{
	for (unsigned i = 0; i < 50; i++)
		(void)uv_run(loop_uv(&s->loop), UV_RUN_NOWAIT);
}

/* The lowest that is free. */
static int next_descriptor(void)
{
	int fd = dup(STDIN_FILENO);
	(void)close(fd);
	return fd;
}

static void a_full_server_takes_no_descriptors_for_further_streams(void **state)
{
	struct stage *s = *state;
	server_make(s, 2, 0);
	client_connect(s);
	client_connect(s);
	assert_int_equal(http_server_counters(s->server).connections, 2);
	int before = next_descriptor();
	client_connect(s);
	assert_int_equal(next_descriptor(), before + 1); /* the client's end of its pair */
	assert_int_equal(http_server_counters(s->server).connections, 2);
	assert_int_equal(http_server_counters(s->server).refused_total, 1);
}

static void one_machine_cannot_take_all_connections(void **state)
{
	struct stage *s = *state;
	server_make(s, 100, 1); /* this machine: four times as many */
	for (unsigned i = 0; i < 6; i++)
		client_connect(s);
	assert_int_equal(http_server_counters(s->server).connections, 4);
	assert_int_equal(http_server_counters(s->server).refused_total, 2);
	(void)shutdown(s->clients[0], SHUT_RDWR);
	turns(s);
	assert_int_equal(http_server_counters(s->server).connections, 3);
	client_connect(s);
	assert_int_equal(http_server_counters(s->server).connections, 4);
}

/* More than all buffers on the way hold. */
static void answer_much(void *context, struct http_request *request)
{
	const size_t size = (size_t)4 * 1024 * 1024;
	(void)context;
	http_reply(request, 200, "text/plain", memset(malloc(size), 'x', size), size);
}

static bool has_room(const struct stage *s)
{
	struct sockaddr_storage address;
	(void)pump_sockaddr("local", &address);
	return pump_has_room(s->server, &address);
}

static void a_peer_that_never_reads_holds_its_connection_for_a_while_only(void **state)
{
	static const char request[] = "GET /much HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static const struct http_route routes[] = {{"GET", "/much", answer_much}};
	struct stage *s = *state;
	const struct http_options options = {.routes = routes,
					     .route_count = 1,
					     .connections_max = 1,
					     .idle_timeout_ms = 1000,
					     .body_timeout_ms = 500};
	assert_int_equal(http_server_new(&s->loop, &options, &s->server, NULL), 0);
	client_connect(s);
	assert_int_equal(write(s->clients[0], request, sizeof(request) - 1),
			 sizeof(request) - 1);
	int64_t begin_ms = loop_now(&s->loop).mono_ms;
	while (http_server_counters(s->server).connections > 0 || !has_room(s)) {
		assert_true(loop_now(&s->loop).mono_ms < begin_ms + 10000);
		turns(s);
	}
	assert_true(loop_now(&s->loop).mono_ms >= begin_ms + 1000);
}

static uint64_t network(const char *address)
{
	struct sockaddr_storage socket_address;
	(void)pump_sockaddr(address, &socket_address);
	return pump_network(&socket_address);
}

static void a_machine_is_known_by_its_address_or_its_network_of_ipv6(void **state)
{
	(void)state;
	assert_int_equal(network("192.0.2.1:5"), network("192.0.2.1:7"));
	assert_int_not_equal(network("192.0.2.1:5"), network("192.0.2.2:5"));
	assert_int_equal(network("[::ffff:192.0.2.1]:5"), network("192.0.2.1:5"));
	assert_int_equal(network("[2001:db8::1]:5"), network("[2001:db8::2:1]:5"));
	assert_int_not_equal(network("[2001:db8::1]:5"), network("[2001:db8:0:1::1]:5"));
	assert_int_equal(network("127.0.0.2:5"), PUMP_NETWORK_LOCAL);
	assert_int_equal(network("[::1]:5"), PUMP_NETWORK_LOCAL);
	assert_int_equal(network("local"), PUMP_NETWORK_LOCAL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_full_server_takes_no_descriptors_for_further_streams),
		TEST(one_machine_cannot_take_all_connections),
		TEST(a_peer_that_never_reads_holds_its_connection_for_a_while_only),
		cmocka_unit_test(a_machine_is_known_by_its_address_or_its_network_of_ipv6),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
