/*
 * zrms judges the silence of zhosts by what it could have heard: not by the time in which it stood still itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/checkpoint/checkpoint.h"
#include "core/control/state/state.h"
#include "core/control/state/zhost_registry.h"
#include "fixture.h"
#include "schema/message.h"

#define SLEPT_MS 600000

static void check_zhost(const struct fixture *f, const char *name, unsigned expected)
{
	assert_int_equal(zhost_find(&f->control->zhosts, name)->state, expected);
}

static void tick(struct fixture *f)
{
	(void)fixture_handle(f, &(struct control_input){.type = CONTROL_TICK});
}

/* To who is silent after zrms was held. */
static int64_t given_ms(const struct fixture *f)
{
	return f->control->config.heartbeat_ms + f->control->config.check_ms;
}

static void hear_n2(struct fixture *f)
{
	fixture_heartbeat(f, "n2", 2);
}

static void close_n2(struct fixture *f)
{
	(void)fixture_handle(
		f, &(struct control_input){.type = CONTROL_CLOSED, .closed = {.link_id = 2}});
}

static void ask(struct fixture *f)
{
	(void)fixture_handle(
		f, &(struct control_input){.type = CONTROL_ZHOST,
					   .zhost = {.name = "n2", .action = ZHOST_CORDON}});
}

/* What comes first after the sleep: what waited in a link or a socket, or the tick that was due. */
static void (*const firsts[])(struct fixture *f) = {tick, hear_n2, close_n2, ask};

static void sleep_of_zrms(struct fixture *f, void (*first)(struct fixture *f))
{
	fixture_init(f);
	fixture_start(f);
	fixture_hello(f, "n1", 1, NULL, 0);
	fixture_hello(f, "n2", 2, NULL, 0);
	fixture_advance(f, 4000);
	f->now.mono_ms += SLEPT_MS;
	f->now.wall_ms += SLEPT_MS;
	first(f);
	tick(f);
}

static void after_a_sleep_of_zrms_nobody_is_judged_at_once(void **state)
{
	struct fixture f;
	(void)state;
	for (size_t k = 0; k < sizeof(firsts) / sizeof(firsts[0]); k++) {
		sleep_of_zrms(&f, firsts[k]);
		check_zhost(&f, "n1", ZHOST_STARTED);
		fixture_advance(&f, given_ms(&f) - 1);
		check_zhost(&f, "n1", ZHOST_STARTED);
		fixture_heartbeat(&f, "n1", 1); /* it was on its way */
		fixture_advance(&f, 1000);
		check_zhost(&f, "n1", ZHOST_STARTED);
		fixture_done(&f);
	}
}

static void after_a_sleep_of_zrms_who_stays_silent_is_a_problem(void **state)
{
	struct fixture f;
	(void)state;
	for (size_t k = 0; k < sizeof(firsts) / sizeof(firsts[0]); k++) {
		sleep_of_zrms(&f, firsts[k]);
		fixture_advance(&f, given_ms(&f));
		check_zhost(&f, "n1", ZHOST_PROBLEM);
		fixture_done(&f);
	}
}

static void hold(struct fixture *f, int64_t ms)
{
	f->now.mono_ms += ms;
	f->now.wall_ms += ms;
}

static void begin_with_n1(struct fixture *f)
{
	fixture_init(f);
	fixture_start(f);
	fixture_hello(f, "n1", 1, NULL, 0);
}

/* The tick of the silence that is too long comes so much later. */
static void hold_until_late(struct fixture *f, int64_t ms)
{
	int64_t due_ms = zhost_find(&f->control->zhosts, "n1")->deadline.key;
	fixture_advance(f, due_ms - 1 - f->now.mono_ms);
	hold(f, 1 + ms);
	tick(f);
}

static void a_short_delay_of_zrms_is_not_forgiven(void **state)
{
	struct fixture f;
	(void)state;
	begin_with_n1(&f);
	hold_until_late(&f, f.control->config.failure_timeout_ms / 6);
	check_zhost(&f, "n1", ZHOST_PROBLEM);
	fixture_done(&f);
}

static void a_delay_of_more_than_a_sixth_is_forgiven(void **state)
{
	struct fixture f;
	(void)state;
	begin_with_n1(&f);
	hold_until_late(&f, f.control->config.failure_timeout_ms / 6 + 1);
	check_zhost(&f, "n1", ZHOST_STARTED);
	fixture_advance(&f, given_ms(&f) - 1);
	check_zhost(&f, "n1", ZHOST_STARTED);
	fixture_advance(&f, 1);
	check_zhost(&f, "n1", ZHOST_PROBLEM);
	fixture_done(&f);
}

/* `on_disconnect` is short, and a delay as long as that is usual: it puts off no loss. */
static void what_is_closed_is_judged_by_its_time_and_forgiven_as_others(void **state)
{
	const struct {
		int64_t late_ms;
		enum zhost_state is;
	} cases[] = {{501, ZHOST_PROBLEM}, {5000, ZHOST_PROBLEM}, {5001, ZHOST_STARTED}};
	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct fixture f;
		begin_with_n1(&f);
		assert_int_equal(f.control->config.failure_timeout_ms, 30000);
		f.control->config.on_disconnect_ms = 3000;
		(void)fixture_handle(&f, &(struct control_input){.type = CONTROL_CLOSED,
								 .closed = {.link_id = 1}});
		hold_until_late(&f, cases[k].late_ms);
		check_zhost(&f, "n1", cases[k].is);
		fixture_done(&f);
	}
}

static void a_silence_is_forgiven_once(void **state)
{
	struct fixture f;
	(void)state;
	begin_with_n1(&f);
	fixture_hello(&f, "n2", 2, NULL, 0);
	hold(&f, SLEPT_MS);
	tick(&f);
	fixture_heartbeat(&f, "n2", 2); /* its next silence is another one */
	for (int64_t ms = 0; ms < given_ms(&f); ms += 6000) {
		check_zhost(&f, "n1", ZHOST_STARTED);
		hold(&f, 6000);
		fixture_heartbeat(&f, "n2", 2);
	}
	tick(&f);
	check_zhost(&f, "n1", ZHOST_PROBLEM);
	hold(&f, SLEPT_MS);
	tick(&f);
	check_zhost(&f, "n2", ZHOST_STARTED);
	fixture_done(&f);
}

#define FLEET  20u
#define STAYED 6u
#define SHOP   "5f0c7e34-8a1b-4f3e-9d5a-0123456789ab"

static struct control_zhost *nth(const struct fixture *f, unsigned n)
{
	CLEANUP(freep) char *name = str_printf("n%u", n);
	return zhost_find(&f->control->zhosts, name);
}

static unsigned count_in(const struct fixture *f, unsigned state)
{
	unsigned count = 0;
	for (unsigned n = 1; n <= FLEET; n++)
		count += nth(f, n)->state == state;
	return count;
}

static unsigned copies_of(const struct fixture *f, unsigned first, unsigned last)
{
	unsigned count = 0;
	for (unsigned n = first; n <= last; n++)
		count += nth(f, n)->copy_count;
	return count;
}

/* All but STAYED of them will be silent for too long in the next millisecond. */
static void begin_a_loss(struct fixture *f)
{
	fixture_init(f);
	fixture_start(f);
	for (unsigned n = 1; n <= FLEET; n++) {
		CLEANUP(freep) char *name = str_printf("n%u", n);
		fixture_hello(f, name, n, NULL, 0);
	}
	fixture_submit(f, SHOP, "shop", "- {name: web, type: CALL, count: 200}\n");
	assert_int_equal(copies_of(f, 1, FLEET), 200);
	assert_true(copies_of(f, STAYED + 1, FLEET) > 100);
	fixture_advance(f, nth(f, FLEET)->deadline.key - f->now.mono_ms - 1);
	for (unsigned n = 1; n <= STAYED; n++) {
		CLEANUP(freep) char *name = str_printf("n%u", n);
		fixture_heartbeat(f, name, n);
	}
	f->now.mono_ms++;
	f->now.wall_ms++;
}

static void the_loss_of_many_zhosts_is_decided_in_parts(void **state)
{
	struct fixture f;
	unsigned parts = 0, copies[FLEET + 1] = {0};
	(void)state;
	begin_a_loss(&f);
	for (; count_in(&f, ZHOST_PROBLEM) < FLEET - STAYED; parts++) {
		unsigned before = count_in(&f, ZHOST_PROBLEM);
		for (unsigned n = 1; n <= FLEET; n++)
			copies[n] = nth(&f, n)->copy_count;
		assert_true(control_next_ms(f.control) <= f.now.mono_ms);
		tick(&f);
		assert_in_range(count_in(&f, ZHOST_PROBLEM), before + 1, before + 6);
		/* Nothing goes where it would be lost with the next part. */
		for (unsigned n = STAYED + 1; n <= FLEET; n++)
			assert_true(nth(&f, n)->copy_count <= copies[n]);
	}
	assert_in_range(parts, 3, FLEET);
	assert_int_equal(copies_of(&f, 1, STAYED), 200);
	fixture_done(&f);
}

/* What is decided after a checkpoint is decided alike by who begins there. */
static void a_checkpoint_knows_who_is_overdue(void **state)
{
	struct fixture f;
	struct control *copy = NULL;
	(void)state;
	begin_a_loss(&f);
	tick(&f);
	Samoza__V1__Checkpoint *checkpoint = checkpoint_new(f.control, f.now);
	const char *const none[] = {NULL};
	assert_int_equal(checkpoint_load_whole(checkpoint, none, &copy, NULL), 0);
	assert_true(zhost_find(&copy->zhosts, "n20")->is_overdue);
	CLEANUP(freep) char *before = control_digest(f.control, f.now);
	CLEANUP(freep) char *after = control_digest(copy, f.now);
	assert_string_equal(before, after);
	schema_message_free(&checkpoint->base);
	control_free(copy);
	fixture_done(&f);
}

static void who_is_heard_before_its_part_is_not_lost(void **state)
{
	struct fixture f;
	(void)state;
	begin_a_loss(&f);
	tick(&f);
	assert_true(nth(&f, FLEET)->is_overdue);
	fixture_heartbeat(&f, "n20", FLEET);
	assert_false(nth(&f, FLEET)->is_overdue);
	fixture_advance(&f, 0);
	check_zhost(&f, "n20", ZHOST_STARTED);
	assert_int_equal(count_in(&f, ZHOST_PROBLEM), FLEET - STAYED - 1);
	/* And it is there for others again. */
	assert_int_equal(copies_of(&f, 1, STAYED) + nth(&f, FLEET)->copy_count, 200);
	fixture_done(&f);
}

/* ---- HELLO ---- */

static void begin_with_a_hello(struct fixture *f)
{
	fixture_init(f);
	fixture_start(f);
	f->control->config.says_answered = true;
	fixture_hello(f, "n1", 1, NULL, 0);
	fixture_advance(f, 3 * f->control->config.failure_timeout_ms);
	check_zhost(f, "n1", ZHOST_STARTED);
}

static void answer(struct fixture *f, uint64_t link_id)
{
	(void)fixture_handle(f, &(struct control_input){.type = CONTROL_HELLO_ANSWERED,
							.answered = {.link_id = link_id}});
}

/* It is lost a failure timeout from now on, and no earlier; the event says for how long it was silent. */
static void check_watched(struct fixture *f)
{
	int64_t timeout_ms = f->control->config.failure_timeout_ms;
	fixture_advance(f, timeout_ms);
	check_zhost(f, "n1", ZHOST_STARTED);
	f->now.mono_ms++;
	f->now.wall_ms++;
	tick(f);
	check_zhost(f, "n1", ZHOST_PROBLEM);
	assert_string_equal(f->events.items[f->events.count - 1]->cause,
			    "no heartbeat for 30.0 s");
}

static void who_waits_for_the_answer_to_its_hello_is_watched_from_it_on(void **state)
{
	struct fixture f;
	(void)state;
	begin_with_a_hello(&f);
	answer(&f, 1);
	check_watched(&f);
	fixture_done(&f);
}

static void who_waits_for_an_answer_is_watched_once_its_link_is_closed(void **state)
{
	struct fixture f;
	(void)state;
	begin_with_a_hello(&f);
	(void)fixture_handle(
		&f, &(struct control_input){.type = CONTROL_CLOSED, .closed = {.link_id = 1}});
	answer(&f, 1); /* to nobody */
	check_watched(&f);
	fixture_done(&f);
}

static void the_answer_on_a_former_link_is_none(void **state)
{
	struct fixture f;
	(void)state;
	begin_with_a_hello(&f);
	fixture_hello(&f, "n1", 2, NULL, 0);
	answer(&f, 1);
	fixture_advance(&f, 3 * f.control->config.failure_timeout_ms);
	check_zhost(&f, "n1", ZHOST_STARTED);
	answer(&f, 2);
	check_watched(&f);
	fixture_done(&f);
}

static void who_sends_heartbeats_needs_no_answer(void **state)
{
	struct fixture f;
	(void)state;
	begin_with_a_hello(&f);
	fixture_heartbeat(&f, "n1", 1);
	check_watched(&f);
	fixture_done(&f);
}

/* An answer that comes after heartbeats is no sign of life. */
static void a_late_answer_is_not_heard(void **state)
{
	struct fixture f;
	(void)state;
	begin_with_a_hello(&f);
	fixture_heartbeat(&f, "n1", 1);
	fixture_advance(&f, f.control->config.failure_timeout_ms);
	answer(&f, 1);
	f.now.mono_ms++;
	f.now.wall_ms++;
	tick(&f);
	check_zhost(&f, "n1", ZHOST_PROBLEM);
	fixture_done(&f);
}

static void what_an_exclusive_instance_may_rely_on_ends_as_from_hello_on(void **state)
{
	struct fixture f;
	(void)state;
	begin_with_a_hello(&f);
	const struct control_zhost *z = zhost_find(&f.control->zhosts, "n1");
	int64_t said_ms = f.now.mono_ms - 3 * f.control->config.failure_timeout_ms;
	answer(&f, 1);
	assert_int_equal(z->heard_ms, said_ms);
	fixture_done(&f);
}

static void check_copied(const struct fixture *f, bool waits)
{
	struct control *copy = NULL;
	Samoza__V1__Checkpoint *checkpoint = checkpoint_new(f->control, f->now);
	const char *const none[] = {NULL};
	assert_int_equal(checkpoint_load_whole(checkpoint, none, &copy, NULL), 0);
	assert_int_equal(zhost_find(&copy->zhosts, "n1")->hello_waits, waits);
	assert_true(copy->config.says_answered);
	CLEANUP(freep) char *before = control_digest(f->control, f->now);
	CLEANUP(freep) char *after = control_digest(copy, f->now);
	assert_string_equal(before, after);
	schema_message_free(&checkpoint->base);
	control_free(copy);
}

static void a_checkpoint_knows_whose_hello_waits(void **state)
{
	struct fixture f;
	(void)state;
	begin_with_a_hello(&f);
	check_copied(&f, true);
	answer(&f, 1);
	check_copied(&f, false);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_a_sleep_of_zrms_nobody_is_judged_at_once),
		cmocka_unit_test(after_a_sleep_of_zrms_who_stays_silent_is_a_problem),
		cmocka_unit_test(a_short_delay_of_zrms_is_not_forgiven),
		cmocka_unit_test(a_delay_of_more_than_a_sixth_is_forgiven),
		cmocka_unit_test(what_is_closed_is_judged_by_its_time_and_forgiven_as_others),
		cmocka_unit_test(a_silence_is_forgiven_once),
		cmocka_unit_test(the_loss_of_many_zhosts_is_decided_in_parts),
		cmocka_unit_test(who_is_heard_before_its_part_is_not_lost),
		cmocka_unit_test(a_checkpoint_knows_who_is_overdue),
		cmocka_unit_test(who_waits_for_the_answer_to_its_hello_is_watched_from_it_on),
		cmocka_unit_test(who_waits_for_an_answer_is_watched_once_its_link_is_closed),
		cmocka_unit_test(the_answer_on_a_former_link_is_none),
		cmocka_unit_test(who_sends_heartbeats_needs_no_answer),
		cmocka_unit_test(a_late_answer_is_not_heard),
		cmocka_unit_test(what_an_exclusive_instance_may_rely_on_ends_as_from_hello_on),
		cmocka_unit_test(a_checkpoint_knows_whose_hello_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
