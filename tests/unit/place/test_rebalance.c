/* Moves that improve places: which, in which order, and that they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/str.h"
#include "fixture.h"

/* Everything that is placed may move. */
struct units {
	struct place_unit_request items[512];
	size_t count;
};

static void units_add(struct units *list, const struct app *app)
{
	for (unsigned i = 0; i < app->model->instance_count; i++)
		if (app->units[i] != PLACE_NONE)
			list->items[list->count++] =
				(struct place_unit_request){.unit = app->units[i]};
}

static void put(const struct app *app, const char *path, uint32_t zhost)
{
	int instance = topology_find_instance(app->model, path);
	assert_true(instance >= 0);
	place_add(app->place, app->units[instance], zhost);
}

static const char *path_of(const struct app *app, uint32_t unit)
{
	for (unsigned i = 0; i < app->model->instance_count; i++)
		if (app->units[i] == unit)
			return app->model->instances[i].path;
	return "?";
}

/* "api-1: n1 -> n3, ..." */
static char *moves_text(const struct app *app, const struct place_moves *moves)
{
	struct buffer b = BUFFER_INIT(64 * 1024);
	for (size_t k = 0; k < moves->count; k++)
		(void)buffer_printf(&b, "%s%s: %s -> %s", k > 0 ? ", " : "",
				    path_of(app, moves->items[k].unit),
				    place_zhost_name(app->place, moves->items[k].from),
				    place_zhost_name(app->place, moves->items[k].to));
	return b.size > 0 ? buffer_steal(&b) : mem_strdup("none");
}

static struct place_rebalance request_of(const struct units *list, uint32_t max)
{
	return (struct place_rebalance){.units = list->items,
					.unit_count = list->count,
					.movable = list->count,
					.max_moves = max};
}

static void assert_moves(const struct app *app, uint32_t max, const char *expected)
{
	struct units list = {.count = 0};
	struct place_moves moves;
	units_add(&list, app);
	const struct place_rebalance request = request_of(&list, max);
	place_rebalance(app->place, &request, &moves);
	CLEANUP(freep) char *text = moves_text(app, &moves);
	assert_string_equal(text, expected);
	place_moves_done(&moves);
}

static void the_fewest_units_move_to_a_zhost_without_neighbours(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	uint32_t n1 = add_zhost(p, "{name: n1, cpu: 4, memory: 4GiB}");
	uint32_t n2 = add_zhost(p, "{name: n2, cpu: 4, memory: 4GiB}");
	struct app shop = app_add(p, "shop", "- {name: api, type: IO, count: 6}\n");
	put(&shop, "api-1", n1);
	put(&shop, "api-2", n1);
	put(&shop, "api-3", n1);
	put(&shop, "api-4", n2);
	put(&shop, "api-5", n2);
	put(&shop, "api-6", n2);
	assert_moves(&shop, 10, "none");
	(void)add_zhost(p, "{name: n3, cpu: 4, memory: 4GiB}");
	assert_moves(&shop, 10, "api-1: n1 -> n3, api-4: n2 -> n3");
	assert_moves(&shop, 1, "api-1: n1 -> n3");
	app_remove(&shop);
	place_free(p);
}

static void a_broken_rule_comes_before_a_preference_and_that_before_neighbours(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	uint32_t n1 = add_zhost(p, "{name: n1, cpu: 4, memory: 4GiB, labels: {disk: slow}}");
	(void)add_zhost(p, "{name: n2, cpu: 4, memory: 4GiB, labels: {disk: fast}}");
	struct app shop = app_add(p, "shop",
				  "- {name: api, type: IO}\n"
				  "- {name: db, type: IO,\n"
				  "   placement: {constraints: [\"disk == fast\"]}}\n"
				  "- {name: log, type: IO,\n"
				  "   placement: {anti_affinity: [{with: api, weight: 7}]}}\n");
	put(&shop, "api", n1);
	put(&shop, "db", n1);
	put(&shop, "log", n1);
	assert_moves(&shop, 10, "db: n1 -> n2, api: n1 -> n2");
	app_remove(&shop);
	place_free(p);
}

static void load_moves_what_balances_best_and_only_where_it_is_felt(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	uint32_t n1 = add_zhost(p, "{name: n1, cpu: 10, memory: 4GiB}");
	(void)add_zhost(p, "{name: n2, cpu: 10, memory: 4GiB}");
	struct app a = app_add(p, "a", "- {name: x, type: IO, resources: {cpu: 1}}\n");
	struct app b = app_add(p, "b", "- {name: y, type: IO, resources: {cpu: 3}}\n");
	struct app c = app_add(p, "c", "- {name: z, type: IO, resources: {cpu: 2}}\n");
	put(&a, "x", n1);
	put(&b, "y", n1);
	put(&c, "z", n1);
	struct units list = {.count = 0};
	struct place_moves moves;
	units_add(&list, &a);
	units_add(&list, &b);
	units_add(&list, &c);
	const struct place_rebalance request = request_of(&list, 10);
	place_rebalance(p, &request, &moves);
	assert_int_equal(moves.count, 1);
	assert_int_equal(moves.items[0].unit, b.units[0]);
	assert_int_equal(moves.items[0].gain.load_from, 6000);
	assert_int_equal(moves.items[0].gain.load_to, 3000);
	place_moves_done(&moves);
	app_remove(&a);
	app_remove(&b);
	app_remove(&c);
	place_free(p);
}

static void what_may_not_move_is_judged_after_all_moves(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	uint32_t n1 = add_zhost(p, "{name: n1, cpu: 4, memory: 4GiB}");
	uint32_t n2 = add_zhost(p, "{name: n2, cpu: 4, memory: 4GiB}");
	struct app shop = app_add(p, "shop", "- {name: api, type: IO, count: 4}\n");
	for (unsigned i = 0; i < 4; i++)
		place_add(p, shop.units[i], n1);
	struct units list = {.count = 0};
	struct place_moves moves;
	units_add(&list, &shop);
	struct place_rebalance request = request_of(&list, 10);
	request.movable = 1;
	place_rebalance(p, &request, &moves);
	assert_int_equal(moves.count, 1);
	assert_int_equal(moves.stay_count, 3);
	assert_int_equal(moves.stays[0].unit, shop.units[1]);
	assert_int_equal(moves.stays[0].to, n2);
	assert_int_equal(moves.stays[0].gain.neighbours, 1);
	place_moves_done(&moves);
	app_remove(&shop);
	place_free(p);
}

static void packed_units_do_not_move_for_room(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	uint32_t n1 = add_zhost(p, "{name: n1, cpu: 10, memory: 4GiB}");
	(void)add_zhost(p, "{name: n2, cpu: 10, memory: 4GiB}");
	struct app a = app_add(p, "a",
			       "- {name: x, type: IO, count: 3, resources: {cpu: 2},\n"
			       "   placement: {strategy: pack}}\n");
	put(&a, "x-1", n1);
	put(&a, "x-2", n1);
	put(&a, "x-3", n1);
	assert_moves(&a, 10, "none");
	app_remove(&a);
	place_free(p);
}

/* ---- random clusters ---- */

#define ZHOSTS 12
#define APPS   8

static const char *const spaces[] = {
	"resources: {cpu: 1}",
	"resources: {cpu: 0.3, memory: 100MiB}, placement: {spread: [{over: region}]}",
	"placement: {anti_affinity: [{with: self, scope: rack, weight: 30}]}",
	"resources: {cpu: 0.5}, placement: {strategy: pack}",
	"placement: {affinity: [{with: t0/s, scope: region, weight: 20}]}",
	"resources: {cpu: 2}, placement: {anti_affinity: [{with: t1/s, required: true}]}",
};

static char *final_places(struct place *p, const struct app *apps)
{
	struct buffer b = BUFFER_INIT(64 * 1024);
	for (unsigned a = 0; a < APPS; a++)
		for (unsigned i = 0; i < apps[a].model->instance_count; i++)
			(void)buffer_printf(&b, "%u ", place_where(p, apps[a].units[i]));
	return buffer_steal(&b);
}

static void live(uint64_t seed)
{
	struct random r = {seed};
	struct place *p = place_new(NULL);
	struct app apps[APPS];
	struct units list = {.count = 0};
	struct place_moves moves;
	uint32_t zhosts[ZHOSTS];
	for (unsigned k = 0; k < ZHOSTS; k++) {
		CLEANUP(freep)
		char *text = str_printf("{name: n%u, cpu: %u, memory: 8GiB, labels: {region: "
					"r%u, rack: k%u}}",
					k, 40 + 10 * random_below(&r, 3), k % 3, k % 4);
		zhosts[k] = add_zhost(p, text);
	}
	for (unsigned a = 0; a < APPS; a++) {
		CLEANUP(freep) char *name = str_printf("t%u", a);
		CLEANUP(freep)
		char *text = str_printf("- {name: s, type: IO, count: %u, %s}\n",
					1 + random_below(&r, 6),
					spaces[random_below(&r, ARRAY_SIZE(spaces))]);
		apps[a] = app_add(p, name, text);
		for (unsigned i = 0; i < apps[a].model->instance_count; i++)
			place_add(p, apps[a].units[i], zhosts[random_below(&r, ZHOSTS / 2)]);
		units_add(&list, &apps[a]);
	}
	CLEANUP(freep) char *before = final_places(p, apps);
	const struct place_rebalance request = request_of(&list, UINT32_MAX);
	place_rebalance(p, &request, &moves);
	CLEANUP(freep) char *after = final_places(p, apps);
	assert_string_equal(before, after);
	assert_int_equal(moves.stay_count, 0);
	for (size_t k = 0; k < moves.count; k++) {
		place_remove(p, moves.items[k].unit);
		place_add(p, moves.items[k].unit, moves.items[k].to);
	}
	place_moves_done(&moves);
	place_rebalance(p, &request, &moves);
	if (moves.count > 0)
		print_error("seed %llu: %zu moves\n", (unsigned long long)seed, moves.count);
	assert_int_equal(moves.count, 0);
	place_moves_done(&moves);
	for (unsigned a = 0; a < APPS; a++)
		app_remove(&apps[a]);
	place_free(p);
}

static void a_second_time_finds_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++)
		live(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fewest_units_move_to_a_zhost_without_neighbours),
		cmocka_unit_test(
			a_broken_rule_comes_before_a_preference_and_that_before_neighbours),
		cmocka_unit_test(load_moves_what_balances_best_and_only_where_it_is_felt),
		cmocka_unit_test(what_may_not_move_is_judged_after_all_moves),
		cmocka_unit_test(packed_units_do_not_move_for_room),
		cmocka_unit_test(a_second_time_finds_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
