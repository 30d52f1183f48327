/*
 * The index gives the same answer as a scan of all zhosts, whatever changes between two queries;
 * and the tournament that it uses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../base/random_cases.h"
#include "core/place/choose/index.h"
#include "core/place/state/groups.h"
#include "core/place/state/tournament.h"
#include "core/place/state/units.h"
#include "fixture.h"
#include "random_case.h"

static uint32_t plain_best(const struct tournament *t, uint32_t begin, uint32_t end,
			   uint64_t skipped)
{
	uint32_t best = POSITION_NONE;
	for (uint32_t i = begin; i < end; i++) {
		uint64_t key = tournament_key(t, i);
		if (key > 0 && (skipped >> i & 1) == 0 &&
		    (best == POSITION_NONE || key > tournament_key(t, best)))
			best = i;
	}
	return best;
}

static bool is_skipped(void *context, uint32_t position)
{
	return (*(uint64_t *)context >> position & 1) != 0;
}

static void tournament_finds_the_best(void **state)
{
	(void)state;
	struct chance c = {7};
	for (int round = 0; round < 300; round++) {
		struct tournament t;
		uint32_t count = 1 + draw(&c, 60);
		tournament_init(&t, count);
		for (int step = 0; step < 60; step++) {
			tournament_set(&t, draw(&c, count), draw(&c, 6));
			uint32_t begin = draw(&c, count),
				 end = begin + draw(&c, count - begin + 1);
			uint64_t skipped =
				(uint64_t)draw(&c, UINT32_MAX) << 32 | draw(&c, UINT32_MAX);
			assert_int_equal(tournament_best(&t), plain_best(&t, 0, count, 0));
			assert_int_equal(tournament_best_within(&t, begin, end),
					 plain_best(&t, begin, end, 0));
			assert_int_equal(tournament_best_but(&t, is_skipped, &skipped),
					 plain_best(&t, 0, count, skipped));
		}
		tournament_done(&t);
	}
}

/* ---- the index in a cluster that changes ---- */

#define TOPOLOGIES 6

struct world {
	struct chance chance;
	struct theme theme;
	struct place *place;
	uint32_t zhosts[64];
	uint32_t zhost_count;
	struct app apps[TOPOLOGIES];
	uint32_t app_count;
};

static void set_zhost(struct world *w, uint32_t number)
{
	char name[16];
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 16);
	draw_zhost(&w->chance, &w->theme, 0, &text);
	struct zhost_spec spec = zhost_from(text.data);
	(void)snprintf(name, sizeof(name), "z%02u", number * 37 % 64);
	free(spec.name);
	spec.name = mem_strdup(name);
	w->zhosts[number] =
		place_zhost_set(w->place, &spec, maybe(&w->chance, 95), maybe(&w->chance, 5));
	zhost_spec_done(&spec);
}

static void add_random_topology(struct world *w)
{
	char name[8];
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 16);
	char *findings = NULL;
	draw_spaces(&w->chance, &w->theme, 8, &text);
	(void)snprintf(name, sizeof(name), "t%u", draw(&w->chance, 4));
	struct topology *t = topology_from(name, text.data, &findings);
	if (t != NULL) {
		w->apps[w->app_count] = app_of(w->place, t, w->app_count);
		w->app_count++;
	}
	free(findings);
}

static struct place_unit *random_unit(struct world *w)
{
	const struct app *app = &w->apps[draw(&w->chance, w->app_count)];
	uint32_t i = draw(&w->chance, app->model->instance_count);
	while (app->units[i] == PLACE_NONE)
		i--;
	return unit_checked(w->place, app->units[i]);
}

static void happen(struct world *w)
{
	struct place_unit *u = random_unit(w);
	uint32_t zhost = w->zhosts[draw(&w->chance, w->zhost_count)];
	switch (draw(&w->chance, 12)) {
	case 0:
		place_zhost_flags(w->place, zhost, maybe(&w->chance, 90),
				  maybe(&w->chance, 10));
		break;
	case 1:
		if (maybe(&w->chance, 30))
			set_zhost(w, draw(&w->chance, w->zhost_count));
		break;
	case 2:
		if (maybe(&w->chance, 10) && w->app_count > 1) {
			app_remove(&w->apps[--w->app_count]);
			add_random_topology(w);
		}
		break;
	default:
		if (u->zhost != PLACE_NONE) {
			place_remove(w->place, u->handle);
		} else {
			uint32_t best =
				index_best(w->place, u->need, &(struct place_unit_request){0});
			if (maybe(&w->chance, 80) && best != PLACE_NONE)
				zhost = best;
			place_add(w->place, u->handle, zhost);
		}
		break;
	}
}

/* The whole topology of the unit is pending, or no longer. */
static void pend_topology(struct world *w, const struct place_unit *u, int32_t sign)
{
	const struct app *app = w->apps;
	while (app->topology != u->need->topology->handle)
		app++;
	for (uint32_t i = 0; i < app->model->instance_count; i++) {
		if (app->units[i] == PLACE_NONE)
			continue;
		const struct need *n = unit_checked(w->place, app->units[i])->need;
		for (uint32_t m = 0; m < n->member_count; m++)
			group_pend(w->place, n->members[m].group,
				   sign * (int32_t)n->members[m].count);
	}
}

static void ask(struct world *w, uint64_t seed, unsigned *found)
{
	struct place_unit *u = random_unit(w);
	struct place_exclusion out[3];
	struct place_unit_request request = {
		.excluded = out,
		.excluded_count = maybe(&w->chance, 20) ? draw(&w->chance, 4) : 0};
	for (uint32_t i = 0; i < request.excluded_count; i++)
		out[i] = (struct place_exclusion){
			.zhost = w->zhosts[draw(&w->chance, w->zhost_count)]};
	bool wanted = maybe(&w->chance, 40);
	if (wanted)
		pend_topology(w, u, 1);
	uint32_t scanned = scan_best(w->place, u->need, &request);
	uint32_t indexed = index_best(w->place, u->need, &request);
	if (scanned != indexed)
		fail_msg("seed %llu: %s/%s: scan %s, index %s", (unsigned long long)seed,
			 u->need->topology->model->name, u->need->space->name,
			 scanned != PLACE_NONE ? place_zhost_name(w->place, scanned) : "-",
			 indexed != PLACE_NONE ? place_zhost_name(w->place, indexed) : "-");
	if (wanted)
		pend_topology(w, u, -1);
	*found += indexed != PLACE_NONE;
}

static void run_world(uint64_t seed, unsigned *queries, unsigned *found)
{
	struct world w = {.chance = {seed}, .place = place_new(NULL)};
	w.theme = draw_theme(&w.chance);
	w.zhost_count = 9 + draw(&w.chance, 50);
	for (uint32_t i = 0; i < w.zhost_count; i++)
		set_zhost(&w, i);
	for (int i = 0; i < TOPOLOGIES; i++)
		add_random_topology(&w);
	for (int step = 0; step < 80 && w.app_count > 0; step++) {
		happen(&w);
		if (w.app_count == 0)
			break;
		ask(&w, seed, found);
		++*queries;
	}
	while (w.app_count > 0)
		app_done(&w.apps[--w.app_count]);
	place_free(w.place);
}

static uint64_t first_seed = 1, last_seed = RANDOM_CASES(1000);

static void index_agrees_with_scan(void **state)
{
	(void)state;
	unsigned queries = 0, found = 0;
	for (uint64_t seed = first_seed; seed <= last_seed; seed++)
		run_world(seed, &queries, &found);
	print_message("%u queries, %u found\n", queries, found);
	assert_true(last_seed == first_seed || (found > queries / 4 && found < queries));
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		first_seed = strtoull(argv[1], NULL, 10);
		last_seed = strtoull(argv[2], NULL, 10);
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tournament_finds_the_best),
		cmocka_unit_test(index_agrees_with_scan),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
