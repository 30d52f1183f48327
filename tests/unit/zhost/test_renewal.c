/* zhost/uplink/renewal.h in virtual time: the test is zrms, with an authority of its own. */
#include "test.h"

#include <string.h>

#include "../pki/certificates.h"
#include "adapter/sim/loop.h"
#include "base/str.h"
#include "fake_upstream.h"
#include "zhost/uplink/renewal.h"

enum { SECOND_MS = 1000 };
#define RENEW SAMOZA__V1__FRAME_TYPE__FRAME_RENEW

struct stage {
	struct loop loop;
	struct fake_upstream zrms;
	struct pki_authority *authority;
	struct pki_trust *trust;
	struct machine alpha;
	char *dir, *directory; /* of the zhost, and its credentials */
	struct identity *identity;
	struct renewal *renewal;
	int64_t begin_wall_ms; /* when its certificate was issued */
	unsigned changes;
};

/* ---- a wall clock that can be set ---- */

static int64_t ahead_ms;
static struct instant (*right_now)(struct loop *loop);

static struct instant shifted_now(struct loop *loop)
{
	struct instant now = right_now(loop);
	now.wall_ms += ahead_ms;
	return now;
}

static void clock_prepare(struct loop *loop)
{
	static struct loop_ops ops;
	ops = *loop->ops;
	right_now = ops.now;
	ops.now = shifted_now;
	loop->ops = &ops;
	ahead_ms = 0;
}

/* ---- stage ---- */

static void on_changed(void *user)
{
	struct stage *s = user;
	s->changes++;
	if (s->renewal != NULL)
		renewal_plan(s->renewal);
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	sim_loop_init(&s->loop);
	clock_prepare(&s->loop);
	fake_upstream_init(&s->zrms);
	s->begin_wall_ms = loop_now(&s->loop).wall_ms;
	s->authority = authority_at("c1", 1, s->begin_wall_ms - PKI_DAY_MS);
	s->trust = trust_of(s->authority, NULL);
	s->alpha = machine_at(s->authority, "zhost", "alpha", s->begin_wall_ms, PKI_MACHINE_MS);
	s->dir = directory_of(&s->alpha, s->trust);
	s->directory = str_printf("%s/credentials", s->dir);
	CLEANUP(freep)
	char *make =
		str_printf("mkdir %s && mv %s/*.pem %s", s->directory, s->dir, s->directory);
	assert_int_equal(system(make), 0);
	assert_int_equal(
		identity_open(&s->loop, s->dir, "alpha", on_changed, s, &s->identity, NULL), 0);
	s->renewal = renewal_new(&s->loop, s->identity, &s->zrms.upstream);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	renewal_free(s->renewal);
	identity_free(s->identity);
	sim_loop_done(&s->loop);
	fake_upstream_done(&s->zrms);
	CLEANUP(freep) char *remove = str_printf("rm -r %s", s->directory);
	assert_int_equal(system(remove), 0);
	directory_remove(s->dir);
	free(s->directory);
	machine_done(&s->alpha);
	pki_trust_free(s->trust);
	pki_authority_free(s->authority);
	free(s);
	return 0;
}

static struct pki_pin pin_asked(const struct stage *s)
{
	struct pki_request *request = NULL;
	assert_int_equal(s->zrms.last_type, RENEW);
	const char *pem = ((const Samoza__V1__Renew *)s->zrms.last)->request;
	assert_int_equal(pki_request_read(pem, strlen(pem), &request, NULL), 0);
	struct pki_pin pin = pki_request_pin(request);
	pki_request_free(request);
	return pin;
}

/* The answer to what was asked for last, issued at `now_ms`, of `authority`. */
static void answer(struct stage *s, const struct pki_authority *authority, int64_t now_ms)
{
	const struct pki_subject subject = {
		.role = "zhost", .name = "alpha", .lifetime_ms = PKI_MACHINE_MS};
	const char *pem = ((const Samoza__V1__Renew *)s->zrms.last)->request;
	struct pki_request *request = NULL;
	struct pki_certificate *certificate = NULL;
	Samoza__V1__Renewed renewed = SAMOZA__V1__RENEWED__INIT;
	assert_int_equal(pki_request_read(pem, strlen(pem), &request, NULL), 0);
	assert_int_equal(pki_issue(authority, request, &subject, now_ms, &certificate, NULL),
			 0);
	CLEANUP(pki_trust_freep) struct pki_trust *trust = trust_of(s->authority, NULL);
	CLEANUP(freep) char *text = pki_certificate_write(certificate);
	CLEANUP(freep) char *authorities = pki_trust_write(trust);
	renewed.certificate = text;
	renewed.authorities = authorities;
	renewal_take(s->renewal, &renewed);
	pki_certificate_free(certificate);
	pki_request_free(request);
	sim_loop_run(&s->loop, 0); /* it is written beside the loop */
}

static struct pki_pin pin_stored(const struct stage *s)
{
	struct pki_credentials c = {0};
	assert_int_equal(pki_credentials_load(s->directory, &c, NULL), 0);
	struct pki_pin pin = pki_certificate_pin(c.certificate);
	assert_true(pki_certificate_is_of(c.certificate, c.key));
	pki_credentials_done(&c);
	return pin;
}

static void assert_keeps_the_old_one(const struct stage *s)
{
	struct pki_pin old = pki_key_pin(s->alpha.key), stored = pin_stored(s);
	assert_true(pki_pin_equal(&old, &stored));
	assert_int_equal(s->changes, 0);
}

/* From the beginning on until the first RENEW. */
static int64_t asked_after_ms(struct stage *s)
{
	int64_t begin_ms = loop_now(&s->loop).mono_ms;
	for (int k = 0; k < 24 * 60 * 7 && s->zrms.sent == 0; k++)
		sim_loop_run(&s->loop, PKI_MINUTE_MS);
	assert_int_equal(s->zrms.sent, 1);
	return loop_now(&s->loop).mono_ms - begin_ms;
}

/* ---- when ---- */

static void it_asks_from_a_third_of_its_life_on_with_a_new_key(void **state)
{
	struct stage *s = *state;
	int64_t after_ms = asked_after_ms(s);
	assert_true(after_ms >= PKI_MACHINE_MS / 3);
	assert_true(after_ms <= PKI_MACHINE_MS / 3 + PKI_MACHINE_MS / 10 + PKI_MINUTE_MS);
	struct pki_pin old = pki_key_pin(s->alpha.key), asked = pin_asked(s);
	assert_false(pki_pin_equal(&old, &asked));
}

static void without_a_link_it_waits_for_one(void **state)
{
	struct stage *s = *state;
	s->zrms.is_up = false;
	sim_loop_run(&s->loop, PKI_MACHINE_MS / 2);
	assert_int_equal(s->zrms.sent, 0);
	s->zrms.is_up = true;
	sim_loop_run(&s->loop, PKI_MINUTE_MS);
	assert_int_equal(s->zrms.sent, 1);
}

static void an_answer_that_is_lost_is_asked_for_again_with_the_same_key(void **state)
{
	struct stage *s = *state;
	(void)asked_after_ms(s);
	struct pki_pin first = pin_asked(s);
	sim_loop_run(&s->loop, PKI_MINUTE_MS);
	assert_int_equal(s->zrms.sent, 2);
	struct pki_pin second = pin_asked(s);
	assert_true(pki_pin_equal(&first, &second));
}

static void zrms_can_want_it_earlier(void **state)
{
	struct stage *s = *state;
	Samoza__V1__Reissue reissue = SAMOZA__V1__REISSUE__INIT;
	reissue.within_ms = 30 * SECOND_MS;
	renewal_prompt(s->renewal, &reissue);
	sim_loop_run(&s->loop, 30 * SECOND_MS);
	assert_int_equal(s->zrms.sent, 1);
	/* The new one has a time of its own. */
	answer(s, s->authority, loop_now(&s->loop).wall_ms);
	sim_loop_run(&s->loop, PKI_MACHINE_MS / 4);
	assert_int_equal(s->zrms.sent, 1);
}

static void the_second_answer_to_what_was_asked_twice_changes_nothing(void **state)
{
	struct stage *s = *state;
	Samoza__V1__Reissue reissue = SAMOZA__V1__REISSUE__INIT;
	(void)asked_after_ms(s);
	sim_loop_run(&s->loop, PKI_MINUTE_MS);
	assert_int_equal(s->zrms.sent, 2);
	answer(s, s->authority, loop_now(&s->loop).wall_ms);
	assert_int_equal(s->changes, 1);
	struct pki_pin first = pin_stored(s);
	reissue.within_ms = 30 * SECOND_MS;
	renewal_prompt(s->renewal, &reissue);
	answer(s, s->authority, loop_now(&s->loop).wall_ms);
	struct pki_pin second = pin_stored(s);
	assert_true(pki_pin_equal(&first, &second));
	assert_int_equal(s->changes, 1);
	/* What is due meanwhile comes in its time. */
	sim_loop_run(&s->loop, 30 * SECOND_MS);
	assert_int_equal(s->zrms.sent, 3);
}

static void one_that_has_ended_is_renewed_before_anything_else(void **state)
{
	struct stage *s = *state;
	assert_false(renewal_connected(s->renewal));
	assert_int_equal(s->zrms.sent, 0);
	s->zrms.is_up = false;
	sim_loop_run(&s->loop, PKI_MACHINE_MS);
	assert_true(renewal_connected(s->renewal));
	assert_int_equal(s->zrms.sent, 1);
	assert_int_equal(s->zrms.last_type, RENEW);
}

/* ---- the answer ---- */

static void what_is_asked_for_takes_the_place_of_the_old_one(void **state)
{
	struct stage *s = *state;
	(void)asked_after_ms(s);
	struct pki_pin asked = pin_asked(s);
	answer(s, s->authority, loop_now(&s->loop).wall_ms);
	struct pki_pin stored = pin_stored(s);
	assert_true(pki_pin_equal(&asked, &stored));
	assert_int_equal(s->changes, 1);
	assert_true(identity_expires_ms(s->identity) > s->begin_wall_ms + PKI_MACHINE_MS);
	/* And is renewed in its turn, with a key that is new again. */
	s->zrms.sent = 0;
	assert_true(asked_after_ms(s) >= PKI_MACHINE_MS / 3);
	struct pki_pin next = pin_asked(s);
	assert_false(pki_pin_equal(&asked, &next));
}

/* ---- a disk that hangs ---- */

static struct loop_job *held;

static void hold(struct loop *loop, struct loop_job *job)
{
	(void)loop;
	assert_null(held);
	held = job;
}

static void what_is_being_written_is_used_when_it_is_durable(void **state)
{
	struct stage *s = *state;
	static struct loop_ops ops;
	ops = *s->loop.ops;
	ops.run_in_thread = hold;
	s->loop.ops = &ops;
	(void)asked_after_ms(s);
	struct pki_pin asked = pin_asked(s);
	answer(s, s->authority, loop_now(&s->loop).wall_ms);
	assert_keeps_the_old_one(s);
	/* It is under its name, and not yet durable: nobody looks at it, and another answer changes nothing. */
	held->run(held);
	identity_reload(s->identity);
	answer(s, s->authority, loop_now(&s->loop).wall_ms);
	sim_loop_run(&s->loop, 10 * PKI_MINUTE_MS);
	assert_int_equal(s->changes, 0);
	assert_int_equal(s->zrms.sent, 1);
	loop_job_done(held);
	assert_int_equal(s->changes, 1);
	struct pki_pin stored = pin_stored(s);
	assert_true(pki_pin_equal(&asked, &stored));
	held = NULL;
	/* And one that ends meanwhile leaves it to the end of the loop. */
	s->zrms.sent = 0;
	(void)asked_after_ms(s);
	answer(s, s->authority, loop_now(&s->loop).wall_ms);
	renewal_free(steal_ptr(&s->renewal));
	held->run(held);
	loop_job_done(held);
	held = NULL;
	assert_int_equal(s->changes, 1);
}

static void a_refusal_changes_nothing_and_it_asks_again(void **state)
{
	struct stage *s = *state;
	Samoza__V1__Renewed renewed = SAMOZA__V1__RENEWED__INIT;
	renewed.refusal = (char *)"the authority is away";
	(void)asked_after_ms(s);
	struct pki_pin first = pin_asked(s);
	renewal_take(s->renewal, &renewed);
	assert_keeps_the_old_one(s);
	sim_loop_run(&s->loop, PKI_MINUTE_MS);
	assert_int_equal(s->zrms.sent, 2);
	struct pki_pin second = pin_asked(s);
	assert_true(pki_pin_equal(&first, &second));
}

static void what_nobody_asked_for_is_not_taken(void **state)
{
	struct stage *s = *state;
	Samoza__V1__Renewed renewed = SAMOZA__V1__RENEWED__INIT;
	struct pki_certificate *other = certificate_for(
		s->authority, s->alpha.key, "zhost", "alpha", s->begin_wall_ms, PKI_MACHINE_MS);
	CLEANUP(freep) char *text = pki_certificate_write(other);
	CLEANUP(freep) char *authorities = pki_trust_write(s->trust);
	renewed.certificate = text;
	renewed.authorities = authorities;
	renewal_take(s->renewal, &renewed);
	assert_keeps_the_old_one(s);
	/* Nor, when something was, one for another key, or half an answer. */
	(void)asked_after_ms(s);
	renewal_take(s->renewal, &renewed);
	renewed.certificate = NULL;
	renewal_take(s->renewal, &renewed);
	renewed.certificate = (char *)"-----BEGIN";
	renewal_take(s->renewal, &renewed);
	assert_keeps_the_old_one(s);
	pki_certificate_free(other);
}

/* ---- a clock that is wrong by a year ---- */

static void
a_clock_that_is_a_year_ahead_asks_once_a_minute_and_keeps_what_there_is(void **state)
{
	struct stage *s = *state;
	ahead_ms = 365 * PKI_DAY_MS;
	sim_loop_run(&s->loop, PKI_MINUTE_MS);
	assert_int_equal(s->zrms.sent, 1);
	for (unsigned k = 1; k <= 10; k++) {
		answer(s, s->authority, loop_now(&s->loop).wall_ms - ahead_ms);
		assert_keeps_the_old_one(s);
		sim_loop_run(&s->loop, PKI_MINUTE_MS);
		assert_int_equal(s->zrms.sent, 1 + k);
	}
	/* Right again: nothing is due. */
	ahead_ms = 0;
	sim_loop_run(&s->loop, 10 * PKI_MINUTE_MS);
	assert_int_equal(s->zrms.sent, 11);
	assert_false(renewal_connected(s->renewal));
}

static void a_clock_that_is_a_year_behind_asks_when_it_is_right(void **state)
{
	struct stage *s = *state;
	ahead_ms = -365 * PKI_DAY_MS;
	sim_loop_run(&s->loop, PKI_MACHINE_MS / 2);
	assert_int_equal(s->zrms.sent, 0);
	ahead_ms = 0;
	sim_loop_run(&s->loop, PKI_MINUTE_MS);
	assert_int_equal(s->zrms.sent, 1);
	answer(s, s->authority, loop_now(&s->loop).wall_ms);
	assert_int_equal(s->changes, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(it_asks_from_a_third_of_its_life_on_with_a_new_key),
		TEST(without_a_link_it_waits_for_one),
		TEST(an_answer_that_is_lost_is_asked_for_again_with_the_same_key),
		TEST(zrms_can_want_it_earlier),
		TEST(the_second_answer_to_what_was_asked_twice_changes_nothing),
		TEST(one_that_has_ended_is_renewed_before_anything_else),
		TEST(what_is_asked_for_takes_the_place_of_the_old_one),
		TEST(what_is_being_written_is_used_when_it_is_durable),
		TEST(a_refusal_changes_nothing_and_it_asks_again),
		TEST(what_nobody_asked_for_is_not_taken),
		TEST(a_clock_that_is_a_year_ahead_asks_once_a_minute_and_keeps_what_there_is),
		TEST(a_clock_that_is_a_year_behind_asks_when_it_is_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
