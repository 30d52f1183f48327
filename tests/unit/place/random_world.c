#include "random_world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "fixture.h"

/* Of the world that was made last: an invariant of the engine may abort. */
static uint64_t current_seed;

static void on_abort(int number)
{
	(void)signal(number, SIG_DFL);
	print_error("seed %llu: an invariant of the engine does not hold\n",
		    (unsigned long long)current_seed);
}

void world_init(struct world *w, uint64_t seed, bool verbose)
{
	current_seed = seed;
	(void)signal(SIGABRT, on_abort);
	*w = (struct world){.seed = seed, .verbose = verbose, .chance = {seed}};
	w->theme = draw_theme(&w->chance);
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

void world_done(struct world *w)
{
	place_free(w->place);
	for (unsigned i = 0; i < w->topology_count; i++)
		topology_unref(w->models[i]);
	for (unsigned i = 0; i < w->oracle.zhost_count; i++) {
		zhost_spec_done(&w->oracle.zhosts[i]);
		free(w->zhost_texts[i]);
	}
}

bool world_draw_topology(struct world *w, const char *name, unsigned units)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 16);
	CLEANUP(freep) char *findings = NULL;
	draw_spaces(&w->chance, &w->theme, units, &text);
	if (w->verbose)
		print_message("%s\n%s", name, text.data);
	struct topology *t = topology_from(name, text.data, &findings);
	if (t != NULL)
		w->models[w->topology_count++] = t;
	return t != NULL;
}

void world_redraw_zhost(struct world *w, unsigned z)
{
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
}

int world_zhost(const struct world *w, uint32_t handle)
{
	for (unsigned i = 0; i < w->oracle.zhost_count; i++) {
		if (w->zhosts[i] == handle)
			return (int)i;
	}
	return -1;
}

void world_read_fact(struct world *w, unsigned f)
{
	struct fact *fact = &w->oracle.facts[f];
	uint32_t count;
	fact->zhost = world_zhost(w, place_where(w->place, w->units[f]));
	fact->devices = place_devices(w->place, w->units[f], &count);
	if (count == 0)
		fact->devices = NULL;
}

_Noreturn void complain(const struct world *w, const char *what, const char *why)
{
	print_error("seed %llu: %s: %s\n", (unsigned long long)w->seed, what,
		    why != NULL ? why : "");
	for (unsigned i = 0; i < w->oracle.zhost_count; i++)
		print_error("  %s alive %d cordoned %d\n", w->zhost_texts[i],
			    w->oracle.alive[i], w->oracle.cordoned[i]);
	for (unsigned i = 0; i < w->oracle.fact_count; i++) {
		const struct fact *f = &w->oracle.facts[i];
		print_error("  %u %s/%s slot %u room %u on %s excluded %x%s\n", i,
			    f->topology->name, f->topology->instances[f->root].path, f->slot,
			    f->room, f->zhost >= 0 ? w->oracle.zhosts[f->zhost].name : "-",
			    f->excluded, f->ignore_cordon ? " ignores a cordon" : "");
		uint32_t held = 0;
		if (f->zhost >= 0 && f->devices != NULL)
			(void)place_devices(w->place, w->units[i], &held);
		for (uint32_t k = 0; k < held; k++)
			print_error("    device %u\n", f->devices[k]);
	}
	fail();
	abort();
}

/* ---- requests ---- */

struct place_unit_request *request_add(struct world *w, struct drawn_request *q, unsigned f)
{
	size_t position = q->request.unit_count++;
	q->request.units = q->units;
	q->facts[position] = f;
	q->units[position] = (struct place_unit_request){.unit = w->units[f]};
	w->oracle.facts[f].excluded = 0;
	w->oracle.facts[f].ignore_cordon = false;
	return &q->units[position];
}

void request_exclude(struct world *w, struct drawn_request *q, unsigned position)
{
	unsigned z = draw(&w->chance, w->oracle.zhost_count);
	q->exclusions[position] =
		(struct place_exclusion){w->zhosts[z], FAILURE_ATTEMPTS, "it failed there"};
	q->units[position].excluded = &q->exclusions[position];
	q->units[position].excluded_count = 1;
	w->oracle.facts[q->facts[position]].excluded |= 1u << z;
}

void request_only(struct world *w, struct drawn_request *q, unsigned position)
{
	struct place_unit_request *r = &q->units[position];
	struct fact *fact = &w->oracle.facts[q->facts[position]];
	unsigned z = draw(&w->chance, w->oracle.zhost_count);
	r->has_only = true;
	r->only = w->zhosts[z];
	r->ignore_cordon = fact->ignore_cordon = maybe(&w->chance, 50);
	fact->excluded |= ~(1u << z);
}

void request_share_room(struct world *w, struct drawn_request *q, unsigned incumbent)
{
	struct fact *facts = w->oracle.facts;
	facts[q->facts[0]].room = facts[incumbent].room;
	q->units[0].shares_room = true;
	q->units[0].replaces = w->units[incumbent];
	q->incumbent = incumbent;
}

void request_copy(struct drawn_request *to, const struct drawn_request *from)
{
	*to = *from;
	to->request.units = to->units;
	for (size_t i = 0; i < to->request.unit_count; i++) {
		if (to->units[i].excluded_count > 0)
			to->units[i].excluded = &to->exclusions[i];
	}
}

/* ---- checks ---- */

void check_room(const struct world *w)
{
	for (unsigned z = 0; z < w->oracle.zhost_count; z++) {
		struct place_usage usage = place_zhost_usage(w->place, w->zhosts[z]);
		if (usage.cpu_reserved != oracle_cpu(&w->oracle, z) ||
		    usage.memory_reserved != oracle_memory(&w->oracle, z))
			complain(w, "room does not add up", w->oracle.zhosts[z].name);
	}
}

void check_devices(const struct world *w)
{
	for (unsigned z = 0; z < w->oracle.zhost_count; z++) {
		const char *why = oracle_devices(&w->oracle, z);
		if (why != NULL)
			complain(w, "devices", why);
	}
}

static const char *breaks_without(const struct world *w, unsigned f, unsigned z)
{
	struct oracle copy = w->oracle;
	copy.facts[f].zhost = -1;
	copy.facts[f].devices = NULL;
	return oracle_breaks(&copy, f, z);
}

/* A unit that shares room goes where its incumbent is, if it may. */
static void check_stays(const struct world *w, const struct drawn_request *q)
{
	unsigned f = q->facts[0];
	int here = w->oracle.facts[q->incumbent].zhost;
	if (q->units[0].shares_room && here >= 0 && w->oracle.facts[f].zhost != here &&
	    breaks_without(w, f, (unsigned)here) == NULL)
		complain(w, "it could have stayed with its incumbent",
			 w->oracle.zhosts[here].name);
}

/* The facts of the request at the end of `ret`, and without places. */
static unsigned without_request(const struct world *w, const struct drawn_request *q,
				struct oracle *ret)
{
	bool requested[ORACLE_FACTS] = {0};
	*ret = w->oracle;
	ret->fact_count = 0;
	for (size_t i = 0; i < q->request.unit_count; i++)
		requested[q->facts[i]] = true;
	for (unsigned f = 0; f < w->oracle.fact_count; f++) {
		if (!requested[f])
			ret->facts[ret->fact_count++] = w->oracle.facts[f];
	}
	unsigned first = ret->fact_count;
	for (size_t i = 0; i < q->request.unit_count; i++) {
		struct fact *fact = &ret->facts[ret->fact_count++];
		*fact = w->oracle.facts[q->facts[i]];
		fact->zhost = -1;
		fact->devices = NULL;
	}
	return first;
}

/* The order in which recovery tries units one by one: by path, then by age. */
static bool goes_before(const struct world *w, unsigned f, unsigned g)
{
	const struct fact *a = &w->oracle.facts[f], *b = &w->oracle.facts[g];
	int order = strcmp(a->topology->instances[a->root].path,
			   b->topology->instances[b->root].path);
	unsigned i = 0;
	if (order != 0 || a->topology == b->topology)
		return order < 0;
	while (w->models[i] != a->topology && w->models[i] != b->topology)
		i++;
	return w->models[i] == a->topology;
}

static void sort_for_recovery(const struct world *w, unsigned count, unsigned *order)
{
	for (unsigned i = 1; i < count; i++) {
		unsigned f = order[i], k = i;
		for (; k > 0 && goes_before(w, f, order[k - 1]); k--)
			order[k] = order[k - 1];
		order[k] = f;
	}
}

/*
 * One by one, each unit passes all rules at the moment at which it is placed, and one that is
 * left over had no place then. A unit that is placed later may break a spread of an earlier one,
 * or its affinity with its own space: see recovery_may_part_a_unit_from_its_space() in
 * test_handover.c. So the moments are repeated: what was there before, and then unit by unit, in
 * passes, until a pass places none; then, together, those that have a place only so, and again.
 */
static void repeat_one_by_one(const struct world *w, struct world *then_world, unsigned count,
			      const unsigned *order)
{
	struct world then = *then_world;
	for (bool placed = true; placed;) {
		placed = false;
		for (unsigned i = 0; i < count; i++) {
			struct fact *fact = &then.oracle.facts[order[i]];
			const struct fact *now = &w->oracle.facts[order[i]];
			unsigned z = 0;
			while (fact->zhost < 0 && z < then.oracle.zhost_count &&
			       oracle_breaks(&then.oracle, order[i], z) != NULL)
				z++;
			if (fact->zhost >= 0 || z == then.oracle.zhost_count)
				continue;
			if (now->zhost < 0)
				complain(&then, "recovery left a unit that has a place",
					 then.oracle.zhosts[z].name);
			const char *why =
				oracle_breaks(&then.oracle, order[i], (unsigned)now->zhost);
			if (why != NULL)
				complain(&then, "recovery placed a unit against a rule", why);
			fact->zhost = now->zhost;
			fact->devices = now->devices;
			placed = true;
		}
	}
	*then_world = then;
}

/* What recovery placed and single units could not: two or more, each by the rules beside the others. */
static bool repeat_together(const struct world *w, struct world *then, unsigned count,
			    const unsigned *order)
{
	unsigned group[ORACLE_FACTS], size = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct fact *now = &w->oracle.facts[order[i]];
		if (then->oracle.facts[order[i]].zhost != now->zhost)
			group[size++] = order[i];
	}
	if (size == 1)
		complain(then, "recovery placed a unit that has no place", "");
	for (unsigned i = 0; i < size; i++) {
		then->oracle.facts[group[i]].zhost = w->oracle.facts[group[i]].zhost;
		then->oracle.facts[group[i]].devices = w->oracle.facts[group[i]].devices;
	}
	for (unsigned i = 0; i < size; i++) {
		const char *why = oracle_breaks(&then->oracle, group[i],
						(unsigned)then->oracle.facts[group[i]].zhost);
		if (why != NULL)
			complain(then, "recovery placed units together against a rule", why);
	}
	return size > 0;
}

static void check_recovery(const struct world *w, const struct drawn_request *q)
{
	struct world then = *w;
	unsigned order[ORACLE_FACTS], count = (unsigned)q->request.unit_count;
	memcpy(order, q->facts, count * sizeof(*order));
	sort_for_recovery(w, count, order);
	for (unsigned i = 0; i < count; i++) {
		then.oracle.facts[order[i]].zhost = -1;
		then.oracle.facts[order[i]].devices = NULL;
	}
	do
		repeat_one_by_one(w, &then, count, order);
	while (repeat_together(w, &then, count, order));
}

static void check_together(const struct world *w, const struct drawn_request *q)
{
	for (size_t i = 0; i < q->request.unit_count; i++) {
		const struct fact *fact = &w->oracle.facts[q->facts[i]];
		const char *why = fact->zhost < 0 ? "it has no place"
						  : oracle_breaks(&w->oracle, q->facts[i],
								  (unsigned)fact->zhost);
		if (why != NULL)
			complain(w, "a placed unit breaks a rule", why);
	}
}

static void check_result(const struct world *w, const struct drawn_request *q)
{
	const struct place_result *r = &q->result;
	struct oracle rest;
	unsigned first = without_request(w, q, &rest);
	bool solvable = oracle_solvable(&rest, first);
	assert_false(r->budget_spent);
	assert_true(r->complete == (r->reason.sentence == NULL));
	check_stays(w, q);
	if (solvable && !r->complete) {
		for (unsigned f = first; f < rest.fact_count; f++)
			print_error("  %s could be on %s\n",
				    rest.facts[f].topology->instances[rest.facts[f].root].path,
				    rest.zhosts[rest.facts[f].zhost].name);
		complain(w, "no place found where there is one", r->reason.sentence);
	}
	if (solvable || (q->request.mode == PLACE_TOGETHER && r->complete))
		check_together(w, q);
	else if (q->request.mode == PLACE_RECOVER)
		check_recovery(w, q);
	else if (r->placed > 0)
		complain(w, "some placed of all or none", "");
}

void request_try(struct world *w, struct drawn_request *q)
{
	place_try(w->place, &q->request, &q->result);
	for (size_t i = 0; i < q->request.unit_count; i++)
		world_read_fact(w, q->facts[i]);
	check_room(w);
	check_devices(w);
	check_result(w, q);
}

void check_explanation(struct world *w, const struct place_unit_request *request, unsigned f)
{
	struct place_explanation e;
	place_explain(w->place, request, &e);
	for (unsigned i = 0; i < e.verdict_count; i++) {
		const struct place_verdict *v = &e.verdicts[i];
		const char *why = breaks_without(w, f, (unsigned)world_zhost(w, v->zhost));
		if (v->eligible != (why == NULL))
			complain(w, "an explanation is wrong",
				 why != NULL ? why : v->failures[0].text);
	}
	CLEANUP(freep) char *text = place_explanation_text(w->place, &e);
	assert_non_null(text);
	assert_true((e.eligible_count == 0) == (e.reason.sentence != NULL));
	place_explanation_done(&e);
}
