/* A zhost follows no zrms of an earlier term than it has followed [machines.replicated.standby]. */
#include "fixture.h"

#define ACCEPTED SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED
#define REFUSED	 SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED
#define REMOVED	 SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED

/* On a new link, by a zrms of that term; what the agent did is ignored. */
static void greet(struct fixture *f, Samoza__V1__HelloAck__Verdict verdict, uint64_t term)
{
	down(f);
	up(f);
	hello_ack_of(f, verdict, term);
	ignore(f);
}

static bool follows(const struct fixture *f)
{
	return agent_link_fault(f->agent) == NULL;
}

static uint64_t term_on_disk(const struct fixture *f)
{
	uint64_t term = 0;
	for (size_t i = 0; i < FIXTURE_RECORDS; i++) {
		if (f->disk[i].id == NULL || strcmp(f->disk[i].owner, AGENT_LINK) != 0)
			continue;
		Samoza__V1__LinkRecord *r =
			samoza__v1__link_record__unpack(NULL, f->disk[i].size, f->disk[i].data);
		assert_non_null(r);
		term = r->term;
		samoza__v1__link_record__free_unpacked(r, NULL);
	}
	return term;
}

static void a_higher_term_is_followed_and_durable(void **state)
{
	struct fixture *f = *state;
	greet(f, ACCEPTED, 5);
	assert_true(follows(f));
	assert_int_equal(term_on_disk(f), 5);
	greet(f, ACCEPTED, 5);
	assert_true(follows(f));
	greet(f, ACCEPTED, 7);
	assert_int_equal(term_on_disk(f), 7);
}

static void nothing_of_a_lower_term_is_done(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started");
	succeed_all(f, 1, 2);
	greet(f, ACCEPTED, 7);
	greet(f, ACCEPTED, 6);
	assert_false(follows(f));
	ask_full(f, ""); /* it would stop */
	heartbeat_ack(f, 2);
	expect(f, "");
	assert_int_equal(term_on_disk(f), 7);
}

static void it_is_not_removed_by_a_lower_term(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started");
	succeed_all(f, 1, 2);
	ignore(f);
	greet(f, ACCEPTED, 7);
	down(f);
	up(f);
	ignore(f);
	hello_ack_of(f, REMOVED, 6);
	expect(f, "");
	assert_false(follows(f));
}

static void a_term_that_refuses_counts_too(void **state)
{
	struct fixture *f = *state;
	greet(f, REFUSED, 7);
	assert_int_equal(term_on_disk(f), 7);
	greet(f, ACCEPTED, 6);
	assert_false(follows(f));
}

static void the_term_outlives_a_restart(void **state)
{
	struct fixture *f = *state;
	greet(f, ACCEPTED, 7);
	restart(f, "");
	greet(f, ACCEPTED, 6);
	assert_false(follows(f));
	greet(f, ACCEPTED, 7);
	assert_true(follows(f));
}

/* Such a zrms is the only one on its store. */
static void a_zrms_without_terms_is_followed_and_nothing_forgotten(void **state)
{
	struct fixture *f = *state;
	greet(f, ACCEPTED, 7);
	rejoin(f);
	assert_true(follows(f));
	assert_int_equal(term_on_disk(f), 7);
	greet(f, ACCEPTED, 6);
	assert_false(follows(f));
}

static const Samoza__V1__Hello *hello_of(struct fixture *f, struct agent_outbox *o)
{
	agent_outbox_clear(o);
	agent_handle(f->agent, (struct instant){f->now_ms, 1000000 + f->now_ms},
		     &(struct agent_input){.type = AGENT_LINK_UP}, o);
	assert_int_equal(o->messages.count, 1);
	return (const Samoza__V1__Hello *)o->messages.items[0].message;
}

static void it_says_whom_it_refused_until_it_is_accepted(void **state)
{
	struct fixture *f = *state;
	struct agent_outbox o;
	agent_outbox_init(&o);
	greet(f, ACCEPTED, 7);
	assert_false(hello_of(f, &o)->has_refused_term);
	greet(f, ACCEPTED, 6);
	const Samoza__V1__Hello *hello = hello_of(f, &o);
	assert_int_equal(hello->refused_term, 6);
	assert_int_equal(hello->term, 7);
	greet(f, ACCEPTED, 8);
	assert_false(hello_of(f, &o)->has_refused_term);
	agent_outbox_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOINED(a_higher_term_is_followed_and_durable),
		JOINED(nothing_of_a_lower_term_is_done),
		JOINED(it_is_not_removed_by_a_lower_term),
		JOINED(a_term_that_refuses_counts_too),
		JOINED(the_term_outlives_a_restart),
		JOINED(a_zrms_without_terms_is_followed_and_nothing_forgotten),
		JOINED(it_says_whom_it_refused_until_it_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
