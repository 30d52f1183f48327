/* zhost/direct: messages between two zhosts over a direct link, with the hub for the rest. */
#include "direct_stage.h"

#include <errno.h>

#include "base/str.h"
#include "zhost/direct/direct_link.h"

static void send_ok(struct end *e, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(end_send(e), 0);
}

/* All that was sent so far, in order. */
static void assert_got_all(const struct stage *s, const struct end *e)
{
	assert_int_equal(e->got.count, s->sent);
	for (size_t i = 0; i < e->got.count; i++)
		assert_int_equal(e->got.items[i], i + 1);
}

static void go_direct(struct stage *s, struct end *e)
{
	send_ok(e, 1);
	stage_run(s, 1000);
	assert_int_equal(end_view(e).way, MESH_WAY_DIRECT);
}

static void the_first_goes_through_the_hub_and_soon_all_go_directly(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	sim_mesh_delay(s->hub, 20, 20);
	for (unsigned i = 0; i < 200; i++) {
		send_ok(alpha, 1);
		stage_run(s, 1);
	}
	stage_run(s, 1000);
	assert_got_all(s, beta);
	struct direct_peer_view view = end_view(alpha);
	assert_int_equal(view.way, MESH_WAY_DIRECT);
	assert_true(view.counters.by_hub > 0 && view.counters.direct > 100);
	assert_int_equal(view.counters.unmarked, 0);
	assert_int_equal(direct_transport_counters(beta->direct).accepted, 1);
}

static void an_answer_takes_the_same_link(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	go_direct(s, alpha);
	send_ok(beta, 3);
	stage_run(s, 100);
	assert_int_equal(alpha->got.count, 3);
	assert_int_equal(end_view(beta).way, MESH_WAY_DIRECT);
	assert_int_equal(direct_transport_counters(beta->direct).dialled, 0);
	assert_int_equal(end_view(beta).links, 1);
}

static void a_broken_link_falls_back_and_returns_by_itself(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	go_direct(s, alpha);
	stage_cut_direct(s, true);
	stage_run(s, 10);
	for (unsigned i = 0; i < 50; i++) {
		send_ok(alpha, 1);
		stage_run(s, 100);
	}
	assert_got_all(s, beta);
	assert_int_equal(end_view(alpha).way, MESH_WAY_HUB);
	assert_true(direct_transport_counters(alpha->direct).failed >= 3);
	stage_cut_direct(s, false);
	for (unsigned i = 0; i < 120; i++) {
		send_ok(alpha, 1);
		stage_run(s, 100);
	}
	assert_got_all(s, beta);
	assert_int_equal(end_view(alpha).way, MESH_WAY_DIRECT);
}

static void a_silent_link_is_left_after_three_seconds(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	go_direct(s, alpha);
	sim_network_silence(s->net, "alpha", "beta");
	for (unsigned i = 0; i < 60; i++) {
		send_ok(alpha, 1);
		stage_run(s, 100);
	}
	assert_int_equal(end_view(alpha).way, MESH_WAY_HUB);
	assert_true(beta->got.count >= 10 && beta->got.count < s->sent);
	for (size_t i = 1; i < beta->got.count; i++)
		assert_true(beta->got.items[i] > beta->got.items[i - 1]);
	assert_int_equal(beta->got.items[beta->got.count - 1], s->sent);
}

static void messages_are_refused_only_when_both_ways_fail(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	go_direct(s, alpha);
	stage_cut_hub(s, true);
	send_ok(alpha, 5);
	stage_run(s, 10);
	assert_got_all(s, beta);
	stage_cut_direct(s, true);
	stage_run(s, 10);
	(void)end_send(alpha); /* dials */
	stage_run(s, 10);
	assert_int_equal(end_send(alpha), -EHOSTUNREACH);
	stage_cut_direct(s, false);
	for (unsigned i = 0; i < 20 && end_view(alpha).way != MESH_WAY_DIRECT; i++) {
		int r = end_send(alpha);
		assert_true(r == -EHOSTUNREACH || r == -EAGAIN);
		stage_run(s, 100);
	}
	size_t before = beta->got.count;
	send_ok(alpha, 1);
	stage_run(s, 10);
	assert_int_equal(beta->got.count, before + 1);
}

static void a_zhost_that_zrms_has_not_named_gets_no_link(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	zhost_book_remove(beta->book, "alpha");
	for (unsigned i = 0; i < 10; i++) {
		send_ok(alpha, 1);
		stage_run(s, 500);
	}
	assert_got_all(s, beta);
	assert_int_equal(end_view(alpha).way, MESH_WAY_HUB);
	assert_true(direct_transport_counters(beta->direct).refused > 0);
	assert_int_equal(direct_transport_counters(beta->direct).links, 0);
}

static void a_zhost_with_another_key_is_not_believed(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	end_know(alpha, beta, "beta", alpha->key);
	for (unsigned i = 0; i < 10; i++) {
		send_ok(alpha, 1);
		stage_run(s, 500);
	}
	assert_got_all(s, beta);
	assert_int_equal(end_view(alpha).counters.direct, 0);
}

static void links_of_a_zhost_that_was_removed_are_closed(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	go_direct(s, alpha);
	zhost_book_remove(beta->book, "alpha");
	direct_transport_recheck(beta->direct);
	stage_run(s, 100);
	assert_int_equal(direct_transport_counters(beta->direct).links, 0);
	assert_int_equal(end_view(alpha).way, MESH_WAY_HUB);
	direct_transport_recheck(beta->direct);
	send_ok(alpha, 1);
	stage_run(s, 100);
	assert_got_all(s, beta);
}

static void send_for(struct stage *s, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		send_ok(&s->ends[0], 1);
		stage_run(s, 7);
	}
}

/* What zrms says of a zhost that renews: both keys, and in the next moment the new one alone. */
static void a_link_whose_key_its_machine_has_replaced_is_left_and_nothing_is_lost(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	const char *const keys[] = {beta->key, alpha->key};
	sim_network_delay(s->net, 30, 30);
	go_direct(s, alpha);
	send_for(s, 100);
	zhost_book_put(beta->book, "alpha", "alpha", PORT, keys, 2);
	direct_transport_recheck(beta->direct);
	send_ok(alpha, 10);
	zhost_book_put(beta->book, "alpha", "alpha", PORT, keys, 1);
	direct_transport_recheck(beta->direct);
	send_for(s, 100);
	stage_run(s, 5000);
	assert_got_all(s, beta);
	/* No new link with that key. */
	assert_int_equal(direct_transport_counters(beta->direct).links, 0);
	assert_true(direct_transport_counters(beta->direct).refused > 0);
}

static void a_link_whose_key_another_machine_has_replaced_is_cut(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	go_direct(s, alpha);
	end_know(beta, alpha, "alpha", beta->key);
	stage_run(s, 5);
	assert_int_equal(direct_transport_counters(beta->direct).links, 0);
}

/* The hub is away, and the link cannot be left: it is borne for some time, and then cut. */
static void without_the_hub_a_link_with_a_void_key_is_cut_after_ten_seconds(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	const char *const keys[] = {beta->key, alpha->key};
	go_direct(s, alpha);
	stage_cut_hub(s, true);
	zhost_book_put(beta->book, "alpha", "alpha", PORT, keys, 2);
	zhost_book_put(beta->book, "alpha", "alpha", PORT, keys, 1);
	direct_transport_recheck(beta->direct);
	stage_run(s, DIRECT_VOID_MS - 1000);
	assert_int_equal(direct_transport_counters(beta->direct).links, 1);
	stage_run(s, 3000);
	assert_int_equal(direct_transport_counters(beta->direct).links, 0);
}

static void a_key_may_change_while_the_former_one_is_known(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	const char *const keys[] = {beta->key, alpha->key};
	go_direct(s, alpha);
	zhost_book_put(beta->book, "alpha", "alpha", PORT, keys, 2);
	direct_transport_recheck(beta->direct);
	stage_run(s, 100);
	assert_int_equal(direct_transport_counters(beta->direct).links, 1);
}

static void without_an_address_messages_go_through_the_hub(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	end_know(alpha, beta, NULL, beta->key);
	send_ok(alpha, 3);
	stage_run(s, 1000);
	assert_got_all(s, beta);
	assert_int_equal(direct_transport_counters(alpha->direct).dialled, 0);
	/* … until the other one dials. */
	send_ok(beta, 1);
	stage_run(s, 1000);
	send_ok(alpha, 1);
	stage_run(s, 100);
	assert_int_equal(end_view(alpha).way, MESH_WAY_DIRECT);
	assert_int_equal(beta->got.count, 4);
}

static void a_zhost_speaks_of_itself_only(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	Samoza__V1__MeshMessage message = SAMOZA__V1__MESH_MESSAGE__INIT;
	go_direct(s, alpha);
	message.topology = message.path_name = message.from = message.to =
		(char *)(uintptr_t) "x";
	message.to_zhost = (char *)(uintptr_t) "beta";
	message.from_zhost = (char *)(uintptr_t) "gamma";
	assert_int_equal(mesh_transport_send(direct_transport_mesh(alpha->direct), &message),
			 0);
	stage_run(s, 100);
	assert_int_equal(beta->got.count, 1);
	assert_int_equal(direct_transport_counters(beta->direct).foreign, 1);
}

static void an_idle_link_is_closed_and_dialled_again(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	go_direct(s, alpha);
	stage_run(s, DIRECT_IDLE_MS + 5000);
	assert_int_equal(direct_transport_counters(alpha->direct).links, 0);
	assert_int_equal(direct_transport_counters(beta->direct).links, 0);
	send_ok(alpha, 1);
	stage_run(s, 1000);
	send_ok(alpha, 1);
	stage_run(s, 100);
	assert_got_all(s, beta);
	assert_int_equal(end_view(alpha).way, MESH_WAY_DIRECT);
}

/* Both send all the time, over a network that needs its time; each number once, in order, none missing. */
static void stream_both_ways(struct stage *s, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		send_ok(&s->ends[0], 1);
		send_ok(&s->ends[1], 1);
		stage_run(s, 7);
	}
	stage_run(s, 1000);
	assert_int_equal(s->ends[0].got.count + s->ends[1].got.count, s->sent);
	for (unsigned k = 0; k < ENDS; k++)
		for (size_t i = 1; i < s->ends[k].got.count; i++)
			assert_true(s->ends[k].got.items[i] > s->ends[k].got.items[i - 1]);
}

static void a_link_of_a_former_key_is_replaced_and_nothing_is_lost(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	sim_network_delay(s->net, 30, 30);
	sim_mesh_delay(s->hub, 5, 5);
	go_direct(s, alpha);
	stream_both_ways(s, 50);
	/* The one who is told is the one who dialled, then the other one. As long as the former key is shown, a link
	 * does not live long. */
	for (unsigned k = 0; k < ENDS; k++) {
		uint64_t before = end_view(alpha).counters.fell;
		end_renew(&s->ends[k], true);
		stream_both_ways(s, 1500);
		assert_true(end_view(alpha).counters.fell >= before + 2);
		end_renew(&s->ends[k], false);
	}
	stream_both_ways(s, 500);
	assert_int_equal(end_view(alpha).way, MESH_WAY_DIRECT);
	assert_int_equal(end_view(beta).way, MESH_WAY_DIRECT);
	assert_int_equal(end_view(alpha).counters.unmarked, 0);
	assert_true(end_view(alpha).counters.direct > end_view(alpha).counters.by_hub);
}

static void an_idle_link_that_is_used_again_in_that_moment_loses_nothing(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0];
	sim_network_delay(s->net, 40, 40);
	go_direct(s, alpha);
	/* From before the end of the time until after it. */
	for (unsigned at = 0; at < 30; at++) {
		stage_run(s, DIRECT_IDLE_MS - 600 + 50 * at);
		stream_both_ways(s, 40);
		go_direct(s, alpha);
	}
}

static void without_the_hub_a_link_stays(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	go_direct(s, alpha);
	stage_cut_hub(s, true);
	end_renew(beta, true);
	stage_run(s, DIRECT_IDLE_MS + 10000);
	assert_int_equal(end_view(alpha).links, 1);
	send_ok(alpha, 3);
	stage_run(s, 100);
	assert_int_equal(beta->got.count, 4);
	stage_cut_hub(s, false);
	stage_run(s, 5000);
	assert_int_equal(end_view(alpha).links, 0);
}

/* One that only gets messages notices, too, that the link has ended. */
static void an_end_that_only_receives_notices_a_broken_link(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	go_direct(s, alpha);
	send_ok(alpha, 1);
	stage_run(s, 10);
	sim_network_silence(s->net, "alpha", "beta");
	sim_network_silence(s->net, "beta", "alpha");
	stage_run(s, DIRECT_STALL_MS + 2 * DIRECT_TICK_MS);
	assert_int_equal(end_view(beta).links, 0);
	assert_int_equal(end_view(beta).way, MESH_WAY_HUB);
}

static void a_zhost_that_restarts_is_dialled_again(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	go_direct(s, alpha);
	end_restart(beta);
	stage_run(s, 10);
	for (unsigned i = 0; i < 30; i++) {
		send_ok(alpha, 1);
		stage_run(s, 100);
	}
	assert_got_all(s, beta);
	assert_int_equal(end_view(alpha).way, MESH_WAY_DIRECT);
	end_restart(alpha);
	stage_run(s, 10);
	for (unsigned i = 0; i < 30; i++) {
		send_ok(alpha, 1);
		stage_run(s, 100);
	}
	assert_got_all(s, beta);
	assert_int_equal(end_view(alpha).way, MESH_WAY_DIRECT);
}

/* ---- what waits for messages ---- */

struct waiting {
	struct mesh_settle settle; /* first */
	unsigned calls;
	bool is_settled;
};

static void on_settled(struct mesh_settle *settle, bool is_settled)
{
	struct waiting *w = (struct waiting *)settle;
	w->calls++;
	w->is_settled = is_settled;
}

static void messages_settle_when_the_other_end_has_taken_them(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0], *beta = &s->ends[1];
	struct waiting none = {.settle.fn = on_settled}, some = none, forgotten = none;
	struct mesh_transport *mesh = direct_transport_mesh(alpha->direct);
	mesh_transport_settle(mesh, &none.settle);
	assert_int_equal(none.calls, 1);
	go_direct(s, alpha);
	sim_network_delay(s->net, 20, 20);
	send_ok(alpha, 10);
	mesh_transport_settle(mesh, &some.settle);
	while (some.calls == 0) {
		assert_true(beta->got.count <= s->sent);
		stage_run(s, 1);
	}
	assert_true(some.is_settled);
	assert_int_equal(some.calls, 1);
	assert_got_all(s, beta);
	send_ok(alpha, 1);
	mesh_transport_settle(mesh, &forgotten.settle);
	mesh_transport_forget(mesh);
	assert_int_equal(forgotten.calls, 1);
	assert_false(forgotten.is_settled);
	stage_run(s, 1000);
}

static void messages_of_a_link_that_breaks_settle(void **state)
{
	struct stage *s = *state;
	struct end *alpha = &s->ends[0];
	struct waiting some = {.settle.fn = on_settled};
	go_direct(s, alpha);
	sim_network_delay(s->net, 50, 50);
	send_ok(alpha, 10);
	mesh_transport_settle(direct_transport_mesh(alpha->direct), &some.settle);
	assert_int_equal(some.calls, 0);
	stage_cut_direct(s, true);
	stage_run(s, 10);
	assert_int_equal(some.calls, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_begin, stage_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_goes_through_the_hub_and_soon_all_go_directly),
		TEST(an_answer_takes_the_same_link),
		TEST(a_broken_link_falls_back_and_returns_by_itself),
		TEST(a_silent_link_is_left_after_three_seconds),
		TEST(messages_are_refused_only_when_both_ways_fail),
		TEST(a_zhost_that_zrms_has_not_named_gets_no_link),
		TEST(a_zhost_with_another_key_is_not_believed),
		TEST(links_of_a_zhost_that_was_removed_are_closed),
		TEST(a_key_may_change_while_the_former_one_is_known),
		TEST(a_link_whose_key_its_machine_has_replaced_is_left_and_nothing_is_lost),
		TEST(a_link_whose_key_another_machine_has_replaced_is_cut),
		TEST(without_the_hub_a_link_with_a_void_key_is_cut_after_ten_seconds),
		TEST(without_an_address_messages_go_through_the_hub),
		TEST(a_zhost_speaks_of_itself_only),
		TEST(an_idle_link_is_closed_and_dialled_again),
		TEST(a_link_of_a_former_key_is_replaced_and_nothing_is_lost),
		TEST(an_idle_link_that_is_used_again_in_that_moment_loses_nothing),
		TEST(without_the_hub_a_link_stays),
		TEST(an_end_that_only_receives_notices_a_broken_link),
		TEST(a_zhost_that_restarts_is_dialled_again),
		TEST(messages_settle_when_the_other_end_has_taken_them),
		TEST(messages_of_a_link_that_breaks_settle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
