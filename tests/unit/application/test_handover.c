/* The table of handovers: which state follows from which facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/application/handover.h"
#include "core/instant.h"

static const struct handover_limits limits = {.healthy_for_ms = 5000,
					      .healthy_within_ms = 60000};

static struct handover begun(enum handover_kind kind)
{
	struct handover h = {.kind = kind};
	handover_begin(&h);
	return h;
}

/* Enters what follows, and says what that is. */
static enum handover_state step(struct handover *h, struct handover_facts f, int64_t now_ms)
{
	enum handover_state next = handover_next(h, &f, &limits, now_ms);
	if (next != h->state)
		handover_enter(h, next);
	return next;
}

static void start_first_runs_both_before_it_switches(void **state)
{
	struct handover h = begun(HANDOVER_START_FIRST);
	(void)state;
	assert_int_equal(step(&h, (struct handover_facts){.active = true}, 0),
			 HANDOVER_PLACING);
	struct handover_facts f = {.placed = true, .active = true};
	assert_int_equal(step(&h, f, 0), HANDOVER_RISING);
	f.deployed = true;
	assert_int_equal(step(&h, f, 0), HANDOVER_RISING);
	f.healthy = true;
	assert_int_equal(step(&h, f, 1000), HANDOVER_PROVING);
	assert_int_equal(handover_due_ms(&h, &limits), 6000);
	assert_int_equal(step(&h, f, 5999), HANDOVER_PROVING);
	assert_int_equal(step(&h, f, 6000), HANDOVER_DRAINING);
	h.drained_at_ms = 9000;
	f.placed = false;
	assert_int_equal(step(&h, f, 8999), HANDOVER_DRAINING);
	assert_int_equal(step(&h, f, 9000), HANDOVER_RETIRING);
	f.gone = true;
	assert_int_equal(step(&h, f, 9000), HANDOVER_DONE);
}

static void draining_ends_when_routes_are_known_but_not_too_early(void **state)
{
	struct handover h = {.kind = HANDOVER_START_FIRST};
	struct handover_facts f = {.placed = true, .active = true, .healthy = true};
	(void)state;
	handover_restore(&h, HANDOVER_DRAINING, &limits, 0, 1000, 500);
	handover_set_drain(&h, 1500, 9000);
	f.routes_known = true;
	assert_int_equal(handover_due_ms(&h, &limits), 1500);
	assert_int_equal(step(&h, f, 1499), HANDOVER_DRAINING);
	f.routes_known = false;
	assert_int_equal(step(&h, f, 1500), HANDOVER_DRAINING);
	assert_int_equal(handover_due_ms(&h, &limits), 9000);
	f.routes_known = true;
	assert_int_equal(step(&h, f, 1501), HANDOVER_RETIRING);
}

static void stop_first_starts_the_successor_when_the_incumbent_has_ended(void **state)
{
	struct handover h = begun(HANDOVER_STOP_FIRST);
	struct handover_facts f = {.placed = true, .active = true, .standby = true};
	(void)state;
	assert_int_equal(step(&h, f, 0), HANDOVER_PREPARING);
	f.deployed = true;
	assert_int_equal(step(&h, f, 0), HANDOVER_STOPPING);
	assert_int_equal(step(&h, f, 0), HANDOVER_STOPPING);
	f.active = false; /* but its zhost may start it by itself */
	assert_int_equal(step(&h, f, 0), HANDOVER_STOPPING);
	f.ended = true;
	f.others_stop = true;
	assert_int_equal(step(&h, f, 0), HANDOVER_STOPPING);
	f.others_stop = false;
	assert_int_equal(step(&h, f, 0), HANDOVER_STARTING);
	assert_true(handover_is_between(&h));
	f.healthy = true;
	assert_int_equal(step(&h, f, 1000), HANDOVER_PROVING);
	assert_int_equal(step(&h, f, 6000), HANDOVER_RETIRING);
}

static void a_failed_stop_first_successor_gives_the_slot_back(void **state)
{
	struct handover h = begun(HANDOVER_STOP_FIRST);
	struct handover_facts f = {
		.placed = true, .deployed = true, .ended = true, .standby = true};
	(void)state;
	h.state = HANDOVER_STARTING;
	f.failed = true;
	f.ended = false;
	assert_int_equal(step(&h, f, 0), HANDOVER_RETURNING);
	assert_int_equal(step(&h, f, 0), HANDOVER_RETURNING);
	f.ended = true;
	assert_int_equal(step(&h, f, 0), HANDOVER_REMOVING);
}

static void a_successor_that_is_late_or_fails_is_removed(void **state)
{
	struct handover_facts f = {.placed = true, .active = true};
	struct handover h = begun(HANDOVER_START_FIRST);
	(void)state;
	h.state = HANDOVER_RISING;
	h.late_at_ms = 60000;
	assert_int_equal(step(&h, f, 59999), HANDOVER_RISING);
	assert_int_equal(step(&h, f, 60000), HANDOVER_REMOVING);
	h.state = HANDOVER_PROVING;
	assert_int_equal(step(&h, f, 0), HANDOVER_REMOVING); /* unhealthy */
	h.state = HANDOVER_PREPARING;
	h.kind = HANDOVER_STOP_FIRST;
	f.failed = true;
	assert_int_equal(step(&h, f, 0), HANDOVER_REMOVING);
}

static void losses_before_and_after_the_switch(void **state)
{
	struct handover h = begun(HANDOVER_START_FIRST);
	(void)state;
	h.state = HANDOVER_RISING;
	h.placed_wall_ms = h.late_at_ms = 1;
	assert_int_equal(
		step(&h, (struct handover_facts){.placed_lost = true, .active = true}, 0),
		HANDOVER_PLACING);
	assert_int_equal(h.late_at_ms, 0); /* its clock begins again */
	h.state = HANDOVER_RISING;
	assert_int_equal(
		step(&h, (struct handover_facts){.placed = true, .serving_lost = true}, 0),
		HANDOVER_RETIRING);
	h.kind = HANDOVER_STOP_FIRST;
	h.state = HANDOVER_STARTING;
	assert_int_equal(
		step(&h, (struct handover_facts){.standby = true, .serving_lost = true}, 0),
		HANDOVER_PLACING);
	h.state = HANDOVER_STARTING;
	assert_int_equal(step(&h, (struct handover_facts){.active = true}, 0),
			 HANDOVER_RETIRING); /* nobody is left to return to */
}

static void what_was_healthy_proves_it_again_after_a_restart(void **state)
{
	struct handover h = {.kind = HANDOVER_START_FIRST, .placed_wall_ms = 1000};
	struct handover_facts f = {.placed = true, .active = true, .healthy = true};
	(void)state;
	handover_restore(&h, HANDOVER_PROVING, &limits, 1000000, 500, 10000);
	assert_int_equal(h.late_at_ms, 500 + 5000 + 10000);
	assert_int_equal(h.healthy_since_ms, 0);
	assert_int_equal(step(&h, f, 5000), HANDOVER_PROVING);
	assert_int_equal(step(&h, f, 10000), HANDOVER_DRAINING);
}

static void people_read_no_name_of_a_state(void **state)
{
	(void)state;
	for (unsigned k = 0; k < HANDOVER_STATE_COUNT; k++) {
		const char *text = handover_state_text((enum handover_state)k);
		assert_non_null(text);
		for (unsigned other = 0; other < HANDOVER_STATE_COUNT; other++)
			assert_null(
				strstr(text, handover_state_name((enum handover_state)other)));
	}
	assert_string_equal(handover_state_text(HANDOVER_RISING), "the new copy takes over");
}

static void one_that_shares_takes_over_when_its_owner_says_so(void **state)
{
	struct handover h = begun(HANDOVER_START_FIRST);
	struct handover_facts f = {.placed = true, .shares = true};
	(void)state;
	/* Also where nothing runs: the slot is not the successor's. */
	assert_int_equal(step(&h, f, 0), HANDOVER_RISING);
	f.active = f.deployed = f.healthy = true;
	assert_int_equal(step(&h, f, 1000), HANDOVER_PROVING);
	assert_int_equal(step(&h, f, 6000), HANDOVER_SHARING);
	assert_true(handover_is_before_switch(&h));
	/* What it needs has gone for a while. */
	f.healthy = false;
	f.starting = true;
	assert_int_equal(step(&h, f, 7000), HANDOVER_SHARING);
	f.shares = false;
	assert_int_equal(step(&h, f, 7500), HANDOVER_SHARING);
	f.healthy = true;
	assert_int_equal(step(&h, f, 8000), HANDOVER_DRAINING);
}

static void one_that_shares_and_is_ill_is_removed(void **state)
{
	struct handover h = begun(HANDOVER_START_FIRST);
	struct handover_facts f = {.placed = true, .active = true, .shares = true};
	(void)state;
	h.state = HANDOVER_SHARING;
	assert_int_equal(step(&h, f, 0), HANDOVER_REMOVING);
	h.state = HANDOVER_SHARING;
	f = (struct handover_facts){.placed_lost = true, .active = true, .shares = true};
	assert_int_equal(step(&h, f, 0), HANDOVER_PLACING);
}

static void one_that_shares_takes_the_slot_of_what_is_lost_or_exhausted(void **state)
{
	struct handover h = begun(HANDOVER_START_FIRST);
	struct handover_facts f = {
		.placed = true, .healthy = true, .shares = true, .serving_lost = true};
	(void)state;
	h.state = HANDOVER_SHARING;
	assert_int_equal(step(&h, f, 0), HANDOVER_RETIRING);
	h.state = HANDOVER_SHARING;
	f = (struct handover_facts){
		.placed = true, .healthy = true, .shares = true, .serving_exhausted = true};
	assert_int_equal(step(&h, f, 0), HANDOVER_RETIRING);
}

static void one_that_is_joint_waits_for_its_owner(void **state)
{
	struct handover h = begun(HANDOVER_START_FIRST);
	struct handover_facts f = {.placed = true, .joint = true};
	(void)state;
	/* Nothing runs: it does not change at once. */
	assert_int_equal(step(&h, f, 0), HANDOVER_RISING);
	f.active = f.deployed = f.healthy = true;
	assert_int_equal(step(&h, f, 1000), HANDOVER_PROVING);
	assert_int_equal(step(&h, f, 6000), HANDOVER_READY);
	assert_true(handover_is_before_switch(&h));
	assert_int_equal(handover_due_ms(&h, &limits), NEVER_MS);
	assert_int_equal(step(&h, f, 600000), HANDOVER_READY);
	f.serving_exhausted = true;
	assert_int_equal(step(&h, f, 600000), HANDOVER_READY);
	/* What it needs has gone for a while. */
	f.healthy = false;
	f.starting = true;
	assert_int_equal(step(&h, f, 600000), HANDOVER_READY);
	f.starting = false;
	assert_int_equal(step(&h, f, 600000), HANDOVER_REMOVING);
}

static void one_that_is_joint_takes_no_slot_of_what_is_lost(void **state)
{
	struct handover h = begun(HANDOVER_START_FIRST);
	struct handover_facts f = {
		.placed = true, .healthy = true, .joint = true, .serving_lost = true};
	(void)state;
	h.state = HANDOVER_READY;
	assert_int_equal(step(&h, f, 0), HANDOVER_PLACING);
}

static void a_stop_first_one_that_is_held_stops_nothing(void **state)
{
	struct handover h = begun(HANDOVER_STOP_FIRST);
	struct handover_facts f = {
		.placed = true, .active = true, .deployed = true, .shares = true};
	(void)state;
	assert_int_equal(step(&h, f, 0), HANDOVER_PREPARING);
	assert_int_equal(step(&h, f, 0), HANDOVER_PREPARING);
	f.shares = false;
	assert_int_equal(step(&h, f, 0), HANDOVER_STOPPING);
}

/* Nobody else would serve the slot. */
static void a_stop_first_one_whose_incumbent_is_exhausted_does_not_wait(void **state)
{
	struct handover h = begun(HANDOVER_STOP_FIRST);
	struct handover_facts f = {
		.placed = true, .active = true, .shares = true, .serving_exhausted = true};
	(void)state;
	assert_int_equal(step(&h, f, 0), HANDOVER_PREPARING);
	assert_int_equal(step(&h, f, 0), HANDOVER_PREPARING);
	f.deployed = true;
	assert_int_equal(step(&h, f, 0), HANDOVER_STOPPING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_read_no_name_of_a_state),
		cmocka_unit_test(one_that_is_joint_waits_for_its_owner),
		cmocka_unit_test(one_that_is_joint_takes_no_slot_of_what_is_lost),
		cmocka_unit_test(draining_ends_when_routes_are_known_but_not_too_early),
		cmocka_unit_test(start_first_runs_both_before_it_switches),
		cmocka_unit_test(stop_first_starts_the_successor_when_the_incumbent_has_ended),
		cmocka_unit_test(a_failed_stop_first_successor_gives_the_slot_back),
		cmocka_unit_test(a_successor_that_is_late_or_fails_is_removed),
		cmocka_unit_test(losses_before_and_after_the_switch),
		cmocka_unit_test(one_that_shares_takes_over_when_its_owner_says_so),
		cmocka_unit_test(one_that_shares_and_is_ill_is_removed),
		cmocka_unit_test(one_that_shares_takes_the_slot_of_what_is_lost_or_exhausted),
		cmocka_unit_test(a_stop_first_one_that_is_held_stops_nothing),
		cmocka_unit_test(a_stop_first_one_whose_incumbent_is_exhausted_does_not_wait),
		cmocka_unit_test(what_was_healthy_proves_it_again_after_a_restart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
