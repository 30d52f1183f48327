/* adapter/wire/wire_link.h: frames over simulated streams. One end is a link, the other end is the
 * test's own (peer.h), or a second link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../port/peer.h"
#include "adapter/wire/wire_link.h"

/* A link under test, and what it reported. */
struct side {
	struct wire_link *link;
	struct stream *stream; /* until it is connected */
	unsigned frames, closed_calls;
	uint64_t last_counter;
	unsigned last_type;
	bool is_connected, is_closed, has_three, has_hundred, refuse, echo, pauses, awaits,
		forward_failed;
	int code; /* of closed(), or 0 */
	char *why;
	size_t forward_room;
};

struct stage {
	struct peer *peer;
	struct side side;
};

static int on_frame(void *user, struct wire_link *link, const struct frame *frame,
		    struct error **err)
{
	struct side *side = user;
	assert_ptr_equal(link, side->link);
	side->frames++;
	side->has_three = side->frames >= 3;
	side->has_hundred = side->frames >= 100;
	side->last_type = frame->type;
	if (side->pauses)
		wire_link_pause(link, true);
	if (side->awaits)
		wire_link_await_close(link, 5000);
	if (side->refuse)
		return error_set(err, ERR_INVALID, "not this frame");
	if (frame->type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT) {
		ProtobufCMessage *m = NULL;
		assert_int_equal(frame_decode(frame, &m, NULL), 0);
		side->last_counter = ((Samoza__V1__Heartbeat *)m)->counter;
		protobuf_c_message_free_unpacked(m, NULL);
	}
	if (side->echo && wire_link_forward(link, frame, side->forward_room, NULL) < 0)
		side->forward_failed = true;
	return 0;
}

static void on_closed(void *user, struct wire_link *link, const struct error *why)
{
	struct side *side = user;
	assert_ptr_equal(link, side->link);
	side->link = NULL;
	side->is_closed = true;
	side->closed_calls++;
	side->code = why != NULL ? why->code : 0;
	free(side->why);
	side->why = why != NULL ? mem_strdup(why->message) : NULL;
}

static const struct wire_link_handler handler = {.frame = on_frame, .closed = on_closed};

static void on_connected(void *user, struct stream *stream, const struct error *why)
{
	struct side *side = user;
	assert_null(why);
	side->stream = NULL;
	side->link = wire_link_new(stream, 100000, &handler, side);
	side->is_connected = true;
}

static const struct stream_handler connect_handler = {.connected = on_connected};

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	s->peer = peer_new();
	s->side.forward_room = SIZE_MAX;
	const struct stream_connect_options options = {.to = {PEER_HOST, PEER_PORT},
						       .timeout_ms = 1000};
	s->side.stream = stream_connect(s->peer->client, &options, &connect_handler, &s->side);
	peer_until(s->peer, &s->side.is_connected);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	if (s->side.link != NULL)
		wire_link_close(s->side.link, NULL);
	sim_loop_run(&s->peer->loop, 0);
	assert_int_equal(s->side.closed_calls, 1);
	peer_free(s->peer);
	free(s->side.why);
	free(s);
	return 0;
}

static void heartbeat_add(struct buffer *to, uint64_t counter)
{
	Samoza__V1__Heartbeat beat = SAMOZA__V1__HEARTBEAT__INIT;
	beat.identity = (char *)"identity";
	beat.incarnation = 1;
	beat.counter = counter;
	assert_int_equal(
		frame_encode(to, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT, &beat.base, NULL), 0);
}

/* A frame that waits its turn. */
static int answer_send(struct wire_link *link, uint64_t epoch, struct error **err)
{
	Samoza__V1__DataForgotten answer = SAMOZA__V1__DATA_FORGOTTEN__INIT;
	answer.epoch = epoch;
	return wire_link_send(link, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN, &answer.base,
			      err);
}

static int heartbeat_send(struct wire_link *link, uint64_t counter, struct error **err)
{
	Samoza__V1__Heartbeat beat = SAMOZA__V1__HEARTBEAT__INIT;
	beat.identity = (char *)"identity";
	beat.incarnation = 1;
	beat.counter = counter;
	return wire_link_send(link, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT, &beat.base, err);
}

/* ---- reading ---- */

static void frames_are_found_however_the_bytes_arrive(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
	for (uint64_t i = 1; i <= 100; i++)
		heartbeat_add(&b, i);
	sim_network_delay(s->peer->net, 0, 3);
	sim_network_fragment(s->peer->net, 7);
	peer_send(s->peer, b.data, b.size);
	peer_until(s->peer, &s->side.has_hundred);
	assert_int_equal(s->side.frames, 100);
	assert_int_equal(s->side.last_counter, 100);
}

static void half_a_frame_waits_for_its_rest(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1000);
	heartbeat_add(&b, 1);
	heartbeat_add(&b, 2);
	heartbeat_add(&b, 3);
	peer_send(s->peer, b.data, b.size - 1);
	sim_loop_run(&s->peer->loop, 9000);
	assert_int_equal(s->side.frames, 2);
	assert_false(s->side.is_closed);
	peer_send(s->peer, b.data + b.size - 1, 1);
	peer_until(s->peer, &s->side.has_three);
	assert_int_equal(s->side.last_counter, 3);
}

/* Sends a part of a frame, and lets time pass. */
static void part(struct stage *s, const uint8_t *bytes, size_t size, int64_t ms)
{
	peer_send(s->peer, bytes, size);
	sim_loop_run(&s->peer->loop, ms);
}

static void half_a_frame_is_held_for_ten_seconds(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer frames = BUFFER_INIT(1000);
	heartbeat_add(&frames, 1);
	const uint8_t *bytes = (const uint8_t *)frames.data;
	part(s, bytes, 6, 9000);
	part(s, bytes + 6, frames.size - 6, 60000);
	assert_int_equal(s->side.last_counter, 1);
	assert_false(s->side.is_closed); /* nothing is held now */
	part(s, bytes, 6, 5000);
	part(s, bytes + 6, 1, 4900);
	assert_false(s->side.is_closed);
	part(s, bytes + 7, 1, 200);
	assert_true(s->side.is_closed);
	assert_int_equal(s->side.code, ERR_TIMEOUT);
	assert_string_equal(s->side.why, "the rest of a frame did not come within 10 s");
}

/* Each of two frames has its own ten seconds. */
static void a_frame_that_begins_in_the_middle_of_a_reading_has_its_own_time(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer frames = BUFFER_INIT(1000);
	heartbeat_add(&frames, 1);
	const size_t size = frames.size;
	heartbeat_add(&frames, 2);
	const uint8_t *bytes = (const uint8_t *)frames.data;
	part(s, bytes, 6, 9000);
	part(s, bytes + 6, size, 9000); /* the rest of the first, six bytes of the second */
	assert_false(s->side.is_closed);
	part(s, bytes + 6 + size, size - 6, 100);
	assert_int_equal(s->side.last_counter, 2);
}

/* This side does not take it: the peer is not to blame. */
static void a_paused_link_waits_for_no_rest(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer frames = BUFFER_INIT(1000);
	heartbeat_add(&frames, 1);
	heartbeat_add(&frames, 2);
	s->side.pauses = true;
	part(s, (const uint8_t *)frames.data, frames.size, 60000);
	assert_int_equal(s->side.frames, 1);
	assert_false(s->side.is_closed);
	s->side.pauses = false;
	wire_link_pause(s->side.link, false);
	sim_loop_run(&s->peer->loop, 60000);
	assert_int_equal(s->side.last_counter, 2);
	assert_false(s->side.is_closed);
}

static void a_large_frame_may_take_longer_while_it_comes(void **state)
{
	struct stage *s = *state;
	const uint32_t size = 8 * 1024 * 1024;
	CLEANUP(freep) uint8_t *mib = mem_calloc(1, 1024 * 1024);
	part(s, (const uint8_t *)&size, sizeof(size), 10);
	for (unsigned n = 0; n < 7; n++)
		part(s, mib, 1024 * 1024, 9500);
	assert_false(s->side.is_closed);
	part(s, mib, 512 * 1024, 10500);
	assert_true(s->side.is_closed);
}

static void a_link_that_ignores_what_comes_still_sends_and_sees_its_end(void **state)
{
	struct stage *s = *state;
	uint8_t half[4096] = {0, 0, 8, 0}; /* of 512 KiB */
	uint8_t worse[64];
	peer_send(s->peer, half, sizeof(half));
	sim_loop_run(&s->peer->loop, 0);
	wire_link_ignore(s->side.link);
	memset(worse, 0xff, sizeof(worse));
	for (int i = 0; i < 100; i++)
		peer_send(s->peer, worse, sizeof(worse));
	sim_loop_run(&s->peer->loop, 20000);
	assert_false(s->side.is_closed);
	assert_int_equal(s->side.frames, 0);
	assert_int_equal(heartbeat_send(s->side.link, 1, NULL), 0);
	sim_loop_run(&s->peer->loop, 0);
	assert_true(s->peer->got.size > 0);
	stream_close(steal_ptr(&s->peer->stream));
	peer_until(s->peer, &s->side.is_closed);
	assert_null(s->side.why);
}

static void an_end_in_the_middle_of_a_frame_closes_without_a_reason(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1000);
	heartbeat_add(&b, 1);
	peer_send(s->peer, b.data, b.size / 2);
	peer_close(s->peer);
	peer_until(s->peer, &s->side.is_closed);
	assert_int_equal(s->side.frames, 0);
	assert_null(s->side.why);
}

static void an_impossible_frame_closes_the_link(void **state)
{
	struct stage *s = *state;
	peer_send(s->peer, "\0\0\0\0\5", 5);
	peer_until(s->peer, &s->side.is_closed);
	assert_int_equal(s->side.code, ERR_INVALID);
	peer_until(s->peer, &s->peer->is_ended);
}

static void a_refused_frame_closes_the_link_and_nothing_after_it_is_read(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1000);
	heartbeat_add(&b, 1);
	heartbeat_add(&b, 2);
	s->side.refuse = true;
	peer_send(s->peer, b.data, b.size);
	peer_until(s->peer, &s->side.is_closed);
	assert_int_equal(s->side.frames, 1);
	assert_string_equal(s->side.why, "not this frame");
}

static void the_largest_frame_passes(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(FRAME_MAX_BYTES + 100);
	uint8_t *frame = buffer_reserve(&b, FRAME_MAX_BYTES + 4);
	memset(frame, 0, FRAME_MAX_BYTES + 4);
	frame[3] = 1; /* 16 MiB, little endian */
	frame[4] = 200;
	buffer_grew(&b, FRAME_MAX_BYTES + 4);
	sim_network_window(s->peer->net, 1 << 20);
	peer_send(s->peer, b.data, b.size);
	buffer_clear(&b);
	heartbeat_add(&b, 1);
	heartbeat_add(&b, 2);
	peer_send(s->peer, b.data, b.size);
	peer_until(s->peer, &s->side.has_three);
	assert_int_equal(s->side.last_counter, 2);
}

/* ---- writing ---- */

static void frames_are_written_before_the_loop_waits(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer expected = BUFFER_INIT(10000);
	for (uint64_t i = 1; i <= 5; i++) {
		heartbeat_add(&expected, i);
		assert_int_equal(heartbeat_send(s->side.link, i, NULL), 0);
	}
	assert_int_equal(wire_link_waiting(s->side.link), expected.size);
	sim_loop_run(&s->peer->loop, 0);
	assert_int_equal(wire_link_waiting(s->side.link), 0);
	assert_int_equal(s->peer->got.size, expected.size);
	assert_memory_equal(s->peer->got.data, expected.data, expected.size);
}

static void a_peer_that_does_not_read_fills_the_output_and_then_frames_are_refused(void **state)
{
	struct stage *s = *state;
	CLEANUP(error_freep) struct error *err = NULL;
	uint64_t sent = 0;
	sim_network_window(s->peer->net, 1000);
	stream_want(s->peer->stream, 0);
	for (int r = 0; r == 0; sent++) {
		r = answer_send(s->side.link, sent, &err);
		sim_loop_run(&s->peer->loop, 0);
	}
	assert_int_equal(err->code, ERR_LIMIT);
	size_t waiting = wire_link_waiting(s->side.link);
	assert_true(waiting > 90000 && waiting <= 100000);
	/* Nothing of the refused frame was appended: all that was taken arrives whole. */
	stream_want(s->peer->stream, STREAM_READ);
	sim_loop_run(&s->peer->loop, 1000);
	size_t used = 0;
	struct frame frame;
	uint64_t got = 0;
	while (frame_next(s->peer->got.data + used, s->peer->got.size - used, &frame, NULL) >
	       0) {
		used += frame.whole_size;
		got++;
	}
	assert_int_equal(got, sent - 1);
	assert_int_equal(used, s->peer->got.size);
}

/* The other side does not read for a while: what it then gets first. */
static void a_heartbeat_passes_what_waits(void **state)
{
	struct stage *s = *state;
	struct wire_link *link = s->side.link;
	CLEANUP(buffer_done) struct buffer one = BUFFER_INIT(100000);
	struct frame frame;
	heartbeat_add(&one, 7);
	assert_int_equal(frame_next(one.data, one.size, &frame, NULL), 1);
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(wire_link_forward(link, &frame, SIZE_MAX, NULL), 0);
	assert_int_equal(heartbeat_send(link, 8, NULL), 0);
	sim_loop_run(&s->peer->loop, 100);
	assert_true(frame_next(s->peer->got.data, s->peer->got.size, &frame, NULL) > 0);
	ProtobufCMessage *m = NULL;
	assert_int_equal(frame_decode(&frame, &m, NULL), 0);
	assert_int_equal(((Samoza__V1__Heartbeat *)m)->counter, 8);
	protobuf_c_message_free_unpacked(m, NULL);
	assert_int_equal(s->peer->got.size, 4 * one.size);
}

/* Without it a zhost would take zrms for silent. */
static void an_answer_to_a_heartbeat_passes_what_waits(void **state)
{
	struct stage *s = *state;
	Samoza__V1__HeartbeatAck ack = SAMOZA__V1__HEARTBEAT_ACK__INIT;
	struct frame frame;
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(answer_send(s->side.link, n, NULL), 0);
	assert_int_equal(wire_link_send(s->side.link,
					SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK, &ack.base,
					NULL),
			 0);
	sim_loop_run(&s->peer->loop, 100);
	assert_true(frame_next(s->peer->got.data, s->peer->got.size, &frame, NULL) > 0);
	assert_int_equal(frame.type, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK);
}

static void a_forwarded_frame_leaves_room_for_others(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
	for (uint64_t i = 1; i <= 100; i++)
		heartbeat_add(&b, i);
	sim_network_window(s->peer->net, b.size);
	stream_want(s->peer->stream, 0);
	s->side.echo = true;
	s->side.forward_room = 500;
	peer_send(s->peer, b.data, b.size);
	stream_want(s->peer->stream, STREAM_WRITE);
	/* 100 frames go out at once; the first turn takes 500 bytes of them at most. */
	peer_until(s->peer, &s->side.has_hundred);
	assert_true(s->side.forward_failed);
	assert_int_equal(heartbeat_send(s->side.link, 1000, NULL), 0);
}

static void a_forwarded_frame_keeps_its_bytes(void **state)
{
	struct stage *s = *state;
	static const char unknown[] = {4, 0, 0, 0, 99, 1, 2, 3};
	s->side.echo = true;
	peer_send(s->peer, unknown, sizeof(unknown));
	peer_until_got(s->peer, "\4");
	sim_loop_run(&s->peer->loop, 0);
	assert_int_equal(s->peer->got.size, sizeof(unknown));
	assert_memory_equal(s->peer->got.data, unknown, sizeof(unknown));
	assert_int_equal(s->side.last_type, 99);
}

/* ---- closing ---- */

static void a_closing_link_takes_no_frames_and_reports_once(void **state)
{
	struct stage *s = *state;
	CLEANUP(error_freep) struct error *why = NULL, *err = NULL;
	(void)error_set(&why, ERR_TIMEOUT, "too slow");
	wire_link_close(s->side.link, why);
	wire_link_close(s->side.link, NULL);
	assert_false(s->side.is_closed);
	assert_int_equal(heartbeat_send(s->side.link, 1, &err), ERR_UNAVAILABLE);
	peer_until(s->peer, &s->side.is_closed);
	assert_string_equal(s->side.why, "too slow");
	peer_until(s->peer, &s->peer->is_ended);
	assert_int_equal(s->peer->got.size, 0);
}

static void a_link_that_closes_after_its_output_writes_all_of_it(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer expected = BUFFER_INIT(1 << 20);
	sim_network_window(s->peer->net, 100);
	sim_network_fragment(s->peer->net, 30);
	sim_network_delay(s->peer->net, 1, 1);
	for (uint64_t i = 1; i <= 100; i++) {
		heartbeat_add(&expected, i);
		assert_int_equal(heartbeat_send(s->side.link, i, NULL), 0);
	}
	int64_t begin_ms = loop_now(&s->peer->loop).mono_ms;
	wire_link_close_after(s->side.link);
	assert_int_equal(heartbeat_send(s->side.link, 101, NULL), ERR_UNAVAILABLE);
	peer_until(s->peer, &s->peer->is_ended);
	assert_true(loop_now(&s->peer->loop).mono_ms < begin_ms + 5000);
	assert_int_equal(s->peer->got.size, expected.size);
	assert_null(s->side.why);
}

static void a_peer_that_does_not_read_delays_the_close_by_five_seconds(void **state)
{
	struct stage *s = *state;
	sim_network_window(s->peer->net, 10);
	stream_want(s->peer->stream, 0);
	assert_int_equal(heartbeat_send(s->side.link, 1, NULL), 0);
	wire_link_close_after(s->side.link);
	sim_loop_run(&s->peer->loop, 4999);
	assert_false(s->side.is_closed);
	sim_loop_run(&s->peer->loop, 1);
	assert_true(s->side.is_closed);
}

static void a_link_that_awaits_the_close_drops_what_comes_and_has_its_time(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1000);
	heartbeat_add(&b, 1);
	wire_link_pause(s->side.link, true);
	assert_int_equal(heartbeat_send(s->side.link, 1, NULL), 0);
	wire_link_await_close(s->side.link, 300000);
	peer_send(s->peer, b.data, b.size);
	sim_loop_run(&s->peer->loop, 60000);
	assert_true(s->peer->got.size > 0);
	assert_false(s->side.is_closed);
	assert_int_equal(s->side.frames, 0);
	wire_link_await_close(s->side.link, 5000);
	sim_loop_run(&s->peer->loop, 4999);
	assert_false(s->side.is_closed);
	sim_loop_run(&s->peer->loop, 1);
	assert_true(s->side.is_closed);
	assert_null(s->side.why);
}

static void awaits_from_its_handler(struct stage *s)
{
	assert_int_equal(s->side.frames, 1);
	assert_false(s->side.is_closed);
	sim_loop_run(&s->peer->loop, 4000);
	assert_false(s->side.is_closed);
	sim_loop_run(&s->peer->loop, 1000);
	assert_true(s->side.is_closed);
	assert_null(s->side.why);
}

static void the_close_may_be_awaited_from_inside_a_frame(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1000);
	s->side.awaits = true;
	for (uint64_t n = 1; n <= 3; n++)
		heartbeat_add(&b, n);
	/* The first one waits for its rest, with which the others come. */
	peer_send(s->peer, b.data, 7);
	sim_loop_run(&s->peer->loop, 0);
	peer_send(s->peer, b.data + 7, b.size - 10);
	sim_loop_run(&s->peer->loop, 0);
	awaits_from_its_handler(s);
}

static void the_close_may_be_awaited_from_inside_the_first_frame_of_a_reading(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1000);
	s->side.awaits = true;
	heartbeat_add(&b, 1);
	heartbeat_add(&b, 2);
	peer_send(s->peer, b.data, b.size - 3);
	sim_loop_run(&s->peer->loop, 0);
	awaits_from_its_handler(s);
}

static void the_close_may_be_awaited_from_inside_a_frame_that_waited(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1000);
	s->side.pauses = true;
	for (uint64_t n = 1; n <= 3; n++)
		heartbeat_add(&b, n);
	peer_send(s->peer, b.data, b.size - 3);
	sim_loop_run(&s->peer->loop, 0);
	assert_int_equal(s->side.frames, 1);
	s->side.frames = 0;
	s->side.awaits = true; /* pauses, too: waiting for the close reads on */
	wire_link_pause(s->side.link, false);
	sim_loop_run(&s->peer->loop, 0);
	awaits_from_its_handler(s);
}

static void the_peer_ends_a_link_that_awaits_it(void **state)
{
	struct stage *s = *state;
	wire_link_pause(s->side.link, true);
	wire_link_await_close(s->side.link, 5000);
	peer_close(s->peer);
	sim_loop_run(&s->peer->loop, 1000);
	assert_true(s->side.is_closed);
	assert_null(s->side.why);
}

static void a_cut_closes_the_link_with_its_reason(void **state)
{
	struct stage *s = *state;
	sim_network_cut(s->peer->net, "client", "server");
	peer_until(s->peer, &s->side.is_closed);
	assert_int_equal(s->side.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(s->side.why, "cannot read from the link"));
}

static void the_link_knows_its_peer(void **state)
{
	struct stage *s = *state;
	assert_string_equal(wire_link_peer(s->side.link)->address, "server:7331");
	assert_null(wire_link_peer(s->side.link)->name);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(frames_are_found_however_the_bytes_arrive),
		TEST(half_a_frame_waits_for_its_rest),
		TEST(half_a_frame_is_held_for_ten_seconds),
		TEST(a_frame_that_begins_in_the_middle_of_a_reading_has_its_own_time),
		TEST(a_paused_link_waits_for_no_rest),
		TEST(a_large_frame_may_take_longer_while_it_comes),
		TEST(a_heartbeat_passes_what_waits),
		TEST(an_answer_to_a_heartbeat_passes_what_waits),
		TEST(a_link_that_ignores_what_comes_still_sends_and_sees_its_end),
		TEST(an_end_in_the_middle_of_a_frame_closes_without_a_reason),
		TEST(an_impossible_frame_closes_the_link),
		TEST(a_refused_frame_closes_the_link_and_nothing_after_it_is_read),
		TEST(the_largest_frame_passes),
		TEST(frames_are_written_before_the_loop_waits),
		TEST(a_peer_that_does_not_read_fills_the_output_and_then_frames_are_refused),
		TEST(a_forwarded_frame_leaves_room_for_others),
		TEST(a_forwarded_frame_keeps_its_bytes),
		TEST(a_closing_link_takes_no_frames_and_reports_once),
		TEST(a_link_that_closes_after_its_output_writes_all_of_it),
		TEST(a_peer_that_does_not_read_delays_the_close_by_five_seconds),
		TEST(a_link_that_awaits_the_close_drops_what_comes_and_has_its_time),
		TEST(the_close_may_be_awaited_from_inside_a_frame),
		TEST(the_close_may_be_awaited_from_inside_the_first_frame_of_a_reading),
		TEST(the_close_may_be_awaited_from_inside_a_frame_that_waited),
		TEST(the_peer_ends_a_link_that_awaits_it),
		TEST(a_cut_closes_the_link_with_its_reason),
		TEST(the_link_knows_its_peer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
