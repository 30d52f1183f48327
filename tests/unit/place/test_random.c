/*
 * Tens of thousands of small random cases: what the engine places breaks no rule; where it
 * finds no place there is none; the order in which it was told of things changes nothing; its
 * explanations agree with the rules; and who waits is woken when there is a place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "fixture.h"
#include "oracle.h"
#include "random_case.h"

#define TOPOLOGIES 4
#define TICKET	   7u

static uint64_t first_seed = 1, last_seed = 20000;

struct world {
	uint64_t seed;
	struct chance chance;
	struct theme theme;
	struct oracle oracle;
	char *zhost_texts[ORACLE_ZHOSTS];
	struct place *place;
	uint32_t zhosts[ORACLE_ZHOSTS]; /* handles */
	struct topology *models[TOPOLOGIES];
	unsigned topology_count; /* the last one is the question's */
	unsigned first;		 /* fact of the question: all from here on */
	bool single;		 /* it asks for one unit */
	uint32_t units[ORACLE_FACTS];
};

static void draw_cluster(struct world *w)
{
	w->oracle.zhost_count = 1 + draw(&w->chance, 6);
	for (unsigned i = 0; i < w->oracle.zhost_count; i++) {
		struct buffer text = BUFFER_INIT(1 << 16);
		draw_zhost(&w->chance, &w->theme, i, &text);
		w->zhost_texts[i] = buffer_steal(&text);
		w->oracle.zhosts[i] = zhost_from(w->zhost_texts[i]);
		w->oracle.alive[i] = maybe(&w->chance, 95);
		w->oracle.cordoned[i] = maybe(&w->chance, 5);
	}
}

/* NULL where what was drawn is refused. */
static struct topology *draw_topology(struct world *w, unsigned name, unsigned units)
{
	char text_name[8];
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 16);
	CLEANUP(freep) char *findings = NULL;
	(void)snprintf(text_name, sizeof(text_name), "t%u", name);
	draw_spaces(&w->chance, &w->theme, units, &text);
	if (first_seed == last_seed)
		print_message("%s\n%s", text_name, text.data);
	return topology_from(text_name, text.data, &findings);
}

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

static int zhost_number(const uint32_t *zhosts, unsigned count, uint32_t handle)
{
	for (unsigned i = 0; i < count; i++) {
		if (zhosts[i] == handle)
			return (int)i;
	}
	return -1;
}

/* Takes over from the engine where fact `f` is. */
static void read_fact(struct world *w, unsigned f)
{
	struct fact *fact = &w->oracle.facts[f];
	uint32_t count;
	fact->zhost = zhost_number(w->zhosts, w->oracle.zhost_count,
				   place_where(w->place, w->units[f]));
	fact->devices = place_devices(w->place, w->units[f], &count);
	if (count == 0)
		fact->devices = NULL;
}

static void add_facts(struct world *w, const struct topology *t)
{
	for (unsigned i = 0; i < t->instance_count; i += t->instances[i].subtree_count) {
		unsigned f = w->oracle.fact_count++;
		w->oracle.facts[f] = (struct fact){
			.topology = t, .root = i, .slot = f, .room = f, .zhost = -1};
	}
}

static _Noreturn void complain(const struct world *w, const char *what, const char *why)
{
	print_error("seed %llu: %s: %s\n", (unsigned long long)w->seed, what,
		    why != NULL ? why : "");
	for (unsigned i = 0; i < w->oracle.zhost_count; i++)
		print_error("  %s alive %d cordoned %d\n", w->zhost_texts[i],
			    w->oracle.alive[i], w->oracle.cordoned[i]);
	for (unsigned i = 0; i < w->oracle.fact_count; i++) {
		const struct fact *f = &w->oracle.facts[i];
		print_error("  %s/%s slot %u room %u on %s excluded %x%s\n", f->topology->name,
			    f->topology->instances[f->root].path, f->slot, f->room,
			    f->zhost >= 0 ? w->oracle.zhosts[f->zhost].name : "-", f->excluded,
			    f->ignore_cordon ? " ignores a cordon" : "");
	}
	fail();
	abort();
}

/* One by one, rules hold for each as it comes. A later one may tip a spread for an earlier one;
 * or it may join the incumbent of the earlier one, which was content as the only one of its
 * kind. */
static void check_facts(struct world *w, unsigned first, bool one_by_one)
{
	for (unsigned z = 0; z < w->oracle.zhost_count; z++) {
		const char *why = oracle_devices(&w->oracle, z);
		if (why != NULL)
			complain(w, "devices", why);
	}
	for (unsigned f = first; f < w->oracle.fact_count; f++) {
		if (w->oracle.facts[f].zhost < 0)
			continue;
		const char *why =
			oracle_breaks(&w->oracle, f, (unsigned)w->oracle.facts[f].zhost);
		bool tipped = one_by_one && why != NULL &&
			      (strcmp(why, "spread") == 0 ||
			       (w->theme.replaced && strcmp(why, "affinity") == 0));
		if (why != NULL && !tipped)
			complain(w, "a placed unit breaks a rule", why);
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
		read_fact(w, f);
}

/* Some slots of the question have another unit already: of the same topology, or of one with
 * the same name (another revision). Their facts come before those of the question. */
static unsigned draw_incumbents(struct world *w, unsigned revision)
{
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
	w->first = w->oracle.fact_count;
	add_facts(w, t);
	for (unsigned k = 0; k < count; k++) {
		unsigned f = w->first;
		while (w->oracle.facts[f].root != slots[k])
			f++;
		w->oracle.facts[begin + k].slot = f;
	}
	/* Stop-first units are tried one by one. */
	w->single = count > 0 && maybe(&w->chance, 50);
	if (w->single)
		w->oracle.fact_count = w->first + 1;
	return begin;
}

static bool world_init(struct world *w, uint64_t seed)
{
	unsigned firsts[TOPOLOGIES];
	*w = (struct world){.seed = seed, .chance = {seed}};
	w->theme = draw_theme(&w->chance);
	draw_cluster(w);
	unsigned before = draw(&w->chance, TOPOLOGIES);
	bool revised = before > 0 && w->theme.replaced && maybe(&w->chance, 50);
	for (unsigned i = 0; i <= before; i++) {
		unsigned name = revised && i + 1 == before ? before : i;
		struct topology *t =
			draw_topology(w, name, i < before ? 3 : 1 + draw(&w->chance, 8));
		if (t == NULL)
			return false;
		w->models[w->topology_count++] = t;
	}
	for (unsigned i = 0; i < before - revised; i++) {
		firsts[i] = w->oracle.fact_count;
		add_facts(w, w->models[i]);
	}
	firsts[before - revised] = w->oracle.fact_count;
	unsigned incumbents = draw_incumbents(w, before - revised);
	w->place = build(w, 0, w->zhosts, w->units);
	for (unsigned i = 0; i < before - revised; i++)
		settle(w, firsts[i], firsts[i + 1]);
	for (unsigned f = incumbents; f < w->first; f++)
		settle(w, f, f + 1);
	return true;
}

static void world_done(struct world *w)
{
	place_free(w->place);
	for (unsigned i = 0; i < w->topology_count; i++)
		topology_unref(w->models[i]);
	for (unsigned i = 0; i < w->oracle.zhost_count; i++) {
		zhost_spec_done(&w->oracle.zhosts[i]);
		free(w->zhost_texts[i]);
	}
}

/* ---- the question ---- */

struct question {
	struct place_unit_request units[ORACLE_FACTS];
	struct place_exclusion exclusions[16];
	struct place_request request;
	struct place_result result;
	unsigned incumbent; /* fact with which it shares room */
};

static void draw_only(struct world *w, struct place_unit_request *r, struct fact *fact)
{
	unsigned z = draw(&w->chance, w->oracle.zhost_count);
	r->has_only = true;
	r->only = w->zhosts[z];
	r->ignore_cordon = fact->ignore_cordon = maybe(&w->chance, 50);
	fact->excluded |= ~(1u << z);
}

/* The unit goes stop-first, where its slot has another one. */
static void share_room(struct world *w, struct question *q)
{
	for (unsigned f = 0; f < w->first; f++) {
		if (w->oracle.facts[f].slot != w->oracle.facts[w->first].slot)
			continue;
		w->oracle.facts[w->first].room = w->oracle.facts[f].room;
		q->units[0].shares_room = true;
		q->units[0].replaces = w->units[f];
		q->incumbent = f;
	}
}

static void question_init(struct world *w, struct question *q)
{
	*q = (struct question){.request.units = q->units};
	for (unsigned f = w->first; f < w->oracle.fact_count; f++)
		q->units[q->request.unit_count++].unit = w->units[f];
	for (size_t i = 0; i < q->request.unit_count && maybe(&w->chance, 20); i++) {
		unsigned z = draw(&w->chance, w->oracle.zhost_count);
		q->exclusions[i] = (struct place_exclusion){w->zhosts[z], "it failed there"};
		q->units[i].excluded = &q->exclusions[i];
		q->units[i].excluded_count = 1;
		w->oracle.facts[w->first + i].excluded = 1u << z;
	}
	for (size_t i = 0; i < q->request.unit_count && w->theme.replaced; i++) {
		if (maybe(&w->chance, 10))
			draw_only(w, &q->units[i], &w->oracle.facts[w->first + i]);
	}
	if (w->single && maybe(&w->chance, 80))
		share_room(w, q);
	q->request.mode = maybe(&w->chance, 30) ? PLACE_RECOVER : PLACE_TOGETHER;
}

/* The same question to an engine that was told everything in another order. */
static void check_order(struct world *w, const struct question *q, const char *reason)
{
	uint32_t zhosts[ORACLE_ZHOSTS], units[ORACLE_FACTS];
	struct place *p = build(w, 1 + draw(&w->chance, 5), zhosts, units);
	struct place_unit_request wants[ORACLE_FACTS] = {0};
	struct place_exclusion exclusions[16];
	struct place_request request = {.mode = q->request.mode,
					.units = wants,
					.unit_count = q->request.unit_count,
					.dry_run = true};
	struct place_result result;
	for (unsigned f = w->first; f-- > 0;) {
		if (w->oracle.facts[f].zhost >= 0)
			place_add(p, units[f], zhosts[w->oracle.facts[f].zhost]);
	}
	for (size_t i = 0; i < request.unit_count; i++) {
		wants[i] = q->units[i];
		wants[i].unit = units[w->first + i];
		wants[i].replaces = units[q->incumbent];
		if (wants[i].has_only)
			wants[i].only = zhosts[zhost_number(w->zhosts, w->oracle.zhost_count,
							    wants[i].only)];
		if (wants[i].excluded_count == 0)
			continue;
		exclusions[i] = q->exclusions[i];
		exclusions[i].zhost = zhosts[zhost_number(w->zhosts, w->oracle.zhost_count,
							  exclusions[i].zhost)];
		wants[i].excluded = &exclusions[i];
	}
	place_try(p, &request, &result);
	for (size_t i = 0; i < request.unit_count; i++) {
		const struct fact *fact = &w->oracle.facts[w->first + i];
		if (zhost_number(zhosts, w->oracle.zhost_count, result.zhosts[i]) !=
		    fact->zhost)
			complain(w, "another order of telling, another place",
				 fact->topology->instances[fact->root].path);
	}
	CLEANUP(freep) char *other = place_reason_text(&result.reason);
	if ((reason == NULL) != (other == NULL) ||
	    (reason != NULL && strcmp(reason, other) != 0)) {
		print_error("%s\n%s\n", reason, other);
		complain(w, "another order of telling, another reason", "");
	}
	place_result_done(&result);
	place_free(p);
}

/* Nobody who is left could be placed alone. */
static void check_recovery(struct world *w)
{
	for (unsigned f = w->first; f < w->oracle.fact_count; f++) {
		for (unsigned z = 0; w->oracle.facts[f].zhost < 0 && z < w->oracle.zhost_count;
		     z++) {
			if (oracle_breaks(&w->oracle, f, z) == NULL)
				complain(w, "recovery left one that has a place",
					 w->oracle.zhosts[z].name);
		}
	}
}

/* Room in the engine is what the facts say. */
static void check_room(const struct world *w)
{
	for (unsigned z = 0; z < w->oracle.zhost_count; z++) {
		struct place_usage usage = place_zhost_usage(w->place, w->zhosts[z]);
		if (usage.cpu_reserved != oracle_cpu(&w->oracle, z) ||
		    usage.memory_reserved != oracle_memory(&w->oracle, z))
			complain(w, "room does not add up", w->oracle.zhosts[z].name);
	}
}

/* A unit that shares room goes where its incumbent is, if it may. */
static void check_stays(struct world *w, const struct question *q)
{
	struct fact *fact = &w->oracle.facts[w->first];
	int here = w->oracle.facts[q->incumbent].zhost, where = fact->zhost;
	if (!q->units[0].shares_room || here < 0 || where == here)
		return;
	const uint16_t *devices = fact->devices;
	fact->zhost = -1;
	fact->devices = NULL;
	bool may_stay = oracle_breaks(&w->oracle, w->first, (unsigned)here) == NULL;
	fact->zhost = where;
	fact->devices = devices;
	if (may_stay)
		complain(w, "it could have stayed with its incumbent",
			 w->oracle.zhosts[here].name);
}

static void check_answer(struct world *w, struct question *q)
{
	const struct place_result *r = &q->result;
	assert_false(r->budget_spent);
	for (unsigned f = w->first; f < w->oracle.fact_count; f++)
		read_fact(w, f);
	check_room(w);
	check_stays(w, q);
	check_facts(w, w->first, q->request.mode == PLACE_RECOVER);
	if (r->complete) {
		assert_null(r->reason.sentence);
		return;
	}
	assert_non_null(r->reason.sentence);
	if (q->request.mode == PLACE_TOGETHER && r->placed > 0)
		complain(w, "some placed of all or none", "");
	if (q->request.mode == PLACE_RECOVER)
		check_recovery(w);
	struct oracle copy = w->oracle;
	if (oracle_solvable(&copy, w->first)) {
		for (unsigned f = w->first; f < copy.fact_count; f++)
			print_error("  %s could be on %s\n",
				    copy.facts[f].topology->instances[copy.facts[f].root].path,
				    copy.zhosts[copy.facts[f].zhost].name);
		complain(w, "no place found where there is one", r->reason.sentence);
	}
}

static void check_explanations(struct world *w, const struct question *q)
{
	for (unsigned f = w->first; f < w->oracle.fact_count; f++) {
		const struct place_unit_request *want = &q->units[f - w->first];
		struct fact *fact = &w->oracle.facts[f];
		struct place_explanation e;
		place_explain(w->place, want, &e);
		int where = fact->zhost;
		const uint16_t *devices = fact->devices;
		fact->zhost = -1;
		fact->devices = NULL;
		for (unsigned i = 0; i < e.verdict_count; i++) {
			const struct place_verdict *v = &e.verdicts[i];
			int z = zhost_number(w->zhosts, w->oracle.zhost_count, v->zhost);
			const char *why = oracle_breaks(&w->oracle, f, (unsigned)z);
			if (v->eligible != (why == NULL))
				complain(w, "an explanation is wrong",
					 why != NULL ? why : v->failures[0].text);
		}
		char *text = place_explanation_text(w->place, &e);
		assert_true((e.eligible_count == 0) == (e.reason.sentence != NULL));
		free(text);
		place_explanation_done(&e);
		fact->zhost = where;
		fact->devices = devices;
	}
}

/* ---- waiting ---- */

/* Something changes; text says what. */
static const char *happen(struct world *w, unsigned placed_before)
{
	unsigned z = draw(&w->chance, w->oracle.zhost_count);
	switch (draw(&w->chance, 4)) {
	case 0:
		w->oracle.cordoned[z] = !w->oracle.cordoned[z];
		place_zhost_flags(w->place, w->zhosts[z], w->oracle.alive[z],
				  w->oracle.cordoned[z]);
		return "cordon";
	case 1: {
		struct buffer text = BUFFER_INIT(1 << 16);
		unsigned number = 0;
		while (number * 7 % 8 != (unsigned)(w->oracle.zhosts[z].name[1] - '0'))
			number++;
		draw_zhost(&w->chance, &w->theme, number, &text);
		zhost_spec_done(&w->oracle.zhosts[z]);
		free(w->zhost_texts[z]);
		w->zhost_texts[z] = buffer_steal(&text);
		w->oracle.zhosts[z] = zhost_from(w->zhost_texts[z]);
		(void)place_zhost_set(w->place, &w->oracle.zhosts[z], w->oracle.alive[z],
				      w->oracle.cordoned[z]);
		return "other description";
	}
	default:
		break;
	}
	if (placed_before == 0)
		return "nothing";
	unsigned f = draw(&w->chance, placed_before);
	struct fact *fact = &w->oracle.facts[f];
	uint32_t unit = w->units[f];
	if (place_where(w->place, unit) != PLACE_NONE) {
		place_remove(w->place, unit);
		fact->zhost = -1;
		fact->devices = NULL;
		return "one left";
	}
	if (w->theme.devices)
		return "nothing";
	place_add(w->place, unit, w->zhosts[z]);
	fact->zhost = (int)z;
	return "one came";
}

static void check_waiting(struct world *w, struct question *q)
{
	struct place_request *request = &q->request;
	place_wait(w->place, TICKET, request);
	if (place_wait_next(w->place) != PLACE_NONE)
		complain(w, "due though nothing happened", "");
	for (int i = 0; i < 6; i++) {
		const char *what = happen(w, w->first);
		check_room(w);
		size_t placed = 0;
		struct place_request again = *request;
		struct place_result result;
		for (size_t k = 0; k < request->unit_count; k++)
			placed += place_where(w->place, request->units[k].unit) != PLACE_NONE;
		if (placed > 0)
			break;
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

struct tallies {
	unsigned cases, refused, placed, not_placed, together, replaced, shared;
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

static void run_case(uint64_t seed, struct tallies *t)
{
	struct world w;
	if (!world_init(&w, seed)) {
		t->refused++;
		world_done(&w);
		return;
	}
	struct question q;
	question_init(&w, &q);
	place_try(w.place, &q.request, &q.result);
	CLEANUP(freep) char *reason = place_reason_text(&q.result.reason);
	check_answer(&w, &q);
	/* Devices of what is there already are given out anew: they may be others. */
	if (!w.theme.devices || w.first == 0)
		check_order(&w, &q, reason);
	if (seed % 4 == 0)
		check_explanations(&w, &q);
	t->cases++;
	t->placed += q.result.complete;
	t->shared += q.units[0].shares_room && q.result.complete &&
		     w.oracle.facts[w.first].zhost == w.oracle.facts[q.incumbent].zhost;
	for (unsigned f = w.first; f < w.oracle.fact_count && q.result.complete; f++)
		t->replaced += fact_replaces(&w, f);
	t->not_placed += !q.result.complete;
	t->together += reason != NULL && strstr(reason, "not all together") != NULL;
	if (!q.result.complete && q.result.placed == 0)
		check_waiting(&w, &q);
	place_result_done(&q.result);
	world_done(&w);
}

static void random_cases_agree_with_the_rules(void **state)
{
	(void)state;
	struct tallies t = {0};
	for (uint64_t seed = first_seed; seed <= last_seed; seed++)
		run_case(seed, &t);
	print_message("%u cases: %u placed (%u units only as successors, %u in shared room), "
		      "%u not (%u of them only together), %u refused\n",
		      t.cases, t.placed, t.replaced, t.shared, t.not_placed, t.together,
		      t.refused);
	if (last_seed > first_seed) {
		/* The cases must be worth it. */
		assert_true(t.placed > t.cases / 5);
		assert_true(t.not_placed > t.cases / 5);
		assert_true(t.together > t.cases / 50);
		assert_true(t.replaced > t.cases / 200);
		assert_true(t.shared > t.cases / 200);
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
