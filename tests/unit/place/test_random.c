/*
 * Tens of thousands of small random cases: a cluster with units that were placed before, and one
 * request. What the engine places breaks no rule; where it finds no place there is none; another
 * order of calls gives the same answer; explanations agree with the rules; and a request that
 * waits is due when there is a place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../base/random_cases.h"
#include "base/memory.h"
#include "random_world.h"

/* Of one case; the last one is that of the request. */
#define TOPOLOGIES 4
#define TICKET	   7u

static uint64_t first_seed = 1, last_seed = RANDOM_CASES(20000);

struct drawn_case {
	struct world world;
	unsigned first; /* fact of the request: all from here on */
	bool single;	/* it requests one unit */
};

static uint32_t fact_slot_mate(const struct world *w, const bool *made, const uint32_t *units,
			       unsigned f)
{
	for (unsigned g = 0; g < w->oracle.fact_count; g++) {
		if (made[g] && w->oracle.facts[g].slot == w->oracle.facts[f].slot)
			return units[g];
	}
	return PLACE_NONE;
}

static unsigned topology_number(const struct world *w, const struct topology *t)
{
	unsigned i = 0;
	while (w->models[i] != t)
		i++;
	return i;
}

/* The zhosts in another order, the topologies and units too: `turn` 0 is the order of the
 * numbers. */
static struct place *build(const struct world *w, unsigned turn, uint32_t *ret_zhosts,
			   uint32_t *ret_units)
{
	struct place *p = place_new(NULL);
	uint32_t handles[TOPOLOGIES];
	bool made[ORACLE_FACTS] = {0};
	unsigned facts = w->oracle.fact_count;
	for (unsigned k = 0; k < w->oracle.zhost_count; k++) {
		unsigned i = turn == 0 ? k
				       : (w->oracle.zhost_count - 1 - k + turn) %
						 w->oracle.zhost_count;
		ret_zhosts[i] = place_zhost_set(p, &w->oracle.zhosts[i], w->oracle.alive[i],
						w->oracle.cordoned[i]);
	}
	for (unsigned k = 0; k < w->topology_count; k++) {
		unsigned i = turn == 0 ? k : w->topology_count - 1 - k;
		handles[i] = place_topology_add(p, w->models[i], i + 1);
	}
	for (unsigned k = 0; k < facts; k++) {
		unsigned f = turn == 0 ? k : facts - 1 - k;
		const struct fact *fact = &w->oracle.facts[f];
		ret_units[f] =
			place_unit_new(p, handles[topology_number(w, fact->topology)],
				       fact->root, fact_slot_mate(w, made, ret_units, f));
		made[f] = true;
	}
	return p;
}

static void add_facts(struct world *w, const struct topology *t)
{
	for (unsigned i = 0; i < t->instance_count; i += t->instances[i].subtree_count) {
		unsigned f = w->oracle.fact_count++;
		w->oracle.facts[f] = (struct fact){
			.topology = t, .root = i, .slot = f, .room = f, .zhost = -1};
	}
}

/* ---- what is there before: placed by the engine, or just anywhere ---- */

/* The facts from `first` on, which are of one topology. */
static void settle(struct world *w, unsigned first, unsigned end)
{
	struct place_unit_request units[ORACLE_FACTS] = {0};
	struct place_request request = {.units = units, .unit_count = end - first};
	struct place_result result;
	for (unsigned f = first; f < end; f++)
		units[f - first].unit = w->units[f];
	if (!w->theme.devices && maybe(&w->chance, 40)) {
		for (unsigned f = first; f < end; f++)
			place_add(w->place, w->units[f],
				  w->zhosts[draw(&w->chance, w->oracle.zhost_count)]);
	} else {
		place_try(w->place, &request, &result);
		place_result_done(&result);
	}
	for (unsigned f = first; f < end; f++)
		world_read_fact(w, f);
}

/* Some slots of the request have another unit already: of the same topology, or of one with
 * the same name (another revision). Their facts come before those of the request. */
static unsigned draw_incumbents(struct drawn_case *d, unsigned revision)
{
	struct world *w = &d->world;
	const struct topology *t = w->models[w->topology_count - 1], *r = w->models[revision];
	unsigned slots[ORACLE_FACTS], count = 0, begin = w->oracle.fact_count;
	for (unsigned i = 0, k = 0; i < t->instance_count; i += t->instances[i].subtree_count) {
		if (w->theme.replaced && k < r->instance_count && maybe(&w->chance, 60)) {
			w->oracle.facts[w->oracle.fact_count] = (struct fact){
				.topology = r,
				.root = k,
				.room = w->oracle.fact_count,
				.zhost = -1,
			};
			w->oracle.fact_count++;
			slots[count++] = i;
		}
		k += k < r->instance_count ? r->instances[k].subtree_count : 0;
	}
	d->first = w->oracle.fact_count;
	add_facts(w, t);
	for (unsigned k = 0; k < count; k++) {
		unsigned f = d->first;
		while (w->oracle.facts[f].root != slots[k])
			f++;
		w->oracle.facts[begin + k].slot = f;
	}
	/* Stop-first units are tried one by one. */
	d->single = count > 0 && maybe(&w->chance, 50);
	if (d->single)
		w->oracle.fact_count = d->first + 1;
	return begin;
}

/* False where what was drawn is refused. */
static bool case_init(struct drawn_case *d, uint64_t seed)
{
	struct world *w = &d->world;
	unsigned firsts[TOPOLOGIES];
	*d = (struct drawn_case){0};
	world_init(w, seed, first_seed == last_seed);
	unsigned before = draw(&w->chance, TOPOLOGIES);
	bool revised = before > 0 && w->theme.replaced && maybe(&w->chance, 50);
	for (unsigned i = 0; i <= before; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "t%u",
			       revised && i + 1 == before ? before : i);
		if (!world_draw_topology(w, name, i < before ? 3 : 1 + draw(&w->chance, 8)))
			return false;
	}
	for (unsigned i = 0; i < before - revised; i++) {
		firsts[i] = w->oracle.fact_count;
		add_facts(w, w->models[i]);
	}
	firsts[before - revised] = w->oracle.fact_count;
	unsigned incumbents = draw_incumbents(d, before - revised);
	w->place = build(w, 0, w->zhosts, w->units);
	for (unsigned i = 0; i < before - revised; i++)
		settle(w, firsts[i], firsts[i + 1]);
	for (unsigned f = incumbents; f < d->first; f++)
		settle(w, f, f + 1);
	return true;
}

/* ---- the request ---- */

static void draw_request(struct drawn_case *d, struct drawn_request *q)
{
	struct world *w = &d->world;
	*q = (struct drawn_request){0};
	for (unsigned f = d->first; f < w->oracle.fact_count; f++)
		(void)request_add(w, q, f);
	for (unsigned i = 0; i < q->request.unit_count && maybe(&w->chance, 20); i++)
		request_exclude(w, q, i);
	for (unsigned i = 0; i < q->request.unit_count && w->theme.replaced; i++) {
		if (maybe(&w->chance, 10))
			request_only(w, q, i);
	}
	/* The unit goes stop-first, where its slot has another one. */
	bool shares = d->single && maybe(&w->chance, 80);
	for (unsigned f = 0; f < d->first && shares; f++) {
		if (w->oracle.facts[f].slot == w->oracle.facts[d->first].slot)
			request_share_room(w, q, f);
	}
	q->request.mode = maybe(&w->chance, 30) ? PLACE_RECOVER : PLACE_TOGETHER;
}

/* The same request to an engine that got the same calls in another order. */
static void check_order(struct drawn_case *d, const struct drawn_request *q, const char *reason)
{
	struct world *w = &d->world;
	uint32_t zhosts[ORACLE_ZHOSTS], units[ORACLE_FACTS];
	struct place *p = build(w, 1 + draw(&w->chance, 5), zhosts, units);
	struct drawn_request other;
	request_copy(&other, q);
	other.request.dry_run = true;
	for (unsigned f = d->first; f-- > 0;) {
		if (w->oracle.facts[f].zhost >= 0)
			place_add(p, units[f], zhosts[w->oracle.facts[f].zhost]);
	}
	for (size_t i = 0; i < other.request.unit_count; i++) {
		struct place_unit_request *r = &other.units[i];
		r->unit = units[d->first + i];
		r->replaces = units[q->incumbent];
		if (r->has_only)
			r->only = zhosts[world_zhost(w, r->only)];
		if (r->excluded_count > 0)
			other.exclusions[i].zhost =
				zhosts[world_zhost(w, other.exclusions[i].zhost)];
	}
	place_try(p, &other.request, &other.result);
	for (size_t i = 0; i < other.request.unit_count; i++) {
		const struct fact *fact = &w->oracle.facts[d->first + i];
		if (other.result.zhosts[i] !=
		    (fact->zhost < 0 ? PLACE_NONE : zhosts[fact->zhost]))
			complain(w, "another order of calls, another place",
				 fact->topology->instances[fact->root].path);
	}
	CLEANUP(freep) char *text = place_reason_text(&other.result.reason);
	if ((reason == NULL) != (text == NULL) ||
	    (reason != NULL && strcmp(reason, text) != 0)) {
		print_error("%s\n%s\n", reason, text);
		complain(w, "another order of calls, another reason", "");
	}
	place_result_done(&other.result);
	place_free(p);
}

/* ---- waiting ---- */

/* Something changes that was there before the request; returns what. */
static const char *change_something(struct drawn_case *d)
{
	struct world *w = &d->world;
	unsigned z = draw(&w->chance, w->oracle.zhost_count);
	switch (draw(&w->chance, 4)) {
	case 0:
		w->oracle.cordoned[z] = !w->oracle.cordoned[z];
		place_zhost_flags(w->place, w->zhosts[z], w->oracle.alive[z],
				  w->oracle.cordoned[z]);
		return "cordon";
	case 1:
		world_redraw_zhost(w, z);
		return "another description";
	default:
		break;
	}
	if (d->first == 0)
		return "nothing";
	unsigned f = draw(&w->chance, d->first);
	struct fact *fact = &w->oracle.facts[f];
	uint32_t unit = w->units[f];
	if (place_where(w->place, unit) != PLACE_NONE) {
		place_remove(w->place, unit);
		fact->zhost = -1;
		fact->devices = NULL;
		return "a unit left";
	}
	if (w->theme.devices)
		return "nothing";
	place_add(w->place, unit, w->zhosts[z]);
	fact->zhost = (int)z;
	return "a unit came";
}

static void check_waiting(struct drawn_case *d, const struct drawn_request *q)
{
	struct world *w = &d->world;
	const struct place_request *request = &q->request;
	place_wait(w->place, TICKET, request);
	if (place_wait_next(w->place) != PLACE_NONE)
		complain(w, "due though nothing changed", "");
	for (int i = 0; i < 6; i++) {
		const char *what = change_something(d);
		check_room(w);
		struct place_request again = *request;
		struct place_result result;
		again.dry_run = true;
		place_try(w->place, &again, &result);
		bool fits = result.placed > 0, due = false;
		place_result_done(&result);
		for (uint32_t t; (t = place_wait_next(w->place)) != PLACE_NONE;)
			due |= t == TICKET;
		if (fits && !due)
			complain(w, "has a place now, but is not due", what);
		if (fits)
			break;
		if (due)
			place_wait(w->place, TICKET, request);
	}
	place_wait_end(w->place, TICKET);
}

/* ---- all cases ---- */

struct case_counts {
	unsigned cases, refused, placed, not_placed, together, replaced, shared, one_by_one;
};

/* Whether it takes a place that its incumbent would not leave to others of its space. */
static bool fact_replaces(struct world *w, unsigned f)
{
	struct fact *fact = &w->oracle.facts[f];
	unsigned slot = fact->slot;
	fact->slot = ORACLE_FACTS;
	bool replaces = oracle_breaks(&w->oracle, f, (unsigned)fact->zhost) != NULL;
	fact->slot = slot;
	return replaces;
}

static void count_case(struct drawn_case *d, const struct drawn_request *q, const char *reason,
		       struct case_counts *counts)
{
	struct world *w = &d->world;
	const struct fact *facts = w->oracle.facts;
	bool complete = q->result.complete;
	counts->cases++;
	counts->placed += complete;
	counts->not_placed += !complete;
	counts->shared += q->units[0].shares_room && complete &&
			  facts[d->first].zhost == facts[q->incumbent].zhost;
	for (unsigned f = d->first; f < w->oracle.fact_count && complete; f++)
		counts->replaced += fact_replaces(w, f);
	counts->together += reason != NULL && strstr(reason, "not all together") != NULL;
	counts->one_by_one += !complete && q->result.placed > 0;
}

static void run_case(uint64_t seed, struct case_counts *counts)
{
	struct drawn_case d;
	if (!case_init(&d, seed)) {
		counts->refused++;
		world_done(&d.world);
		return;
	}
	struct drawn_request q;
	draw_request(&d, &q);
	request_try(&d.world, &q);
	CLEANUP(freep) char *reason = place_reason_text(&q.result.reason);
	/* Devices of the units before are assigned again, and may be others. */
	if (!d.world.theme.devices || d.first == 0)
		check_order(&d, &q, reason);
	for (size_t i = 0; i < q.request.unit_count && seed % 4 == 0; i++)
		check_explanation(&d.world, &q.units[i], q.facts[i]);
	count_case(&d, &q, reason, counts);
	if (q.result.placed == 0)
		check_waiting(&d, &q);
	place_result_done(&q.result);
	world_done(&d.world);
}

static void random_cases_agree_with_the_rules(void **state)
{
	(void)state;
	struct case_counts c = {0};
	for (uint64_t seed = first_seed; seed <= last_seed; seed++)
		run_case(seed, &c);
	print_message("%u cases: %u placed (%u units only as successors, %u in shared room), "
		      "%u not (%u of them only together, %u in part), %u refused\n",
		      c.cases, c.placed, c.replaced, c.shared, c.not_placed, c.together,
		      c.one_by_one, c.refused);
	if (last_seed > first_seed) {
		/* Each kind of case occurs often enough. */
		assert_true(c.placed > c.cases / 5);
		assert_true(c.not_placed > c.cases / 5);
		assert_true(c.together > c.cases / 50);
		assert_true(c.replaced > c.cases / 200);
		assert_true(c.shared > c.cases / 200);
		assert_true(c.one_by_one > c.cases / 50);
	}
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		first_seed = strtoull(argv[1], NULL, 10);
		last_seed = strtoull(argv[2], NULL, 10);
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_cases_agree_with_the_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
