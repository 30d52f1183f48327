/* Who says hello: a restart, a copy of the directory, another one under the name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "fixture.h"

#define ACK	 SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK
#define ACCEPTED SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED
#define REFUSED	 SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED
#define STARTED	 SAMOZA__V1__PHASE__PHASE_STARTED

static struct reported web = {.topology = "T", .path = "web", .phase = STARTED};

static const Samoza__V1__HelloAck *hello(struct fixture *f, uint64_t link_id,
					 const char *machine, uint64_t incarnation)
{
	f->machine = machine;
	f->incarnation = incarnation;
	fixture_hello(f, "n1", link_id, &web, web.epoch != 0);
	return (const Samoza__V1__HelloAck *)fixture_message(f, link_id, ACK);
}

/* n1 on machine A, with one instance that has started. */
static void set_up(struct fixture *f)
{
	fixture_init(f);
	fixture_start(f);
	web.epoch = 0;
	assert_int_equal(hello(f, 1, "A", 1)->verdict, ACCEPTED);
	fixture_submit(f, "T", "shop", "- {name: web, type: NATIVE}");
	const Samoza__V1__DesiredInstance *desired = fixture_desired(f, 1, "web");
	assert_non_null(desired);
	web.epoch = desired->key->epoch;
	web.phase = SAMOZA__V1__PHASE__PHASE_DEPLOYED;
	fixture_report(f, 1, &web);
	web.phase = STARTED;
	fixture_report(f, 1, &web);
}

static void a_restart_on_the_same_machine_joins_at_once(void **state)
{
	struct fixture f;
	set_up(&f);
	assert_int_equal(hello(&f, 2, "A", 2)->verdict, ACCEPTED);
	fixture_restart(&f);
	assert_int_equal(hello(&f, 3, "A", 3)->verdict, ACCEPTED);
	fixture_done(&f);
}

static void a_copy_is_refused_with_what_to_do_and_one_event(void **state)
{
	struct fixture f;
	set_up(&f);
	fixture_advance(&f, 1000);
	fixture_clear_events(&f);
	const Samoza__V1__HelloAck *ack = hello(&f, 2, "B", 2);
	assert_int_equal(ack->verdict, REFUSED);
	assert_non_null(strstr(ack->reason, "may join when that one is in state problem"));
	assert_int_equal(f.events.count, 0); /* the first one may have died */
	for (uint64_t k = 0; k < 3; k++) {
		fixture_advance(&f, 1000);
		f.incarnation = 1;
		fixture_heartbeat(&f, "n1", 1);
		ack = hello(&f, 3 + k, "B", 2);
		assert_int_equal(ack->verdict, REFUSED);
		assert_non_null(strstr(ack->reason, "--new-identity"));
		assert_int_equal(ack->n_superseded, 1);
	}
	CLEANUP(freep) char *events = fixture_events(&f, "zhost");
	assert_string_equal(events, "n1: deployed-started -> deployed-started\n"
				    "n1: deployed-started -> deployed-started\n");
	CLEANUP(freep) char *space = fixture_space(&f, "T", "web");
	assert_string_equal(space, "deployed-started on n1");
	fixture_done(&f);
}

static void a_copy_is_known_after_a_restart_of_zrms(void **state)
{
	struct fixture f;
	set_up(&f);
	fixture_restart(&f);
	assert_int_equal(hello(&f, 2, "B", 2)->verdict, REFUSED);
	assert_int_equal(hello(&f, 3, "A", 1)->verdict, ACCEPTED);
	fixture_done(&f);
}

static void another_machine_joins_after_the_timeout_and_nothing_is_adopted(void **state)
{
	struct fixture f;
	set_up(&f);
	uint64_t before = web.epoch;
	fixture_advance(&f, 40000);
	assert_int_equal(hello(&f, 2, "B", 2)->verdict, ACCEPTED);
	const Samoza__V1__DesiredInstance *desired = fixture_desired(&f, 2, "web");
	assert_non_null(desired);
	assert_true(desired->key->epoch > before);
	/* The first one comes back: all that it runs is somewhere else. */
	const Samoza__V1__HelloAck *ack = hello(&f, 3, "A", 5);
	assert_int_equal(ack->verdict, REFUSED);
	assert_int_equal(ack->n_superseded, 1);
	assert_string_equal(ack->superseded[0]->path, "web");
	assert_int_equal(ack->superseded[0]->epoch, before);
	fixture_done(&f);
}

static void what_an_older_incarnation_runs_is_superseded_by_the_newer_one(void **state)
{
	struct fixture f;
	set_up(&f);
	assert_int_equal(hello(&f, 2, "A", 3)->verdict, ACCEPTED);
	const Samoza__V1__HelloAck *ack = hello(&f, 3, "A", 2);
	assert_int_equal(ack->verdict, REFUSED);
	assert_non_null(strstr(ack->reason, "older incarnation"));
	assert_int_equal(ack->n_superseded, 1);
	fixture_done(&f);
}

static void nothing_is_superseded_while_the_newer_one_has_no_link(void **state)
{
	struct fixture f;
	set_up(&f);
	assert_int_equal(hello(&f, 2, "A", 3)->verdict, ACCEPTED);
	struct control_input closed = {.type = CONTROL_CLOSED, .closed = {.link_id = 2}};
	fixture_take(&f, &closed);
	fixture_flush(&f);
	const Samoza__V1__HelloAck *ack = hello(&f, 3, "A", 2);
	assert_int_equal(ack->verdict, REFUSED);
	assert_int_equal(ack->n_superseded, 0);
	fixture_done(&f);
}

/* A copy is refused, the first one connects again, and the copy is still there. */
static void a_copy_is_told_again_after_the_first_one_has_connected_again(void **state)
{
	struct fixture f;
	set_up(&f);
	for (uint64_t k = 0; k < 2; k++) {
		fixture_advance(&f, 1000);
		fixture_clear_events(&f);
		const Samoza__V1__HelloAck *ack = hello(&f, 10 + k, "B", 5);
		assert_non_null(
			strstr(ack->reason, "may join when that one is in state problem"));
		fixture_advance(&f, 1000);
		fixture_heartbeat(&f, "n1", k == 0 ? 1 : 20);
		assert_int_equal(hello(&f, 12 + k, "B", 5)->verdict, REFUSED);
		assert_int_equal(f.events.count,
				 2); /* of the zhost, and for the topology there */
		if (k == 0)
			assert_int_equal(hello(&f, 20, "A", 1)->verdict, ACCEPTED);
	}
	fixture_done(&f);
}

static void a_zhost_with_a_wrong_name_keeps_what_is_placed_on_it(void **state)
{
	struct fixture f;
	set_up(&f);
	f.machine = "C";
	fixture_hello(&f, "n2", 2, NULL, 0);
	f.identity = "identity of n1"; /* n1, by mistake under the name n2 */
	f.machine = "A";
	fixture_hello(&f, "n2", 3, &web, 1);
	const Samoza__V1__HelloAck *ack =
		(const Samoza__V1__HelloAck *)fixture_message(&f, 3, ACK);
	assert_int_equal(ack->verdict, REFUSED);
	assert_int_equal(ack->n_superseded, 0);
	fixture_done(&f);
}

/* What it runs has another place since: only what still counts may go on until its name is put right. */
static void a_zhost_with_a_wrong_name_stops_what_was_placed_elsewhere(void **state)
{
	struct fixture f;
	set_up(&f);
	uint64_t before = web.epoch;
	fixture_advance(&f, 40000);
	f.machine = "C";
	fixture_hello(&f, "n2", 2, NULL, 0);
	const Samoza__V1__DesiredInstance *desired = fixture_desired(&f, 2, "web");
	assert_non_null(desired);
	assert_true(desired->key->epoch > before);
	f.identity = "identity of n1";
	f.machine = "A";
	fixture_hello(&f, "n2", 3, &web, 1);
	const Samoza__V1__HelloAck *ack =
		(const Samoza__V1__HelloAck *)fixture_message(&f, 3, ACK);
	assert_int_equal(ack->verdict, REFUSED);
	assert_int_equal(ack->n_superseded, 1);
	assert_string_equal(ack->superseded[0]->path, "web");
	assert_int_equal(ack->superseded[0]->epoch, before);
	fixture_done(&f);
}

/* Zhosts of before: nothing is known but the identity. */
static void a_zhost_that_does_not_name_its_machine_joins_as_before(void **state)
{
	struct fixture f;
	set_up(&f);
	assert_int_equal(hello(&f, 2, NULL, 2)->verdict, ACCEPTED);
	assert_int_equal(hello(&f, 3, "A", 3)->verdict, ACCEPTED);
	assert_int_equal(hello(&f, 4, "B", 4)->verdict, REFUSED);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restart_on_the_same_machine_joins_at_once),
		cmocka_unit_test(a_copy_is_refused_with_what_to_do_and_one_event),
		cmocka_unit_test(a_copy_is_known_after_a_restart_of_zrms),
		cmocka_unit_test(
			another_machine_joins_after_the_timeout_and_nothing_is_adopted),
		cmocka_unit_test(what_an_older_incarnation_runs_is_superseded_by_the_newer_one),
		cmocka_unit_test(nothing_is_superseded_while_the_newer_one_has_no_link),
		cmocka_unit_test(a_copy_is_told_again_after_the_first_one_has_connected_again),
		cmocka_unit_test(a_zhost_with_a_wrong_name_keeps_what_is_placed_on_it),
		cmocka_unit_test(a_zhost_with_a_wrong_name_stops_what_was_placed_elsewhere),
		cmocka_unit_test(a_zhost_that_does_not_name_its_machine_joins_as_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
