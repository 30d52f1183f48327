/* zhost/uplink/uplink.h over simulated streams: the test is zrms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../port/peer.h"
#include "port/frame.h"
#include "zhost/uplink/uplink.h"

#define UPGRADED "HTTP/1.1 101 Switching Protocols\r\nUpgrade: samoza-link/1\r\n\r\n"

struct stage {
	struct peer *peer;
	struct cluster_timing timing;
	struct zrms_addresses zrms;
	struct uplink *uplink;
	unsigned connected, disconnected, frames;
	Samoza__V1__FrameType last_type;
	bool is_connected, is_disconnected, has_frame, refuse_frames;
	bool knows_leave, stays;
	unsigned asked; /* whether it may leave a connection */
};

/* ---- what the uplink reports ---- */

static void on_connected(void *user)
{
	struct stage *s = user;
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	Samoza__V1__Hello hello = SAMOZA__V1__HELLO__INIT;
	s->connected++;
	s->is_connected = true;
	spec.name = (char *)"alpha";
	hello.protocol = 1;
	hello.spec = &spec;
	hello.identity = (char *)"identity";
	hello.incarnation = 1;
	upstream_send(uplink_upstream(s->uplink), SAMOZA__V1__FRAME_TYPE__FRAME_HELLO,
		      &hello.base);
}

static void on_disconnected(void *user)
{
	struct stage *s = user;
	s->disconnected++;
	s->is_disconnected = true;
}

static int on_frame(void *user, Samoza__V1__FrameType type, ProtobufCMessage *message,
		    struct error **err)
{
	struct stage *s = user;
	s->frames++;
	s->has_frame = true;
	s->last_type = type;
	protobuf_c_message_free_unpacked(message, NULL);
	return s->refuse_frames ? error_set(err, ERR_INVALID, "not this frame") : 0;
}

static bool on_leaves(void *user, Samoza__V1__Leave *last)
{
	struct stage *s = user;
	s->asked++;
	last->has_exec_starts = true;
	last->exec_starts = 7;
	return !s->stays;
}

static const struct uplink_listener listener = {.connected = on_connected,
						.leaves = on_leaves,
						.disconnected = on_disconnected,
						.frame = on_frame};

/* ---- stage ---- */

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	s->peer = peer_new();
	s->timing = (struct cluster_timing){.heartbeat_ms = 1000, .failure_timeout_ms = 3000};
	assert_int_equal(zrms_addresses_read("http://server:7331", &s->zrms, NULL), 0);
	struct uplink_options options = {.loop = &s->peer->loop,
					 .transport = s->peer->client,
					 .zrms = &s->zrms,
					 .timing = &s->timing};
	s->uplink = uplink_new(&options, &listener, s);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	uplink_close(s->uplink);
	sim_loop_run(&s->peer->loop, 0);
	assert_true(uplink_is_closed(s->uplink));
	uplink_free(s->uplink);
	zrms_addresses_done(&s->zrms);
	peer_free(s->peer);
	free(s);
	return 0;
}

/* The uplink dials; zrms switches protocols, and the hello arrives. */
static void accept_connection(struct stage *s)
{
	s->is_connected = false;
	peer_until_got(s->peer, "Upgrade: samoza-link/1\r\n\r\n");
	peer_forget(s->peer);
	peer_send_text(s->peer, UPGRADED);
	peer_until(s->peer, &s->is_connected);
	peer_until_got(s->peer, "alpha");
	peer_forget(s->peer);
}

static void zrms_send(struct stage *s, Samoza__V1__FrameType type,
		      const ProtobufCMessage *message)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
	assert_int_equal(frame_encode(&b, type, message, NULL), 0);
	s->has_frame = false;
	peer_send(s->peer, b.data, b.size);
}

static void answer_hello(struct stage *s, Samoza__V1__HelloAck__Verdict verdict)
{
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	ack.verdict = verdict;
	ack.reason = (char *)"the name is taken";
	ack.has_heartbeat_ms = ack.has_failure_timeout_ms = true;
	ack.heartbeat_ms = 2000;
	ack.failure_timeout_ms = 7000;
	ack.has_leave = ack.leave = s->knows_leave;
	zrms_send(s, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK, &ack.base);
	peer_until(s->peer, &s->has_frame);
}

static void connect_and_accept(struct stage *s)
{
	uplink_start(s->uplink);
	accept_connection(s);
	answer_hello(s, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
	assert_true(upstream_is_up(uplink_upstream(s->uplink)));
}

static int try_heartbeat(struct stage *s)
{
	Samoza__V1__Heartbeat beat = SAMOZA__V1__HEARTBEAT__INIT;
	beat.identity = (char *)"heartbeat";
	return upstream_try_send(uplink_upstream(s->uplink),
				 SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT, &beat.base, 1000);
}

static int64_t now_ms(struct stage *s)
{
	return loop_now(&s->peer->loop).mono_ms;
}

/* How long until the next connection arrives at zrms. */
static int64_t next_attempt_ms(struct stage *s)
{
	int64_t begin_ms = now_ms(s);
	unsigned accepted = s->peer->accepted;
	while (s->peer->accepted == accepted && now_ms(s) < begin_ms + 60000)
		sim_loop_run(&s->peer->loop, 1);
	return now_ms(s) - begin_ms;
}

/* ---- tests ---- */

static void nothing_happens_before_the_start(void **state)
{
	struct stage *s = *state;
	sim_loop_run(&s->peer->loop, 60000);
	assert_int_equal(s->peer->accepted, 0);
}

static void the_hello_goes_first_and_its_answer_sets_the_timing(void **state)
{
	struct stage *s = *state;
	uplink_start(s->uplink);
	accept_connection(s);
	assert_false(upstream_is_up(uplink_upstream(s->uplink)));
	assert_int_equal(try_heartbeat(s), -EHOSTUNREACH);
	answer_hello(s, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
	assert_true(upstream_is_up(uplink_upstream(s->uplink)));
	assert_int_equal(s->timing.heartbeat_ms, 2000);
	assert_int_equal(s->timing.failure_timeout_ms, 7000);
	assert_int_equal(s->last_type, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK);
	assert_int_equal(try_heartbeat(s), 0);
	peer_until_got(s->peer, "heartbeat");
	assert_int_equal(uplink_connections(s->uplink), 1);
}

static void attempts_come_at_growing_intervals_up_to_a_heartbeat(void **state)
{
	static const int64_t expected_ms[] = {100, 200, 400, 800, 1000, 1000};
	struct stage *s = *state;
	uplink_start(s->uplink);
	sim_loop_run(&s->peer->loop, 0);
	assert_int_equal(s->peer->accepted, 1);
	for (size_t i = 0; i < ARRAY_SIZE(expected_ms); i++) {
		peer_close(s->peer);
		assert_int_equal(next_attempt_ms(s), expected_ms[i]);
	}
	assert_int_equal(s->connected, 0);
	assert_int_equal(uplink_connections(s->uplink), 0);
}

static void a_lost_connection_is_made_again_at_once_when_it_was_accepted(void **state)
{
	struct stage *s = *state;
	uplink_start(s->uplink);
	sim_loop_run(&s->peer->loop, 0);
	for (unsigned i = 0; i < 3; i++) {
		peer_close(s->peer);
		(void)next_attempt_ms(s);
	}
	accept_connection(s);
	answer_hello(s, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
	peer_close(s->peer);
	peer_until(s->peer, &s->is_disconnected);
	assert_false(upstream_is_up(uplink_upstream(s->uplink)));
	assert_int_equal(try_heartbeat(s), -EHOSTUNREACH);
	assert_int_equal(next_attempt_ms(s), 100);
	accept_connection(s);
	answer_hello(s, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
	assert_int_equal(uplink_connections(s->uplink), 2);
	assert_int_equal(s->connected, 2);
	assert_int_equal(s->disconnected, 1);
}

/* Over TLS a peer that is refused is first connected (docs/design/011-transport-security.md). */
static void a_connection_without_a_frame_is_no_success(void **state)
{
	static const int64_t expected_ms[] = {100, 200, 400};
	struct stage *s = *state;
	uplink_start(s->uplink);
	for (size_t i = 0; i < ARRAY_SIZE(expected_ms); i++) {
		accept_connection(s);
		s->is_disconnected = false;
		peer_close(s->peer);
		peer_until(s->peer, &s->is_disconnected);
		assert_int_equal(next_attempt_ms(s), expected_ms[i]);
	}
	accept_connection(s);
	answer_hello(s, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
	s->is_disconnected = false;
	peer_close(s->peer);
	peer_until(s->peer, &s->is_disconnected);
	assert_int_equal(next_attempt_ms(s), 100);
}

static uint32_t the_most(uint32_t bound)
{
	return bound - 1;
}

static void chance_makes_an_interval_up_to_twice_as_long(void **state)
{
	static const int64_t expected_ms[] = {199, 399, 799, 999, 999};
	struct stage *s = *state;
	struct uplink_options options = {.loop = &s->peer->loop,
					 .transport = s->peer->client,
					 .zrms = &s->zrms,
					 .timing = &s->timing,
					 .draw = the_most};
	uplink_free(s->uplink);
	s->uplink = uplink_new(&options, &listener, s);
	uplink_start(s->uplink);
	sim_loop_run(&s->peer->loop, 0);
	for (size_t i = 0; i < ARRAY_SIZE(expected_ms); i++) {
		peer_close(s->peer);
		assert_int_equal(next_attempt_ms(s), expected_ms[i]);
	}
}

static void one_address_is_tried_after_the_other(void **state)
{
	struct stage *s = *state;
	zrms_addresses_done(&s->zrms);
	assert_int_equal(
		zrms_addresses_read("http://nowhere:1,server:7331,nowhere:2", &s->zrms, NULL),
		0);
	uplink_start(s->uplink);
	accept_connection(s);
	answer_hello(s, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
	assert_int_equal(s->zrms.now, 1);
	/* What was reached is tried first. */
	s->is_disconnected = false;
	peer_close(s->peer);
	peer_until(s->peer, &s->is_disconnected);
	accept_connection(s);
	assert_int_equal(s->zrms.now, 1);
}

static void stand_by(struct stage *s, const char *leader)
{
	Samoza__V1__Leader message = SAMOZA__V1__LEADER__INIT;
	message.address = (char *)(uintptr_t)leader;
	s->is_disconnected = false;
	zrms_send(s, SAMOZA__V1__FRAME_TYPE__FRAME_LEADER, &message.base);
	peer_until(s->peer, &s->is_disconnected);
}

/* How long until it says HELLO again. */
static int64_t told_ms(struct stage *s, const char *leader)
{
	int64_t begin_ms = now_ms(s);
	stand_by(s, leader);
	accept_connection(s);
	return now_ms(s) - begin_ms;
}

static void a_zrms_that_stands_by_is_left_at_once_for_the_leader(void **state)
{
	struct stage *s = *state;
	zrms_addresses_done(&s->zrms);
	assert_int_equal(zrms_addresses_read("http://server:7331,nowhere:1", &s->zrms, NULL),
			 0);
	uplink_start(s->uplink);
	accept_connection(s);
	assert_true(told_ms(s, "server:7331") < 50);
	assert_int_equal(s->zrms.now, 0);
	assert_false(s->has_frame); /* the listener hears nothing of it */
	/* It does not run in a circle of those that tell of each other. */
	assert_true(told_ms(s, "server:7331") < 50);
	assert_true(told_ms(s, "server:7331") >= 100);
	answer_hello(s, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
	assert_int_equal(s->zrms.now, 0);
}

static void where_nobody_leads_the_next_one_is_asked(void **state)
{
	struct stage *s = *state;
	zrms_addresses_done(&s->zrms);
	assert_int_equal(zrms_addresses_read("http://server:7331,server:7332", &s->zrms, NULL),
			 0);
	uplink_start(s->uplink);
	accept_connection(s);
	stand_by(s, NULL);
	assert_int_equal(s->zrms.now, 1);
	assert_true(next_attempt_ms(s) >= 50);
}

static void what_is_told_is_tried_once(void **state)
{
	struct zrms_addresses a = {0};
	(void)state;
	assert_int_equal(zrms_addresses_read("https://a:1,b:2", &a, NULL), 0);
	assert_int_equal(zrms_addresses_tell(&a, "[fd00::1]:3", NULL), 0);
	assert_string_equal(zrms_addresses_now(&a).host, "fd00::1");
	assert_int_equal(zrms_addresses_now(&a).port, 3);
	assert_int_equal(zrms_addresses_index(&a), 2);
	zrms_addresses_next(&a);
	assert_string_equal(zrms_addresses_now(&a).host, "b");
	assert_int_equal(zrms_addresses_tell(&a, "a:1", NULL), 0);
	assert_int_equal(zrms_addresses_index(&a), 0);
	assert_int_equal(zrms_addresses_tell(&a, "a", NULL), ERR_INVALID);
	assert_int_equal(zrms_addresses_tell(&a, "a:1/path", NULL), ERR_INVALID);
	zrms_addresses_done(&a);
	/* A token is not shown to another machine. */
	assert_int_equal(zrms_addresses_read("http://127.0.0.1:1", &a, NULL), 0);
	assert_int_equal(zrms_addresses_tell(&a, "192.0.2.1:1", NULL), ERR_DENIED);
	assert_int_equal(zrms_addresses_tell(&a, "name.example:1", NULL), ERR_DENIED);
	assert_int_equal(zrms_addresses_tell(&a, "127.0.0.1:2", NULL), 0);
	assert_int_equal(zrms_addresses_now(&a).port, 2);
	zrms_addresses_done(&a);
}

static void made_again_it_goes_on_at_once(void **state)
{
	struct stage *s = *state;
	connect_and_accept(s);
	s->is_disconnected = false;
	uplink_again(s->uplink, "what it says has changed");
	peer_until(s->peer, &s->is_disconnected);
	accept_connection(s);
	answer_hello(s, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
	assert_true(upstream_is_up(uplink_upstream(s->uplink)));
	assert_int_equal(uplink_connections(s->uplink), 2);
}

static void a_connection_is_left_for_another_one_when_the_listener_lets_it(void **state)
{
	struct stage *s = *state;
	s->knows_leave = s->stays = true;
	connect_and_accept(s);
	s->peer->keeps_first = true;
	for (unsigned n = 1; n <= 3; n++) {
		uplink_again(s->uplink, "the credentials have changed");
		peer_until_got(s->peer, "Upgrade: samoza-link/1\r\n\r\n");
		peer_forget(s->peer);
		peer_send_text(s->peer, UPGRADED);
		sim_loop_run(&s->peer->loop, 1000);
		assert_int_equal(s->asked, n);
		assert_true(upstream_is_up(uplink_upstream(s->uplink)));
		assert_int_equal(try_heartbeat(s), 0);
	}
	assert_int_equal(s->connected, 1);
	assert_int_equal(s->disconnected, 0);
}

static void addresses_are_read_and_refused(void **state)
{
	static const char *const bad[] = {"",
					  "server:7331",
					  "https://",
					  "https://server",
					  "https://server:0",
					  "https://a:1,",
					  "https://a:1,,b:2",
					  "ftp://server:1",
					  "https://server:70000",
					  "https://a:1/path",
					  "https://u@a:1",
					  "http://::1:7331"};
	struct zrms_addresses a = {0};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(zrms_addresses_read(bad[i], &a, NULL), ERR_INVALID);
	assert_int_equal(
		zrms_addresses_read("https://zrms.example:7331,[fd00::1]:7332/", &a, NULL), 0);
	assert_true(a.is_secure);
	assert_int_equal(a.count, 2);
	assert_string_equal(zrms_addresses_role(&a), "zrms");
	assert_string_equal(zrms_addresses_now(&a).host, "zrms.example");
	zrms_addresses_next(&a);
	assert_string_equal(zrms_addresses_now(&a).host, "fd00::1");
	assert_int_equal(zrms_addresses_now(&a).port, 7332);
	zrms_addresses_next(&a);
	assert_int_equal(zrms_addresses_now(&a).port, 7331);
	zrms_addresses_done(&a);
}

static void half_a_frame_before_the_loss_does_no_harm(void **state)
{
	struct stage *s = *state;
	connect_and_accept(s);
	peer_send(s->peer, "\40\0\0\0\3half", 9);
	sim_loop_run(&s->peer->loop, 0);
	peer_close(s->peer);
	peer_until(s->peer, &s->is_disconnected);
	assert_int_equal(s->frames, 1);
	accept_connection(s);
	answer_hello(s, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
	assert_int_equal(s->frames, 2);
}

static void a_half_open_connection_is_replaced(void **state)
{
	struct stage *s = *state;
	connect_and_accept(s);
	sim_network_silence(s->peer->net, PEER_HOST, "client");
	sim_loop_run(&s->peer->loop, SIM_KEEPALIVE_MS);
	assert_int_equal(s->disconnected, 1);
	sim_network_heal(s->peer->net, PEER_HOST, "client");
	accept_connection(s);
	answer_hello(s, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
	assert_true(upstream_is_up(uplink_upstream(s->uplink)));
}

static void after_a_refusal_it_asks_again_each_heartbeat(void **state)
{
	struct stage *s = *state;
	uplink_start(s->uplink);
	accept_connection(s);
	for (unsigned i = 0; i < 2; i++) {
		answer_hello(s, SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED);
		assert_int_equal(next_attempt_ms(s), 2000);
		accept_connection(s);
	}
	assert_false(upstream_is_up(uplink_upstream(s->uplink)));
}

static void frames_of_unknown_types_are_ignored(void **state)
{
	struct stage *s = *state;
	Samoza__V1__HeartbeatAck ack = SAMOZA__V1__HEARTBEAT_ACK__INIT;
	connect_and_accept(s);
	peer_send(s->peer, "\3\0\0\0\143ab", 7);
	zrms_send(s, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK, &ack.base);
	peer_until(s->peer, &s->has_frame);
	assert_int_equal(s->last_type, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK);
	assert_int_equal(s->disconnected, 0);
}

static void a_frame_that_cannot_be_read_or_is_refused_ends_the_connection(void **state)
{
	struct stage *s = *state;
	Samoza__V1__HeartbeatAck ack = SAMOZA__V1__HEARTBEAT_ACK__INIT;
	connect_and_accept(s);
	peer_send(s->peer, "\4\0\0\0\6\377\377\377", 8);
	peer_until(s->peer, &s->is_disconnected);
	accept_connection(s);
	s->is_disconnected = false;
	s->refuse_frames = true;
	zrms_send(s, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK, &ack.base);
	peer_until(s->peer, &s->is_disconnected);
	assert_int_equal(s->disconnected, 2);
}

static void messages_that_may_be_lost_wait_only_so_long(void **state)
{
	struct stage *s = *state;
	int r = 0;
	connect_and_accept(s);
	stream_want(s->peer->stream, 0);
	sim_network_window(s->peer->net, 10);
	for (unsigned i = 0; i < 1000 && r == 0; i++) {
		r = try_heartbeat(s);
		sim_loop_run(&s->peer->loop, 0);
	}
	assert_int_equal(r, -EAGAIN);
	size_t waiting = upstream_waiting(uplink_upstream(s->uplink));
	assert_true(waiting > 1000 && waiting < 1100);
	assert_int_equal(s->disconnected, 0);
}

static void closing_ends_the_connection_and_makes_no_other(void **state)
{
	struct stage *s = *state;
	connect_and_accept(s);
	uplink_close(s->uplink);
	peer_until(s->peer, &s->peer->is_ended);
	sim_loop_run(&s->peer->loop, 60000);
	assert_int_equal(s->peer->accepted, 1);
	assert_true(uplink_is_closed(s->uplink));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(nothing_happens_before_the_start),
		TEST(the_hello_goes_first_and_its_answer_sets_the_timing),
		TEST(attempts_come_at_growing_intervals_up_to_a_heartbeat),
		TEST(a_lost_connection_is_made_again_at_once_when_it_was_accepted),
		TEST(a_connection_without_a_frame_is_no_success),
		TEST(chance_makes_an_interval_up_to_twice_as_long),
		TEST(one_address_is_tried_after_the_other),
		TEST(a_zrms_that_stands_by_is_left_at_once_for_the_leader),
		TEST(where_nobody_leads_the_next_one_is_asked),
		cmocka_unit_test(what_is_told_is_tried_once),
		TEST(made_again_it_goes_on_at_once),
		TEST(a_connection_is_left_for_another_one_when_the_listener_lets_it),
		cmocka_unit_test(addresses_are_read_and_refused),
		TEST(half_a_frame_before_the_loss_does_no_harm),
		TEST(a_half_open_connection_is_replaced),
		TEST(after_a_refusal_it_asks_again_each_heartbeat),
		TEST(frames_of_unknown_types_are_ignored),
		TEST(a_frame_that_cannot_be_read_or_is_refused_ends_the_connection),
		TEST(messages_that_may_be_lost_wait_only_so_long),
		TEST(closing_ends_the_connection_and_makes_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
