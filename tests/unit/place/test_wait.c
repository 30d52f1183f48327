/* A request that waits is tried again when what it lacks may have appeared, and only then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "fixture.h"

struct waiting_world {
	struct place *place;
	uint64_t order;
	uint32_t units[64]; /* by ticket: the first */
};

/* Adds a topology, tries it, which must fail, and lets it wait; its ticket. */
static uint32_t add_waiting(struct waiting_world *w, const char *name, const char *spaces)
{
	struct app app = app_of(w->place, topology_from(name, spaces, NULL), ++w->order);
	struct attempt a;
	attempt_init(&a, &app);
	place_try(w->place, &a.request, &a.result);
	assert_false(a.result.complete);
	place_wait(w->place, (uint32_t)w->order, &a.request);
	attempt_done(&a);
	assert_true(place_wait_any(w->place));
	assert_int_equal(place_wait_next(w->place), PLACE_NONE);
	w->units[w->order] = app.units[0];
	app_done(&app);
	return (uint32_t)w->order;
}

/* Places a topology, which must have a place. */
static struct app add_placed(struct waiting_world *w, const char *name, const char *spaces)
{
	struct app app = app_of(w->place, topology_from(name, spaces, NULL), ++w->order);
	char *text = place_all(&app);
	if (place_where(w->place, app.units[0]) == PLACE_NONE)
		fail_msg("%s: %s", name, text);
	free(text);
	return app;
}

static void begin(struct waiting_world *w)
{
	*w = (struct waiting_world){.place = place_new(NULL)};
}

static void waits_for_a_capability(void **state)
{
	(void)state;
	struct waiting_world w;
	begin(&w);
	(void)add_zhost(w.place, "{name: n1, cpu: 4, memory: 4GiB}");
	struct app other = add_placed(&w, "other", "- {name: a, type: DATA}\n");
	uint32_t t = add_waiting(&w, "eye",
				 "- {name: a, type: IO, capabilities: [sensors.camera]}\n");
	(void)add_zhost(w.place, "{name: n2, cpu: 4, memory: 4GiB, capabilities: [gpu.cuda]}");
	app_remove(&other);
	assert_int_equal(place_wait_next(w.place), PLACE_NONE);
	(void)add_zhost(w.place,
			"{name: n3, cpu: 10m, memory: 4GiB, capabilities: [sensors.camera]}");
	assert_int_equal(place_wait_next(w.place), PLACE_NONE);
	(void)add_zhost(w.place,
			"{name: n3, cpu: 1, memory: 4GiB, capabilities: [sensors.camera]}");
	assert_int_equal(place_wait_next(w.place), t);
	assert_int_equal(place_wait_next(w.place), PLACE_NONE);
	place_free(w.place);
}

static void waits_for_an_uncordon(void **state)
{
	(void)state;
	struct waiting_world w;
	begin(&w);
	uint32_t n1 = add_zhost(w.place, "{name: n1, cpu: 4, memory: 4GiB}");
	place_zhost_flags(w.place, n1, false, true);
	uint32_t t = add_waiting(&w, "app", "- {name: a, type: DATA}\n");
	place_zhost_flags(w.place, n1, true, true);
	assert_int_equal(place_wait_next(w.place), PLACE_NONE);
	place_zhost_flags(w.place, n1, true, false);
	assert_int_equal(place_wait_next(w.place), t);
	place_wait_wake(w.place, t);
	assert_int_equal(place_wait_next(w.place), t);
	place_wait_end(w.place, t);
	place_wait_wake(w.place, t);
	assert_int_equal(place_wait_next(w.place), PLACE_NONE);
	assert_false(place_wait_any(w.place));
	place_free(w.place);
}

#define HALF "- {name: a, type: DATA, resources: {cpu: 500m}}\n"

static void waits_for_room_oldest_first(void **state)
{
	(void)state;
	struct waiting_world w;
	begin(&w);
	(void)add_zhost(w.place, "{name: n1, cpu: 1, memory: 4GiB}");
	struct app small =
		add_placed(&w, "small", "- {name: a, type: DATA, resources: {cpu: 100m}}\n");
	struct app half = add_placed(&w, "half", HALF);
	uint32_t waiters[20];
	for (int i = 0; i < 20; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "w%d", i);
		waiters[i] = add_waiting(&w, name, HALF);
	}
	uint32_t big =
		add_waiting(&w, "big", "- {name: a, type: DATA, resources: {cpu: 950m}}\n");
	/* 900m of 1 are taken, 100m are not enough for any of them. */
	place_remove(w.place, half.units[0]);
	/* Room for one: the oldest gets it, and no other one is tried. */
	uint32_t due = place_wait_next(w.place);
	assert_int_equal(due, waiters[0]);
	place_wait_end(w.place, due);
	place_add(w.place, w.units[due], place_zhost_find(w.place, "n1"));
	assert_int_equal(place_wait_next(w.place), PLACE_NONE);
	/* The oldest does not take it: the next one is due. */
	place_remove(w.place, w.units[due]);
	assert_int_equal(place_wait_next(w.place), waiters[1]);
	assert_int_equal(place_wait_next(w.place), waiters[2]);
	/* More room, all of them again, by age. */
	place_remove(w.place, small.units[0]);
	for (int i = 1; i < 20; i++)
		assert_int_equal(place_wait_next(w.place), waiters[i]);
	assert_int_equal(place_wait_next(w.place), big);
	assert_int_equal(place_wait_next(w.place), PLACE_NONE);
	app_done(&half);
	app_done(&small);
	place_free(w.place);
}

static void waits_for_a_neighbour(void **state)
{
	(void)state;
	struct waiting_world w;
	begin(&w);
	(void)add_zhost(w.place, "{name: n1, cpu: 4, memory: 4GiB}");
	uint32_t t = add_waiting(&w, "app",
				 "- {name: a, type: DATA, placement: {affinity: [{with: "
				 "shop/store, required: true}]}}\n");
	struct app other = add_placed(&w, "other", "- {name: store, type: DATA}\n");
	assert_int_equal(place_wait_next(w.place), PLACE_NONE);
	struct app shop = add_placed(&w, "shop", "- {name: store, type: DATA}\n");
	assert_int_equal(place_wait_next(w.place), t);
	app_done(&other);
	app_done(&shop);
	place_free(w.place);
}

/* Another zhost of the region becomes free although nothing on it has changed. */
static void waits_for_a_region_to_be_left(void **state)
{
	(void)state;
	struct waiting_world w;
	begin(&w);
	(void)add_zhost(w.place, "{name: n1, cpu: 100m, memory: 4GiB, region: eu}");
	(void)add_zhost(w.place, "{name: n2, cpu: 4, memory: 4GiB, region: eu}");
	struct app shop =
		add_placed(&w, "shop",
			   "- {name: store, type: DATA, resources: {cpu: 80m}, placement: "
			   "{strategy: pack}}\n");
	assert_string_equal(place_zhost_name(w.place, place_where(w.place, shop.units[0])),
			    "n1");
	uint32_t t = add_waiting(&w, "app",
				 "- {name: a, type: DATA, resources: {cpu: 2}, placement: "
				 "{anti_affinity: [{with: shop/store, scope: region, required: "
				 "true}]}}\n");
	place_remove(w.place, shop.units[0]);
	assert_int_equal(place_wait_next(w.place), t);
	app_done(&shop);
	place_free(w.place);
}

/* The same, where placed instances forbid the one that waits. */
static void waits_for_instances_that_forbid_it_to_leave(void **state)
{
	(void)state;
	struct waiting_world w;
	begin(&w);
	(void)add_zhost(w.place, "{name: n1, cpu: 100m, memory: 4GiB, region: eu}");
	(void)add_zhost(w.place, "{name: n2, cpu: 4, memory: 4GiB, region: eu}");
	struct app shop =
		add_placed(&w, "shop",
			   "- {name: store, type: DATA, resources: {cpu: 80m}, placement: "
			   "{strategy: pack, anti_affinity: [{with: app/a, scope: region, "
			   "required: true}]}}\n");
	uint32_t t = add_waiting(&w, "app", "- {name: a, type: DATA, resources: {cpu: 2}}\n");
	place_remove(w.place, shop.units[0]);
	assert_int_equal(place_wait_next(w.place), t);
	app_done(&shop);
	place_free(w.place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_a_capability),
		cmocka_unit_test(waits_for_an_uncordon),
		cmocka_unit_test(waits_for_room_oldest_first),
		cmocka_unit_test(waits_for_a_neighbour),
		cmocka_unit_test(waits_for_a_region_to_be_left),
		cmocka_unit_test(waits_for_instances_that_forbid_it_to_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
