/* What figures are made of: quantiles, answers in any framing and any pieces, events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "zbench/csv.h"
#include "zbench/events.h"
#include "zbench/gauges.h"
#include "zbench/report.h"

static void quantiles(void **state)
{
	CLEANUP(samples_done) struct samples s = {0};

	(void)state;
	for (int i = 0; i < 5; i++)
		samples_add(&s, (double)((i * 3) % 5)); /* 0 3 1 4 2 */
	assert_true(samples_quantile(&s, 0) == 0);
	assert_true(samples_quantile(&s, 0.5) == 2);
	assert_true(samples_quantile(&s, 1) == 4);
	samples_add(&s, 100);
	assert_true(samples_quantile(&s, 0.5) == 2.5);
}

static void measures_become_json(void **state)
{
	CLEANUP(samples_done) struct samples s = {0};
	struct report r;

	(void)state;
	samples_add(&s, 1.5);
	samples_add(&s, 1.0);
	samples_add(&s, 9.87654321);
	report_init(&r);
	report_number(&r, "spaces", 1000);
	report_add(&r, "seconds", "spaces", "s", NULL, &s);
	CLEANUP(freep) char *text = json_dumps(r.json, JSON_REAL_PRECISION(6));
	assert_string_equal(text, "{\"spaces\": 1000, \"seconds\": 1.5, \"seconds_min\": 1.0, "
				  "\"seconds_max\": 9.877}");
	report_done(&r);
}

/* Some published lists of tasks have no column for what others restrict. */
static void a_column_may_be_missing(void **state)
{
	static const char *const names[] = {"cpu", "?model", "gpu", NULL};
	static const char *const strict[] = {"cpu", "model", NULL};
	char path[] = "/tmp/samoza-csv-XXXXXX";
	CLEANUP(csv_done) struct csv csv = {0};
	struct csv refused = {0};
	CLEANUP(error_freep) struct error *err = NULL;
	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "gpu,cpu\n2,8\n", 12), 12);
	close(fd);
	assert_int_equal(csv_open(&refused, path, strict, &err), ERR_INVALID);
	assert_string_equal(err->message, "there is no column 'model'");
	csv_done(&refused);
	assert_int_equal(csv_open(&csv, path, names, NULL), 0);
	assert_int_equal(csv_next(&csv, NULL), 1);
	assert_string_equal(csv_text(&csv, 0), "8");
	assert_string_equal(csv_text(&csv, 1), "");
	assert_string_equal(csv_text(&csv, 2), "2");
	assert_int_equal(csv_next(&csv, NULL), 0);
	assert_int_equal(unlink(path), 0);
}

static void gauges_are_found_among_metrics(void **state)
{
	static const char text[] = "# HELP samoza_zhosts Zhosts by state.\n"
				   "samoza_zhosts{state=\"deployed-started\"} 12\n"
				   "samoza_zhosts{state=\"problem\"} 3\n"
				   "samoza_topologies{state=\"running\"} 4\n"
				   "samoza_spaces{state=\"deployed-started\"} 1000000\n"
				   "samoza_recoveries_total_other 7\n"
				   "samoza_recoveries_total 6\n";
	struct gauges g = {0};
	CLEANUP(error_freep) struct error *err = NULL;
	(void)state;
	assert_int_equal(gauges_parse(text, &g, NULL), 0);
	assert_int_equal(g.zhosts_up, 12);
	assert_int_equal(g.zhosts_lost, 3);
	assert_int_equal(g.topologies_running, 4);
	assert_int_equal(g.spaces_started, 1000000);
	assert_int_equal(g.recoveries, 6);
	assert_int_equal(gauges_parse("x 1\n", &g, &err), ERR_INVALID);
}

/* A server that takes one connection and one request, and answers with a text, so many bytes at
 * a time. */
struct server {
	int listener;
	uint16_t port;
	const char *answer;
	size_t piece;
	pthread_t thread;
};

static void *serve(void *data)
{
	struct server *s = data;
	char request[4096];
	size_t size = strlen(s->answer);
	int fd = accept(s->listener, NULL, NULL);

	(void)!recv(fd, request, sizeof(request), 0);
	for (size_t at = 0; at < size; at += s->piece)
		(void)!send(fd, s->answer + at, size - at < s->piece ? size - at : s->piece,
			    MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void server_start(struct server *s, const char *answer, size_t piece)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	*s = (struct server){.answer = answer, .piece = piece};
	s->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(s->listener, 1), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
	s->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s)
{
	(void)pthread_join(s->thread, NULL);
	close(s->listener);
}

static void expect_body(const char *text, int status, const char *body)
{
	for (size_t piece = 1; piece < 9; piece += 7) {
		CLEANUP(client_done) struct client client = {0};
		CLEANUP(answer_done) struct answer answer = {0};
		struct server server;

		server_start(&server, text, piece);
		client.port = server.port;
		assert_int_equal(client_request(&client, "GET", "/", NULL, 0, &answer, NULL),
				 0);
		assert_int_equal(answer.status, status);
		assert_string_equal(answer.body.size > 0 ? answer.body.data : "", body);
		server_end(&server);
	}
}

static void replies_are_parsed_in_any_framing(void **state)
{
	(void)state;
	expect_body("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 200, "hello");
	expect_body("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "3\r\nhel\r\nA;x=y\r\nlo, world.\r\n0\r\n\r\n",
		    201, "hello, world.");
	expect_body("HTTP/1.1 200 OK\r\n\r\nto the end", 200, "to the end");
	expect_body("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
	expect_body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\n"
		    "Content-Length: 0\r\n\r\n",
		    404, "");
}

static void a_malformed_reply_is_an_error(void **state)
{
	CLEANUP(client_done) struct client client = {0};
	CLEANUP(answer_done) struct answer answer = {0};
	struct server server;

	(void)state;
	server_start(&server, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", 100);
	client.port = server.port;
	assert_int_equal(client_request(&client, "GET", "/", NULL, 0, &answer, NULL),
			 ERR_UNAVAILABLE);
	server_end(&server);
}

#define EVENT(kind, subject, to)                                                    \
	"id: 1\ndata: {\"seq\": 1, \"kind\": \"" kind "\", \"subject\": \"" subject \
	"\", \"from\": \"\", \"to\": \"" to "\", \"cause\": \"why\"}\n\n"

static void events_are_waited_for(void **state)
{
	const char *text =
		"HTTP/1.1 200 OK\r\n\r\n:\n\n" EVENT("zhost", "n1", "deployed-started")
			EVENT("space", "app/a", "not-deployed")
				EVENT("space", "apple/a", "not-deployed")
					EVENT("space", "app/b", "not-deployed")
						EVENT("topology", "app", "pending")
							EVENT("topology", "app", "failed");
	struct events events;
	struct server server;
	struct error *err = NULL;
	uint64_t arrived = 0;

	(void)state;
	server_start(&server, text, 7);
	assert_int_equal(events_open(&events, server.port, NULL), 0);
	assert_int_equal(events_zhosts(&events, "deployed-started", 1, 5, &arrived, NULL), 0);
	assert_true(arrived > 0);
	assert_int_equal(events_spaces(&events, "app", "not-deployed", 2, 5, NULL), 0);
	assert_int_equal(events_topology(&events, "app", "running", 5, NULL, &err),
			 ERR_CONFLICT);
	assert_non_null(strstr(err->message, "why"));
	error_free(err);
	events_done(&events);
	server_end(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles),
		cmocka_unit_test(measures_become_json),
		cmocka_unit_test(a_column_may_be_missing),
		cmocka_unit_test(gauges_are_found_among_metrics),
		cmocka_unit_test(replies_are_parsed_in_any_framing),
		cmocka_unit_test(a_malformed_reply_is_an_error),
		cmocka_unit_test(events_are_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
