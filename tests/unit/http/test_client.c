/* adapter/http/client.h over simulated streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../port/peer.h"
#include "adapter/http/client.h"

enum { IDLE_MS = 3000, BODY_MAX = 1000 };

struct stage {
	struct peer *peer;
	struct http_call *call;
	int status;
	struct buffer body;
	unsigned done_calls;
	bool is_done, refuse_head, refuse_body;
	int code; /* of the error, or 0 */
	char *why;
	struct stream *upgraded;
};

static int on_head(void *user, const struct http_response *response, struct error **err)
{
	struct stage *s = user;
	s->status = response->status;
	return s->refuse_head ? error_set(err, ERR_CONFLICT, "not this head") : 0;
}

static int on_body(void *user, const void *data, size_t size, struct error **err)
{
	struct stage *s = user;
	assert_int_equal(buffer_add(&s->body, data, size), 0);
	return s->refuse_body ? error_set(err, ERR_CONFLICT, "not this body") : 0;
}

static void on_done(void *user, const struct error *why)
{
	struct stage *s = user;
	s->done_calls++;
	s->is_done = true;
	s->call = NULL;
	s->code = why != NULL ? why->code : 0;
	free(s->why);
	s->why = why != NULL ? mem_strdup(why->message) : NULL;
}

static void on_upgraded(void *user, struct stream *stream)
{
	struct stage *s = user;
	s->is_done = true;
	s->call = NULL;
	s->upgraded = stream;
}

static const struct http_call_handler handler = {
	.head = on_head, .body = on_body, .done = on_done, .upgraded = on_upgraded};

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	s->peer = peer_new();
	s->body = BUFFER_INIT(BODY_MAX * 2);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	http_call_cancel(s->call);
	stream_close(s->upgraded);
	peer_free(s->peer);
	buffer_done(&s->body);
	free(s->why);
	free(s);
	return 0;
}

static void call_to(struct stage *s, const char *host, const char *upgrade)
{
	const struct http_call_options options = {.target = "/v1/thing",
						  .to = {host, PEER_PORT},
						  .idle_ms = IDLE_MS,
						  .body_max = BODY_MAX,
						  .upgrade = upgrade};
	s->call = http_call_new(&s->peer->loop, s->peer->client, &options, &handler, s);
}

static void request_arrives(struct stage *s)
{
	call_to(s, PEER_HOST, NULL);
	peer_until_got(s->peer, "\r\n\r\n");
}

static void a_response_is_read_and_its_connection_closed(void **state)
{
	struct stage *s = *state;
	request_arrives(s);
	assert_string_equal(s->peer->got.data, "GET /v1/thing HTTP/1.1\r\nHost: server:7331\r\n"
					       "Connection: close\r\n\r\n");
	peer_send_text(s->peer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	peer_until(s->peer, &s->is_done);
	assert_int_equal(s->code, 0);
	assert_int_equal(s->status, 200);
	assert_string_equal(s->body.data, "hello");
	peer_until(s->peer, &s->peer->is_ended);
}

static void a_response_may_arrive_in_single_bytes_over_a_slow_network(void **state)
{
	struct stage *s = *state;
	sim_network_fragment(s->peer->net, 1);
	sim_network_delay(s->peer->net, 1, 9);
	request_arrives(s);
	peer_send_text(s->peer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
	peer_until(s->peer, &s->is_done);
	assert_int_equal(s->code, 0);
	assert_string_equal(s->body.data, "hello");
}

static void the_end_of_the_connection_may_end_the_body(void **state)
{
	struct stage *s = *state;
	request_arrives(s);
	peer_send_text(s->peer, "HTTP/1.1 200 OK\r\n\r\nhello");
	peer_close(s->peer);
	peer_until(s->peer, &s->is_done);
	assert_int_equal(s->code, 0);
	assert_string_equal(s->body.data, "hello");
}

static void a_connection_that_ends_in_the_middle_is_unavailable(void **state)
{
	struct stage *s = *state;
	request_arrives(s);
	peer_send_text(s->peer, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
	peer_close(s->peer);
	peer_until(s->peer, &s->is_done);
	assert_int_equal(s->code, ERR_UNAVAILABLE);
	assert_non_null(strstr(s->why, "server:7331"));
}

static void a_cut_is_unavailable(void **state)
{
	struct stage *s = *state;
	request_arrives(s);
	sim_network_cut(s->peer->net, "client", "server");
	peer_until(s->peer, &s->is_done);
	assert_int_equal(s->code, ERR_UNAVAILABLE);
}

static void an_unreachable_server_is_unavailable(void **state)
{
	struct stage *s = *state;
	call_to(s, "elsewhere", NULL);
	peer_until(s->peer, &s->is_done);
	assert_int_equal(s->code, ERR_UNAVAILABLE);
	assert_int_equal(s->status, 0);
}

/* Each byte restarts the timeout. */
static void silence_is_a_timeout_but_slowness_is_not(void **state)
{
	struct stage *s = *state;
	request_arrives(s);
	peer_send_text(s->peer, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n");
	for (unsigned i = 0; i < 5; i++) {
		sim_loop_run(&s->peer->loop, IDLE_MS - 100);
		assert_false(s->is_done);
		peer_send_text(s->peer, "x");
	}
	sim_loop_run(&s->peer->loop, IDLE_MS + 100);
	assert_int_equal(s->code, ERR_TIMEOUT);
	assert_int_equal(s->done_calls, 1);
}

static void too_long_a_body_is_refused_at_its_head_or_where_it_is_too_long(void **state)
{
	struct stage *s = *state;
	char text[BODY_MAX + 2] = "";
	request_arrives(s);
	peer_send_text(s->peer, "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
	peer_until(s->peer, &s->is_done);
	assert_int_equal(s->code, ERR_LIMIT);
	assert_int_equal(s->status, 0);
	s->is_done = false;
	peer_forget(s->peer);
	request_arrives(s);
	memset(text, 'x', BODY_MAX + 1);
	peer_send_text(s->peer, "HTTP/1.1 200 OK\r\n\r\n");
	peer_send_text(s->peer, text);
	peer_until(s->peer, &s->is_done);
	assert_int_equal(s->code, ERR_LIMIT);
}

static void the_handler_can_refuse_head_and_body(void **state)
{
	struct stage *s = *state;
	s->refuse_head = true;
	request_arrives(s);
	peer_send_text(s->peer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	peer_until(s->peer, &s->is_done);
	assert_string_equal(s->why, "not this head");
	assert_int_equal(s->body.size, 0);
	s->is_done = s->refuse_head = false;
	s->refuse_body = true;
	peer_forget(s->peer);
	request_arrives(s);
	peer_send_text(s->peer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	peer_until(s->peer, &s->is_done);
	assert_string_equal(s->why, "not this body");
	assert_int_equal(s->done_calls, 2);
}

static void a_cancelled_call_reports_nothing(void **state)
{
	struct stage *s = *state;
	call_to(s, PEER_HOST, NULL);
	http_call_cancel(s->call);
	request_arrives(s);
	http_call_cancel(s->call);
	s->call = NULL;
	peer_until(s->peer, &s->peer->is_ended);
	sim_loop_run(&s->peer->loop, 2 * IDLE_MS);
	assert_int_equal(s->done_calls, 0);
}

/* ---- another protocol ---- */

#define SWITCHING "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"

static void an_upgrade_hands_the_stream_over_with_what_followed(void **state)
{
	struct stage *s = *state;
	char text[20] = "";
	size_t n = 0;
	call_to(s, PEER_HOST, "samoza-link/1");
	peer_until_got(s->peer, "Connection: Upgrade\r\nUpgrade: samoza-link/1\r\n\r\n");
	peer_send_text(s->peer, SWITCHING "Upgrade: samoza-link/1\r\n\r\nframes");
	peer_until(s->peer, &s->is_done);
	assert_non_null(s->upgraded);
	assert_int_equal(s->done_calls, 0);
	assert_int_equal(stream_read(s->upgraded, text, sizeof(text), &n, NULL), 1);
	assert_string_equal(text, "frames");
	sim_loop_run(&s->peer->loop, 2 * IDLE_MS);
	assert_false(s->peer->is_ended);
}

static void anything_but_the_protocol_is_a_refused_upgrade(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nUpgrade: samoza-link/1\r\nContent-Length: 0\r\n\r\n",
		SWITCHING "Upgrade: samoza-link/2\r\n\r\n",
		SWITCHING "\r\n",
	};
	struct stage *s = *state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		s->is_done = false;
		peer_forget(s->peer);
		call_to(s, PEER_HOST, "samoza-link/1");
		peer_until_got(s->peer, "\r\n\r\n");
		peer_send_text(s->peer, answers[i]);
		peer_until(s->peer, &s->is_done);
		assert_null(s->upgraded);
		assert_int_equal(s->code, ERR_UNAVAILABLE);
		assert_non_null(strstr(s->why, "refused samoza-link/1"));
	}
}

static void an_unrequested_switch_is_refused(void **state)
{
	struct stage *s = *state;
	request_arrives(s);
	peer_send_text(s->peer, SWITCHING "Upgrade: samoza-link/1\r\n\r\n");
	peer_until(s->peer, &s->is_done);
	assert_int_equal(s->code, ERR_INVALID);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_response_is_read_and_its_connection_closed),
		TEST(a_response_may_arrive_in_single_bytes_over_a_slow_network),
		TEST(the_end_of_the_connection_may_end_the_body),
		TEST(a_connection_that_ends_in_the_middle_is_unavailable),
		TEST(a_cut_is_unavailable),
		TEST(an_unreachable_server_is_unavailable),
		TEST(silence_is_a_timeout_but_slowness_is_not),
		TEST(too_long_a_body_is_refused_at_its_head_or_where_it_is_too_long),
		TEST(the_handler_can_refuse_head_and_body),
		TEST(a_cancelled_call_reports_nothing),
		TEST(an_upgrade_hands_the_stream_over_with_what_followed),
		TEST(anything_but_the_protocol_is_a_refused_upgrade),
		TEST(an_unrequested_switch_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
