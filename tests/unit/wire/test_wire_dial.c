/* adapter/wire/wire_dial.h: how a zhost opens a link, over simulated streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../port/peer.h"
#include "adapter/wire/wire_dial.h"

enum { DIAL_MS = 5000 };

struct stage {
	struct peer *peer;
	struct wire_dial *dial;
	struct stream *stream;
	unsigned calls;
	bool is_done;
	int code;
	char *why;
};

static void on_dialled(void *user, struct stream *stream, const struct error *why)
{
	struct stage *s = user;
	s->calls++;
	s->is_done = true;
	s->dial = NULL;
	s->stream = stream;
	s->code = why != NULL ? why->code : 0;
	s->why = why != NULL ? mem_strdup(why->message) : NULL;
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	s->peer = peer_new();
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	wire_dial_cancel(s->dial);
	stream_close(s->stream);
	peer_free(s->peer);
	free(s->why);
	free(s);
	return 0;
}

static void dial(struct stage *s)
{
	const struct wire_dial_options options = {.to = {PEER_HOST, PEER_PORT},
						  .timeout_ms = DIAL_MS};
	s->dial = wire_dial_new(&s->peer->loop, s->peer->client, &options, on_dialled, s);
}

static void certify(struct stage *s)
{
	const struct stream_peer zrms = {
		.cluster = "test", .role = "zrms", .name = "zrms", .key_hash = "ab"};
	const struct stream_peer alpha = {
		.cluster = "test", .role = "zhost", .name = "alpha", .key_hash = "cd"};
	sim_network_certify(s->peer->net, PEER_HOST, &zrms);
	sim_network_certify(s->peer->net, "client", &alpha);
}

static void a_plain_stream_is_upgraded(void **state)
{
	struct stage *s = *state;
	char text[10] = "";
	size_t n = 0;
	dial(s);
	peer_until_got(s->peer, "\r\n\r\n");
	assert_string_equal(s->peer->got.data,
			    "GET /v1/link HTTP/1.1\r\nHost: server:7331\r\n"
			    "Connection: Upgrade\r\nUpgrade: samoza-link/1\r\n\r\n");
	peer_send_text(s->peer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: samoza-link/1\r\n"
				"\r\nframe");
	peer_until(s->peer, &s->is_done);
	assert_non_null(s->stream);
	assert_int_equal(stream_read(s->stream, text, sizeof(text), &n, NULL), 1);
	assert_string_equal(text, "frame");
}

static void a_stream_that_negotiated_the_protocol_is_used_as_it_is(void **state)
{
	struct stage *s = *state;
	certify(s);
	dial(s);
	peer_until(s->peer, &s->is_done);
	assert_non_null(s->stream);
	assert_string_equal(stream_peer(s->stream)->name, "zrms");
	sim_loop_run(&s->peer->loop, 100);
	assert_int_equal(s->peer->got.size, 0);
}

static void a_refusal_is_reported(void **state)
{
	struct stage *s = *state;
	dial(s);
	peer_until_got(s->peer, "\r\n\r\n");
	peer_send_text(s->peer, "HTTP/1.1 503 Service Unavailable\r\n\r\n");
	peer_until(s->peer, &s->is_done);
	assert_null(s->stream);
	assert_int_equal(s->code, ERR_UNAVAILABLE);
	assert_non_null(strstr(s->why, "503"));
}

static void an_unreachable_zrms_is_reported(void **state)
{
	struct stage *s = *state;
	sim_network_cut(s->peer->net, "client", PEER_HOST);
	dial(s);
	peer_until(s->peer, &s->is_done);
	assert_null(s->stream);
	assert_int_equal(s->code, ERR_UNAVAILABLE);
}

/* One time for everything, however far it got. */
static void silence_is_reported_after_the_timeout(void **state)
{
	struct stage *s = *state;
	sim_network_delay(s->peer->net, 1000, 1000);
	dial(s);
	peer_until_got(s->peer, "\r\n\r\n");
	peer_send_text(s->peer, "HTTP/1.1 101 Switching");
	int64_t begin_ms = loop_now(&s->peer->loop).mono_ms;
	peer_until(s->peer, &s->is_done);
	assert_int_equal(loop_now(&s->peer->loop).mono_ms, begin_ms - 3000 + DIAL_MS);
	assert_int_equal(s->code, ERR_TIMEOUT);
	assert_string_equal(s->why, "no answer from server:7331");
	assert_int_equal(s->calls, 1);
}

static void a_cancelled_dial_reports_nothing(void **state)
{
	struct stage *s = *state;
	dial(s);
	wire_dial_cancel(s->dial);
	dial(s);
	peer_until_got(s->peer, "\r\n\r\n");
	wire_dial_cancel(s->dial);
	s->dial = NULL;
	peer_until(s->peer, &s->peer->is_ended);
	sim_loop_run(&s->peer->loop, 2 * DIAL_MS);
	assert_int_equal(s->calls, 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_plain_stream_is_upgraded),
		TEST(a_stream_that_negotiated_the_protocol_is_used_as_it_is),
		TEST(a_refusal_is_reported),
		TEST(an_unreachable_zrms_is_reported),
		TEST(silence_is_reported_after_the_timeout),
		TEST(a_cancelled_dial_reports_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
