#include "core/control/each.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/copies.h"
#include "core/control/each_fit.h"
#include "core/control/members.h"
#include "core/control/rollouts.h"
#include "core/control/state.h"
#include "core/control/topology_state.h"
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

static void collect(const struct control *c, const struct control_application *a,
		    const struct revision *r, unsigned pattern, path_list *to)
{
	zhost_for_each (&c->zhosts, z) {
		CLEANUP(freep)
		char *path = instance_path_on(r->topology->instances[pattern].path, z->name);
		if (slot_find(&a->slots, path) == NULL && appears(c, r, pattern, z))
			vector_push(to, steal_ptr(&path));
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
		if (s->parent == NULL)
			unit_rebase(c, control_of_slot(s));
		join(a, s);
	}
	mark_application(a, APPLICATION_RECORD | APPLICATION_STATE | APPLICATION_PLACE);
}

/* False: none has appeared. */
static bool add_of_next_space(struct control *c, struct control_application *a)
{
	const struct revision *r = wanted_revision(a);
	path_list paths = {0};
	for (unsigned k = 0; k < r->topology->space_count && paths.count == 0; k++)
		if (r->topology->spaces[k].each)
			collect(c, a, r, r->topology->spaces[k].instances[0], &paths);
	bool any = paths.count > 0;
	if (any)
		add(c, a, &paths);
	vector_for_each (&paths, path)
		free(*path);
	vector_done(&paths);
	return any;
}

/* ---- in a flush ---- */

bool each_is_due(const struct control *c)
{
	bool moved = c->each_moves != place_moves(c->place);
	application_for_each (&c->applications, a)
		if (a->has_each &&
		    (moved || c->each_zhosts || (a->marks & APPLICATION_EACH) != 0))
			return true;
	return false;
}

void each_run(struct control *c)
{
	bool zhosts = c->each_zhosts;
	bool all = zhosts || c->each_moves != place_moves(c->place);
	each_forget_changes(c);
	application_for_each (&c->applications, a) {
		if (!a->has_each || (!all && (a->marks & APPLICATION_EACH) == 0))
			continue;
		bool asked = zhosts || (a->marks & APPLICATION_EACH) != 0;
		if (members_differ(a)) {
			members_update(c, a);
			rollouts_each_added(a); /* those that stay after all have a turn */
		}
		a->marks &= ~(unsigned)APPLICATION_EACH;
		if (add_of_next_space(c, a))
			mark_application(a, APPLICATION_EACH);
		else if (asked && topology_waits_for_zhosts(a))
			mark_application(a, APPLICATION_PLACE | APPLICATION_STATE);
	}
	lifecycle_settle(&c->lifecycle);
}

void each_forget_changes(struct control *c)
{
	c->each_zhosts = false;
	c->each_moves = place_moves(c->place);
}
