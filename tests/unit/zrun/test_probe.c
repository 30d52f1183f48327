/* Looking whether an instance serves: [formats.topology.ready], [formats.topology.health]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zrun/native/probe.h"

static int listener;
static unsigned port;

static int begin(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);

	(void)state;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &size), 0);
	port = ntohs(a.sin_port);
	return 0;
}

static int end(void **state)
{
	(void)state;
	return close(listener);
}

/* Asks to the end, as native_turn.c does; `answer`: the response of the server, NULL: it closes the connection. */
static enum probe_result look(struct probe *p, const char *answer, char *text, size_t size)
{
	enum probe_result r = probe_begin(p, text, size);
	char request[500];
	int peer = -1;

	while (r == PROBE_PENDING) {
		struct pollfd f = {.fd = p->fd, .events = probe_events(p)};

		assert_int_equal(poll(&f, 1, 5000), 1);
		r = probe_step(p, text, size);
		if (r != PROBE_PENDING || peer >= 0 || !p->is_connected)
			continue;
		peer = accept(listener, NULL, NULL);
		assert_true(recv(peer, request, sizeof(request), 0) > 0);
		if (answer != NULL) {
			assert_true(strncmp(request, "GET /a?b HTTP/1.0\r\n", 19) == 0);
			assert_true(send(peer, answer, strlen(answer), 0) > 0);
		}
		close(peer);
	}
	assert_int_equal(p->fd, -1);
	return r;
}

static struct probe http(char *url, size_t size)
{
	struct probe p = {.kind = PROBE_HTTP, .value = url};
	char text[200] = "";

	(void)snprintf(url, size, "http://127.0.0.1:%u/a?b", port);
	assert_true(probe_prepare(&p, text, sizeof(text)));
	return p;
}

static void expect_http(const char *answer, enum probe_result wanted, const char *why)
{
	char url[100], text[200] = "";
	struct probe p = http(url, sizeof(url));

	assert_int_equal(look(&p, answer, text, sizeof(text)), wanted);
	if (why != NULL)
		assert_non_null(strstr(text, why));
}

static void test_http(void **state)
{
	(void)state;
	expect_http("HTTP/1.1 200 OK\r\n\r\nhello", PROBE_GOOD, NULL);
	expect_http("HTTP/1.0 302 Found\r\n\r\n", PROBE_GOOD, NULL);
	expect_http("HTTP/1.1 500 Oh\r\n\r\n", PROBE_BAD, "answered 500");
	expect_http("HTTP/1.1 404 No\r\n\r\n", PROBE_BAD, "answered 404");
	expect_http("SSH-2.0-x\r\n", PROBE_BAD, "does not answer in HTTP");
	expect_http("HTTP/1.1 2", PROBE_BAD, "does not answer in HTTP");
}

static void test_tcp(void **state)
{
	char value[10], text[200];
	struct probe p = {.kind = PROBE_TCP, .value = value};

	(void)state;
	(void)snprintf(value, sizeof(value), "%u", port);
	assert_true(probe_prepare(&p, text, sizeof(text)));
	assert_int_equal(look(&p, NULL, text, sizeof(text)), PROBE_GOOD);
	close(listener);
	assert_int_equal(look(&p, NULL, text, sizeof(text)), PROBE_BAD);
	assert_non_null(strstr(text, "Connection refused"));
	(void)begin(NULL);
}

static void expect_prepare(enum probe_kind kind, const char *value, bool wanted)
{
	struct probe p = {.kind = kind, .value = value};
	char text[300];

	if (probe_prepare(&p, text, sizeof(text)) != wanted)
		fail_msg("'%s' is %staken", value, wanted ? "not " : "");
}

static void test_values(void **state)
{
	(void)state;
	expect_prepare(PROBE_HTTP, "http://localhost", true);
	expect_prepare(PROBE_HTTP, "http://127.0.0.1:65535/x", true);
	expect_prepare(PROBE_HTTP, "http://[::1]:80/", true);
	expect_prepare(PROBE_HTTP, "http://127.0.0.1:65536/", false);
	expect_prepare(PROBE_HTTP, "http://127.0.0.1:/", false);
	expect_prepare(PROBE_HTTP, "http://example.com/", false);
	expect_prepare(PROBE_HTTP, "http://[::1/", false);
	expect_prepare(PROBE_HTTP, "http://", false);
	expect_prepare(
		PROBE_HTTP,
		"http://"
		"1111111111111111111111111111111111111111111111111111111111111111111111"
		"1111111111111111111111111111111111111111111111111111111111111111111111/",
		false);
	expect_prepare(PROBE_HTTP, "https://127.0.0.1/", false);
	expect_prepare(PROBE_TCP, "1", true);
	expect_prepare(PROBE_TCP, "0", false);
	expect_prepare(PROBE_TCP, "70000", false);
	expect_prepare(PROBE_TCP, "12x", false);
	expect_prepare(PROBE_TCP, "", false);
	expect_prepare(PROBE_COMMAND, "true", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_http, begin, end),
		cmocka_unit_test_setup_teardown(test_tcp, begin, end),
		cmocka_unit_test(test_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
