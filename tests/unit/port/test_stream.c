/* port/stream.h: what every kind of stream promises: plain over loopback, simulated, and TLS over both. */
#include "stream_stage.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "adapter/sim/loop.h"
#include "adapter/uv/stream_kinds.h"
#include "adapter/uv/tcp_accept.h"
#include "adapter/uv/tcp_stream.h"
#include "base/str.h"
#include "loops.h"

enum { NEVER_LISTENED_PORT = 1 };

/* ---- the contract ---- */

static void assert_peer(const struct stream_peer *peer, const char *role, const char *name)
{
	if (name == NULL) {
		assert_null(peer->name);
		assert_null(peer->cluster);
		assert_null(peer->role);
		assert_null(peer->key_hash);
		assert_int_equal(peer->expires_wall_ms, 0);
		return;
	}
	assert_string_equal(peer->name, name);
	assert_string_equal(peer->cluster, "c1");
	assert_string_equal(peer->role, role);
	assert_int_equal(strlen(peer->key_hash), 64);
	assert_true(peer->expires_wall_ms > 0);
}

static void both_ends_know_the_address_of_the_other_and_what_it_proves(void **state)
{
	struct stage *s = *state;
	stage_connect_both(s);
	const struct stream_peer *server = stream_peer(s->near.stream);
	CLEANUP(freep)
	char *address = str_printf("%s:%u", s->host, stream_listener_port(s->listener));
	assert_string_equal(server->address, address);
	assert_peer(server, "zrms", s->kind->is_certified ? "zrms" : NULL);
	assert_non_null(stream_peer(s->far.stream)->address);
	assert_peer(stream_peer(s->far.stream), "zhost",
		    s->kind->is_certified ? "alpha" : NULL);
	assert_null(stream_protocol(s->near.stream));
	assert_null(stream_protocol(s->far.stream));
}

static void bytes_arrive_complete_and_in_order_both_ways(void **state)
{
	struct stage *s = *state;
	enum { SIZE = 700000 };
	CLEANUP(freep) char *text = long_text(SIZE);
	stage_connect_both(s);
	s->near.wanted_size = s->far.wanted_size = SIZE;
	end_write_all(s, &s->near, text, SIZE);
	end_write_all(s, &s->far, text, SIZE);
	loop_until(&s->loop, &s->near.has_all);
	loop_until(&s->loop, &s->far.has_all);
	assert_int_equal(s->near.got.size, SIZE);
	assert_memory_equal(s->near.got.data, text, SIZE);
	assert_memory_equal(s->far.got.data, text, SIZE);
}

static void a_read_takes_no_more_than_it_asks_for(void **state)
{
	struct stage *s = *state;
	stage_connect_both(s);
	s->far.read_max = 3;
	s->far.wanted_size = 10;
	stream_want(s->far.stream, STREAM_READ);
	end_write_all(s, &s->near, "0123456789", 10);
	loop_until(&s->loop, &s->far.has_all);
	assert_memory_equal(s->far.got.data, "0123456789", 10);
	assert_true(s->far.ready_calls >= 4);
}

static void nothing_is_reported_that_is_not_wanted(void **state)
{
	struct stage *s = *state;
	stage_connect_both(s);
	end_write_all(s, &s->near, "hello", 5);
	s->near.wanted_size = 2;
	s->far.to_write = "hi";
	s->far.write_size = 2;
	stream_want(s->far.stream, STREAM_WRITE);
	loop_until(&s->loop, &s->near.has_all);
	stream_want(s->far.stream, 0);
	s->far.ready_calls = 0;
	buffer_clear(&s->far.got);
	end_write_all(s, &s->near, "again", 5);
	loop_settle(&s->loop);
	assert_int_equal(s->far.ready_calls, 0);
	stream_want(s->far.stream, STREAM_READ);
	s->far.wanted_size = 5;
	loop_until(&s->loop, &s->far.has_all);
}

static void a_writer_must_wait_for_a_reader_that_does_not_read(void **state)
{
	struct stage *s = *state;
	enum { SIZE = 7 << 20 };
	CLEANUP(freep) char *text = long_text(SIZE);
	size_t n = 1, sum = 0;
	stage_connect_both(s);
	for (unsigned i = 0; i < 1000 && n > 0; i++) {
		assert_int_equal(stream_write(s->near.stream, text + sum, SIZE - sum, &n, NULL),
				 0);
		sum += n;
		loop_settle(&s->loop);
	}
	assert_int_equal(n, 0);
	assert_true(sum > 0 && sum < SIZE);
	s->near.written = sum;
	s->near.to_write = text;
	s->near.write_size = SIZE;
	s->far.wanted_size = SIZE;
	stream_want(s->near.stream, STREAM_WRITE);
	stream_want(s->far.stream, STREAM_READ);
	loop_until(&s->loop, &s->far.has_all);
	assert_memory_equal(s->far.got.data, text, SIZE);
}

static void what_was_written_before_the_close_is_read_then_the_end(void **state)
{
	struct stage *s = *state;
	size_t n = 0;
	stage_connect_both(s);
	for (size_t sum = 0; sum < 20; sum += n)
		assert_int_equal(stream_write(s->near.stream, &"01234567890123456789"[sum],
					      20 - sum, &n, NULL),
				 0);
	end_close(&s->near);
	stream_want(s->far.stream, STREAM_READ);
	loop_until(&s->loop, &s->far.is_ended);
	assert_int_equal(s->far.got.size, 20);
	assert_memory_equal(s->far.got.data, "01234567890123456789", 20);
	assert_false(s->far.is_broken);
}

static void writing_to_a_closed_end_breaks(void **state)
{
	struct stage *s = *state;
	enum { SIZE = 4 << 20 };
	CLEANUP(freep) char *text = long_text(SIZE);
	stage_connect_both(s);
	end_close(&s->far);
	s->near.to_write = text;
	s->near.write_size = SIZE;
	for (unsigned i = 0; i < 100000 && !s->near.is_broken; i++) {
		size_t n = 0;
		struct error *err = NULL;
		if (stream_write(s->near.stream, text, 100, &n, &err) < 0) {
			s->near.is_broken = true;
			s->near.why = err;
		} else if (s->net != NULL) {
			sim_loop_run(&s->loop, 1);
		} else {
			loop_settle(&s->loop);
		}
	}
	assert_true(s->near.is_broken);
	assert_int_equal(s->near.why->code, ERR_UNAVAILABLE);
}

static void a_refused_connection_is_reported_from_the_loop(void **state)
{
	struct stage *s = *state;
	stage_connect(s, NEVER_LISTENED_PORT);
	assert_int_equal(s->near.connected_calls, 0);
	loop_until(&s->loop, &s->near.is_connected);
	assert_int_equal(s->near.why->code, ERR_UNAVAILABLE);
	CLEANUP(freep) char *address = str_printf("%s:1", s->host);
	assert_non_null(strstr(s->near.why->message, address));
	loop_settle(&s->loop);
	assert_int_equal(s->near.connected_calls, 1);
}

static void a_connection_may_be_closed_before_it_stands(void **state)
{
	struct stage *s = *state;
	stage_listen(s);
	stage_connect(s, stream_listener_port(s->listener));
	end_close(&s->near);
	stage_connect(s, stream_listener_port(s->listener));
	loop_until(&s->loop, &s->near.is_connected);
	loop_settle(&s->loop);
	assert_int_equal(s->near.connected_calls, 1);
}

static void a_stream_may_be_closed_by_its_own_callbacks(void **state)
{
	struct stage *s = *state;
	stage_connect_both(s);
	s->far.close_when_ready = true;
	s->near.close_when_ready = true;
	stream_want(s->far.stream, STREAM_WRITE);
	stream_want(s->near.stream, STREAM_READ);
	for (unsigned i = 0; i < 100 && (s->near.stream != NULL || s->far.stream != NULL); i++)
		s->net != NULL ? sim_loop_run(&s->loop, 1) : loop_settle(&s->loop);
	assert_null(s->near.stream);
	assert_null(s->far.stream);
	assert_int_equal(s->near.ready_calls, 1);
	assert_int_equal(s->far.ready_calls, 1);
	s->near.is_connected = false;
	s->near.close_when_connected = true;
	stage_connect(s, stream_listener_port(s->listener));
	loop_until(&s->loop, &s->near.is_connected);
	assert_null(s->near.stream);
}

static void bytes_that_were_read_too_far_come_first_again(void **state)
{
	struct stage *s = *state;
	stage_connect_both(s);
	s->far.wanted_size = 5;
	stream_want(s->far.stream, STREAM_READ);
	end_write_all(s, &s->near, "hello", 5);
	loop_until(&s->loop, &s->far.has_all);
	buffer_clear(&s->far.got);
	s->far.has_all = false;
	s->far.inside = true;
	stream_unread(s->far.stream, "llo", 3);
	stream_unread(s->far.stream, "he", 2);
	s->far.inside = false;
	s->far.read_max = 2;
	s->far.wanted_size = 10;
	end_write_all(s, &s->near, "world", 5);
	loop_until(&s->loop, &s->far.has_all);
	assert_memory_equal(s->far.got.data, "helloworld", 10);
}

static void a_stream_may_change_hands(void **state)
{
	struct stage *s = *state;
	struct end other = {.got = BUFFER_INIT(100), .wanted_size = 5};
	stage_connect_both(s);
	end_write_all(s, &s->near, "hello", 5);
	other.stream = s->far.stream;
	stream_set_handler(s->far.stream, &end_handler, &other);
	stream_want(s->far.stream, STREAM_READ);
	loop_until(&s->loop, &other.has_all);
	assert_int_equal(s->far.ready_calls, 0);
	stream_set_handler(s->far.stream, &end_handler, &s->far);
	buffer_done(&other.got);
}

static void a_closed_listener_accepts_no_connection(void **state)
{
	struct stage *s = *state;
	s->stop_listening = true;
	stage_listen(s);
	uint16_t port = stream_listener_port(s->listener);
	stage_connect(s, port);
	loop_until(&s->loop, &s->is_accepted);
	loop_until(&s->loop, &s->near.is_connected);
	end_reset(&s->near);
	stage_connect(s, port);
	loop_until(&s->loop, &s->near.is_connected);
	assert_non_null(s->near.why);
	assert_int_equal(s->accepted, 1);
}

static void two_cannot_listen_on_one_port(void **state)
{
	struct stage *s = *state;
	stage_listen(s);
	const struct stream_listen_options options = {
		.at = {s->host, stream_listener_port(s->listener)}};
	struct stream_listener *second = NULL;
	assert_int_equal(stream_listen(s->server, &options, &listen_handler, s, &second, NULL),
			 ERR_CONFLICT);
	assert_null(second);
}

static void credentials_can_be_reloaded_at_any_time(void **state)
{
	struct stage *s = *state;
	stage_connect_both(s);
	assert_int_equal(stream_transport_reload(s->server, NULL), 0);
	s->far.wanted_size = 2;
	stream_want(s->far.stream, STREAM_READ);
	end_write_all(s, &s->near, "hi", 2);
	loop_until(&s->loop, &s->far.has_all);
}

static void nobody_is_accepted_while_a_listener_is_held(void **state)
{
	struct stage *s = *state;
	stage_listen(s);
	stream_listener_hold(s->listener, true);
	stage_connect(s, stream_listener_port(s->listener));
	for (unsigned i = 0; i < 20; i++)
		s->net != NULL ? sim_loop_run(&s->loop, 1) : loop_settle(&s->loop);
	assert_int_equal(s->accepted, 0);
	stream_listener_hold(s->listener, false);
	loop_until(&s->loop, &s->is_accepted);
	loop_until(&s->loop, &s->near.is_connected);
	assert_null(s->near.why);
}

static const struct CMUnitTest contract[] = {
	STAGE_TEST(both_ends_know_the_address_of_the_other_and_what_it_proves),
	STAGE_TEST(bytes_arrive_complete_and_in_order_both_ways),
	STAGE_TEST(a_read_takes_no_more_than_it_asks_for),
	STAGE_TEST(nothing_is_reported_that_is_not_wanted),
	STAGE_TEST(a_writer_must_wait_for_a_reader_that_does_not_read),
	STAGE_TEST(what_was_written_before_the_close_is_read_then_the_end),
	STAGE_TEST(writing_to_a_closed_end_breaks),
	STAGE_TEST(a_refused_connection_is_reported_from_the_loop),
	STAGE_TEST(a_connection_may_be_closed_before_it_stands),
	STAGE_TEST(a_stream_may_be_closed_by_its_own_callbacks),
	STAGE_TEST(bytes_that_were_read_too_far_come_first_again),
	STAGE_TEST(a_stream_may_change_hands),
	STAGE_TEST(a_closed_listener_accepts_no_connection),
	STAGE_TEST(two_cannot_listen_on_one_port),
	STAGE_TEST(nobody_is_accepted_while_a_listener_is_held),
	STAGE_TEST(credentials_can_be_reloaded_at_any_time),
};

/* ---- plain streams ---- */

static void plain_streams_listen_only_where_they_may(void **state)
{
	struct stage *s = *state;
	struct stream_listener *listener = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	struct stream_listen_options options = {.at = {"0.0.0.0", 0}, .loopback_only = true};
	assert_int_equal(
		stream_listen(s->server, &options, &listen_handler, s, &listener, &err),
		ERR_DENIED);
	options.at.host = "localhost";
	assert_int_equal(
		stream_listen(s->server, &options, &listen_handler, s, &listener, NULL),
		ERR_INVALID);
}

static void a_name_that_cannot_be_found_is_reported(void **state)
{
	struct stage *s = *state;
	s->host = "a name with spaces";
	stage_connect(s, 80);
	loop_until(&s->loop, &s->near.is_connected);
	assert_int_equal(s->near.why->code, ERR_UNAVAILABLE);
	assert_non_null(strstr(s->near.why->message, "a name with spaces"));
}

static void an_unknown_kind_and_useless_credentials_are_refused(void **state)
{
	struct stage *s = *state;
	struct stream_transport *transport = NULL;
	assert_int_equal(stream_transport_open(&s->loop, "smoke", NULL, &transport, NULL),
			 ERR_UNSUPPORTED);
	assert_int_equal(stream_transport_open(&s->loop, "plain", "/etc", &transport, NULL),
			 ERR_INVALID);
	assert_null(transport);
}

/* As when the kernel has no memory or no room to watch one more: a file cannot be watched either. */
static void a_stream_that_cannot_be_watched_is_broken(void **state)
{
	struct stage *s = *state;
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	struct stream *stream = tcp_stream_adopt(&s->loop, fd, NULL, NULL);
	s->near.stream = stream;
	stream_set_handler(stream, &end_handler, &s->near);
	stream_want(stream, STREAM_READ);
	assert_false(s->near.is_broken);
	loop_until(&s->loop, &s->near.is_broken);
	assert_non_null(strstr(s->near.why->message, "no room to watch it"));
}

static void on_never(void *user, int fd)
{
	(void)user;
	(void)fd;
	fail_msg("nothing was to be accepted");
}

static void a_listener_that_cannot_be_watched_is_an_error(void **state)
{
	struct stage *s = *state;
	struct tcp_acceptor *acceptor = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	assert_int_equal(tcp_acceptor_new(&s->loop, fd, on_never, NULL, &acceptor, &err),
			 ERR_IO);
	assert_non_null(strstr(err->message, "cannot watch descriptor"));
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* it was taken over */
}

static const struct CMUnitTest plain_tests[] = {
	STAGE_TEST(a_stream_that_cannot_be_watched_is_broken),
	STAGE_TEST(a_listener_that_cannot_be_watched_is_an_error),
	STAGE_TEST(plain_streams_listen_only_where_they_may),
	STAGE_TEST(a_name_that_cannot_be_found_is_reported),
	STAGE_TEST(an_unknown_kind_and_useless_credentials_are_refused),
};

int main(void)
{
	int failed = 0;
	for (size_t i = 0; i < STAGE_KINDS; i++)
		failed += stage_run(&stage_kinds[i], stage_kinds[i].name, contract,
				    ARRAY_SIZE(contract));
	return failed + stage_run(&stage_kinds[STAGE_PLAIN], "plain only", plain_tests,
				  ARRAY_SIZE(plain_tests));
}
