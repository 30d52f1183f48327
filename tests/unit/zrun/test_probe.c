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
	expect_http("SSH-2.0-x\r\n", PROBE_BAD, "the answer is not HTTP");
	expect_http("HTTP/1.1 2", PROBE_BAD, "the answer is not HTTP");
}

/* A question whose request was taken, and the server's end of its connection. */
static struct probe asked(char *url, size_t size, int *ret_peer)
{
	struct probe p = http(url, size);
	char text[200], request[500];

	assert_int_equal(probe_begin(&p, text, sizeof(text)), PROBE_PENDING);
	assert_int_equal(
		poll(&(struct pollfd){.fd = p.fd, .events = probe_events(&p)}, 1, 5000), 1);
	assert_int_equal(probe_step(&p, text, sizeof(text)), PROBE_PENDING);
	*ret_peer = accept(listener, NULL, NULL);
	assert_true(recv(*ret_peer, request, sizeof(request), 0) > 0);
	return p;
}

static enum probe_result step_with(struct probe *p, int peer, const char *part)
{
	char text[200];

	assert_int_equal(send(peer, part, strlen(part), MSG_NOSIGNAL), strlen(part));
	assert_int_equal(
		poll(&(struct pollfd){.fd = p->fd, .events = probe_events(p)}, 1, 5000), 1);
	return probe_step(p, text, sizeof(text));
}

/* A server that is cut off in the middle of its answer logs errors, or dies of them. */
static void test_http_to_its_end(void **state)
{
	char url[100], byte;
	int peer;
	struct probe p = asked(url, sizeof(url), &peer);

	(void)state;
	assert_int_equal(step_with(&p, peer, "HTTP/1.1 200 OK\r\nContent-Le"), PROBE_PENDING);
	assert_int_equal(step_with(&p, peer, "ngth: 5\r\n\r\nhe"), PROBE_PENDING);
	assert_int_equal(step_with(&p, peer, "llo"), PROBE_GOOD);
	assert_int_equal(recv(peer, &byte, 1, 0), 0); /* closed, not reset */
	close(peer);
}

static void test_http_without_end(void **state)
{
	static char much[16 * 1024 + 1];
	enum probe_result result;
	char url[100];
	size_t sent = 0;
	int peer;
	struct probe p = asked(url, sizeof(url), &peer);

	(void)state;
	memset(much, 'x', sizeof(much) - 1);
	result = step_with(&p, peer, "HTTP/1.1 200 OK\r\n\r\n");
	for (; result == PROBE_PENDING; sent += sizeof(much) - 1)
		result = step_with(&p, peer, much);
	assert_int_equal(result, PROBE_GOOD);
	assert_in_range(sent, ANSWER_MAX - sizeof(much), ANSWER_MAX + 8 * sizeof(much));
	close(peer);
}

static void test_http_out_of_time(void **state)
{
	char url[100], text[200];
	int peer;
	struct probe p = asked(url, sizeof(url), &peer);

	(void)state;
	p.timeout_ms = 250;
	assert_int_equal(step_with(&p, peer, "HTTP/1.1 200"), PROBE_PENDING);
	assert_int_equal(probe_timeout(&p, text, sizeof(text)), PROBE_BAD);
	assert_non_null(strstr(text, "no answer within 250 ms"));
	close(peer);
	p = asked(url, sizeof(url), &peer);
	assert_int_equal(step_with(&p, peer, "HTTP/1.1 200 OK\r\n\r\ntick"), PROBE_PENDING);
	assert_int_equal(probe_timeout(&p, text, sizeof(text)), PROBE_GOOD);
	close(peer);
	p = asked(url, sizeof(url), &peer);
	assert_int_equal(step_with(&p, peer, "HTTP/1.1 503 Busy\r\n\r\ntick"), PROBE_PENDING);
	assert_int_equal(probe_timeout(&p, text, sizeof(text)), PROBE_BAD);
	assert_non_null(strstr(text, "answered 503"));
	close(peer);
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
		cmocka_unit_test_setup_teardown(test_http_to_its_end, begin, end),
		cmocka_unit_test_setup_teardown(test_http_without_end, begin, end),
		cmocka_unit_test_setup_teardown(test_http_out_of_time, begin, end),
		cmocka_unit_test_setup_teardown(test_tcp, begin, end),
		cmocka_unit_test(test_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
