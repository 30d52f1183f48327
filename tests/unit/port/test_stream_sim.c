/* What only the simulated network can do (adapter/sim/network.h). */
#include "stream_stage.h"

#include <stdio.h>
#include <string.h>

#include "adapter/sim/loop.h"
#include "adapter/sim/network.h"
#include "base/str.h"
#include "loops.h"

static void bytes_need_their_time(void **state)
{
	struct stage *s = *state;
	stage_connect_both(s);
	sim_network_delay(s->net, 20, 20);
	s->far.wanted_size = 5;
	stream_want(s->far.stream, STREAM_READ);
	end_write_all(s, &s->near, "hello", 5);
	sim_loop_run(&s->loop, 19);
	assert_false(s->far.has_all);
	sim_loop_run(&s->loop, 1);
	assert_true(s->far.has_all);
}

static void a_cut_breaks_both_ends_and_forbids_new_connections(void **state)
{
	struct stage *s = *state;
	stage_connect_both(s);
	uint16_t port = stream_listener_port(s->listener);
	stream_want(s->near.stream, STREAM_READ);
	stream_want(s->far.stream, STREAM_READ);
	sim_network_cut(s->net, "client", "server");
	loop_until(&s->loop, &s->near.is_broken);
	loop_until(&s->loop, &s->far.is_broken);
	end_reset(&s->near);
	stage_connect(s, port);
	loop_until(&s->loop, &s->near.is_connected);
	assert_int_equal(s->near.why->code, ERR_UNAVAILABLE);
	end_reset(&s->near);
	end_close(&s->far);
	sim_network_heal(s->net, "client", "server");
	stage_connect(s, port);
	loop_until(&s->loop, &s->near.is_connected);
	assert_null(s->near.why);
}

static void a_half_open_connection_is_silent_until_it_heals(void **state)
{
	struct stage *s = *state;
	stage_connect_both(s);
	stream_want(s->far.stream, STREAM_READ);
	sim_network_silence(s->net, "client", "server");
	s->far.wanted_size = 5;
	end_write_all(s, &s->near, "hello", 5);
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
	stage_connect_both(s);
	stream_want(s->far.stream, STREAM_READ);
	sim_network_silence(s->net, "client", "server");
	end_close(&s->near); /* the other end is not notified */
	sim_loop_run(&s->loop, SIM_KEEPALIVE_MS - 1);
	assert_false(s->far.is_broken || s->far.is_ended);
	sim_loop_run(&s->loop, 1);
	assert_true(s->far.is_broken);
}

static void connecting_into_silence_ends_with_the_timeout(void **state)
{
	struct stage *s = *state;
	stage_listen(s);
	sim_network_silence(s->net, "server", "client");
	stage_connect(s, stream_listener_port(s->listener));
	sim_loop_run(&s->loop, 4999);
	assert_false(s->near.is_connected);
	sim_loop_run(&s->loop, 1);
	assert_int_equal(s->near.why->code, ERR_TIMEOUT);
}

static void certified_machines_know_each_other_and_negotiate(void **state)
{
	struct stage *s = *state;
	static const struct stream_protocol protocols[] = {
		{.name = "http/1.1"}, {.name = "samoza-link/1"}, {0}};
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
	STAGE_TEST(bytes_need_their_time),
	STAGE_TEST(a_cut_breaks_both_ends_and_forbids_new_connections),
	STAGE_TEST(a_half_open_connection_is_silent_until_it_heals),
	STAGE_TEST(a_half_open_connection_breaks_at_last),
	STAGE_TEST(connecting_into_silence_ends_with_the_timeout),
	STAGE_TEST(certified_machines_know_each_other_and_negotiate),
};

int main(void)
{
	return stage_run(&stage_kinds[STAGE_SIMULATED], "simulated only", sim_tests,
			 ARRAY_SIZE(sim_tests));
}
