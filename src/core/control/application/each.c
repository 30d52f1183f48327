#include "core/control/application/each.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/rollout/rollouts.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/members.h"
#include "core/control/state/state.h"
#include "core/control/state/topology_state.h"
#include "core/lifecycle/goal.h"
#include "core/lifecycle/rules.h"
#include "core/lifecycle/slot_set.h"

typedef VECTOR(char *) path_list;

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- which ones appear ---- */

static bool appears(const struct control *c, const struct revision *r, unsigned pattern,
		    const struct control_zhost *z)
{
	return !z->removed && z->place != PLACE_NONE && drain_allows_each(z) &&
	       place_fits_description(c->place, r->place, pattern, z->place) &&
	       place_has_company(c->place, r->place, pattern, z->place);
}

/* Where something may have changed. */
struct scope {
	bool all;			       /* on every zhost */
	VECTOR(struct control_zhost *) zhosts; /* they have changed */
	VECTOR(struct control_zhost *) moved;  /* others, on which units have come or gone */
	bool around; /* what is placed has changed, or its labels have */
};

static void collect_on(const struct control *c, const struct control_application *a,
		       const struct revision *r, unsigned pattern,
		       const struct control_zhost *z, path_list *to)
{
	CLEANUP(freep)
	char *path = instance_path_on(r->topology->instances[pattern].path, z->name);
	if (slot_find(&a->slots, path) == NULL && appears(c, r, pattern, z))
		vector_push(to, steal_ptr(&path));
}

static void collect(const struct control *c, const struct control_application *a,
		    const struct revision *r, unsigned pattern, const struct scope *scope,
		    path_list *to)
{
	enum place_company company = place_company(c->place, r->place, pattern);
	bool beside = company != COMPANY_NONE;
	if (scope->all || (scope->around && company == COMPANY_AROUND)) {
		zhost_for_each (&c->zhosts, z)
			collect_on(c, a, r, pattern, z, to);
	} else {
		vector_for_each (&scope->zhosts, z)
			collect_on(c, a, r, pattern, *z, to);
		for (size_t k = 0; beside && k < scope->moved.count; k++)
			collect_on(c, a, r, pattern, scope->moved.items[k], to);
	}
	if (to->count > 1)
		qsort(to->items, to->count, sizeof(*to->items), compare_paths);
}

/* As the application, and as its parent. */
static void join(const struct control_application *a, struct slot *s)
{
	CLEANUP(freep) char *zhost = instance_path_zhost(s->path);
	CLEANUP(freep) char *cause = str_printf("%s fits, and there is one on each", zhost);
	enum instance_goal goal = s->parent != NULL ? s->parent->goal
				  : a->starts_each  ? GOAL_DEPLOYED_STARTED
						    : GOAL_NOT_DEPLOYED;
	struct slot_control *sc = control_of_slot(s);
	slot_publish_facts(sc);
	if (a->rollout != NULL)
		slot_set_unplaced(s, true);
	if (goal != s->goal)
		goal_request(s, goal, cause);
	mark_slot(sc);
	topology_state_count(sc);
}

static void add(struct control *c, struct control_application *a, const path_list *paths)
{
	uint32_t first = a->slots.next_serial;
	application_add_each(a, (const char *const *)paths->items, paths->count);
	rollouts_each_added(a);
	for (size_t k = slot_set_from_serial(&a->slots, first); k < a->slots.slots.count; k++) {
		struct slot *s = a->slots.slots.items[k];
		if (s->parent == NULL) {
			unit_rebase(c, control_of_slot(s));
			mark_zhost_each(each_zhost(s)); /* not all inside of it may be wanted */
		}
		join(a, s);
	}
	mark_application(a, APPLICATION_RECORD | APPLICATION_STATE | APPLICATION_PLACE);
}

/* False: none has appeared. */
static bool add_of_next_space(struct control *c, struct control_application *a,
			      const struct scope *scope)
{
	const struct revision *r = wanted_revision(a);
	path_list paths = {0};
	for (unsigned k = 0; k < r->topology->space_count && paths.count == 0; k++)
		if (r->topology->spaces[k].each)
			collect(c, a, r, r->topology->spaces[k].instances[0], scope, &paths);
	bool any = paths.count > 0;
	if (any)
		add(c, a, &paths);
	vector_for_each (&paths, path)
		free(*path);
	vector_done(&paths);
	return any;
}

/* ---- which ones go, or stay after all ---- */

/* What has to go first, and could not be undeployed: its zhost has changed. */
static void retry_passed_by(const struct control_application *a, const struct control_zhost *z)
{
	slot_list roots = {0};
	each_roots_on(a, z, &roots);
	vector_for_each (&roots, root)
		slot_for_each_below (*root, s) {
			const struct copy *copy = serving_copy(control_of_slot(s));
			if (copy != NULL && copy->undeploy_failed && members_is_passed_by(a, s))
				slot_retry(s);
		}
	vector_done(&roots);
}

static void review(struct control *c, struct control_application *a, const struct scope *scope)
{
	slot_list roots = {0};
	bool differs = false;
	/* What is kept needs what is there [members.c]. */
	bool all = scope->all || (a->kept.revision != NULL && scope->around);
	for (size_t k = 0; !all && k < scope->zhosts.count; k++)
		each_roots_on(a, scope->zhosts.items[k], &roots);
	if (all) {
		differs = members_differ(a);
		if (differs)
			members_update(c, a);
	} else {
		differs = members_differ_below(a, &roots);
		if (differs)
			members_update_below(c, a, &roots);
	}
	vector_for_each (&scope->zhosts, z)
		retry_passed_by(a, *z);
	vector_done(&roots);
	if (differs)
		rollouts_each_added(a); /* those that stay after all have a turn */
}

/* ---- in a flush ---- */

bool each_is_due(const struct control *c)
{
	if (c->applications.with_each.count > 0 &&
	    (c->dirty.each.count > 0 || c->dirty.each_all || place_has_moved(c->place)))
		return true;
	vector_for_each (&c->dirty.applications, a)
		if ((*a)->has_each && ((*a)->marks & APPLICATION_EACH) != 0)
			return true;
	return false;
}

static void add_moved(const struct control *c, struct scope *scope)
{
	size_t count = 0;
	const uint32_t *moved = place_moved(c->place, &count);
	for (size_t k = 0; k < count; k++) {
		struct control_zhost *z =
			zhost_find(&c->zhosts, place_zhost_name(c->place, moved[k]));
		if (!z->each_marked) /* it is in the other list */
			vector_push(&scope->moved, z);
	}
}

/* That count for others, by labels that it may have now. */
static bool has_units(const struct control *c, const struct control_zhost *z)
{
	return z->place != PLACE_NONE && place_zhost_usage(c->place, z->place).units > 0;
}

static struct scope take_scope(struct control *c)
{
	struct scope scope = {.all = c->dirty.each_all, .around = place_has_moved(c->place)};
	vector_for_each (&c->dirty.each, z) {
		vector_push(&scope.zhosts, *z);
		scope.around = scope.around || has_units(c, *z);
	}
	add_moved(c, &scope);
	each_forget_changes(c);
	return scope;
}

/* What has appeared is to be placed first: then the same is judged once more. */
static void keep_scope(struct control *c, const struct scope *scope)
{
	c->dirty.each_all = c->dirty.each_all || scope->all;
	vector_for_each (&scope->zhosts, z)
		mark_zhost_each(*z);
	vector_for_each (&scope->moved, z)
		mark_zhost_each(*z);
}

void each_run(struct control *c)
{
	struct scope due = take_scope(c);
	bool again = false;
	vector_for_each (&c->applications.with_each, item) {
		struct control_application *a = *item;
		struct scope scope = due;
		scope.all = due.all || (a->marks & APPLICATION_EACH) != 0;
		bool asked = scope.all || scope.zhosts.count > 0;
		review(c, a, &scope);
		a->marks &= ~(unsigned)APPLICATION_EACH;
		if (!add_of_next_space(c, a, &scope)) {
			if (asked && topology_waits_for_zhosts(a))
				mark_application(a, APPLICATION_PLACE | APPLICATION_STATE);
			continue;
		}
		again = true;
		if (scope.all)
			mark_application(a, APPLICATION_EACH);
	}
	if (again)
		keep_scope(c, &due);
	vector_done(&due.zhosts);
	vector_done(&due.moved);
	lifecycle_settle(&c->lifecycle);
}

void each_forget_changes(struct control *c)
{
	vector_for_each (&c->dirty.each, z)
		(*z)->each_marked = false;
	vector_clear(&c->dirty.each);
	c->dirty.each_all = false;
	place_moved_clear(c->place);
}
