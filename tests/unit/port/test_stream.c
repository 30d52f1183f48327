/* port/stream.h: what every kind of stream promises, plain over loopback and simulated; then what
 * only the simulated network can do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "adapter/sim/loop.h"
#include "adapter/sim/network.h"
#include "adapter/uv/stream_kinds.h"
#include "base/buffer.h"
#include "base/str.h"
#include "loops.h"

enum { NEVER_LISTENED_PORT = 1 };

/* One end of a connection under test. */
struct end {
	struct stream *stream;
	struct buffer got; /* what was read */
	size_t read_max;   /* per read; 0: as much as there is */
	const char *to_write;
	size_t write_size, written;
	struct error *why; /* of connected() or of what broke */
	bool is_connected, is_ended, is_broken, has_all;
	size_t wanted_size; /* has_all: that much was read */
	unsigned ready_calls, connected_calls;
	bool close_when_ready, close_when_connected;
	bool inside; /* a function of the port is running */
};

struct kind;

struct stage {
	const struct kind *kind;
	struct loop loop;
	struct sim_network *net;
	struct stream_transport *server, *client;
	struct stream_listener *listener;
	const char *host;
	struct end near, far; /* of the client, of the server */
	bool is_accepted, stop_listening;
	unsigned accepted;
};

struct kind {
	const char *name;
	void (*open)(struct stage *s);
	void (*close)(struct stage *s);
};

/* ---- kinds ---- */

static void plain_open(struct stage *s)
{
	assert_int_equal(loop_init(&s->loop, NULL), 0);
	s->host = "127.0.0.1";
	assert_int_equal(stream_transport_open(&s->loop, "plain", NULL, &s->server, NULL), 0);
	assert_int_equal(stream_transport_open(&s->loop, "plain", NULL, &s->client, NULL), 0);
}

static void plain_close(struct stage *s)
{
	loop_done(&s->loop);
}

static void sim_open(struct stage *s)
{
	sim_loop_init(&s->loop);
	s->host = "server";
	s->net = sim_network_new(&s->loop, 7);
	s->server = sim_network_machine(s->net, "server");
	s->client = sim_network_machine(s->net, "client");
}

static void sim_close(struct stage *s)
{
	sim_network_free(s->net);
	sim_loop_done(&s->loop);
}

static void sim_poor_open(struct stage *s)
{
	sim_open(s);
	sim_network_delay(s->net, 0, 7);
	sim_network_fragment(s->net, 1000);
	sim_network_window(s->net, 5000);
}

static const struct kind kinds[] = {
	{"plain", plain_open, plain_close},
	{"simulated", sim_open, sim_close},
	{"simulated, slow and in fragments", sim_poor_open, sim_close},
};

/* ---- ends ---- */

static void end_close(struct end *e)
{
	stream_close(e->stream);
	e->stream = NULL;
}

static void end_reset(struct end *e)
{
	end_close(e);
	error_free(steal_ptr(&e->why));
	e->is_connected = false;
}

static void end_broken(struct end *e, struct error *why)
{
	e->is_broken = true;
	error_free(e->why);
	e->why = why;
	stream_want(e->stream, 0);
}

static void end_read(struct end *e)
{
	char chunk[8192];
	size_t n = 0;
	struct error *err = NULL;
	int r = stream_read(e->stream, chunk, e->read_max > 0 ? e->read_max : sizeof(chunk), &n,
			    &err);
	if (r < 0) {
		end_broken(e, err);
		return;
	}
	if (r == 0) {
		e->is_ended = true;
		stream_want(e->stream, 0);
		return;
	}
	assert_int_equal(buffer_add(&e->got, chunk, n), 0);
	e->has_all = e->got.size >= e->wanted_size;
}

static void end_write(struct end *e)
{
	size_t n = 0;
	struct error *err = NULL;
	int r = stream_write(e->stream, e->to_write + e->written, e->write_size - e->written,
			     &n, &err);
	if (r < 0) {
		end_broken(e, err);
		return;
	}
	e->written += n;
	if (e->written == e->write_size)
		stream_want(e->stream, STREAM_READ);
}

static void on_ready(void *user, struct stream *stream, unsigned events)
{
	struct end *e = user;
	assert_ptr_equal(stream, e->stream);
	assert_false(e->inside);
	e->ready_calls++;
	if (e->close_when_ready) {
		end_close(e);
		return;
	}
	if ((events & STREAM_READ) != 0)
		end_read(e);
	if ((events & STREAM_WRITE) != 0 && !e->is_broken)
		end_write(e);
}

static void on_connected(void *user, struct stream *stream, const struct error *why)
{
	struct end *e = user;
	assert_ptr_equal(stream, e->stream);
	assert_false(e->inside);
	e->connected_calls++;
	e->is_connected = true;
	if (why != NULL)
		(void)error_set(&e->why, why->code, "%s", why->message);
	if (e->close_when_connected)
		end_close(e);
}

static const struct stream_handler end_handler = {.connected = on_connected, .ready = on_ready};

static void on_accepted(void *user, struct stream *stream)
{
	struct stage *s = user;
	s->accepted++;
	s->is_accepted = true;
	if (s->far.stream != NULL) {
		stream_close(stream);
		return;
	}
	s->far.stream = stream;
	stream_set_handler(stream, &end_handler, &s->far);
	if (s->stop_listening) {
		stream_listener_close(s->listener);
		s->listener = NULL;
	}
}

static const struct stream_listen_handler listen_handler = {.accepted = on_accepted};

/* ---- stage ---- */

static void listen_now(struct stage *s)
{
	const struct stream_listen_options options = {.at = {s->host, 0},
						      .loopback_only = s->net == NULL};
	assert_int_equal(
		stream_listen(s->server, &options, &listen_handler, s, &s->listener, NULL), 0);
}

static void connect_to(struct stage *s, uint16_t port)
{
	const struct stream_connect_options options = {.to = {s->host, port},
						       .timeout_ms = 5000};
	s->near.inside = true;
	s->near.stream = stream_connect(s->client, &options, &end_handler, &s->near);
	s->near.inside = false;
}

/* Both ends connected, nothing wanted. */
static void connect_both(struct stage *s)
{
	listen_now(s);
	connect_to(s, stream_listener_port(s->listener));
	loop_until(&s->loop, &s->near.is_connected);
	loop_until(&s->loop, &s->is_accepted);
	assert_null(s->near.why);
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	s->kind = *state;
	s->near.got = s->far.got = BUFFER_INIT((size_t)8 << 20);
	s->kind->open(s);
	*state = s;
	return 0;
}

static void end_done(struct end *e)
{
	stream_close(e->stream);
	buffer_done(&e->got);
	error_free(e->why);
}

static int end(void **state)
{
	struct stage *s = *state;
	end_done(&s->near);
	end_done(&s->far);
	stream_listener_close(s->listener);
	stream_transport_free(s->client);
	stream_transport_free(s->server);
	s->kind->close(s);
	free(s);
	return 0;
}

/* A text in which each byte depends on its place. */
static char *long_text(size_t size)
{
	char *text = mem_calloc(1, size + 1);
	for (size_t i = 0; i < size; i++)
		text[i] = (char)('a' + (i * 7 + i / 26) % 26);
	return text;
}

static void write_all(struct stage *s, struct end *e, const char *text, size_t size)
{
	(void)s;
	e->to_write = text;
	e->write_size = size;
	e->written = 0;
	e->inside = true;
	stream_want(e->stream, STREAM_READ | STREAM_WRITE);
	e->inside = false;
}

/* ---- the contract ---- */

static void both_ends_know_the_address_of_the_other_and_nothing_else(void **state)
{
	struct stage *s = *state;
	connect_both(s);
	const struct stream_peer *server = stream_peer(s->near.stream);
	CLEANUP(freep)
	char *address = str_printf("%s:%u", s->host, stream_listener_port(s->listener));
	assert_string_equal(server->address, address);
	assert_null(server->name);
	assert_null(server->cluster);
	assert_null(server->role);
	assert_null(server->key_hash);
	assert_non_null(stream_peer(s->far.stream)->address);
	assert_null(stream_peer(s->far.stream)->name);
	assert_null(stream_protocol(s->near.stream));
	assert_null(stream_protocol(s->far.stream));
}

static void bytes_arrive_complete_and_in_order_both_ways(void **state)
{
	struct stage *s = *state;
	enum { SIZE = 700000 };
	CLEANUP(freep) char *text = long_text(SIZE);
	connect_both(s);
	s->near.wanted_size = s->far.wanted_size = SIZE;
	write_all(s, &s->near, text, SIZE);
	write_all(s, &s->far, text, SIZE);
	loop_until(&s->loop, &s->near.has_all);
	loop_until(&s->loop, &s->far.has_all);
	assert_int_equal(s->near.got.size, SIZE);
	assert_memory_equal(s->near.got.data, text, SIZE);
	assert_memory_equal(s->far.got.data, text, SIZE);
}

static void a_read_takes_no_more_than_it_asks_for(void **state)
{
	struct stage *s = *state;
	connect_both(s);
	s->far.read_max = 3;
	s->far.wanted_size = 10;
	stream_want(s->far.stream, STREAM_READ);
	write_all(s, &s->near, "0123456789", 10);
	loop_until(&s->loop, &s->far.has_all);
	assert_memory_equal(s->far.got.data, "0123456789", 10);
	assert_true(s->far.ready_calls >= 4);
}

static void nothing_is_reported_that_is_not_wanted(void **state)
{
	struct stage *s = *state;
	connect_both(s);
	write_all(s, &s->near, "hello", 5);
	s->near.wanted_size = 2;
	s->far.to_write = "hi";
	s->far.write_size = 2;
	stream_want(s->far.stream, STREAM_WRITE);
	loop_until(&s->loop, &s->near.has_all);
	stream_want(s->far.stream, 0);
	s->far.ready_calls = 0;
	buffer_clear(&s->far.got);
	write_all(s, &s->near, "again", 5);
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
	connect_both(s);
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
	connect_both(s);
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
	connect_both(s);
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

static void a_connection_to_nobody_is_reported_from_the_loop(void **state)
{
	struct stage *s = *state;
	connect_to(s, NEVER_LISTENED_PORT);
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
	listen_now(s);
	connect_to(s, stream_listener_port(s->listener));
	end_close(&s->near);
	connect_to(s, stream_listener_port(s->listener));
	loop_until(&s->loop, &s->near.is_connected);
	loop_settle(&s->loop);
	assert_int_equal(s->near.connected_calls, 1);
}

static void a_stream_may_be_closed_by_its_own_callbacks(void **state)
{
	struct stage *s = *state;
	connect_both(s);
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
	connect_to(s, stream_listener_port(s->listener));
	loop_until(&s->loop, &s->near.is_connected);
	assert_null(s->near.stream);
}

static void bytes_that_were_read_too_far_come_first_again(void **state)
{
	struct stage *s = *state;
	connect_both(s);
	s->far.wanted_size = 5;
	stream_want(s->far.stream, STREAM_READ);
	write_all(s, &s->near, "hello", 5);
	loop_until(&s->loop, &s->far.has_all);
	buffer_clear(&s->far.got);
	s->far.has_all = false;
	s->far.inside = true;
	stream_unread(s->far.stream, "llo", 3);
	stream_unread(s->far.stream, "he", 2);
	s->far.inside = false;
	s->far.read_max = 2;
	s->far.wanted_size = 10;
	write_all(s, &s->near, "world", 5);
	loop_until(&s->loop, &s->far.has_all);
	assert_memory_equal(s->far.got.data, "helloworld", 10);
}

static void a_stream_may_change_hands(void **state)
{
	struct stage *s = *state;
	struct end other = {.got = BUFFER_INIT(100), .wanted_size = 5};
	connect_both(s);
	write_all(s, &s->near, "hello", 5);
	other.stream = s->far.stream;
	stream_set_handler(s->far.stream, &end_handler, &other);
	stream_want(s->far.stream, STREAM_READ);
	loop_until(&s->loop, &other.has_all);
	assert_int_equal(s->far.ready_calls, 0);
	stream_set_handler(s->far.stream, &end_handler, &s->far);
	buffer_done(&other.got);
}

static void a_closed_listener_accepts_nobody(void **state)
{
	struct stage *s = *state;
	s->stop_listening = true;
	listen_now(s);
	uint16_t port = stream_listener_port(s->listener);
	connect_to(s, port);
	loop_until(&s->loop, &s->is_accepted);
	loop_until(&s->loop, &s->near.is_connected);
	end_reset(&s->near);
	connect_to(s, port);
	loop_until(&s->loop, &s->near.is_connected);
	assert_non_null(s->near.why);
	assert_int_equal(s->accepted, 1);
}

static void two_cannot_listen_on_one_port(void **state)
{
	struct stage *s = *state;
	listen_now(s);
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
	connect_both(s);
	assert_int_equal(stream_transport_reload(s->server, NULL), 0);
	s->far.wanted_size = 2;
	stream_want(s->far.stream, STREAM_READ);
	write_all(s, &s->near, "hi", 2);
	loop_until(&s->loop, &s->far.has_all);
}

static const struct CMUnitTest contract[] = {
#define CONTRACT(test)                             \
	{                                          \
#test, test, begin, end, (void *)0 \
	}
	CONTRACT(both_ends_know_the_address_of_the_other_and_nothing_else),
	CONTRACT(bytes_arrive_complete_and_in_order_both_ways),
	CONTRACT(a_read_takes_no_more_than_it_asks_for),
	CONTRACT(nothing_is_reported_that_is_not_wanted),
	CONTRACT(a_writer_must_wait_for_a_reader_that_does_not_read),
	CONTRACT(what_was_written_before_the_close_is_read_then_the_end),
	CONTRACT(writing_to_a_closed_end_breaks),
	CONTRACT(a_connection_to_nobody_is_reported_from_the_loop),
	CONTRACT(a_connection_may_be_closed_before_it_stands),
	CONTRACT(a_stream_may_be_closed_by_its_own_callbacks),
	CONTRACT(bytes_that_were_read_too_far_come_first_again),
	CONTRACT(a_stream_may_change_hands),
	CONTRACT(a_closed_listener_accepts_nobody),
	CONTRACT(two_cannot_listen_on_one_port),
	CONTRACT(credentials_can_be_reloaded_at_any_time),
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
	connect_to(s, 80);
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

static const struct CMUnitTest plain_tests[] = {
	CONTRACT(plain_streams_listen_only_where_they_may),
	CONTRACT(a_name_that_cannot_be_found_is_reported),
	CONTRACT(an_unknown_kind_and_useless_credentials_are_refused),
};

/* ---- the simulated network ---- */

static void bytes_need_their_time(void **state)
{
	struct stage *s = *state;
	connect_both(s);
	sim_network_delay(s->net, 20, 20);
	s->far.wanted_size = 5;
	stream_want(s->far.stream, STREAM_READ);
	write_all(s, &s->near, "hello", 5);
	sim_loop_run(&s->loop, 19);
	assert_false(s->far.has_all);
	sim_loop_run(&s->loop, 1);
	assert_true(s->far.has_all);
}

static void a_cut_breaks_both_ends_and_forbids_new_connections(void **state)
{
	struct stage *s = *state;
	connect_both(s);
	uint16_t port = stream_listener_port(s->listener);
	stream_want(s->near.stream, STREAM_READ);
	stream_want(s->far.stream, STREAM_READ);
	sim_network_cut(s->net, "client", "server");
	loop_until(&s->loop, &s->near.is_broken);
	loop_until(&s->loop, &s->far.is_broken);
	end_reset(&s->near);
	connect_to(s, port);
	loop_until(&s->loop, &s->near.is_connected);
	assert_int_equal(s->near.why->code, ERR_UNAVAILABLE);
	end_reset(&s->near);
	end_close(&s->far);
	sim_network_heal(s->net, "client", "server");
	connect_to(s, port);
	loop_until(&s->loop, &s->near.is_connected);
	assert_null(s->near.why);
}

static void a_half_open_connection_is_silent_until_it_heals(void **state)
{
	struct stage *s = *state;
	connect_both(s);
	stream_want(s->far.stream, STREAM_READ);
	sim_network_silence(s->net, "client", "server");
	s->far.wanted_size = 5;
	write_all(s, &s->near, "hello", 5);
	sim_loop_run(&s->loop, SIM_KEEPALIVE_MS - 1000);
	assert_int_equal(s->far.got.size, 0);
	assert_false(s->far.is_broken);
	assert_int_equal(s->near.written, 5);
	sim_network_heal(s->net, "client", "server");
	loop_until(&s->loop, &s->far.has_all);
	sim_loop_run(&s->loop, 2 * SIM_KEEPALIVE_MS);
	assert_false(s->far.is_broken);
}

static void a_half_open_connection_breaks_at_last(void **state)
{
	struct stage *s = *state;
	connect_both(s);
	stream_want(s->far.stream, STREAM_READ);
	sim_network_silence(s->net, "client", "server");
	end_close(&s->near); /* nobody there is told */
	sim_loop_run(&s->loop, SIM_KEEPALIVE_MS - 1);
	assert_false(s->far.is_broken || s->far.is_ended);
	sim_loop_run(&s->loop, 1);
	assert_true(s->far.is_broken);
}

static void connecting_into_silence_ends_with_the_timeout(void **state)
{
	struct stage *s = *state;
	listen_now(s);
	sim_network_silence(s->net, "server", "client");
	connect_to(s, stream_listener_port(s->listener));
	sim_loop_run(&s->loop, 4999);
	assert_false(s->near.is_connected);
	sim_loop_run(&s->loop, 1);
	assert_int_equal(s->near.why->code, ERR_TIMEOUT);
}

static void certified_machines_know_each_other_and_negotiate(void **state)
{
	struct stage *s = *state;
	static const char *const protocols[] = {"http/1.1", "samoza-link/1", NULL};
	const struct stream_peer zrms = {
		.cluster = "test", .role = "zrms", .name = "zrms", .key_hash = "ab"};
	const struct stream_peer alpha = {
		.cluster = "test", .role = "zhost", .name = "alpha", .key_hash = "cd"};
	sim_network_certify(s->net, "server", &zrms);
	sim_network_certify(s->net, "client", &alpha);
	const struct stream_listen_options options = {.at = {s->host, 0},
						      .protocols = protocols};
	assert_int_equal(
		stream_listen(s->server, &options, &listen_handler, s, &s->listener, NULL), 0);
	struct stream_connect_options to = {.to = {s->host, stream_listener_port(s->listener)},
					    .timeout_ms = 5000,
					    .protocol = "samoza-link/1",
					    .peer_name = "zrms"};
	s->near.stream = stream_connect(s->client, &to, &end_handler, &s->near);
	loop_until(&s->loop, &s->near.is_connected);
	assert_null(s->near.why);
	assert_string_equal(stream_protocol(s->near.stream), "samoza-link/1");
	assert_string_equal(stream_protocol(s->far.stream), "samoza-link/1");
	assert_string_equal(stream_peer(s->near.stream)->name, "zrms");
	assert_string_equal(stream_peer(s->far.stream)->name, "alpha");
	assert_string_equal(stream_peer(s->far.stream)->role, "zhost");
	assert_string_equal(stream_peer(s->far.stream)->key_hash, "cd");
	end_reset(&s->near);
	to.peer_name = "another";
	s->near.stream = stream_connect(s->client, &to, &end_handler, &s->near);
	loop_until(&s->loop, &s->near.is_connected);
	assert_int_equal(s->near.why->code, ERR_DENIED);
}

static const struct CMUnitTest sim_tests[] = {
	CONTRACT(bytes_need_their_time),
	CONTRACT(a_cut_breaks_both_ends_and_forbids_new_connections),
	CONTRACT(a_half_open_connection_is_silent_until_it_heals),
	CONTRACT(a_half_open_connection_breaks_at_last),
	CONTRACT(connecting_into_silence_ends_with_the_timeout),
	CONTRACT(certified_machines_know_each_other_and_negotiate),
};

static int run(const struct kind *kind, const char *name, const struct CMUnitTest *tests,
	       size_t count)
{
	struct CMUnitTest copy[32];
	assert_true(count <= ARRAY_SIZE(copy));
	memcpy(copy, tests, count * sizeof(*tests));
	for (size_t i = 0; i < count; i++)
		copy[i].initial_state = (void *)(uintptr_t)kind;
	return _cmocka_run_group_tests(name, copy, count, NULL, NULL);
}

int main(void)
{
	int failed = 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		failed += run(&kinds[i], kinds[i].name, contract, ARRAY_SIZE(contract));
	failed += run(&kinds[0], "plain only", plain_tests, ARRAY_SIZE(plain_tests));
	return failed + run(&kinds[1], "simulated only", sim_tests, ARRAY_SIZE(sim_tests));
}
