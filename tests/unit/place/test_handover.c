/* Two units of one slot: a successor beside its incumbent, shared room, one zhost only, and a
 * unit that grows where it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "fixture.h"

/* A slot `app/a` with an incumbent of one revision and a successor of the next. */
struct slot {
	struct place *place;
	uint32_t n1, n2;
	struct app old, new;
	uint32_t incumbent, successor;
	struct place_unit_request want; /* of the successor */
	struct place_result result;
};

#define BIG   "{name: n1, cpu: 4, memory: 4GiB, devices: [{kind: gpu, count: 2}]}"
#define SMALL "{name: n2, cpu: 1, memory: 4GiB, devices: [{kind: gpu, count: 1}]}"

static void slot_init(struct slot *s, const char *old, const char *new)
{
	struct place *p = place_new(NULL);
	*s = (struct slot){.place = p};
	s->n1 = add_zhost(p, BIG);
	s->n2 = add_zhost(p, SMALL);
	s->old = app_add(p, "app", old);
	s->new = app_of(p, topology_from("app", new, NULL), 1000);
	s->incumbent = s->old.units[0];
	s->successor = place_unit_new(p, s->new.topology, 0, s->incumbent);
	s->want.unit = s->successor;
	place_add(p, s->incumbent, s->n1);
}

static const char *slot_try(struct slot *s)
{
	place_result_done(&s->result);
	place_try(s->place, &(struct place_request){.units = &s->want, .unit_count = 1},
		  &s->result);
	return s->result.complete ? place_zhost_name(s->place, s->result.zhosts[0])
				  : s->result.reason.sentence;
}

static void slot_done(struct slot *s)
{
	place_result_done(&s->result);
	app_done(&s->old);
	app_done(&s->new);
	place_free(s->place);
}

static uint64_t cpu_on(const struct slot *s, uint32_t zhost)
{
	return place_zhost_usage(s->place, zhost).cpu_reserved;
}

static uint32_t gpus_free(const struct slot *s, uint32_t zhost)
{
	return place_zhost_usage(s->place, zhost).devices_whole_free;
}

#define ALONE(cpu)                                                                       \
	"- {name: a, type: DATA, resources: {cpu: " cpu "}, placement: {anti_affinity: " \
	"[{with: self, required: true}]}}\n"

static void a_successor_may_stand_beside_its_incumbent(void **state)
{
	(void)state;
	struct slot s;
	slot_init(&s, ALONE("1"), ALONE("2"));
	assert_string_equal(slot_try(&s), "n1");
	assert_int_equal(cpu_on(&s, s.n1), 3000);
	/* An instance of another slot may not. */
	struct place_unit_request other = {.unit = s.new.units[0]};
	struct place_result result;
	place_try(s.place, &(struct place_request){.units = &other, .unit_count = 1}, &result);
	assert_string_equal(result.reason.sentence,
			    "insufficient capacity on remaining zhosts");
	assert_non_null(strstr(result.reason.detail, "1 zhost that passes"));
	place_result_done(&result);
	slot_done(&s);
}

static void shared_room_is_the_larger_of_both(void **state)
{
	(void)state;
	struct slot s;
	slot_init(&s, ALONE("3"), ALONE("3500m"));
	assert_string_equal(slot_try(&s), "insufficient capacity on remaining zhosts");
	s.want.shares_room = true;
	s.want.replaces = s.incumbent;
	assert_string_equal(slot_try(&s), "n1");
	assert_int_equal(cpu_on(&s, s.n1), 3500);
	place_remove(s.place, s.successor);
	assert_int_equal(cpu_on(&s, s.n1), 3000);
	assert_string_equal(slot_try(&s), "n1");
	place_remove(s.place, s.incumbent);
	assert_int_equal(cpu_on(&s, s.n1), 3500);
	/* It has ended: they do not share when both come again. */
	place_add(s.place, s.incumbent, s.n1);
	assert_int_equal(cpu_on(&s, s.n1), 6500);
	slot_done(&s);
}

static void room_elsewhere_is_not_shared(void **state)
{
	(void)state;
	struct slot s;
	slot_init(&s, ALONE("4"), ALONE("1"));
	s.want.shares_room = true;
	s.want.replaces = s.incumbent;
	struct place_exclusion out = {s.n1, FAILURE_ATTEMPTS, "a failed once on n1: trap"};
	s.want.excluded = &out;
	s.want.excluded_count = 1;
	assert_string_equal(slot_try(&s), "n2");
	assert_int_equal(cpu_on(&s, s.n1), 4000);
	assert_int_equal(cpu_on(&s, s.n2), 1000);
	slot_done(&s);
}

/* Records name them in any order. */
static void shared_room_is_remembered(void **state)
{
	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		struct slot s;
		slot_init(&s, ALONE("3"), ALONE("2"));
		place_remove(s.place, s.incumbent);
		place_share_room(s.place, s.successor, s.incumbent);
		place_add(s.place, turn == 0 ? s.successor : s.incumbent, s.n1);
		place_add(s.place, turn == 0 ? s.incumbent : s.successor, s.n1);
		assert_int_equal(cpu_on(&s, s.n1), 3000);
		/* Its explanation does not count the room twice. */
		struct place_explanation e;
		place_explain(s.place, &s.want, &e);
		assert_int_equal(e.verdicts[0].zhost, s.n1);
		assert_true(e.verdicts[0].eligible && e.verdicts[0].chosen);
		place_explanation_done(&e);
		assert_int_equal(cpu_on(&s, s.n1), 3000);
		place_unit_free(s.place, s.incumbent);
		assert_int_equal(cpu_on(&s, s.n1), 2000);
		slot_done(&s);
	}
}

#define GPUS(count) \
	"- {name: a, type: DATA, resources: {devices: [{kind: gpu, count: " count "}]}}\n"

static void devices_are_used_again(void **state)
{
	(void)state;
	struct slot s;
	slot_init(&s, GPUS("1"), GPUS("1"));
	/* The incumbent holds the second one. */
	uint32_t count;
	uint32_t other = place_unit_new(s.place, s.old.topology, 0, PLACE_NONE);
	place_remove(s.place, s.incumbent);
	place_add(s.place, other, s.n1);
	place_add(s.place, s.incumbent, s.n1);
	place_unit_free(s.place, other);
	assert_int_equal(place_devices(s.place, s.incumbent, &count)[0], 1);
	s.want.shares_room = true;
	s.want.replaces = s.incumbent;
	assert_string_equal(slot_try(&s), "n1");
	assert_int_equal(place_devices(s.place, s.successor, &count)[0], 1);
	assert_int_equal(gpus_free(&s, s.n1), 1);
	/* The zhost offers others: they still share. */
	(void)add_zhost(s.place, "{name: n1, cpu: 4, memory: 4GiB, devices: [{kind: gpu, "
				 "count: 3}]}");
	assert_int_equal(gpus_free(&s, s.n1), 2);
	place_remove(s.place, s.incumbent);
	assert_int_equal(gpus_free(&s, s.n1), 2);
	place_remove(s.place, s.successor);
	assert_int_equal(gpus_free(&s, s.n1), 3);
	slot_done(&s);
}

static void a_unit_may_be_bound_to_one_zhost(void **state)
{
	(void)state;
	struct slot s;
	slot_init(&s, ALONE("1"), ALONE("1"));
	s.want.has_only = true;
	s.want.only = s.n2;
	assert_string_equal(slot_try(&s), "n2");
	place_remove(s.place, s.successor);
	place_zhost_flags(s.place, s.n2, true, true);
	assert_string_equal(slot_try(&s), "no zhost is available");
	assert_string_equal(s.result.reason.detail, "only n2 is possible, which is cordoned");
	s.want.ignore_cordon = true;
	assert_string_equal(slot_try(&s), "n2");
	place_remove(s.place, s.successor);
	struct place_explanation e;
	place_explain(s.place, &s.want, &e);
	assert_int_equal(e.eligible_count, 1);
	assert_int_equal(e.verdicts[0].zhost, s.n2);
	assert_string_equal(e.verdicts[1].failures[0].text, "only n2 is possible");
	place_explanation_done(&e);
	slot_done(&s);
}

/* Its own zhost is looked at with the room of its incumbent returned. */
static void waits_for_room_beside_its_incumbent(void **state)
{
	(void)state;
	struct slot s;
	slot_init(&s, ALONE("2"), ALONE("3"));
	struct app filler = app_add(s.place, "filler",
				    "- {name: f, type: DATA, resources: {cpu: 1500m}}\n"
				    "- {name: g, type: DATA, resources: {cpu: 300m}}\n");
	place_add(s.place, filler.units[0], s.n1);
	place_add(s.place, filler.units[1], s.n1);
	s.want.shares_room = true;
	s.want.replaces = s.incumbent;
	assert_string_equal(slot_try(&s), "insufficient capacity on remaining zhosts");
	place_wait(s.place, 5, &(struct place_request){.units = &s.want, .unit_count = 1});
	place_remove(s.place, filler.units[1]);
	assert_int_equal(place_wait_next(s.place), PLACE_NONE);
	place_remove(s.place, filler.units[0]);
	assert_int_equal(place_wait_next(s.place), 5);
	place_wait_end(s.place, 5);
	assert_string_equal(slot_try(&s), "n1");
	app_done(&filler);
	slot_done(&s);
}

/* Its incumbent was lost too, and is placed first. */
static void waits_for_its_incumbent_to_be_placed(void **state)
{
	(void)state;
	struct slot s;
	slot_init(&s, ALONE("3"), ALONE("3"));
	place_remove(s.place, s.incumbent);
	place_zhost_flags(s.place, s.n1, true, true);
	s.want.shares_room = true;
	s.want.replaces = s.incumbent;
	assert_string_equal(slot_try(&s), "insufficient capacity on remaining zhosts");
	place_wait(s.place, 5, &(struct place_request){.units = &s.want, .unit_count = 1});
	place_zhost_flags(s.place, s.n1, true, false);
	assert_int_equal(place_wait_next(s.place), 5);
	place_add(s.place, s.incumbent, s.n1);
	assert_int_equal(place_wait_next(s.place), 5);
	place_wait_end(s.place, 5);
	assert_string_equal(slot_try(&s), "n1");
	slot_done(&s);
}

static void waits_for_its_only_zhost(void **state)
{
	(void)state;
	struct slot s;
	slot_init(&s, ALONE("1"), ALONE("1"));
	s.want.has_only = true;
	s.want.only = s.n2;
	place_zhost_flags(s.place, s.n2, false, false);
	assert_string_equal(slot_try(&s), "no zhost is available");
	place_wait(s.place, 5, &(struct place_request){.units = &s.want, .unit_count = 1});
	(void)add_zhost(s.place, "{name: n3, cpu: 4, memory: 4GiB}");
	assert_int_equal(place_wait_next(s.place), PLACE_NONE);
	place_zhost_flags(s.place, s.n2, true, true);
	assert_int_equal(place_wait_next(s.place), PLACE_NONE);
	place_zhost_flags(s.place, s.n2, true, false);
	assert_int_equal(place_wait_next(s.place), 5);
	/* Without it the caller has to ask for something else. */
	place_zhost_remove(s.place, s.n2);
	assert_int_equal(place_wait_next(s.place), 5);
	slot_done(&s);
}

#define PARENT	   "- {name: a, type: DATA, resources: {cpu: 1}}\n"
#define CHILD(cpu) PARENT "- {name: b, type: DATA, inside: a, resources: {cpu: " cpu "}}\n"

static void a_unit_grows_where_it_is(void **state)
{
	(void)state;
	struct slot s;
	slot_init(&s, PARENT, CHILD("2"));
	assert_true(place_unit_resize(s.place, s.incumbent, s.new.topology, 0));
	assert_int_equal(place_where(s.place, s.incumbent), s.n1);
	assert_int_equal(cpu_on(&s, s.n1), 3000);
	assert_true(place_unit_resize(s.place, s.incumbent, s.old.topology, 0));
	assert_int_equal(cpu_on(&s, s.n1), 1000);
	slot_done(&s);
	slot_init(&s, PARENT, CHILD("4"));
	assert_false(place_unit_may_stay(s.place, s.incumbent, s.new.topology, 0));
	assert_true(place_unit_may_stay(s.place, s.incumbent, s.old.topology, 0));
	assert_false(place_unit_resize(s.place, s.incumbent, s.new.topology, 0));
	assert_int_equal(cpu_on(&s, s.n1), 1000);
	/* A cordon does not drive it away, a rule does. */
	place_zhost_flags(s.place, s.n1, true, true);
	assert_true(place_unit_resize(s.place, s.incumbent, s.old.topology, 0));
	slot_done(&s);
	slot_init(&s, PARENT,
		  PARENT "- {name: b, type: IO, inside: a, capabilities: [sensors.camera]}\n");
	assert_false(place_unit_resize(s.place, s.incumbent, s.new.topology, 0));
	place_remove(s.place, s.incumbent);
	assert_true(place_unit_resize(s.place, s.incumbent, s.new.topology, 0));
	slot_done(&s);
}

/* What it needs less of it gives back, also where it would not be placed any longer. */
static void a_unit_shrinks_whatever_the_rules_say(void **state)
{
	(void)state;
	struct slot s;
	slot_init(&s, CHILD("2"),
		  "- {name: a, type: DATA, capabilities: [sensors.camera], resources: {cpu: "
		  "1}}\n");
	assert_int_equal(cpu_on(&s, s.n1), 3000);
	assert_false(place_unit_resize(s.place, s.incumbent, s.new.topology, 0));
	place_unit_shrink(s.place, s.incumbent, s.new.topology, 0);
	assert_int_equal(place_where(s.place, s.incumbent), s.n1);
	assert_int_equal(cpu_on(&s, s.n1), 1000);
	slot_done(&s);
}

/* What a unit gives up when it shrinks is offered to those that wait, and its new child to
 * those that wait for it. */
static void a_resize_wakes(void **state)
{
	(void)state;
	struct slot s;
	slot_init(&s, CHILD("2500m"), PARENT);
	struct app wide =
		app_add(s.place, "wide", "- {name: w, type: DATA, resources: {cpu: 2}}\n");
	struct app near = app_add(s.place, "near",
				  "- {name: n, type: DATA, placement: {affinity: [{with: "
				  "app/b, required: true}]}}\n");
	struct place_unit_request wants[] = {{.unit = wide.units[0]}, {.unit = near.units[0]}};
	place_wait(s.place, 1, &(struct place_request){.units = &wants[0], .unit_count = 1});
	assert_true(place_unit_resize(s.place, s.incumbent, s.new.topology, 0));
	assert_int_equal(place_wait_next(s.place), 1);
	place_wait_end(s.place, 1);
	place_wait(s.place, 2, &(struct place_request){.units = &wants[1], .unit_count = 1});
	assert_int_equal(place_wait_next(s.place), PLACE_NONE);
	assert_true(place_unit_resize(s.place, s.incumbent, s.old.topology, 0));
	assert_int_equal(place_wait_next(s.place), 2);
	app_done(&wide);
	app_done(&near);
	slot_done(&s);
}

/*
 * Recovery one by one: each unit passes all rules when it is placed. `a-1` then is the only one of
 * its space that counts for it, since its incumbent on n2 is of its own slot. For `a-2` that
 * incumbent counts, and n2 is the only zhost with room. Now `a-1` has another instance of its
 * space, but not in its region: no request that places both together may end so.
 */
static void recovery_may_part_a_unit_from_its_space(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	uint32_t n1 = add_zhost(p, "{name: n1, cpu: 1, memory: 4GiB, region: eu}");
	uint32_t n2 = add_zhost(p, "{name: n2, cpu: 2, memory: 4GiB, region: us}");
#define NEAR_ITSELF                                                                      \
	"- {name: a, type: DATA, count: 2, resources: {cpu: 1}, placement: {affinity: [" \
	"{with: self, scope: region, required: true}]}}\n"
	struct app old = app_add(p, "app", NEAR_ITSELF);
	struct app new =
		app_add(p, "app", NEAR_ITSELF "- {name: z, type: DATA, resources: {cpu: 9}}\n");
	place_add(p, old.units[0], n2);
	struct place_exclusion failed = {n2, FAILURE_ATTEMPTS, "it failed there"};
	struct place_unit_request units[] = {
		{.unit = place_unit_new(p, new.topology, 0, old.units[0]),
		 .excluded = &failed,
		 .excluded_count = 1},
		{.unit = new.units[1]},
		{.unit = new.units[2]},
	};
	struct place_result result;
	place_try(p, &(struct place_request){.units = units, .unit_count = 2}, &result);
	assert_int_equal(result.placed, 0);
	place_result_done(&result);
	place_try(
		p,
		&(struct place_request){.mode = PLACE_RECOVER, .units = units, .unit_count = 3},
		&result);
	assert_int_equal(result.zhosts[0], n1);
	assert_int_equal(result.zhosts[1], n2);
	assert_int_equal(result.zhosts[2], PLACE_NONE);
	place_result_done(&result);
	struct place_explanation e;
	place_explain(p, &units[0], &e);
	assert_int_equal(e.eligible_count, 0);
	assert_int_equal(e.verdicts[0].zhost, n1);
	assert_int_equal(e.verdicts[0].failures[0].rule, PLACE_RULE_AFFINITY);
	place_explanation_done(&e);
	app_done(&old);
	app_done(&new);
	place_free(p);
}

/* Spreading keeps the units of one application apart, whatever their revisions. */
static void revisions_are_neighbours(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	(void)add_zhost(p, "{name: n1, cpu: 4, memory: 4GiB}");
	(void)add_zhost(p, "{name: n2, cpu: 1100m, memory: 4GiB}");
	struct app old = app_add(p, "app", PARENT);
	CLEANUP(freep) char *first = place_all(&old);
	assert_string_equal(first, "a=n1");
	CLEANUP(freep) char *other = place_text(p, "other", PARENT);
	assert_string_equal(other, "a=n1");
	CLEANUP(freep) char *second = place_text(p, "app", PARENT);
	assert_string_equal(second, "a=n2");
	app_done(&old);
	place_free(p);
}

/* It will not be there: until it has gone it holds its room, and that is all. */
static void what_leaves_is_no_neighbour(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	(void)add_zhost(p, "{name: n1, cpu: 4, memory: 4GiB}");
	(void)add_zhost(p, "{name: n2, cpu: 1100m, memory: 4GiB}");
	struct app old = app_add(p, "app", PARENT);
	CLEANUP(freep) char *first = place_all(&old);
	assert_string_equal(first, "a=n1");
	place_unit_leaves(p, old.units[0], true);
	CLEANUP(freep) char *second = place_text(p, "app", PARENT);
	assert_string_equal(second, "a=n1");
	app_done(&old);
	place_free(p);
}

/* As after a restart: the two do not share what they have there. */
static void devices_that_one_leaves_are_those_of_the_one_that_lacks_them(void **state)
{
	(void)state;
	struct slot s;
	uint32_t count;
	slot_init(&s, GPUS("2"), GPUS("2"));
	place_add(s.place, s.successor, s.n1);
	assert_int_equal(place_devices(s.place, s.successor, &count)[0], UINT16_MAX);
	place_remove(s.place, s.incumbent);
	assert_int_equal(gpus_free(&s, s.n1), 0);
	assert_int_equal(place_devices(s.place, s.successor, &count)[0], 0);
	assert_int_equal(place_devices(s.place, s.successor, &count)[1], 1);
	place_remove(s.place, s.successor);
	assert_int_equal(gpus_free(&s, s.n1), 2);
	slot_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_successor_may_stand_beside_its_incumbent),
		cmocka_unit_test(shared_room_is_the_larger_of_both),
		cmocka_unit_test(room_elsewhere_is_not_shared),
		cmocka_unit_test(shared_room_is_remembered),
		cmocka_unit_test(devices_are_used_again),
		cmocka_unit_test(devices_that_one_leaves_are_those_of_the_one_that_lacks_them),
		cmocka_unit_test(a_unit_may_be_bound_to_one_zhost),
		cmocka_unit_test(waits_for_room_beside_its_incumbent),
		cmocka_unit_test(waits_for_its_incumbent_to_be_placed),
		cmocka_unit_test(waits_for_its_only_zhost),
		cmocka_unit_test(a_unit_grows_where_it_is),
		cmocka_unit_test(a_unit_shrinks_whatever_the_rules_say),
		cmocka_unit_test(a_resize_wakes),
		cmocka_unit_test(recovery_may_part_a_unit_from_its_space),
		cmocka_unit_test(revisions_are_neighbours),
		cmocka_unit_test(what_leaves_is_no_neighbour),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
