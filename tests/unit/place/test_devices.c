/* Units that stay on a zhost which offers other devices than before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "fixture.h"

#define LACKS UINT16_MAX
#define JOB(devices)                                                                       \
	"- {name: a, type: NATIVE, resources: {cpu: 10m, memory: 1MiB, devices: [" devices \
	"]}}\n"
#define GPUS(count)  JOB("{kind: gpu, count: " count "}")
#define ZHOST(list)  "{name: n1, cpu: 64, memory: 64GiB, devices: [" list "]}"
#define OFFER(count) ZHOST("{kind: gpu, count: " count "}")

static uint16_t device(const struct app *app, unsigned k)
{
	uint32_t count;
	const uint16_t *devices = place_devices(app->place, app->units[0], &count);
	assert_true(k < count);
	return devices[k];
}

static unsigned whole_free(const struct place *p)
{
	return place_zhost_usage(p, place_zhost_find(p, "n1")).devices_whole_free;
}

static void what_is_left_is_held_by_the_unit_that_had_it(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	uint32_t n1 = add_zhost(p, OFFER("2"));
	struct app pair = app_add(p, "pair", GPUS("2"));
	place_add(p, pair.units[0], n1);
	(void)add_zhost(p, OFFER("1"));
	assert_int_equal(device(&pair, 0), 0);
	assert_int_equal(device(&pair, 1), LACKS);
	CLEANUP(freep) char *refused = place_text(p, "late", GPUS("1"));
	assert_string_equal(refused, "insufficient capacity on remaining zhosts");
	(void)add_zhost(p, OFFER("2"));
	assert_int_equal(device(&pair, 1), 1);
	assert_int_equal(whole_free(p), 0);
	(void)add_zhost(p, OFFER("3"));
	CLEANUP(freep) char *placed = place_text(p, "later", GPUS("1"));
	assert_string_equal(placed, "a=n1");
	app_done(&pair);
	place_free(p);
}

static void a_unit_keeps_its_device_where_an_older_one_has_lost_its_own(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	uint32_t n1 = add_zhost(
		p, ZHOST("{kind: gpu, model: A, count: 1}, {kind: gpu, model: B, count: 1}"));
	struct app old = app_add(p, "old", GPUS("1")), young = app_add(p, "young", GPUS("1"));
	place_add(p, old.units[0], n1);
	place_add(p, young.units[0], n1);
	assert_int_equal(device(&young, 0), 1);
	(void)add_zhost(p, ZHOST("{kind: gpu, model: B, count: 1}"));
	assert_int_equal(device(&old, 0), LACKS);
	assert_int_equal(device(&young, 0), 0);
	(void)add_zhost(
		p, ZHOST("{kind: gpu, model: C, count: 1}, {kind: gpu, model: B, count: 1}"));
	assert_int_equal(device(&old, 0), 0);
	assert_int_equal(device(&young, 0), 1);
	app_done(&old);
	app_done(&young);
	place_free(p);
}

static void a_unit_that_lacks_one_takes_others_where_only_those_are_enough(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	uint32_t n1 = add_zhost(p, ZHOST("{kind: gpu, model: A, count: 1}"));
	struct app app = app_add(p, "app",
				 JOB("{kind: gpu, count: 1}, {kind: gpu, count: 1, model: A}"));
	place_add(p, app.units[0], n1);
	assert_int_equal(device(&app, 0), 0);
	assert_int_equal(device(&app, 1), LACKS);
	(void)add_zhost(
		p, ZHOST("{kind: gpu, model: A, count: 1}, {kind: gpu, model: B, count: 1}"));
	assert_int_equal(device(&app, 0), 1);
	assert_int_equal(device(&app, 1), 0);
	app_done(&app);
	place_free(p);
}

/* As after a restart of zrms: they are added where there are too few. */
static void a_unit_that_is_found_with_too_few_holds_what_there_is(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	uint32_t n1 = add_zhost(p, OFFER("1"));
	struct app pair = app_add(p, "pair", GPUS("2")), one = app_add(p, "one", GPUS("1"));
	place_add(p, pair.units[0], n1);
	place_add(p, one.units[0], n1);
	assert_int_equal(device(&pair, 0), 0);
	assert_int_equal(device(&one, 0), LACKS);
	place_remove(p, pair.units[0]);
	assert_int_equal(device(&one, 0), 0);
	app_done(&pair);
	app_done(&one);
	place_free(p);
}

static void what_shares_room_keeps_what_is_left_together(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	uint32_t n1 = add_zhost(p, OFFER("3"));
	struct app old = app_add(p, "app", GPUS("3")),
		   new = app_of(p, topology_from("app", GPUS("2"), NULL), 1000);
	uint32_t successor = place_unit_new(p, new.topology, 0, old.units[0]), count;
	place_add(p, old.units[0], n1);
	place_share_room(p, successor, old.units[0]);
	place_add(p, successor, n1);
	(void)add_zhost(p, OFFER("1"));
	assert_int_equal(device(&old, 0), 0);
	assert_int_equal(place_devices(p, successor, &count)[0], 0);
	assert_int_equal(place_devices(p, successor, &count)[1], LACKS);
	(void)add_zhost(p, OFFER("2"));
	assert_int_equal(place_devices(p, successor, &count)[1], 1);
	assert_int_equal(whole_free(p), 0);
	place_remove(p, old.units[0]);
	(void)add_zhost(p, OFFER("4"));
	assert_int_equal(whole_free(p), 2);
	app_done(&old);
	app_done(&new);
	place_free(p);
}

/* ---- by chance ---- */

#define UNITS 8

struct pool {
	struct place *place;
	struct app apps[UNITS];
	uint32_t zhost;
	unsigned offered, needs[UNITS], wanted;
};

/* No device is held twice; none is free where a unit lacks one. */
static void check_pool(const struct pool *pool)
{
	unsigned holder[8] = {0}, held = 0, lacking = 0;
	for (unsigned i = 0; i < UNITS; i++) {
		uint32_t count;
		const uint16_t *devices =
			place_devices(pool->place, pool->apps[i].units[0], &count);
		for (uint32_t k = 0; k < count; k++) {
			if (devices[k] == LACKS) {
				lacking++;
				continue;
			}
			assert_true(devices[k] < pool->offered);
			assert_int_equal(holder[devices[k]]++, 0);
			held++;
		}
	}
	assert_int_equal(held + whole_free(pool->place), pool->offered);
	assert_true(lacking == 0 || held == pool->offered);
}

static void pool_step(struct pool *pool, unsigned (*chance)(unsigned))
{
	struct place *p = pool->place;
	uint32_t unit = pool->apps[chance(UNITS)].units[0];
	if (chance(4) == 0) {
		pool->offered = chance(7);
		CLEANUP(freep)
		char *text = str_printf("{name: n1, cpu: 64, memory: 64GiB%s%u%s}",
					pool->offered > 0 ? ", devices: [{kind: gpu, count: "
							  : ", latitude: 0, longitude: ",
					pool->offered, pool->offered > 0 ? "}]" : "");
		(void)add_zhost(p, text);
	} else if (place_where(p, unit) != PLACE_NONE) {
		place_remove(p, unit);
	} else if (chance(3) == 0) {
		place_add(p, unit, pool->zhost);
	} else {
		unsigned free_before = whole_free(p);
		struct place_unit_request want = {.unit = unit};
		struct place_result result;
		uint32_t needs;
		place_try(p, &(struct place_request){.units = &want, .unit_count = 1}, &result);
		(void)place_devices(p, unit, &needs);
		assert_true(!result.complete || free_before == whole_free(p) + needs);
		pool->wanted += result.complete;
		place_result_done(&result);
	}
	check_pool(pool);
}

static uint32_t state_of_chance = 1;

static unsigned draw_below(unsigned below)
{
	state_of_chance = state_of_chance * 1664525u + 1013904223u;
	return (state_of_chance >> 16) % below;
}

static void whatever_comes_and_goes_no_device_is_given_twice(void **state)
{
	(void)state;
	struct pool pool = {.place = place_new(NULL), .offered = 4};
	pool.zhost = add_zhost(pool.place, OFFER("4"));
	for (unsigned i = 0; i < UNITS; i++) {
		CLEANUP(freep) char *name = str_printf("t%u", i);
		const char *const needs[] = {GPUS("1"), GPUS("2"), GPUS("3")};
		pool.apps[i] = app_add(pool.place, name, needs[i % 3]);
	}
	for (unsigned i = 0; i < 20000; i++)
		pool_step(&pool, draw_below);
	assert_true(pool.wanted > 500);
	for (unsigned i = 0; i < UNITS; i++)
		app_done(&pool.apps[i]);
	place_free(pool.place);
}

static void a_unit_that_changes_in_place_keeps_the_device_that_it_has_open(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	uint32_t n1 = add_zhost(p, OFFER("3"));
	struct app first = app_add(p, "first", GPUS("1")), one = app_add(p, "one", GPUS("1"));
	struct app two = app_add(p, "two", JOB("{kind: gpu, count: 1}, {kind: gpu, count: 1}"));
	place_add(p, first.units[0], n1);
	place_add(p, one.units[0], n1);
	assert_int_equal(device(&one, 0), 1);
	place_remove(p, first.units[0]);
	/* The best fit for both would be 0 and 1. */
	assert_true(place_unit_resize(p, one.units[0], two.topology, 0));
	assert_int_equal(device(&one, 0), 1);
	assert_int_equal(device(&one, 1), 0);
	assert_true(place_unit_resize(p, one.units[0], one.topology, 0));
	assert_int_equal(device(&one, 0), 1);
	app_done(&first);
	app_done(&one);
	app_done(&two);
	place_free(p);
}

static void a_unit_gets_the_devices_that_it_names_as_far_as_they_are_there(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	uint32_t n1 = add_zhost(p, OFFER("3"));
	struct app one = app_add(p, "one", GPUS("2")), two = app_add(p, "two", GPUS("1"));
	const struct place_device named[] = {{"gpu", "", 2}, {"gpu", "", 1}};
	place_name_devices(p, one.units[0], n1, named, 2);
	place_add(p, one.units[0], n1);
	assert_int_equal(device(&one, 0), 2);
	assert_int_equal(device(&one, 1), 1);
	assert_int_equal(place_device(p, one.units[0], 0).index, 2);
	/* What somebody else has, is not there. */
	place_name_devices(p, two.units[0], n1, named, 1);
	place_add(p, two.units[0], n1);
	assert_int_equal(device(&two, 0), LACKS);
	assert_string_equal(place_device(p, two.units[0], 0).kind, "");
	/* Once, and of another length not at all. */
	place_remove(p, one.units[0]);
	place_remove(p, two.units[0]);
	place_name_devices(p, one.units[0], n1, named, 1);
	place_add(p, one.units[0], n1);
	assert_int_equal(device(&one, 0), 0);
	app_done(&one);
	app_done(&two);
	place_free(p);
}

#define EYE(name)                                                            \
	"- {name: " name ", type: IO, resources: {cpu: 10m}, capabilities: " \
	"[sensors.camera]}\n"

static void an_exclusive_capability_is_for_one_and_another_one_for_all(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	(void)add_zhost(p, "{name: n1, cpu: 64, memory: 64GiB, capabilities: [{name: "
			   "sensors.camera, exclusive: true}]}");
	CLEANUP(freep) char *first = place_text(p, "first", EYE("a"));
	assert_string_equal(first, "a=n1");
	CLEANUP(freep) char *second = place_text(p, "second", EYE("b"));
	assert_string_equal(second, "insufficient capacity on remaining zhosts");
	struct place_usage usage = place_zhost_usage(p, place_zhost_find(p, "n1"));
	assert_int_equal(usage.devices_offered, 1);
	assert_int_equal(usage.devices_whole_free, 0);
	(void)add_zhost(p,
			"{name: n1, cpu: 64, memory: 64GiB, capabilities: [sensors.camera]}");
	CLEANUP(freep) char *third = place_text(p, "third", EYE("c"));
	assert_string_equal(third, "c=n1");
	usage = place_zhost_usage(p, place_zhost_find(p, "n1"));
	assert_int_equal(usage.devices_offered, 0);
	place_free(p);
}

static void a_capability_is_no_device_that_a_space_could_need_by_its_kind(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	(void)add_zhost(p, "{name: n1, cpu: 64, memory: 64GiB, capabilities: [gpu]}");
	CLEANUP(freep) char *refused = place_text(p, "job", GPUS("1"));
	assert_string_equal(refused, "insufficient capacity on remaining zhosts");
	place_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_is_held_by_the_unit_that_had_it),
		cmocka_unit_test(a_unit_keeps_its_device_where_an_older_one_has_lost_its_own),
		cmocka_unit_test(
			a_unit_that_lacks_one_takes_others_where_only_those_are_enough),
		cmocka_unit_test(a_unit_that_is_found_with_too_few_holds_what_there_is),
		cmocka_unit_test(what_shares_room_keeps_what_is_left_together),
		cmocka_unit_test(
			a_unit_that_changes_in_place_keeps_the_device_that_it_has_open),
		cmocka_unit_test(
			a_unit_gets_the_devices_that_it_names_as_far_as_they_are_there),
		cmocka_unit_test(an_exclusive_capability_is_for_one_and_another_one_for_all),
		cmocka_unit_test(a_capability_is_no_device_that_a_space_could_need_by_its_kind),
		cmocka_unit_test(whatever_comes_and_goes_no_device_is_given_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
