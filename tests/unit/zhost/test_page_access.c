/* zhost/edge/page_access.h: what zedge believes of who may see a page, how long, and what those cannot do who may not. */
#include "test.h"

#include <string.h>

#include "adapter/sim/loop.h"
#include "base/memory.h"
#include "fake_upstream.h"
#include "zhost/edge/page_access.h"

#define ASK SAMOZA__V1__FRAME_TYPE__FRAME_PAGE_ASK

enum { NONE = -1 }; /* no verdict yet */

struct stage {
	struct loop loop;
	struct fake_upstream upstream;
	struct page_access *access;
	int verdict; /* the last one */
	int64_t for_ms;
	unsigned verdicts;
};

struct waiting {
	struct page_wait wait; /* first */
	struct stage *stage;
};

static void on_verdict(struct page_wait *wait, enum page_verdict verdict, int64_t for_ms)
{
	struct stage *s = ((struct waiting *)wait)->stage;
	s->verdict = (int)verdict;
	s->for_ms = for_ms;
	s->verdicts++;
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	sim_loop_init(&s->loop);
	sim_loop_run(&s->loop, 1);
	fake_upstream_init(&s->upstream);
	s->access = page_access_new(&s->loop, &s->upstream.upstream);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	page_access_free(s->access);
	fake_upstream_done(&s->upstream);
	sim_loop_done(&s->loop);
	free(s);
	return 0;
}

/* ---- what browsers and zrms do ---- */

static const uint8_t *hash_of(unsigned secret)
{
	static uint8_t hash[TOKEN_HASH_SIZE];
	memset(hash, 0, sizeof(hash));
	memcpy(hash, &secret, sizeof(secret));
	return hash;
}

static struct page_wait *waiting_new(struct stage *s)
{
	struct waiting *w = mem_new(struct waiting);
	*w = (struct waiting){.wait = {.fn = on_verdict}, .stage = s};
	s->verdict = NONE;
	return &w->wait;
}

static int show_at(struct stage *s, const char *space, unsigned secret)
{
	page_access_check(s->access, "shop", space, hash_of(secret), waiting_new(s));
	return s->verdict;
}

static int show(struct stage *s, unsigned secret)
{
	return show_at(s, "web", secret);
}

static int sign_in(struct stage *s, unsigned secret, uint8_t code)
{
	uint8_t hash[TOKEN_HASH_SIZE] = {code};
	page_access_sign_in(s->access, "shop", "web", hash_of(secret), hash, "10.0.0.7",
			    waiting_new(s));
	return s->verdict;
}

static const Samoza__V1__PageAsk *asked(const struct stage *s)
{
	assert_int_equal(s->upstream.last_type, ASK);
	return (const Samoza__V1__PageAsk *)s->upstream.last;
}

static void take(struct stage *s, Samoza__V1__PageAnswer answer)
{
	page_access_take(s->access, &answer);
}

/* The answer to what was asked last. */
static void say(struct stage *s, bool granted)
{
	Samoza__V1__PageAnswer answer = SAMOZA__V1__PAGE_ANSWER__INIT;
	answer.ask = asked(s)->ask;
	answer.granted = granted;
	take(s, answer);
}

static void let_in(struct stage *s, unsigned secret)
{
	assert_int_equal(show(s, secret), NONE);
	say(s, true);
	assert_int_equal(s->verdict, PAGE_GRANTED);
}

static bool holds(struct stage *s, unsigned secret)
{
	return page_access_holds(s->access, "shop", "web", hash_of(secret));
}

static void pass(struct stage *s, int64_t ms)
{
	sim_loop_run(&s->loop, ms);
}

/* ---- what zrms has said ---- */

static void what_zrms_has_said_is_good_for_ten_seconds(void **state)
{
	struct stage *s = *state;
	let_in(s, 1);
	pass(s, PAGE_ACCESS_CHECK_MS - 1);
	assert_int_equal(show(s, 1), PAGE_GRANTED);
	assert_int_equal(s->upstream.sent, 1);
	pass(s, 1);
	assert_int_equal(show(s, 1), NONE);
	assert_int_equal(s->upstream.sent, 2);
	say(s, false);
	assert_int_equal(s->verdict, PAGE_REFUSED);
	pass(s, PAGE_ACCESS_CHECK_MS - 1);
	assert_int_equal(show(s, 1), PAGE_REFUSED);
	assert_int_equal(s->upstream.sent, 2);
	pass(s, 1);
	assert_int_equal(show(s, 1), NONE);
	say(s, true);
	assert_int_equal(s->verdict, PAGE_GRANTED);
}

static void all_who_show_the_same_wait_for_one_answer(void **state)
{
	struct stage *s = *state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(show(s, 1), NONE);
	assert_int_equal(s->upstream.sent, 1);
	say(s, true);
	assert_int_equal(s->verdicts, 3);
}

static void what_opens_one_page_opens_no_other(void **state)
{
	struct stage *s = *state;
	let_in(s, 1);
	assert_int_equal(show_at(s, "admin", 1), NONE);
	assert_string_equal(asked(s)->space, "admin");
	say(s, false);
	assert_int_equal(s->verdict, PAGE_REFUSED);
	s->upstream.is_up = false;
	pass(s, PAGE_ACCESS_CHECK_MS);
	assert_int_equal(show_at(s, "admin", 1), PAGE_LATER);
	assert_int_equal(show(s, 1), PAGE_GRANTED);
}

static void a_session_ends_at_its_time_also_without_zrms(void **state)
{
	struct stage *s = *state;
	Samoza__V1__PageAnswer answer = SAMOZA__V1__PAGE_ANSWER__INIT;
	assert_int_equal(show(s, 1), NONE);
	answer.ask = asked(s)->ask;
	answer.granted = answer.has_for_ms = true;
	answer.for_ms = 60000;
	take(s, answer);
	assert_int_equal(s->for_ms, 60000);
	s->upstream.is_up = false;
	pass(s, 59999);
	assert_int_equal(show(s, 1), PAGE_GRANTED);
	pass(s, 1);
	assert_int_equal(show(s, 1), PAGE_LATER);
	assert_false(holds(s, 1));
}

/* ---- zrms is away ---- */

static void without_zrms_goes_on_what_it_has_granted_within_15_minutes(void **state)
{
	struct stage *s = *state;
	let_in(s, 1);
	s->upstream.is_up = false;
	pass(s, PAGE_ACCESS_KEPT_MS - 1);
	assert_int_equal(show(s, 1), PAGE_GRANTED);
	assert_true(holds(s, 1));
	assert_int_equal(show(s, 2), PAGE_LATER);
	pass(s, 1);
	assert_int_equal(show(s, 1), PAGE_LATER);
	assert_false(holds(s, 1));
}

static void one_that_does_not_answer_is_away(void **state)
{
	struct stage *s = *state;
	let_in(s, 1);
	pass(s, PAGE_ACCESS_CHECK_MS);
	assert_int_equal(show(s, 1), NONE);
	pass(s, PAGE_ACCESS_ANSWER_MS + 1000);
	assert_int_equal(s->verdict, PAGE_GRANTED);
	assert_int_equal(show(s, 2), NONE);
	pass(s, PAGE_ACCESS_ANSWER_MS + 1000);
	assert_int_equal(s->verdict, PAGE_LATER);
	/* Its answer comes too late: it is asked again. */
	say(s, true);
	assert_int_equal(show(s, 2), NONE);
}

static void one_that_cannot_say_now_is_away(void **state)
{
	struct stage *s = *state;
	Samoza__V1__PageAnswer answer = SAMOZA__V1__PAGE_ANSWER__INIT;
	assert_int_equal(sign_in(s, 1, 7), NONE);
	answer.ask = asked(s)->ask;
	answer.has_later = answer.later = true;
	answer.granted = true; /* it contradicts itself */
	take(s, answer);
	assert_int_equal(s->verdict, PAGE_LATER);
	assert_false(holds(s, 1));
}

static void what_was_taken_back_does_not_come_back_when_zrms_goes(void **state)
{
	struct stage *s = *state;
	let_in(s, 1);
	pass(s, PAGE_ACCESS_CHECK_MS);
	assert_true(holds(s, 1)); /* of an open stream: it asks meanwhile */
	assert_int_equal(s->upstream.sent, 2);
	say(s, false);
	assert_false(holds(s, 1));
	s->upstream.is_up = false;
	assert_int_equal(show(s, 1), PAGE_REFUSED);
	pass(s, PAGE_ACCESS_CHECK_MS);
	assert_int_equal(show(s, 1), PAGE_LATER);
	assert_false(holds(s, 1));
}

static void an_answer_that_nobody_has_asked_for_lets_nobody_in(void **state)
{
	struct stage *s = *state;
	Samoza__V1__PageAnswer answer = SAMOZA__V1__PAGE_ANSWER__INIT;
	answer.granted = true;
	for (answer.ask = 0; answer.ask < 5; answer.ask++)
		take(s, answer);
	assert_int_equal(show(s, 1), NONE);
	answer.ask = asked(s)->ask + 1;
	take(s, answer);
	assert_int_equal(s->verdict, NONE);
	say(s, false);
	say(s, true); /* once more */
	assert_int_equal(show(s, 1), PAGE_REFUSED);
}

/* ---- signing in ---- */

static void a_code_is_told_by_its_hash_with_that_of_the_session_to_be(void **state)
{
	struct stage *s = *state;
	assert_int_equal(sign_in(s, 1, 7), NONE);
	assert_true(asked(s)->has_code);
	assert_int_equal(asked(s)->code.data[0], 7);
	assert_memory_equal(asked(s)->hash.data, hash_of(1), TOKEN_HASH_SIZE);
	assert_string_equal(asked(s)->address, "10.0.0.7");
	say(s, true);
	assert_int_equal(s->verdict, PAGE_GRANTED);
	assert_int_equal(show(s, 1), PAGE_GRANTED);
	assert_int_equal(s->upstream.sent, 1);
}

static void no_code_is_good_while_zrms_is_away(void **state)
{
	struct stage *s = *state;
	s->upstream.is_up = false;
	assert_int_equal(sign_in(s, 1, 7), PAGE_LATER);
	assert_int_equal(show(s, 1), PAGE_LATER);
}

/* ---- floods ---- */

static void who_makes_secrets_up_pushes_out_nobody(void **state)
{
	struct stage *s = *state;
	let_in(s, 1);
	for (unsigned i = 0; i < 3 * PAGE_ACCESS_MAX; i++) {
		assert_int_equal(
			i % 2 == 0 ? show(s, 100 + i) : sign_in(s, 100 + i, (uint8_t)i), NONE);
		say(s, false);
	}
	assert_true(holds(s, 1));
	s->upstream.is_up = false;
	pass(s, PAGE_ACCESS_CHECK_MS);
	assert_int_equal(show(s, 1), PAGE_GRANTED);
	assert_true(holds(s, 1));
}

static void what_waits_for_an_answer_is_bounded_and_those_who_are_in_stay_in(void **state)
{
	struct stage *s = *state;
	let_in(s, 1);
	unsigned sent = s->upstream.sent;
	for (unsigned i = 0; i < PAGE_ACCESS_OTHERS_MAX; i++)
		assert_int_equal(show(s, 100 + i), NONE);
	for (unsigned i = 0; i < PAGE_ACCESS_OTHERS_MAX; i++)
		assert_int_equal(show(s, 1000000 + i), PAGE_LATER);
	assert_int_equal(sign_in(s, 5, 7), PAGE_LATER);
	assert_int_equal(s->upstream.sent - sent, PAGE_ACCESS_OTHERS_MAX);
	assert_int_equal(show(s, 1), PAGE_GRANTED);
	/* It is over when zrms does not answer. */
	pass(s, PAGE_ACCESS_ANSWER_MS + 1000);
	assert_int_equal(s->verdicts, 3 + 2 * PAGE_ACCESS_OTHERS_MAX);
	assert_int_equal(show(s, 2), NONE);
}

static void
of_too_many_who_are_in_the_one_that_was_longest_away_is_asked_about_again(void **state)
{
	struct stage *s = *state;
	for (unsigned i = 0; i < PAGE_ACCESS_MAX; i++)
		let_in(s, i);
	assert_int_equal(show(s, 0), PAGE_GRANTED);
	let_in(s, PAGE_ACCESS_MAX);
	s->upstream.is_up = false;
	assert_int_equal(show(s, 0), PAGE_GRANTED);
	assert_int_equal(show(s, 1), PAGE_LATER);
	assert_int_equal(show(s, 2), PAGE_GRANTED);
	assert_int_equal(show(s, PAGE_ACCESS_MAX), PAGE_GRANTED);
}

static void those_who_wait_at_the_end_are_let_go(void **state)
{
	struct stage *s = *state;
	assert_int_equal(show(s, 1), NONE);
	assert_int_equal(sign_in(s, 2, 7), NONE);
	assert_int_equal(s->verdicts, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
		T(what_zrms_has_said_is_good_for_ten_seconds),
		T(all_who_show_the_same_wait_for_one_answer),
		T(what_opens_one_page_opens_no_other),
		T(a_session_ends_at_its_time_also_without_zrms),
		T(without_zrms_goes_on_what_it_has_granted_within_15_minutes),
		T(one_that_does_not_answer_is_away),
		T(one_that_cannot_say_now_is_away),
		T(what_was_taken_back_does_not_come_back_when_zrms_goes),
		T(an_answer_that_nobody_has_asked_for_lets_nobody_in),
		T(a_code_is_told_by_its_hash_with_that_of_the_session_to_be),
		T(no_code_is_good_while_zrms_is_away),
		T(who_makes_secrets_up_pushes_out_nobody),
		T(what_waits_for_an_answer_is_bounded_and_those_who_are_in_stay_in),
		T(of_too_many_who_are_in_the_one_that_was_longest_away_is_asked_about_again),
		T(those_who_wait_at_the_end_are_let_go),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
