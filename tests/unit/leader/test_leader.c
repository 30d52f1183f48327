/* core/leader/leader.h: who leads, whatever becomes of the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/str.h"
#include "core/leader/leader.h"

#define LEASE	 7  /* of the zrms that is tested, "a" */
#define OF_OTHER 8  /* of "b" */
#define FENCE	 70 /* of a's win */

/* ---- a zrms, and what it asks ---- */

struct desk {
	struct leader *leader;
	struct leader_outbox outbox;
	int64_t now_ms;
	uint64_t announcement; /* its first, not answered */
};

static void begin(struct desk *d)
{
	*d = (struct desk){.leader = leader_new(&(struct leader_config){
				   .name = "a", .address = "a:7331", .version = "1"})};
}

static void end(struct desk *d)
{
	leader_outbox_done(&d->outbox);
	leader_free(d->leader);
}

static struct instant now_of(const struct desk *d)
{
	return (struct instant){.mono_ms = d->now_ms};
}

static void tick(struct desk *d, int64_t at_ms)
{
	leader_outbox_clear(&d->outbox);
	d->now_ms = at_ms;
	leader_tick(d->leader, now_of(d), &d->outbox);
}

static size_t count_calls(const struct desk *d, enum leader_call_type type)
{
	size_t count = 0;
	vector_for_each (&d->outbox.calls, call)
		count += call->type == type;
	return count;
}

static const struct leader_call *call_of(const struct desk *d, enum leader_call_type type)
{
	assert_int_equal(count_calls(d, type), 1);
	vector_for_each (&d->outbox.calls, call)
		if (call->type == type)
			return call;
	return NULL;
}

static uint64_t asked(const struct desk *d, enum leader_call_type type)
{
	return call_of(d, type)->number;
}

static const struct leader_notice *notice_of(const struct desk *d, enum leader_notice_type type)
{
	vector_for_each (&d->outbox.notices, notice)
		if (notice->type == type)
			return notice;
	return NULL;
}

static void answer(struct desk *d, uint64_t number, const struct election_answer *a)
{
	leader_outbox_clear(&d->outbox);
	leader_answer(d->leader, now_of(d), number, a, &d->outbox);
}

static void grant(struct desk *d, uint64_t number)
{
	answer(d, number, &(struct election_answer){.lease = LEASE, .ttl_ms = 2000});
}

static void keep(struct desk *d, uint64_t number, int64_t ttl_ms)
{
	answer(d, number, &(struct election_answer){.ttl_ms = ttl_ms});
}

static void lost(struct desk *d, uint64_t number)
{
	answer(d, number, &(struct election_answer){.outcome = ELECTION_UNKNOWN});
}

/* Who leads: nobody, a, or b, by that lease and in that term. */
static struct election_leader by(const char *name, uint64_t lease, uint64_t term)
{
	struct election_leader leader = {.term = term};
	if (name == NULL)
		return leader;
	leader.member.name = name;
	leader.lease = lease;
	leader.fence = lease * 10;
	return leader;
}

static void tell(struct desk *d, uint64_t number, struct election_leader leader)
{
	answer(d, number, &(struct election_answer){.leader = leader});
}

/* A reading in which b leads or stands by, naming `next`. */
static void tell_members(struct desk *d, uint64_t number, struct election_leader leader,
			 const char *next)
{
	const struct election_member members[] = {
		{.name = "a", .copied = {.transactions = 9}},
		{.name = "b", .copied = {.transactions = 5}, .next = next},
		{.name = "c", .copied = {.transactions = 6}}};
	answer(d, number,
	       &(struct election_answer){
		       .leader = leader, .members = members, .member_count = 3});
}

static enum leader_role role(const struct desk *d)
{
	return leader_role(d->leader);
}

/* At 0 it has a lease, and sees that b leads; at 500 nobody does. It campaigns; returns the call. */
static uint64_t campaign(struct desk *d)
{
	begin(d);
	tick(d, 0);
	uint64_t observe = asked(d, LEADER_CALL_OBSERVE);
	grant(d, asked(d, LEADER_CALL_GRANT));
	d->announcement = asked(d, LEADER_CALL_ANNOUNCE);
	tell(d, observe, by("b", OF_OTHER, 4));
	tick(d, 500);
	tell(d, asked(d, LEADER_CALL_OBSERVE), by(NULL, 0, 4));
	assert_int_equal(role(d), LEADER_CAMPAIGNING);
	return asked(d, LEADER_CALL_CAMPAIGN);
}

static void lead(struct desk *d)
{
	tell(d, campaign(d), by("a", LEASE, 5));
	assert_int_equal(role(d), LEADER_LEADING);
}

/* ---- the way to the place ---- */

static void test_the_table_holds_what_the_header_draws(void **state)
{
	(void)state;
	char *wrong = state_machine_check_table(&leader_machine);
	assert_null(wrong);
}

static void test_a_standby_has_a_lease_and_announces_itself(void **state)
{
	struct desk d;
	(void)state;
	begin(&d);
	assert_true(leader_next_ms(d.leader) <= 0);
	tick(&d, 0);
	assert_int_equal(call_of(&d, LEADER_CALL_GRANT)->ttl_ms, LEADER_LEASE_MS);
	assert_int_equal(count_calls(&d, LEADER_CALL_ANNOUNCE), 0);
	grant(&d, asked(&d, LEADER_CALL_GRANT));
	assert_int_equal(call_of(&d, LEADER_CALL_ANNOUNCE)->lease, LEASE);
	assert_string_equal(call_of(&d, LEADER_CALL_ANNOUNCE)->self.name, "a");
	assert_int_equal(role(&d), LEADER_STANDBY);
	end(&d);
}

static void test_nobody_campaigns_while_another_leads(void **state)
{
	struct desk d;
	(void)state;
	begin(&d);
	tick(&d, 0);
	uint64_t observe = asked(&d, LEADER_CALL_OBSERVE);
	grant(&d, asked(&d, LEADER_CALL_GRANT));
	tell(&d, observe, by("b", OF_OTHER, 4));
	for (int64_t at = 500; at <= 1500; at += 500) {
		tick(&d, at);
		tell(&d, asked(&d, LEADER_CALL_OBSERVE), by("b", OF_OTHER, 4));
		assert_int_equal(role(&d), LEADER_STANDBY);
	}
	assert_string_equal(leader_known(d.leader)->member.name, "b");
	end(&d);
}

static void test_one_that_has_won_says_term_and_fence(void **state)
{
	struct desk d;
	(void)state;
	lead(&d);
	const struct leader_notice *leads = notice_of(&d, LEADER_LEADS);
	assert_non_null(leads);
	assert_int_equal(leads->term, 5);
	assert_int_equal(leads->fence, FENCE);
	end(&d);
}

static void test_one_that_has_lost_stands_by(void **state)
{
	struct desk d;
	(void)state;
	tell(&d, campaign(&d), by("c", 9, 5));
	assert_int_equal(role(&d), LEADER_STANDBY);
	assert_int_equal(count_calls(&d, LEADER_CALL_CAMPAIGN), 0);
	end(&d);
}

static void test_its_former_life_is_another(void **state)
{
	struct desk d;
	(void)state;
	tell(&d, campaign(&d), by("a", LEASE - 1, 4));
	assert_int_equal(role(&d), LEADER_STANDBY);
	end(&d);
}

static void test_it_does_not_campaign_under_a_lease_that_may_have_ended(void **state)
{
	struct desk d;
	(void)state;
	begin(&d);
	tick(&d, 0);
	uint64_t observe = asked(&d, LEADER_CALL_OBSERVE);
	grant(&d, asked(&d, LEADER_CALL_GRANT));
	tell(&d, observe, by("b", OF_OTHER, 4));
	tick(&d, 1900);
	uint64_t renewal = asked(&d, LEADER_CALL_KEEP_ALIVE);
	tell(&d, asked(&d, LEADER_CALL_OBSERVE), by(NULL, 0, 4));
	assert_int_equal(role(&d), LEADER_STANDBY);
	keep(&d, renewal, 2000);
	assert_int_equal(role(&d), LEADER_CAMPAIGNING);
	end(&d);
}

static void test_a_standby_whose_lease_is_gone_gets_another(void **state)
{
	struct desk d;
	(void)state;
	begin(&d);
	tick(&d, 0);
	grant(&d, asked(&d, LEADER_CALL_GRANT));
	tick(&d, 700);
	keep(&d, asked(&d, LEADER_CALL_KEEP_ALIVE), 0);
	answer(&d, asked(&d, LEADER_CALL_GRANT),
	       &(struct election_answer){.lease = 9, .ttl_ms = 2000});
	assert_int_equal(call_of(&d, LEADER_CALL_ANNOUNCE)->lease, 9);
	end(&d);
}

static void test_a_campaign_under_a_lease_that_is_gone_needs_another(void **state)
{
	struct desk d;
	(void)state;
	tell(&d, campaign(&d), by(NULL, 0, 4));
	assert_int_equal(role(&d), LEADER_STANDBY);
	assert_int_equal(count_calls(&d, LEADER_CALL_GRANT), 1);
	end(&d);
}

/* ---- an unknown outcome ---- */

static void test_an_unknown_campaign_is_settled_by_a_reading_of_afterwards(void **state)
{
	struct desk d;
	(void)state;
	lost(&d, campaign(&d));
	assert_int_equal(role(&d), LEADER_CAMPAIGNING);
	assert_int_equal(count_calls(&d, LEADER_CALL_CAMPAIGN), 0);
	tell(&d, asked(&d, LEADER_CALL_OBSERVE), by("a", LEASE, 5));
	assert_int_equal(role(&d), LEADER_LEADING);
	assert_int_equal(notice_of(&d, LEADER_LEADS)->fence, FENCE);
	end(&d);
}

static void test_an_older_reading_settles_nothing(void **state)
{
	struct desk d;
	(void)state;
	uint64_t number = campaign(&d);
	tick(&d, 1000);
	uint64_t before = asked(&d, LEADER_CALL_OBSERVE);
	lost(&d, number);
	tell(&d, before, by(NULL, 0, 4));
	assert_int_equal(role(&d), LEADER_CAMPAIGNING);
	assert_int_equal(count_calls(&d, LEADER_CALL_CAMPAIGN), 0);
	tell(&d, asked(&d, LEADER_CALL_OBSERVE), by("b", OF_OTHER, 5));
	assert_int_equal(role(&d), LEADER_STANDBY);
	end(&d);
}

static void test_it_campaigns_again_when_nobody_leads_after_an_unknown_one(void **state)
{
	struct desk d;
	(void)state;
	lost(&d, campaign(&d));
	tell(&d, asked(&d, LEADER_CALL_OBSERVE), by(NULL, 0, 4));
	assert_int_equal(role(&d), LEADER_CAMPAIGNING);
	assert_int_equal(count_calls(&d, LEADER_CALL_CAMPAIGN), 1);
	end(&d);
}

static void test_a_campaign_that_is_carried_out_late_still_leads(void **state)
{
	struct desk d;
	(void)state;
	lost(&d, campaign(&d));
	tell(&d, asked(&d, LEADER_CALL_OBSERVE), by("b", OF_OTHER, 5));
	assert_int_equal(role(&d), LEADER_STANDBY);
	tick(&d, 1100);
	tell(&d, asked(&d, LEADER_CALL_OBSERVE), by("a", LEASE, 6));
	assert_int_equal(role(&d), LEADER_LEADING);
	assert_int_equal(notice_of(&d, LEADER_LEADS)->term, 6);
	end(&d);
}

static void test_a_call_that_is_too_old_counts_as_unknown(void **state)
{
	struct desk d;
	(void)state;
	uint64_t number = campaign(&d);
	for (int64_t at = 1100; at <= 4700; at += 600) {
		tick(&d, at);
		vector_for_each (&d.outbox.calls, call)
			assert_int_not_equal(call->type, LEADER_CALL_CAMPAIGN);
	}
	tell(&d, number, by("a", LEASE, 5)); /* too late */
	assert_int_equal(role(&d), LEADER_CAMPAIGNING);
	tick(&d, 5200);
	tell(&d, asked(&d, LEADER_CALL_OBSERVE), by("a", LEASE, 5));
	assert_int_equal(role(&d), LEADER_LEADING);
	end(&d);
}

static void test_without_answers_it_does_not_ask_without_end(void **state)
{
	struct desk d;
	size_t calls = 0;
	(void)state;
	begin(&d);
	tick(&d, 0);
	uint64_t observe = asked(&d, LEADER_CALL_OBSERVE);
	grant(&d, asked(&d, LEADER_CALL_GRANT));
	lost(&d, observe);
	VECTOR(uint64_t) open = {0};
	for (int rounds = 0; rounds < 1000; rounds++) {
		vector_for_each (&d.outbox.calls, call)
			vector_push(&open, call->number);
		if (open.count > 0) {
			lost(&d, open.items[0]);
			vector_remove_at(&open, 0);
			calls++;
		} else {
			tick(&d, d.now_ms + 20);
		}
	}
	vector_done(&open);
	assert_true(calls < 100); /* in 20 s */
	end(&d);
}

/* ---- the lease of a leader ---- */

static void test_the_promise_counts_from_the_sending_less_a_margin(void **state)
{
	struct desk d;
	(void)state;
	lead(&d); /* its lease was asked for at 0 */
	assert_int_equal(leader_promise_ms(d.leader), 1800);
	tick(&d, 700);
	uint64_t renewal = asked(&d, LEADER_CALL_KEEP_ALIVE);
	d.now_ms = 1700;
	keep(&d, renewal, 2000);
	assert_int_equal(leader_promise_ms(d.leader), 2500);
	end(&d);
}

static void test_renewals_in_another_order_shorten_nothing(void **state)
{
	struct desk d;
	(void)state;
	lead(&d);
	tick(&d, 700);
	uint64_t first = asked(&d, LEADER_CALL_KEEP_ALIVE);
	tick(&d, 1400);
	keep(&d, asked(&d, LEADER_CALL_KEEP_ALIVE), 2000);
	keep(&d, first, 2000);
	assert_int_equal(leader_promise_ms(d.leader), 3200);
	end(&d);
}

static void test_one_whose_lease_may_have_ended_leads_and_promises_nothing(void **state)
{
	struct desk d;
	(void)state;
	lead(&d);
	tick(&d, 700);
	uint64_t renewal = asked(&d, LEADER_CALL_KEEP_ALIVE);
	tick(&d, 1800);
	assert_int_equal(role(&d), LEADER_LEADING);
	assert_null(notice_of(&d, LEADER_ENDS));
	assert_false(leader_may_acknowledge(d.leader, now_of(&d)));
	keep(&d, renewal, 2000); /* it had not ended */
	assert_true(leader_may_acknowledge(d.leader, now_of(&d)));
	end(&d);
}

static void test_one_whose_lease_is_gone_is_deposed(void **state)
{
	struct desk d;
	(void)state;
	lead(&d);
	tick(&d, 700);
	keep(&d, asked(&d, LEADER_CALL_KEEP_ALIVE), 0);
	assert_int_equal(role(&d), LEADER_DEPOSED);
	assert_string_equal(notice_of(&d, LEADER_ENDS)->why, "its lease has ended");
	assert_int_equal(leader_next_ms(d.leader), NEVER_MS);
	end(&d);
}

static void test_one_that_sees_another_lead_is_deposed(void **state)
{
	struct desk d;
	(void)state;
	lead(&d);
	tick(&d, 1000);
	tell(&d, asked(&d, LEADER_CALL_OBSERVE), by("b", OF_OTHER, 6));
	assert_int_equal(role(&d), LEADER_DEPOSED);
	assert_string_equal(notice_of(&d, LEADER_ENDS)->why, "b leads");
	assert_false(leader_may_acknowledge(d.leader, now_of(&d)));
	end(&d);
}

static void test_a_reading_from_before_its_win_deposes_nobody(void **state)
{
	struct desk d;
	(void)state;
	uint64_t number = campaign(&d);
	tick(&d, 1000);
	uint64_t before = asked(&d, LEADER_CALL_OBSERVE);
	tell(&d, number, by("a", LEASE, 5));
	tell(&d, before, by(NULL, 0, 4));
	assert_int_equal(role(&d), LEADER_LEADING);
	assert_string_equal(leader_known(d.leader)->member.name, "a");
	end(&d);
}

static void test_one_whose_write_was_refused_is_deposed(void **state)
{
	struct desk d;
	(void)state;
	lead(&d);
	leader_refused(d.leader, now_of(&d), &d.outbox);
	assert_int_equal(role(&d), LEADER_DEPOSED);
	assert_non_null(notice_of(&d, LEADER_ENDS));
	end(&d);
}

static void test_a_store_that_refuses_it_ends_it(void **state)
{
	struct desk d;
	(void)state;
	begin(&d);
	tick(&d, 0);
	struct error *why = NULL;
	(void)error_set(&why, ERR_UNAVAILABLE, "another certificate");
	answer(&d, asked(&d, LEADER_CALL_GRANT),
	       &(struct election_answer){.outcome = ELECTION_REFUSED, .error = why});
	assert_string_equal(notice_of(&d, LEADER_ENDS)->why,
			    "the store refuses this zrms: another certificate");
	error_free(why);
	end(&d);
}

static void test_a_term_that_goes_back_is_another_store(void **state)
{
	struct desk d;
	(void)state;
	tell(&d, campaign(&d), by("a", LEASE, 3)); /* it has seen 4 */
	assert_int_equal(role(&d), LEADER_DEPOSED);
	assert_null(notice_of(&d, LEADER_LEADS));
	assert_non_null(notice_of(&d, LEADER_ENDS));
	end(&d);
}

/* ---- resigning, and giving the place away ---- */

static void test_one_that_resigns_revokes_and_then_ends(void **state)
{
	struct desk d;
	(void)state;
	lead(&d);
	leader_outbox_clear(&d.outbox);
	leader_resign(d.leader, now_of(&d), &d.outbox);
	assert_int_equal(call_of(&d, LEADER_CALL_REVOKE)->lease, LEASE);
	assert_null(notice_of(&d, LEADER_ENDS));
	assert_false(leader_may_acknowledge(d.leader, now_of(&d)));
	keep(&d, asked(&d, LEADER_CALL_REVOKE), 0);
	assert_non_null(notice_of(&d, LEADER_ENDS));
	end(&d);
}

static void test_one_that_resigns_does_not_wait_for_ever(void **state)
{
	struct desk d;
	(void)state;
	lead(&d);
	leader_resign(d.leader, now_of(&d), &d.outbox);
	int64_t next = leader_next_ms(d.leader);
	assert_true(next < NEVER_MS);
	for (int i = 0; i < 10 && notice_of(&d, LEADER_ENDS) == NULL; i++)
		tick(&d, leader_next_ms(d.leader));
	assert_non_null(notice_of(&d, LEADER_ENDS));
	end(&d);
}

static const struct test_move_error {
	const char *name, *message;
} move_errors[] = {
	{"a", "a leads already"},
	{"x", "no zrms named 'x' stands by"},
};

static void test_a_move_needs_a_standby(void **state)
{
	struct desk d;
	struct error *err = NULL;
	(void)state;
	lead(&d);
	tick(&d, 1000);
	tell_members(&d, asked(&d, LEADER_CALL_OBSERVE), by("a", LEASE, 5), NULL);
	for (size_t i = 0; i < ARRAY_SIZE(move_errors); i++) {
		int r = leader_move(d.leader, now_of(&d), move_errors[i].name, &d.outbox, &err);
		assert_true(r < 0);
		assert_string_equal(err->message, move_errors[i].message);
		error_free(err);
		err = NULL;
	}
	assert_int_equal(leader_move(d.leader, now_of(&d), NULL, &d.outbox, NULL), 0);
	assert_string_equal(leader_moves_to(d.leader), "c"); /* it lags least */
	end(&d);
}

static void test_who_is_away_may_be_forgotten_and_nobody_else(void **state)
{
	static const struct {
		const char *name;
		int code;
	} cases[] = {{"a", ERR_CONFLICT}, {"b", ERR_CONFLICT}, {"d", 0}, {"e", ERR_NOT_FOUND}};
	const struct election_member members[] = {{.name = "a"}, {.name = "b"}};
	const struct election_member known[] = {{.name = "a"}, {.name = "b"}, {.name = "d"}};
	struct desk d;
	(void)state;
	lead(&d);
	tick(&d, 1000);
	answer(&d, asked(&d, LEADER_CALL_OBSERVE),
	       &(struct election_answer){.leader = by("a", LEASE, 5),
					 .members = members,
					 .member_count = ARRAY_SIZE(members),
					 .known = known,
					 .known_count = ARRAY_SIZE(known)});
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(leader_may_forget(d.leader, cases[i].name, NULL),
				 cases[i].code);
	leader_refused(d.leader, now_of(&d), &d.outbox);
	assert_int_equal(leader_may_forget(d.leader, "d", NULL), ERR_CONFLICT);
	end(&d);
}

/* Sees b lead, which names `next`, and then nobody, at 1000; returns when it campaigns. */
static int64_t campaigns_after(const char *next)
{
	struct desk d;
	int64_t at = NEVER_MS;
	begin(&d);
	tick(&d, 0);
	uint64_t observe = asked(&d, LEADER_CALL_OBSERVE);
	grant(&d, asked(&d, LEADER_CALL_GRANT));
	tell_members(&d, observe, by("b", OF_OTHER, 4), next);
	for (int64_t now = 500; now < 9000 && at == NEVER_MS; now += 100) {
		tick(&d, now);
		struct leader_outbox out = d.outbox;
		d.outbox = (struct leader_outbox){0};
		vector_for_each (&out.calls, call) {
			if (call->type == LEADER_CALL_KEEP_ALIVE)
				keep(&d, call->number, 2000);
			if (call->type == LEADER_CALL_OBSERVE)
				tell_members(&d, call->number,
					     now < 1000 ? by("b", OF_OTHER, 4) : by(NULL, 0, 4),
					     next);
		}
		leader_outbox_done(&out);
		if (role(&d) == LEADER_CAMPAIGNING)
			at = now;
	}
	end(&d);
	return at;
}

static void test_the_named_one_has_a_head_start(void **state)
{
	(void)state;
	assert_true(campaigns_after("a") <= 1200);
	assert_true(campaigns_after(NULL) <= 1500);
	int64_t last = campaigns_after("c");
	assert_true(last >= 3000 && last <= 3600);
}

static void test_a_new_one_waits_as_the_place_may_be_given_away(void **state)
{
	struct desk d;
	(void)state;
	begin(&d);
	tick(&d, 0);
	uint64_t observe = asked(&d, LEADER_CALL_OBSERVE);
	grant(&d, asked(&d, LEADER_CALL_GRANT));
	tell(&d, observe, by(NULL, 0, 4));
	assert_int_equal(role(&d), LEADER_STANDBY);
	tick(&d, 1000);
	assert_int_equal(role(&d), LEADER_CAMPAIGNING);
	end(&d);
}

/* After the announcement that names the next is answered: yields one half of a lease later, and resigns by
 * itself where the program does not. */
static void test_a_leader_that_moves_yields_when_all_have_seen_it(void **state)
{
	struct desk d;
	(void)state;
	lead(&d);
	tick(&d, 1000);
	lost(&d, asked(&d, LEADER_CALL_OBSERVE));
	tick(&d, 1500);
	tell_members(&d, asked(&d, LEADER_CALL_OBSERVE), by("a", LEASE, 5), NULL);
	leader_outbox_clear(&d.outbox);
	assert_int_equal(leader_move(d.leader, now_of(&d), "b", &d.outbox, NULL), 0);
	assert_int_equal(count_calls(&d, LEADER_CALL_ANNOUNCE), 0);
	d.now_ms = 2000;
	keep(&d, d.announcement, 0); /* one that names nobody */
	const struct leader_call *announce = call_of(&d, LEADER_CALL_ANNOUNCE);
	assert_string_equal(announce->self.next, "b");
	uint64_t number = announce->number;
	tick(&d, 2600);
	assert_null(notice_of(&d, LEADER_YIELDS));
	keep(&d, number, 0);
	tick(&d, 3500);
	assert_null(notice_of(&d, LEADER_YIELDS));
	tick(&d, 3600);
	assert_non_null(notice_of(&d, LEADER_YIELDS));
	assert_int_equal(role(&d), LEADER_LEADING);
	tick(&d, 5600);
	assert_int_equal(role(&d), LEADER_DEPOSED);
	assert_int_equal(count_calls(&d, LEADER_CALL_REVOKE), 1);
	end(&d);
}

static void test_a_move_that_nobody_hears_of_is_given_up(void **state)
{
	struct desk d;
	(void)state;
	lead(&d);
	tick(&d, 1000);
	tell_members(&d, asked(&d, LEADER_CALL_OBSERVE), by("a", LEASE, 5), NULL);
	assert_int_equal(leader_move(d.leader, now_of(&d), "b", &d.outbox, NULL), 0);
	for (int64_t at = 1500; at <= 8000; at += 500)
		tick(&d, at);
	assert_null(leader_moves_to(d.leader));
	assert_int_equal(role(&d), LEADER_LEADING);
	end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_table_holds_what_the_header_draws),
		cmocka_unit_test(test_a_standby_has_a_lease_and_announces_itself),
		cmocka_unit_test(test_nobody_campaigns_while_another_leads),
		cmocka_unit_test(test_one_that_has_won_says_term_and_fence),
		cmocka_unit_test(test_one_that_has_lost_stands_by),
		cmocka_unit_test(test_its_former_life_is_another),
		cmocka_unit_test(test_it_does_not_campaign_under_a_lease_that_may_have_ended),
		cmocka_unit_test(test_a_standby_whose_lease_is_gone_gets_another),
		cmocka_unit_test(test_a_campaign_under_a_lease_that_is_gone_needs_another),
		cmocka_unit_test(
			test_an_unknown_campaign_is_settled_by_a_reading_of_afterwards),
		cmocka_unit_test(test_an_older_reading_settles_nothing),
		cmocka_unit_test(
			test_it_campaigns_again_when_nobody_leads_after_an_unknown_one),
		cmocka_unit_test(test_a_campaign_that_is_carried_out_late_still_leads),
		cmocka_unit_test(test_a_call_that_is_too_old_counts_as_unknown),
		cmocka_unit_test(test_without_answers_it_does_not_ask_without_end),
		cmocka_unit_test(test_the_promise_counts_from_the_sending_less_a_margin),
		cmocka_unit_test(test_renewals_in_another_order_shorten_nothing),
		cmocka_unit_test(
			test_one_whose_lease_may_have_ended_leads_and_promises_nothing),
		cmocka_unit_test(test_one_whose_lease_is_gone_is_deposed),
		cmocka_unit_test(test_one_that_sees_another_lead_is_deposed),
		cmocka_unit_test(test_a_reading_from_before_its_win_deposes_nobody),
		cmocka_unit_test(test_one_whose_write_was_refused_is_deposed),
		cmocka_unit_test(test_a_store_that_refuses_it_ends_it),
		cmocka_unit_test(test_a_term_that_goes_back_is_another_store),
		cmocka_unit_test(test_one_that_resigns_revokes_and_then_ends),
		cmocka_unit_test(test_one_that_resigns_does_not_wait_for_ever),
		cmocka_unit_test(test_a_move_needs_a_standby),
		cmocka_unit_test(test_who_is_away_may_be_forgotten_and_nobody_else),
		cmocka_unit_test(test_the_named_one_has_a_head_start),
		cmocka_unit_test(test_a_new_one_waits_as_the_place_may_be_given_away),
		cmocka_unit_test(test_a_leader_that_moves_yields_when_all_have_seen_it),
		cmocka_unit_test(test_a_move_that_nobody_hears_of_is_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
