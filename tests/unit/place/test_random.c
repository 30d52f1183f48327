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
	uint32_t handles[TOPOLOGIES];
	unsigned topology_count;
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
static struct topology *draw_topology(struct world *w, unsigned number, unsigned units)
{
	char name[8];
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 16);
	CLEANUP(freep) char *findings = NULL;
	(void)snprintf(name, sizeof(name), "t%u", number);
	draw_spaces(&w->chance, &w->theme, units, &text);
	if (first_seed == last_seed)
		print_message("%s\n%s", name, text.data);
	return topology_from(name, text.data, &findings);
}

/* The zhosts in another order, the topologies too: `turn` 0 is the order of the numbers. */
static struct place *build(const struct world *w, unsigned turn, uint32_t *ret_zhosts,
			   uint32_t *ret_handles)
{
	struct place *p = place_new(NULL);
	for (unsigned k = 0; k < w->oracle.zhost_count; k++) {
		unsigned i = turn == 0 ? k
				       : (w->oracle.zhost_count - 1 - k + turn) %
						 w->oracle.zhost_count;
		ret_zhosts[i] = place_zhost_set(p, &w->oracle.zhosts[i], w->oracle.alive[i],
						w->oracle.cordoned[i]);
	}
	for (unsigned k = 0; k < w->topology_count; k++) {
		unsigned i = turn == 0 ? k : w->topology_count - 1 - k;
		ret_handles[i] = place_topology_add(p, w->models[i], i + 1);
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

static unsigned topology_number(const struct world *w, const struct topology *t)
{
	unsigned i = 0;
	while (w->models[i] != t)
		i++;
	return i;
}

/* Takes over from the engine where fact `f` is. */
static void read_fact(struct world *w, unsigned f)
{
	struct fact *fact = &w->oracle.facts[f];
	uint32_t handle = w->handles[topology_number(w, fact->topology)], count;
	fact->zhost = zhost_number(w->zhosts, w->oracle.zhost_count,
				   place_where(w->place, handle, fact->root));
	fact->devices = place_devices(w->place, handle, fact->root, &count);
	if (count == 0)
		fact->devices = NULL;
}

static void add_facts(struct world *w, const struct topology *t)
{
	for (unsigned i = 0; i < t->instance_count; i += t->instances[i].subtree_count)
		w->oracle.facts[w->oracle.fact_count++] =
			(struct fact){.topology = t, .root = i, .zhost = -1};
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
		print_error("  %s/%s on %s excluded %x\n", f->topology->name,
			    f->topology->instances[f->root].path,
			    f->zhost >= 0 ? w->oracle.zhosts[f->zhost].name : "-", f->excluded);
	}
	fail();
	abort();
}

/* One by one, spread holds for each as it comes: a later one may tip it for an earlier one. */
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
		if (why != NULL && !(one_by_one && strcmp(why, "spread") == 0))
			complain(w, "a placed unit breaks a rule", why);
	}
}

/* ---- what is there before: placed by the engine, or just anywhere ---- */

static void settle_topology(struct world *w, unsigned number, unsigned first)
{
	struct attempt a;
	attempt_init(&a, w->place, w->models[number], w->handles[number]);
	if (!w->theme.devices && maybe(&w->chance, 40)) {
		for (size_t i = 0; i < a.request.want_count; i++)
			place_add(w->place, w->handles[number], a.wants[i].instance,
				  w->zhosts[draw(&w->chance, w->oracle.zhost_count)]);
	} else {
		place_try(w->place, &a.request, &a.result);
	}
	attempt_done(&a);
	for (unsigned f = first; f < w->oracle.fact_count; f++)
		read_fact(w, f);
}

static bool world_init(struct world *w, uint64_t seed)
{
	*w = (struct world){.seed = seed, .chance = {seed}};
	w->theme = draw_theme(&w->chance);
	draw_cluster(w);
	unsigned before = draw(&w->chance, TOPOLOGIES);
	for (unsigned i = 0; i <= before; i++) {
		struct topology *t =
			draw_topology(w, i, i < before ? 3 : 1 + draw(&w->chance, 8));
		if (t == NULL)
			return false;
		w->models[w->topology_count++] = t;
	}
	w->place = build(w, 0, w->zhosts, w->handles);
	for (unsigned i = 0; i < before; i++) {
		unsigned first = w->oracle.fact_count;
		add_facts(w, w->models[i]);
		settle_topology(w, i, first);
	}
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
	struct attempt attempt;
	struct place_exclusion exclusions[16];
	unsigned first; /* fact of its first want */
	unsigned number;
};

static void question_init(struct world *w, struct question *q)
{
	*q = (struct question){.number = w->topology_count - 1, .first = w->oracle.fact_count};
	const struct topology *t = w->models[q->number];
	attempt_init(&q->attempt, w->place, t, w->handles[q->number]);
	add_facts(w, t);
	struct attempt *a = &q->attempt;
	for (size_t i = 0; i < a->request.want_count && maybe(&w->chance, 20); i++) {
		unsigned z = draw(&w->chance, w->oracle.zhost_count);
		q->exclusions[i] = (struct place_exclusion){w->zhosts[z], "it failed there"};
		a->wants[i].excluded = &q->exclusions[i];
		a->wants[i].excluded_count = 1;
		w->oracle.facts[q->first + i].excluded = 1u << z;
	}
	a->request.mode = maybe(&w->chance, 30) ? PLACE_RECOVER : PLACE_TOGETHER;
}

/* The same question to an engine that was told everything in another order. */
static void check_order(struct world *w, struct question *q, const char *reason)
{
	uint32_t zhosts[ORACLE_ZHOSTS], handles[TOPOLOGIES];
	struct place *p = build(w, 1 + draw(&w->chance, 5), zhosts, handles);
	struct attempt a = {.request = q->attempt.request};
	for (unsigned f = q->first; f-- > 0;) {
		const struct fact *fact = &w->oracle.facts[f];
		if (fact->zhost >= 0)
			place_add(p, handles[topology_number(w, fact->topology)], fact->root,
				  zhosts[fact->zhost]);
	}
	a.request.topology = handles[q->number];
	a.request.dry_run = true;
	struct place_exclusion exclusions[16];
	a.wants =
		mem_memdup(q->attempt.wants, a.request.want_count * sizeof(struct place_want));
	a.request.wants = a.wants;
	for (size_t i = 0; i < a.request.want_count; i++) {
		if (a.wants[i].excluded_count == 0)
			continue;
		exclusions[i] = q->exclusions[i];
		exclusions[i].zhost = zhosts[zhost_number(w->zhosts, w->oracle.zhost_count,
							  exclusions[i].zhost)];
		a.wants[i].excluded = &exclusions[i];
	}
	place_try(p, &a.request, &a.result);
	for (size_t i = 0; i < a.request.want_count; i++) {
		int there = zhost_number(zhosts, w->oracle.zhost_count, a.result.zhosts[i]);
		if (there != w->oracle.facts[q->first + i].zhost)
			complain(w, "another order of telling, another place",
				 w->models[q->number]->instances[a.wants[i].instance].path);
	}
	char *other = place_reason_text(&a.result.reason);
	if ((reason == NULL) != (other == NULL) ||
	    (reason != NULL && strcmp(reason, other) != 0)) {
		print_error("%s\n%s\n", reason, other);
		complain(w, "another order of telling, another reason", "");
	}
	free(other);
	attempt_done(&a);
	place_free(p);
}

/* Nobody who is left could be placed alone. */
static void check_recovery(struct world *w, const struct question *q)
{
	for (unsigned f = q->first; f < w->oracle.fact_count; f++) {
		for (unsigned z = 0; w->oracle.facts[f].zhost < 0 && z < w->oracle.zhost_count;
		     z++) {
			if (oracle_breaks(&w->oracle, f, z) == NULL)
				complain(w, "recovery left one that has a place",
					 w->oracle.zhosts[z].name);
		}
	}
}

static void check_answer(struct world *w, struct question *q)
{
	const struct place_result *r = &q->attempt.result;
	assert_false(r->budget_spent);
	for (unsigned f = q->first; f < w->oracle.fact_count; f++)
		read_fact(w, f);
	check_facts(w, q->first, q->attempt.request.mode == PLACE_RECOVER);
	if (r->complete) {
		assert_null(r->reason.sentence);
		return;
	}
	assert_non_null(r->reason.sentence);
	if (q->attempt.request.mode == PLACE_TOGETHER && r->placed > 0)
		complain(w, "some placed of all or none", "");
	if (q->attempt.request.mode == PLACE_RECOVER)
		check_recovery(w, q);
	struct oracle copy = w->oracle;
	if (oracle_solvable(&copy, q->first)) {
		for (unsigned f = q->first; f < copy.fact_count; f++)
			print_error("  %s could be on %s\n",
				    copy.facts[f].topology->instances[copy.facts[f].root].path,
				    copy.zhosts[copy.facts[f].zhost].name);
		complain(w, "no place found where there is one", r->reason.sentence);
	}
}

static void check_explanations(struct world *w, const struct question *q)
{
	for (unsigned f = q->first; f < w->oracle.fact_count; f++) {
		const struct place_want *want = &q->attempt.wants[f - q->first];
		struct fact *fact = &w->oracle.facts[f];
		struct place_explanation e;
		place_explain(w->place, w->handles[q->number], want, &e);
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
		char *text = place_explanation_text(w->place, w->handles[q->number], &e);
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
	struct fact *fact = &w->oracle.facts[draw(&w->chance, placed_before)];
	uint32_t handle = w->handles[topology_number(w, fact->topology)];
	if (place_where(w->place, handle, fact->root) != PLACE_NONE) {
		place_remove(w->place, handle, fact->root);
		fact->zhost = -1;
		fact->devices = NULL;
		return "one left";
	}
	if (w->theme.devices)
		return "nothing";
	place_add(w->place, handle, fact->root, w->zhosts[z]);
	fact->zhost = (int)z;
	return "one came";
}

static void check_waiting(struct world *w, struct question *q)
{
	struct attempt again;
	struct place_request *request = &q->attempt.request;
	place_wait(w->place, request);
	if (place_wait_next(w->place) != PLACE_NONE)
		complain(w, "due though nothing happened", "");
	for (int i = 0; i < 6; i++) {
		const char *what = happen(w, q->first);
		size_t placed = 0;
		again = (struct attempt){.request = *request};
		for (size_t k = 0; k < request->want_count; k++)
			placed += place_where(w->place, request->topology,
					      request->wants[k].instance) != PLACE_NONE;
		if (placed > 0)
			break;
		again.request.dry_run = true;
		place_try(w->place, &again.request, &again.result);
		bool fits = again.result.placed > 0, due = false;
		place_result_done(&again.result);
		for (uint32_t t; (t = place_wait_next(w->place)) != PLACE_NONE;)
			due |= t == request->topology;
		if (fits && !due)
			complain(w, "has a place now, but is not due", what);
		if (fits)
			break;
		if (due)
			place_wait(w->place, request);
	}
	place_wait_end(w->place, request->topology);
}

struct tallies {
	unsigned cases, refused, placed, not_placed, together;
};

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
	place_try(w.place, &q.attempt.request, &q.attempt.result);
	CLEANUP(freep) char *reason = place_reason_text(&q.attempt.result.reason);
	check_answer(&w, &q);
	/* Devices of what is there already are given out anew: they may be others. */
	if (!w.theme.devices || q.first == 0)
		check_order(&w, &q, reason);
	if (seed % 4 == 0)
		check_explanations(&w, &q);
	t->cases++;
	t->placed += q.attempt.result.complete;
	t->not_placed += !q.attempt.result.complete;
	t->together += reason != NULL && strstr(reason, "not all together") != NULL;
	if (!q.attempt.result.complete && q.attempt.result.placed == 0)
		check_waiting(&w, &q);
	attempt_done(&q.attempt);
	world_done(&w);
}

static void random_cases_agree_with_the_rules(void **state)
{
	(void)state;
	struct tallies t = {0};
	for (uint64_t seed = first_seed; seed <= last_seed; seed++)
		run_case(seed, &t);
	print_message("%u cases: %u placed, %u not (%u of them only together), %u refused\n",
		      t.cases, t.placed, t.not_placed, t.together, t.refused);
	if (last_seed > first_seed) {
		/* The cases must be worth it. */
		assert_true(t.placed > t.cases / 5);
		assert_true(t.not_placed > t.cases / 5);
		assert_true(t.together > t.cases / 50);
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
