/*
 * Random lives of one engine. Applications of two revisions: their units are placed, get
 * successors beside them, share room with them, change size and leave; requests wait, are woken
 * and cancelled; zhosts change. After each step the engine is compared with the oracle: its
 * answer, where each unit is, the room on each zhost, and that no request that waits has a place.
 */
#include "random_life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/random_cases.h"

static uint64_t first_seed = 1, last_seed = RANDOM_CASES(4000);

/* ---- requests ---- */

static void ticket_end(struct life *l, unsigned t)
{
	place_wait_end(l->world.place, t);
	l->tickets[t].waits = false;
	for (size_t i = 0; i < l->tickets[t].request.request.unit_count; i++)
		l->ticket_of[l->tickets[t].request.facts[i]] = NONE;
}

/* Tries it, and takes over what came of it. */
static void try_request(struct life *l, struct drawn_request *q)
{
	struct fact *first = fact_at(l, q->facts[0]);
	const struct fact *incumbent = fact_at(l, q->incumbent);
	bool shares = q->units[0].shares_room;
	if (shares)
		first->room = incumbent->room;
	request_try(&l->world, q);
	if (shares && (first->zhost < 0 || first->zhost != incumbent->zhost))
		first->room = l->rooms++;
	else if (shares)
		l->counts->shared++;
	l->counts->placed += (unsigned)q->result.placed;
	l->counts->only += q->units[0].has_only && first->zhost >= 0;
}

/* What is left of a request. */
static void request_rest(struct life *l, const struct drawn_request *q,
			 struct drawn_request *rest)
{
	*rest = (struct drawn_request){.request.mode = q->request.mode,
				       .request.units = rest->units,
				       .incumbent = q->incumbent};
	for (size_t i = 0; i < q->request.unit_count; i++) {
		if (fact_at(l, q->facts[i])->zhost >= 0)
			continue;
		size_t position = rest->request.unit_count++;
		rest->facts[position] = q->facts[i];
		rest->units[position] = q->units[i];
		rest->exclusions[position] = q->exclusions[i];
		if (q->units[i].excluded_count > 0)
			rest->units[position].excluded = &rest->exclusions[position];
	}
}

/* Tries it. Units that recovery leaves over one by one may have places together: they are tried
 * again as a request of their own, until all or none of them are placed. What then is left waits
 * as ticket `t`, unless that is NONE. True: some were placed. */
static bool try_or_wait(struct life *l, struct drawn_request *q, unsigned t)
{
	bool any = false, again = true;
	while (again) {
		struct drawn_request rest;
		try_request(l, q);
		any |= q->result.placed > 0;
		again = q->result.placed > 0 && !q->result.complete;
		place_result_done(&q->result);
		request_rest(l, q, &rest);
		request_copy(q, &rest);
	}
	if (q->request.unit_count == 0 || t == NONE)
		return any;
	struct drawn_request *waits = &l->tickets[t].request;
	request_copy(waits, q);
	for (size_t i = 0; i < waits->request.unit_count; i++)
		l->ticket_of[waits->facts[i]] = t;
	l->tickets[t].waits = true;
	place_wait(l->world.place, t, &waits->request);
	l->counts->waited++;
	return any;
}

/* A dry run answers the same, and keeps nothing. */
static void check_dry_run(struct life *l, const struct drawn_request *q)
{
	struct drawn_request dry;
	request_copy(&dry, q);
	dry.request.dry_run = true;
	place_try(l->world.place, &dry.request, &dry.result);
	for (size_t i = 0; i < q->request.unit_count; i++) {
		if (place_where(l->world.place, q->units[i].unit) != PLACE_NONE)
			complain(&l->world, "a dry run placed a unit", "");
	}
	check_room(&l->world);
	struct drawn_request again;
	request_copy(&again, q);
	try_request(l, &again);
	for (size_t i = 0; i < q->request.unit_count; i++) {
		if (again.result.zhosts[i] != dry.result.zhosts[i])
			complain(&l->world, "a dry run answered differently", "");
	}
	place_result_done(&dry.result);
	place_result_done(&again.result);
}

static void step_place(struct life *l)
{
	struct world *w = &l->world;
	struct drawn_request q = {0};
	unsigned units = 1 + draw(&w->chance, REQUEST_MAX);
	for (unsigned f = 0; f < w->oracle.fact_count && q.request.unit_count < units; f++) {
		if (is_unplaced(l, f) && maybe(&w->chance, 70))
			(void)request_add(w, &q, f);
	}
	if (q.request.unit_count == 0)
		return;
	for (unsigned i = 0; i < q.request.unit_count; i++) {
		if (maybe(&w->chance, 15))
			request_exclude(w, &q, i);
		if (maybe(&w->chance, 15))
			request_only(w, &q, i);
	}
	unsigned mate = mate_of(l, q.facts[0]);
	if (q.request.unit_count == 1 && mate != NONE && maybe(&w->chance, 70))
		request_share_room(w, &q, mate);
	q.request.mode = maybe(&w->chance, 40) ? PLACE_RECOVER : PLACE_TOGETHER;
	if (maybe(&w->chance, 20)) {
		check_dry_run(l, &q);
		return;
	}
	unsigned t = 0;
	while (t < TICKETS && l->tickets[t].waits)
		t++;
	(void)try_or_wait(l, &q, t < TICKETS && maybe(&w->chance, 80) ? t : NONE);
}

static unsigned draw_ticket(struct life *l)
{
	unsigned t = draw(&l->world.chance, TICKETS);
	return l->tickets[t].waits ? t : NONE;
}

static void step_cancel(struct life *l)
{
	unsigned t = draw_ticket(l);
	if (t == NONE)
		return;
	/* It may be due already. */
	if (maybe(&l->world.chance, 30))
		place_wait_wake(l->world.place, t);
	ticket_end(l, t);
	l->counts->cancelled++;
}

static void step_wake(struct life *l)
{
	unsigned t = draw_ticket(l);
	if (t == NONE)
		return;
	place_wait_wake(l->world.place, t);
	/* Others may be due too, with older topologies. */
	bool due = false;
	for (uint32_t next; (next = place_wait_next(l->world.place)) != PLACE_NONE;)
		due |= next == t;
	if (!due)
		complain(&l->world, "was woken, but is not due", "");
}

/* ---- other steps ---- */

static void step_successor(struct life *l)
{
	unsigned f = draw_unit(l, is_alone);
	if (f == NONE || l->world.oracle.fact_count == ORACLE_FACTS)
		return;
	unsigned model =
		model_of(l, f) / REVISIONS * REVISIONS + draw(&l->world.chance, REVISIONS);
	if (root_at(l->world.models[model], l->position[f]) == NONE)
		return;
	unit_add(l, model, l->position[f], f);
	l->counts->successors++;
}

/* One of two units of a slot is freed. Requests that name it are cancelled. */
static void step_end_handover(struct life *l)
{
	unsigned f = draw_unit(l, has_mate);
	if (f == NONE)
		return;
	for (unsigned t = 0; t < TICKETS; t++) {
		const struct drawn_request *q = &l->tickets[t].request;
		if (l->tickets[t].waits &&
		    (l->ticket_of[f] == t || (q->units[0].shares_room && q->incumbent == f)))
			ticket_end(l, t);
	}
	place_unit_free(l->world.place, l->world.units[f]);
	fact_leaves(l, f);
	l->gone[f] = true;
	l->counts->handovers++;
}

static void step_remove(struct life *l)
{
	unsigned f = draw_unit(l, is_placed);
	if (f == NONE)
		return;
	place_remove(l->world.place, l->world.units[f]);
	fact_leaves(l, f);
}

/* It is about to go, or is not after all. */
static void step_leaves(struct life *l)
{
	unsigned f = draw_unit(l, is_placed);
	if (f == NONE)
		return;
	struct fact *fact = fact_at(l, f);
	fact->leaves = !fact->leaves;
	place_unit_leaves(l->world.place, l->world.units[f], fact->leaves);
	*(fact->leaves ? &l->counts->leaves : &l->counts->stays) += 1;
}

/* Rules 2 to 6 on the zhost where it is. */
static bool may_stay(const struct life *l, unsigned f, const struct topology *t, unsigned root)
{
	struct oracle o = l->world.oracle;
	struct fact *fact = &o.facts[f];
	int z = fact->zhost;
	if (z < 0)
		return true;
	fact->topology = t;
	fact->root = root;
	fact->excluded = 0;
	fact->devices = NULL;
	o.alive[z] = true;
	o.cordoned[z] = false;
	return oracle_breaks(&o, f, (unsigned)z) == NULL;
}

static void step_resize(struct life *l)
{
	struct world *w = &l->world;
	unsigned f = draw_unit(l, is_free);
	if (f == NONE)
		return;
	unsigned model = model_of(l, f) / REVISIONS * REVISIONS + draw(&w->chance, REVISIONS);
	unsigned root = root_at(w->models[model], l->position[f]);
	if (root == NONE)
		return;
	bool expected = may_stay(l, f, w->models[model], root);
	bool resized = place_unit_resize(w->place, w->units[f], l->handles[model], root);
	if (resized != expected)
		complain(w,
			 resized ? "resized where a rule forbids it"
				 : "not resized, though no rule forbids it",
			 w->models[model]->instances[root].path);
	l->counts->changed_size += resized;
	l->counts->kept_size += !resized;
	if (!resized)
		return;
	fact_at(l, f)->topology = w->models[model];
	fact_at(l, f)->root = root;
}

static void step_zhost(struct life *l)
{
	struct world *w = &l->world;
	unsigned z = draw(&w->chance, w->oracle.zhost_count);
	switch (draw(&w->chance, 4)) {
	case 0:
		w->oracle.alive[z] = !w->oracle.alive[z];
		break;
	case 1:
		/* Its devices would be assigned again. */
		if (!w->theme.devices)
			world_redraw_zhost(w, z);
		return;
	default:
		w->oracle.cordoned[z] = !w->oracle.cordoned[z];
		break;
	}
	place_zhost_flags(w->place, w->zhosts[z], w->oracle.alive[z], w->oracle.cordoned[z]);
}

/* A placement that a record holds, whatever the rules say. */
static void step_record(struct life *l)
{
	struct world *w = &l->world;
	unsigned f = draw_unit(l, is_unplaced);
	if (f == NONE || w->theme.devices)
		return;
	unsigned mate = mate_of(l, f), z = draw(&w->chance, w->oracle.zhost_count);
	if (mate != NONE && is_placed(l, mate) && maybe(&w->chance, 50)) {
		place_share_room(w->place, w->units[f], w->units[mate]);
		fact_at(l, f)->room = fact_at(l, mate)->room;
		z = (unsigned)fact_at(l, mate)->zhost;
	}
	place_add(w->place, w->units[f], w->zhosts[z]);
	fact_at(l, f)->zhost = (int)z;
}

static void step_explain(struct life *l)
{
	struct world *w = &l->world;
	unsigned f = draw_unit(l, is_free);
	if (f == NONE)
		return;
	fact_at(l, f)->excluded = 0;
	fact_at(l, f)->ignore_cordon = false;
	check_explanation(w, &(struct place_unit_request){.unit = w->units[f]}, f);
}

/* ---- after each step ---- */

static void check_facts(struct life *l)
{
	struct world *w = &l->world;
	for (unsigned f = 0; f < w->oracle.fact_count; f++) {
		if (l->gone[f])
			continue;
		int expected = w->oracle.facts[f].zhost;
		world_read_fact(w, f);
		if (w->oracle.facts[f].zhost != expected)
			complain(w, "a unit moved by itself",
				 w->oracle.facts[f].topology->name);
	}
	check_room(w);
	check_devices(w);
}

/* Tries everything that is due again. */
static void retry_due(struct life *l)
{
	struct world *w = &l->world;
	unsigned retries = 0;
	for (uint32_t t; (t = place_wait_next(w->place)) != PLACE_NONE; retries++) {
		if (t >= TICKETS || !l->tickets[t].waits)
			complain(w, "a request is due that does not wait", "");
		if (retries == RETRIES_MAX)
			complain(w, "what is due never ends", "");
		struct drawn_request q;
		request_copy(&q, &l->tickets[t].request);
		ticket_end(l, t);
		l->counts->found += try_or_wait(l, &q, t);
	}
	l->counts->retried += retries;
}

static void check_none_has_a_place(struct life *l)
{
	for (unsigned t = 0; t < TICKETS; t++) {
		if (!l->tickets[t].waits)
			continue;
		struct place_request again = l->tickets[t].request.request;
		struct place_result result;
		again.dry_run = true;
		place_try(l->world.place, &again, &result);
		for (size_t i = 0; i < again.unit_count && result.placed > 0; i++)
			print_error("  waits: unit %u, shares room %d, only %d\n",
				    l->tickets[t].request.facts[i], again.units[i].shares_room,
				    again.units[i].has_only);
		if (result.placed > 0)
			complain(&l->world, "has a place now, but is not due", "");
		place_result_done(&result);
	}
}

static const struct {
	const char *name;
	void (*run)(struct life *l);
	unsigned weight;
} steps[] = {
	{"place", step_place, 30},
	{"successor", step_successor, 12},
	{"end of a handover", step_end_handover, 8},
	{"remove", step_remove, 10},
	{"leaves", step_leaves, 10},
	{"resize", step_resize, 12},
	{"zhost", step_zhost, 10},
	{"record", step_record, 5},
	{"explain", step_explain, 5},
	{"cancel", step_cancel, 5},
	{"wake", step_wake, 3},
};

static void run_step(struct life *l)
{
	unsigned all = 0, i = 0;
	for (size_t k = 0; k < ARRAY_SIZE(steps); k++)
		all += steps[k].weight;
	for (unsigned at = draw(&l->world.chance, all); at >= steps[i].weight; i++)
		at -= steps[i].weight;
	if (l->world.verbose)
		print_message("%s\n", steps[i].name);
	steps[i].run(l);
	check_facts(l);
	retry_due(l);
	check_facts(l);
	check_none_has_a_place(l);
	l->counts->steps++;
}

/* ---- lives ---- */

/* False where what was drawn is refused. */
static bool life_init(struct life *l, uint64_t seed, struct step_counts *counts)
{
	struct world *w = &l->world;
	*l = (struct life){.counts = counts};
	world_init(w, seed, first_seed == last_seed);
	unsigned models = REVISIONS * (1 + draw(&w->chance, APPLICATIONS_MAX));
	for (unsigned m = 0; m < models; m++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "t%u", m / REVISIONS);
		if (!world_draw_topology(w, name, 1 + draw(&w->chance, 3)))
			return false;
	}
	w->place = place_new(NULL);
	for (unsigned z = 0; z < w->oracle.zhost_count; z++)
		w->zhosts[z] = place_zhost_set(w->place, &w->oracle.zhosts[z],
					       w->oracle.alive[z], w->oracle.cordoned[z]);
	for (unsigned m = 0; m < models; m++)
		l->handles[m] = place_topology_add(w->place, w->models[m], m + 1);
	for (unsigned m = 0; m < models; m += REVISIONS) {
		for (unsigned k = 0; root_at(w->models[m], k) != NONE; k++)
			unit_add(l, m, k, NONE);
	}
	return true;
}

static void run_life(uint64_t seed, struct step_counts *counts)
{
	struct life l;
	if (life_init(&l, seed, counts)) {
		unsigned length = 10 + draw(&l.world.chance, 30);
		counts->lives++;
		for (unsigned i = 0; i < length; i++)
			run_step(&l);
		for (unsigned t = 0; t < TICKETS; t++)
			ticket_end(&l, t);
		if (place_wait_any(l.world.place))
			complain(&l.world, "a request waits after all were cancelled", "");
	} else {
		counts->refused++;
	}
	world_done(&l.world);
}

static void random_lives_agree_with_the_rules(void **state)
{
	(void)state;
	struct step_counts c = {0};
	for (uint64_t seed = first_seed; seed <= last_seed; seed++)
		run_life(seed, &c);
	print_message(
		"%u lives, %u refused, %u steps: %u units placed (%u in shared room, %u "
		"where only one zhost was possible), %u requests waited, %u retries (%u "
		"found places), %u cancelled, %u successors, %u handovers ended, %u units "
		"resized, %u not, %u begin to leave, %u stay after all\n",
		c.lives, c.refused, c.steps, c.placed, c.shared, c.only, c.waited, c.retried,
		c.found, c.cancelled, c.successors, c.handovers, c.changed_size, c.kept_size,
		c.leaves, c.stays);
	if (last_seed > first_seed) {
		/* Each kind of step occurs often enough. */
		const unsigned each[] = {c.shared,	 c.only,       c.waited,    c.found,
					 c.cancelled,	 c.successors, c.handovers, c.kept_size,
					 c.changed_size, c.leaves,     c.stays};
		for (size_t i = 0; i < ARRAY_SIZE(each); i++)
			assert_true(each[i] > c.lives / 20);
	}
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		first_seed = strtoull(argv[1], NULL, 10);
		last_seed = strtoull(argv[2], NULL, 10);
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_lives_agree_with_the_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
