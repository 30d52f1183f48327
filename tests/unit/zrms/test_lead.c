/* zrms/lead.h: what core/leader asks reaches the election, and its answers and the time reach core/leader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapter/sim/loop.h"
#include "adapter/sim/sim_election.h"
#include "base/str.h"
#include "zrms/lead.h"

/* ---- zrms that share a seat ---- */

struct member {
	struct loop *loop;
	struct sim_seat *seat;
	struct election *election; /* NULL: closed */
	struct lead *lead;
	unsigned leads, yields, ends, resigned;
	int64_t promise_ms;
	bool is_mute; /* its election answers nothing */
};

static void on_leads(void *user)
{
	((struct member *)user)->leads++;
}

static void on_promises(void *user, int64_t until_ms)
{
	((struct member *)user)->promise_ms = until_ms;
}

static void on_yields(void *user)
{
	((struct member *)user)->yields++;
}

static void on_ends(void *user, const char *why)
{
	struct member *m = user;
	assert_non_null(why);
	m->ends++;
}

static void on_resigned(void *user)
{
	struct member *m = user;
	m->resigned++;
	m->election = NULL;
	m->lead = NULL;
}

static const struct lead_listener listener = {
	.leads = on_leads, .promises = on_promises, .yields = on_yields, .ends = on_ends};

/* A hook of the loop: the election answers what was asked. */
static bool answer(void *user)
{
	struct member *m = user;
	bool did = false;
	m->seat->now_ms = loop_now(m->loop).mono_ms;
	sim_seat_expire(m->seat);
	while (!m->is_mute && m->election != NULL && sim_election_waiting(m->election) > 0) {
		sim_election_answer(m->election);
		did = true;
	}
	return did;
}

struct stage {
	struct loop loop;
	struct sim_seat seat;
	struct member a, b;
};

static void member_begin(struct stage *s, struct member *m, const char *name)
{
	*m = (struct member){.loop = &s->loop, .seat = &s->seat, .promise_ms = INT64_MIN};
	m->election = sim_election_new(&s->seat);
	m->lead = lead_new(
		&s->loop, m->election,
		&(struct leader_config){.name = name, .address = "x:1", .version = "1"},
		&listener, m);
	loop_before_poll(&s->loop, answer, m);
}

static void begin(struct stage *s)
{
	*s = (struct stage){0};
	sim_loop_init(&s->loop);
	member_begin(s, &s->a, "a");
	sim_loop_run(&s->loop, 1500);
	assert_int_equal(s->a.leads, 1);
	member_begin(s, &s->b, "b");
	sim_loop_run(&s->loop, 1500);
	assert_int_equal(s->b.leads, 0);
}

static void member_end(struct stage *s, struct member *m)
{
	m->is_mute = false;
	if (m->lead != NULL)
		lead_resign(m->lead, on_resigned, m);
	sim_loop_run(&s->loop, 5000);
	assert_int_equal(m->resigned, 1);
	loop_before_poll_remove(&s->loop, answer, m);
}

static void end(struct stage *s)
{
	member_end(s, &s->b);
	member_end(s, &s->a);
	sim_seat_done(&s->seat);
	sim_loop_done(&s->loop);
}

/* ---- tests ---- */

static void test_one_leads_and_promises_as_long_as_it_is_answered(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	assert_int_equal(lead_fence(s.a.lead), sim_seat_fence(&s.seat));
	assert_int_equal(lead_term(s.a.lead), 1);
	assert_string_equal(leader_known(lead_seen(s.b.lead))->member.name, "a");
	int64_t before_ms = s.a.promise_ms;
	assert_true(before_ms > loop_now(&s.loop).mono_ms);
	sim_loop_run(&s.loop, 10000);
	assert_true(s.a.promise_ms >= before_ms + 9000);
	assert_int_equal(s.a.promise_ms, lead_promise_ms(s.a.lead));
	assert_int_equal(s.b.leads + s.a.ends, 0);
	end(&s);
}

static void test_another_leads_when_one_falls_silent_which_then_ends(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	s.a.is_mute = true;
	sim_loop_run(&s.loop, 4000);
	assert_int_equal(s.b.leads, 1);
	assert_int_equal(lead_term(s.b.lead), 2);
	assert_true(s.a.promise_ms < loop_now(&s.loop).mono_ms);
	assert_int_equal(s.a.ends, 0);
	s.a.is_mute = false;
	sim_loop_run(&s.loop, 1000);
	assert_int_equal(s.a.ends, 1);
	assert_true(s.a.promise_ms == INT64_MIN);
	end(&s);
}

static void test_one_that_resigns_is_followed_at_once_and_told_nothing_more(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	lead_resign(s.a.lead, on_resigned, &s.a);
	sim_loop_run(&s.loop, 700);
	assert_int_equal(s.a.resigned, 1);
	assert_int_equal(s.a.ends + s.a.yields, 0);
	assert_int_equal(s.b.leads, 1);
	end(&s);
}

static void test_a_place_that_is_given_away_is_yielded_first(void **state)
{
	(void)state;
	struct stage s;
	struct error *err = NULL;
	begin(&s);
	assert_int_equal(lead_move(s.a.lead, "c", &err), ERR_NOT_FOUND);
	error_free(err);
	assert_int_equal(lead_move(s.a.lead, "b", NULL), 0);
	sim_loop_run(&s.loop, 1500);
	assert_int_equal(s.a.yields, 1);
	assert_int_equal(s.b.leads, 0);
	lead_resign(s.a.lead, on_resigned, &s.a);
	sim_loop_run(&s.loop, 500);
	assert_int_equal(s.a.resigned, 1);
	assert_int_equal(s.b.leads, 1);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_leads_and_promises_as_long_as_it_is_answered),
		cmocka_unit_test(test_another_leads_when_one_falls_silent_which_then_ends),
		cmocka_unit_test(
			test_one_that_resigns_is_followed_at_once_and_told_nothing_more),
		cmocka_unit_test(test_a_place_that_is_given_away_is_yielded_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
