/*
 * The engine as a whole: a try from question to answer.
 */
#include "core/place/place.h"

#include "base/str.h"
#include "core/place/index.h"
#include "core/place/judge.h"
#include "core/place/search.h"
#include "core/place/wait.h"

struct place *place_new(const struct place_options *options)
{
	struct place *p = mem_new(struct place);
	if (options != NULL)
		p->options = *options;
	if (p->options.search_steps == 0)
		p->options.search_steps = PLACE_SEARCH_STEPS;
	p->log_first = 1;
	p->unmeasured = true;
	p->free_unit = PLACE_NONE;
	p->waiting = waiting_new();
	return p;
}

void place_free(struct place *p)
{
	if (p == NULL)
		return;
	waiting_end_all(p);
	units_done(p);
	vector_for_each (&p->topologies, t) {
		if ((*t)->model != NULL)
			place_topology_remove(p, (*t)->handle);
		free(*t);
	}
	vector_done(&p->topologies);
	vector_done(&p->free_topologies);
	vector_done(&p->families);
	vector_done(&p->free_families);
	map_done(&p->family_names);
	waiting_free(p->waiting);
	groups_done(p);
	demands_done(p);
	vector_for_each (&p->terrains, terrain)
		INVARIANT(terrain->references == 0);
	vector_done(&p->terrains);
	map_done(&p->terrain_keys);
	zhosts_done(p);
	symbols_done(&p->symbols);
	free(p);
}

/* ---- reasons ---- */

static const char *path_of(const struct unit *u)
{
	return u->need->topology->model->instances[u->instance].path;
}

/* Whether the unit finds no place even alone; then why. */
static bool reason_alone(struct place *p, const struct place_unit_request *r,
			 struct place_reason *reason)
{
	struct judge j;
	judge_init(&j, p, r, OPTIMISTIC);
	bool found = reason_find(&j, path_of(unit_at(p, r->unit)), reason);
	if (found) {
		reason->unit = r->unit;
		reason->change = change_find(&j);
	}
	judge_done(&j);
	return found;
}

static char *prefix(char *text, char *before)
{
	char *whole = text != NULL ? str_printf("%s; %s", before, text) : mem_strdup(before);
	free(text);
	free(before);
	return whole;
}

/* Goes to the dead end, or back to where nothing of the set is placed. */
static void visit_dead_end(struct place *p, const struct dead_end *d, bool go)
{
	for (uint32_t i = 0; i < d->depth; i++) {
		struct unit *u = d->units[i];
		if (u == d->unit)
			continue;
		for (uint32_t m = 0; m < u->need->member_count; m++)
			group_pend(p, u->need->members[m].group,
				   (go ? -1 : 1) * (int32_t)u->need->members[m].count);
		if (go)
			unit_attach(p, u, d->zhosts[i], false);
		else
			unit_detach(p, u);
	}
}

/* Each fits alone, not all together: why the search could not go on where it came farthest. */
static void reason_together(struct search *s, struct place_reason *reason)
{
	struct place *p = s->place;
	const struct dead_end *d = &s->dead_end;
	const struct unit *stuck = d->unit;
	visit_dead_end(p, d, true);
	struct judge j;
	judge_init(&j, p, d->request, d->at_the_end ? STRICT : OPTIMISTIC);
	reason->unit = stuck->handle;
	if (reason_find(&j, path_of(stuck), reason))
		reason->change = change_find(&j);
	else
		/* What fails is not its own place but what its place means for others. */
		reason->sentence = mem_strdup("insufficient capacity on remaining zhosts");
	judge_done(&j);
	visit_dead_end(p, d, false);
	reason->detail = prefix(reason->detail,
				str_printf("each of %u fits alone but not all together; with "
					   "%u placed there is no place for %s",
					   s->unit_count, d->depth - (d->at_the_end ? 1 : 0),
					   path_of(stuck)));
}

static int compare_paths(const void *a, const void *b)
{
	const struct kind *x = *(struct kind *const *)a, *y = *(struct kind *const *)b;
	int order = strcmp(path_of(x->units[0]), path_of(y->units[0]));
	return order != 0 ? order : x->number < y->number ? -1 : 1;
}

/* The first in the order of paths that does not fit even alone, else the whole. */
static void find_reason(struct search *s, struct place_reason *reason)
{
	bool found = false;
	/* One unit of each kind is enough: the others would say the same. */
	struct kind **kinds = mem_new_array(struct kind *, s->kind_count + 1);
	for (uint32_t k = 0; k < s->kind_count; k++)
		kinds[k] = &s->kinds[k];
	qsort(kinds, s->kind_count, sizeof(*kinds), compare_paths);
	for (uint32_t k = 0; k < s->kind_count && !found; k++)
		found = reason_alone(s->place, kinds[k]->request, reason);
	free(kinds);
	if (!found)
		reason_together(s, reason);
	if (s->budget_spent) {
		char *detail =
			str_printf("%s; the search gave up after %llu steps, a place may exist",
				   reason->detail, (unsigned long long)s->steps);
		free(reason->detail);
		reason->detail = detail;
	}
}

/* ---- tries ---- */

struct
try {
	struct place *place;
	const struct place_request *request;
	struct place_result *result;
};

static void check_request(const struct place *p, const struct place_request *request)
{
	for (size_t i = 0; i < request->unit_count; i++) {
		const struct place_unit_request *r = &request->units[i];
		const struct unit *u = unit_checked(p, r->unit);
		PRE(u->zhost == PLACE_NONE);
		PRE(r->has_only || !r->ignore_cordon);
		if (r->has_only)
			(void)zhost_checked(p, r->only);
		PRE(!r->shares_room || request->unit_count == 1);
		if (r->shares_room)
			check_slot_mates(p, u, unit_checked(p, r->replaces));
	}
}

/* All of `wants` or none; the reason is only looked for when asked. */
static bool try_together(struct try *t, const struct place_unit_request *const *wants,
			 uint32_t count, struct place_reason *ret_reason)
{
	struct search s;
	search_init(&s, t->place, wants, count);
	bool found = search_run(&s);
	t->result->steps += s.steps;
	t->result->budget_spent |= s.budget_spent;
	if (!found && ret_reason != NULL)
		find_reason(&s, ret_reason);
	search_done(&s);
	return found;
}

static int compare_want_paths(const void *a, const void *b, void *place)
{
	const struct place_unit_request *x = *(const struct place_unit_request *const *)a;
	const struct place_unit_request *y = *(const struct place_unit_request *const *)b;
	const struct unit *u = unit_at(place, x->unit), *v = unit_at(place, y->unit);
	int order = strcmp(path_of(u), path_of(v));
	if (order != 0)
		return order;
	uint64_t s = u->need->topology->order, t = v->need->topology->order;
	return s != t ? (s < t ? -1 : 1) : x < y ? -1 : 1;
}

/* One by one in the order of paths, until a pass places none. The reason is that of the first
 * one left. */
static void try_one_by_one(struct try *t, const struct place_unit_request **wants,
			   uint32_t count)
{
	qsort_r(wants, count, sizeof(*wants), compare_want_paths, t->place);
	for (bool placed = true; placed;) {
		uint32_t left = 0;
		placed = false;
		for (uint32_t i = 0; i < count; i++) {
			if (try_together(t, &wants[i], 1, NULL))
				placed = true;
			else
				wants[left++] = wants[i];
		}
		count = left;
	}
	if (count == 0)
		return;
	place_reason_done(&t->result->reason);
	bool found = try_together(t, &wants[0], 1, &t->result->reason);
	INVARIANT(!found);
}

static void collect(struct try *t)
{
	for (size_t i = 0; i < t->request->unit_count; i++) {
		uint32_t where = unit_at(t->place, t->request->units[i].unit)->zhost;
		t->result->zhosts[i] = where;
		t->result->placed += where != PLACE_NONE;
	}
	t->result->complete = t->result->placed == t->request->unit_count;
}

static void finish(struct try *t)
{
	for (size_t i = 0; i < t->request->unit_count; i++) {
		struct unit *u = unit_at(t->place, t->request->units[i].unit);
		if (u->zhost == PLACE_NONE)
			continue;
		if (t->request->dry_run) {
			unit_detach(t->place, u);
			room_leave(t->place, u);
		} else {
			wait_unit_came(t->place, u);
		}
	}
}

void place_try(struct place *p, const struct place_request *request, struct place_result *ret)
{
	struct try t = {p, request, ret};
	uint32_t count = (uint32_t)request->unit_count;
	check_request(p, request);
	*ret = (struct place_result){.reason.unit = PLACE_NONE};
	ret->zhosts = mem_new_array(uint32_t, count + 1);
	const struct place_unit_request **wants =
		mem_new_array(const struct place_unit_request *, count + 1);
	for (uint32_t i = 0; i < count; i++)
		wants[i] = &request->units[i];
	zhosts_rank(p);
	workload_refresh(p);
	if (count > 0 && !try_together(&t, wants, count, &ret->reason) &&
	    request->mode == PLACE_RECOVER && count > 1)
		try_one_by_one(&t, wants, count);
	collect(&t);
	if (ret->complete)
		place_reason_done(&ret->reason);
	finish(&t);
	free(wants);
}

/* ---- resize ---- */

static void set_need(struct place *p, struct unit *u, struct need *n, uint32_t instance)
{
	demand_count(p, u->need->demand, -1);
	u->need->topology->unit_count--;
	u->need = n;
	u->instance = instance;
	u->need->topology->unit_count++;
	demand_count(p, u->need->demand, 1);
}

/* Rules 2 to 6: whether new units are placed on the zhost does not matter to one that is there. */
static bool may_stay(struct place *p, const struct unit *u, uint32_t zhost)
{
	struct place_unit_request r = {.unit = u->handle};
	struct zhost *z = zhost_at(p, zhost);
	struct view view;
	bool alive = z->alive, cordoned = z->cordoned;
	z->alive = true;
	z->cordoned = false;
	view_open(&view, p, &r);
	bool stays = fits_request(p, u->need, &r, zhost, STRICT);
	view_close(&view);
	z->alive = alive;
	z->cordoned = cordoned;
	return stays;
}

bool place_unit_resize(struct place *p, uint32_t unit, uint32_t topology, uint32_t instance)
{
	struct unit *u = unit_checked(p, unit);
	struct need *before = u->need,
		    *n = need_checked(topology_checked(p, topology), instance);
	uint32_t zhost = u->zhost, instance_before = u->instance;
	uint16_t *devices = u->devices;
	PRE(u->waiter == 0);
	if (zhost != PLACE_NONE)
		unit_detach(p, u);
	set_need(p, u, n, instance);
	u->devices = n->demand->device_total > 0
			     ? mem_new_array(uint16_t, n->demand->device_total)
			     : NULL;
	bool stays = zhost == PLACE_NONE || may_stay(p, u, zhost);
	if (!stays) {
		set_need(p, u, before, instance_before);
		free(u->devices);
		u->devices = devices;
		unit_attach(p, u, zhost, true);
		return false;
	}
	free(devices);
	if (zhost != PLACE_NONE) {
		unit_attach(p, u, zhost, false);
		wait_unit_left(p, before, zhost);
		wait_unit_came(p, u);
	}
	return true;
}

void place_reason_done(struct place_reason *reason)
{
	free(reason->sentence);
	free(reason->detail);
	free(reason->change);
	*reason = (struct place_reason){.unit = PLACE_NONE};
}

void place_result_done(struct place_result *result)
{
	free(result->zhosts);
	place_reason_done(&result->reason);
	*result = (struct place_result){.reason.unit = PLACE_NONE};
}

char *place_reason_text(const struct place_reason *reason)
{
	if (reason->sentence == NULL)
		return NULL;
	return reason->detail != NULL ? str_printf("%s: %s", reason->sentence, reason->detail)
				      : mem_strdup(reason->sentence);
}
