/* adapter/tls: peers that do not speak TLS, or speak it slowly, or in crowds. */
#include "stage.h"

#include <string.h>

#include "adapter/tls/network.h"
#include "base/str.h"

enum { CROWD = 40 };

static const struct stream_connect_options page = {.protocol = "http/1.1"};

static void on_crowd_ready(void *user, struct stream *stream, unsigned events)
{
	(void)user, (void)stream, (void)events;
}

static void on_crowd_connected(void *user, struct stream *stream, const struct error *why)
{
	(void)stream;
	unsigned *connected = user;
	*connected += why == NULL;
}

/* The beginning of a TLS record, and no more. */
static void on_crowd_speaks(void *user, struct stream *stream, const struct error *why)
{
	static const uint8_t begun[] = {22, 3, 1, 2, 0, 1};
	size_t n = 0;
	on_crowd_connected(user, stream, why);
	if (why == NULL)
		assert_int_equal(stream_write(stream, begun, sizeof(begun), &n, NULL), 0);
}

static const struct stream_handler crowd_handler = {.connected = on_crowd_connected,
						    .ready = on_crowd_ready};
static const struct stream_handler speaking_handler = {.connected = on_crowd_speaks,
						       .ready = on_crowd_ready};

static void crowd_connect_with(struct stream_transport *client,
			       const struct stream_handler *handler, struct stream **crowd,
			       unsigned count, unsigned *connected)
{
	const struct stream_connect_options options = {
		.to = {"zrms", PORT}, .timeout_ms = 60000, .protocol = "http/1.1"};
	for (unsigned i = 0; i < count; i++)
		crowd[i] = stream_connect(client, &options, handler, connected);
}

/* Connections that say nothing, or whole TLS ones. */
static void crowd_connect(struct stream_transport *client, struct stream **crowd,
			  unsigned count, unsigned *connected)
{
	crowd_connect_with(client, &crowd_handler, crowd, count, connected);
}

/* Connections that begin to speak TLS and do not go on. */
static void crowd_begin(struct stream_transport *client, struct stream **crowd, unsigned count,
			unsigned *connected)
{
	crowd_connect_with(client, &speaking_handler, crowd, count, connected);
}

static void crowd_close(struct stream **crowd, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		stream_close(crowd[i]);
}

static void plain_http_is_answered_in_plain_http(void **state)
{
	struct stage *s = *state;
	stage_listen(s);
	stage_connect(s, client_plain(s), &(struct stream_connect_options){0});
	end_write(&s->near, "GET /v1/topologies HTTP/1.1\r\nHost: zrms\r\n\r\n");
	end_listen(&s->near);
	stage_until(s, &s->near.is_told);
	assert_int_equal(buffer_add(&s->near.got, "", 1), 0);
	assert_says(s->near.got.data, "HTTP/1.1 400 Bad Request\r\n");
	assert_says(s->near.got.data, "this port speaks TLS: use https://");
	assert_says(s->refused,
		    "it speaks plain HTTP, and this port TLS: it must use https://");
	assert_int_equal(s->pages, 0);
}

static void what_is_neither_is_refused(void **state)
{
	struct stage *s = *state;
	stage_listen(s);
	stage_connect(s, client_plain(s), &(struct stream_connect_options){0});
	end_write(&s->near, "\x01\x02 SSH-2.0-what");
	end_listen(&s->near);
	stage_until(s, &s->near.is_told);
	assert_says(s->refused, "it does not speak TLS");
}

/* ---- a server without TLS ---- */

/* Answers whatever comes, and closes. */
static void answer(void *user, struct stream *stream, unsigned events)
{
	const char *text = user;
	char bytes[4096];
	size_t n = 0;
	assert_int_equal(events, STREAM_READ);
	assert_int_equal(stream_read(stream, bytes, sizeof(bytes), &n, NULL), 1);
	assert_int_equal(stream_write(stream, text, strlen(text), &n, NULL), 0);
	stream_close(stream);
}

static const struct stream_handler answering = {.ready = answer};

static void answer_later(void *user, struct stream *stream)
{
	stream_set_handler(stream, &answering, user);
	stream_want(stream, STREAM_READ);
}

static const struct stream_listen_handler plain_handler = {.accepted = answer_later};

static void connect_to_plain(struct stage *s, const char *text)
{
	const struct stream_listen_options options = {.at = {"zrms", PORT}};
	s->server = sim_network_machine(s->net, "zrms");
	assert_int_equal(stream_listen(s->server, &options, &plain_handler,
				       (void *)(uintptr_t)text, &s->listener, NULL),
			 0);
	stage_connect(s, client_new(s, NULL, s->trust), &page);
	assert_false(s->near.is_connected);
	assert_int_equal(s->near.why->code, ERR_UNAVAILABLE);
}

static void a_server_of_plain_http_is_named(void **state)
{
	struct stage *s = *state;
	connect_to_plain(s, "HTTP/1.1 400 Bad Request\r\n\r\n");
	assert_says(s->near.why->message,
		    "cannot connect to zrms:7331: it speaks plain HTTP, not TLS: use http://");
}

static void a_server_that_hangs_up_is_named(void **state)
{
	struct stage *s = *state;
	connect_to_plain(s, "");
	assert_says(s->near.why->message,
		    "it closed the connection during the TLS handshake: does it speak TLS?");
}

static void stay_silent(void *user, struct stream *stream)
{
	struct stage *s = user;
	s->far.stream = stream;
	stream_set_handler(stream, &end_handler, &s->far);
}

static const struct stream_listen_handler silent = {.accepted = stay_silent};

static void a_server_that_says_nothing_is_waited_for_until_the_deadline(void **state)
{
	struct stage *s = *state;
	const struct stream_listen_options options = {.at = {"zrms", PORT}};
	s->server = sim_network_machine(s->net, "zrms");
	assert_int_equal(stream_listen(s->server, &options, &silent, s, &s->listener, NULL), 0);
	int64_t since_ms = loop_now(&s->loop).mono_ms;
	stage_connect(s, client_new(s, NULL, s->trust),
		      &(struct stream_connect_options){.timeout_ms = 700});
	assert_int_equal(loop_now(&s->loop).mono_ms - since_ms, 700);
	assert_int_equal(s->near.why->code, ERR_TIMEOUT);
	assert_says(s->near.why->message, "no answer to the TLS handshake: does it speak TLS?");
}

/* ---- slow ones, and many ---- */

static void one_who_says_nothing_is_cut_off_after_ten_seconds(void **state)
{
	struct stage *s = *state;
	stage_listen(s);
	stage_connect(s, client_plain(s), &(struct stream_connect_options){0});
	end_listen(&s->near);
	stage_run(s, 9800);
	assert_false(s->is_refused);
	stage_run(s, 400);
	assert_true(s->is_refused);
	assert_says(s->refused, "it did not finish the TLS handshake in time");
	stage_run(s, 1100);
	assert_true(s->near.is_told);
	assert_int_equal(tls_transport_counters(s->server).handshakes, 0);
}

static void no_more_handshakes_than_the_bound_are_under_way(void **state)
{
	struct stage *s = *state;
	struct stream *crowd[CROWD];
	unsigned connected = 0;
	s->options.handshakes_max = 10;
	s->options.waiting_max = 20;
	stage_listen(s);
	crowd_connect(client_plain(s), crowd, CROWD, &connected);
	stage_run(s, 50);
	assert_int_equal(tls_transport_counters(s->server).handshakes, 10);
	assert_int_equal(connected, 30);
	crowd_close(crowd, CROWD);
}

/* One that means it connects, and is in within that time. */
static void connects_within(struct stage *s, int64_t ms)
{
	int64_t since_ms = loop_now(&s->loop).mono_ms;
	stage_connect(
		s, client_new(s, NULL, s->trust),
		&(struct stream_connect_options){.protocol = "http/1.1", .timeout_ms = 60000});
	assert_true(s->near.is_connected);
	assert_in_range(loop_now(&s->loop).mono_ms - since_ms, 0, ms);
}

static void a_crowd_that_says_nothing_does_not_keep_others_out(void **state)
{
	struct stage *s = *state;
	struct stream *crowd[CROWD];
	unsigned connected = 0;
	s->options.handshakes_max = 4;
	stage_listen(s);
	crowd_connect(client_plain(s), crowd, CROWD, &connected);
	stage_run(s, 10);
	connects_within(s, 500);
	assert_int_equal(tls_transport_counters(s->server).gave_way_total, 1);
	/* A place is of no use to those who say nothing: all have their time alike. */
	stage_run(s, 10500);
	assert_int_equal(tls_transport_counters(s->server).handshakes, 0);
	assert_int_equal(tls_transport_counters(s->server).refused_total, CROWD);
	crowd_close(crowd, CROWD);
}

static void a_crowd_that_stops_in_its_first_words_does_not_either(void **state)
{
	struct stage *s = *state;
	struct stream *crowd[CROWD];
	unsigned connected = 0;
	s->options.handshakes_max = 4;
	stage_listen(s);
	crowd_begin(client_plain(s), crowd, CROWD, &connected);
	stage_run(s, 10);
	connects_within(s, 500);
	/* Four at a time give way to the next four. */
	stage_run(s, 12000);
	assert_true(tls_transport_counters(s->server).gave_way_total >= CROWD - 4);
	crowd_close(crowd, CROWD);
}

/* Also where no more may wait: those outside come in when the silent ones have had a second. */
static void a_crowd_that_waits_everywhere_keeps_others_out_for_a_second(void **state)
{
	struct stage *s = *state;
	struct stream *crowd[CROWD];
	unsigned connected = 0;
	s->options.handshakes_max = 4;
	s->options.waiting_max = CROWD - 4;
	stage_listen(s);
	crowd_connect(client_plain(s), crowd, CROWD, &connected);
	stage_run(s, 10);
	connects_within(s, 1500);
	crowd_close(crowd, CROWD);
}

/* Those of the crowd's address go, not the one who is alone at its own. */
static void the_address_with_most_gives_way_first(void **state)
{
	struct stage *s = *state;
	struct stream *crowd[CROWD];
	struct stream *lonely[1];
	unsigned connected = 0, here = 0;
	s->options.handshakes_max = 4;
	stage_listen(s);
	crowd_begin(client_plain(s), crowd, CROWD, &connected);
	stage_run(s, 10);
	crowd_begin(client_plain(s), lonely, 1, &here);
	stage_run(s, 900);
	assert_int_equal(here, 1);
	assert_true(tls_transport_counters(s->server).gave_way_total >= 1);
	/* It has its place. */
	char byte;
	size_t n = 0;
	assert_int_equal(stream_read(lonely[0], &byte, 1, &n, NULL), 1);
	assert_int_equal(n, 0);
	crowd_close(crowd, CROWD);
	crowd_close(lonely, 1);
}

/* A machine has a /64 of IPv6 for nothing: all its addresses together have one share. */
static void a_crowd_of_one_network_has_one_share(void **state)
{
	struct stage *s = *state;
	struct stream *crowd[CROWD];
	unsigned connected = 0;
	s->options.handshakes_max = 4;
	stage_listen(s);
	for (unsigned i = 0; i < CROWD; i++) {
		CLEANUP(freep) char *address = str_printf("[2001:db8:0:1:%x::7]", i);
		crowd_begin(client_at(s, address), &crowd[i], 1, &connected);
	}
	stage_run(s, 10);
	connects_within(s, 500);
	assert_int_equal(connected, CROWD);
	assert_int_equal(tls_transport_counters(s->server).gave_way_total, 1);
	crowd_close(crowd, CROWD);
}

static void a_network_is_what_one_machine_has_many_addresses_of(void **state)
{
	static const char *const networks[][2] = {
		{"192.0.2.7", "192.0.2.7"},
		{"::ffff:192.0.2.7", "192.0.2.7"},
		{"2001:db8:1:2::7", "2001:db8:1:2::/64"},
		{"2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"},
		{"2001:db8:1:3::7", "2001:db8:1:3::/64"},
		{"fe80::1%eth0", "fe80::/64"},
		{"::1", "::/64"},
		{"a name", "a name"},
		{"", ""},
	};
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(networks); k++) {
		CLEANUP(freep) char *network = peer_network(networks[k][0]);
		assert_string_equal(network, networks[k][1]);
	}
}

/* Two crowds that mean it: neither waits for the other one to be through, and nobody is cut off for it. */
static void two_crowds_are_let_in_in_turn(void **state)
{
	struct stage *s = *state;
	struct stream *first[CROWD], *second[CROWD];
	unsigned early = 0, late = 0;
	s->options.handshakes_max = 2;
	sim_network_delay(s->net, 5, 5);
	stage_listen(s);
	crowd_connect(client_new(s, NULL, s->trust), first, CROWD, &early);
	stage_run(s, 12);
	crowd_connect(client_new(s, NULL, s->trust), second, CROWD, &late);
	while (early < CROWD / 2)
		stage_run(s, 5);
	assert_in_range(late, CROWD / 2 - 4, CROWD / 2 + 4);
	stage_run(s, 20000);
	assert_int_equal(early + late, 2 * CROWD);
	assert_int_equal(tls_transport_counters(s->server).gave_way_total, 0);
	crowd_close(first, CROWD);
	crowd_close(second, CROWD);
}

static void a_crowd_that_speaks_tls_is_let_in_by_and_by(void **state)
{
	struct stage *s = *state;
	struct stream *crowd[CROWD];
	unsigned connected = 0;
	s->options.handshakes_max = 3;
	sim_network_delay(s->net, 1, 20);
	stage_listen(s);
	crowd_connect(client_new(s, NULL, s->trust), crowd, CROWD, &connected);
	stage_run(s, 20000);
	assert_int_equal(connected, CROWD);
	assert_int_equal(tls_transport_counters(s->server).accepted_total, CROWD);
	assert_int_equal(tls_transport_counters(s->server).gave_way_total, 0);
	crowd_close(crowd, CROWD);
}

static void a_listener_that_closes_turns_those_away_who_are_on_their_way(void **state)
{
	struct stage *s = *state;
	struct stream *crowd[CROWD];
	unsigned connected = 0;
	sim_network_delay(s->net, 5, 5);
	stage_listen(s);
	struct stream_transport *client = client_new(s, NULL, s->trust);
	crowd_connect(client, crowd, CROWD, &connected);
	stage_run(s, 12);
	assert_true(tls_transport_counters(s->server).handshakes > 0);
	stream_listener_close(steal_ptr(&s->listener));
	assert_int_equal(tls_transport_counters(s->server).handshakes, 0);
	stage_run(s, 1000);
	assert_int_equal(connected, 0);
	crowd_close(crowd, CROWD);
}

static void a_network_that_breaks_during_the_handshake_is_named(void **state)
{
	struct stage *s = *state;
	sim_network_delay(s->net, 5, 5);
	stage_listen(s);
	struct stream_transport *client = client_new(s, NULL, s->trust);
	const struct stream_connect_options options = {.to = {"zrms", PORT},
						       .timeout_ms = 5000};
	s->near.stream = stream_connect(client, &options, &end_handler, &s->near);
	stage_run(s, 12);
	sim_network_cut(s->net, "zrms", "client-0");
	stage_until(s, &s->near.is_told);
	assert_says(s->near.why->message, "connection reset by peer");
	stage_until(s, &s->is_refused);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, stage_begin, stage_end)
	const struct CMUnitTest tests[] = {
		TEST(plain_http_is_answered_in_plain_http),
		TEST(what_is_neither_is_refused),
		TEST(a_server_of_plain_http_is_named),
		TEST(a_server_that_hangs_up_is_named),
		TEST(a_server_that_says_nothing_is_waited_for_until_the_deadline),
		TEST(one_who_says_nothing_is_cut_off_after_ten_seconds),
		TEST(no_more_handshakes_than_the_bound_are_under_way),
		TEST(a_crowd_that_says_nothing_does_not_keep_others_out),
		TEST(a_crowd_that_stops_in_its_first_words_does_not_either),
		TEST(a_crowd_that_waits_everywhere_keeps_others_out_for_a_second),
		TEST(the_address_with_most_gives_way_first),
		TEST(a_crowd_of_one_network_has_one_share),
		cmocka_unit_test(a_network_is_what_one_machine_has_many_addresses_of),
		TEST(two_crowds_are_let_in_in_turn),
		TEST(a_crowd_that_speaks_tls_is_let_in_by_and_by),
		TEST(a_listener_that_closes_turns_those_away_who_are_on_their_way),
		TEST(a_network_that_breaks_during_the_handshake_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
