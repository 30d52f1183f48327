#include "core/control/slot/members.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/mesh_tables.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"
#include "core/control/state/topology_state.h"
#include "core/lifecycle/goal.h"
#include "core/lifecycle/ordered_stop.h"
#include "core/lifecycle/slot_set.h"

static bool declares(const struct revision *r, const struct slot *s)
{
	return r != NULL && r->declared != NULL && revision_declares(r, s);
}

/* What is kept may need what the new version has removed, as long as that is there. */
static bool is_needed_by_kept(const struct control_application *a, const struct slot *s)
{
	const struct application_slot *root = control_of_slot(s->root)->of_path;
	return declares(a->kept.revision, s) && !declares(a->application.served, s->root) &&
	       (root->serving != NULL || root->kept != NULL);
}

/* No rollout leads it to what is served: it is to go, and another one appears [change.counts.each]. */
static bool is_outdated(const struct control_application *a, const struct slot *s)
{
	const struct unit_placement *unit = unit_of(control_of_slot(s->root)->of_path->serving);
	return s->each && a->rollout == NULL && unit != NULL &&
	       unit->revision != a->application.served && !is_needed_by_kept(a, s);
}

bool members_is_passed_by(const struct control_application *a, const struct slot *s)
{
	bool is_there = s->root->leaves || s->root->goal != GOAL_NOT_DEPLOYED;
	return is_there && is_outdated(a, s);
}

static bool is_wanted(const struct control_application *a, const struct slot *s)
{
	const struct application_rollout *r = a->rollout;
	if (members_is_passed_by(a, s))
		return false;
	if (r != NULL && r->rollout.state == ROLLOUT_RETURNING)
		return declares(r->base, s);
	if (is_needed_by_kept(a, s))
		return true;
	return declares(a->application.served, s) ||
	       (r != NULL && (declares(r->target, s) || declares(r->base, s)));
}

/* ---- coming ---- */

/* As the application, and no more than its parent. */
static void join(struct slot *s, const char *cause)
{
	enum instance_goal goal = s->parent != NULL ? s->parent->goal : GOAL_DEPLOYED_STARTED;
	if (!s->serving.placed)
		slot_set_unplaced(s, true);
	goal_request(s, goal, cause);
	mark_slot(control_of_slot(s));
}

void members_add(struct control *c, struct control_application *a, struct revision *revision,
		 const char *by)
{
	uint32_t first = a->slots.next_serial;
	CLEANUP(freep)
	char *cause = str_printf("added in %s by %s", revision_version(revision), by);
	application_declare(a, revision);
	for (size_t k = slot_set_from_serial(&a->slots, first); k < a->slots.slots.count; k++) {
		struct slot *s = a->slots.slots.items[k];
		slot_publish_facts(control_of_slot(s));
		join(s, cause);
	}
}

/* ---- going ---- */

/* The caller frees. */
static char *why_not(const struct control_application *a, const struct slot *s)
{
	const struct revision *wanted = wanted_revision(a);
	const struct control_zhost *z = each_zhost(s);
	if (!s->each || wanted->declared == NULL ||
	    declarations_of(wanted->declared, s) == NULL)
		return str_printf("not in %s", revision_version(wanted));
	if (members_is_passed_by(a, s))
		return str_printf("%s is served", revision_version(wanted));
	CLEANUP(freep) char *name = instance_path_zhost(s->path);
	if (z == NULL)
		return str_printf("%s was removed from the cluster", name);
	return str_printf(
		drain_takes_slot(z, s) ? "%s is drained" : "%s does not fit any longer", name);
}

static void leave(struct control_application *a, struct slot *s, slot_list *to_stop)
{
	CLEANUP(freep) char *cause = why_not(a, s);
	s->leaves = true;
	a->leaving++;
	if (state_is_active(s->state))
		vector_push(to_stop, s);
	if (s->goal != GOAL_NOT_DEPLOYED)
		goal_request(s, GOAL_NOT_DEPLOYED, cause);
	mark_slot(control_of_slot(s));
}

static void stay(struct control_application *a, struct slot *s)
{
	PRE(a->rollout != NULL || s->each);
	CLEANUP(freep)
	char *cause = a->rollout != NULL
			      ? str_printf("added in %s by %s",
					   revision_version(a->rollout->target), a->rollout->by)
			      : mem_strdup("its zhost fits again");
	s->leaves = false;
	a->leaving--;
	if (s->each && s->parent == NULL && !a->starts_each)
		return;
	if (s->parent == NULL && serving_copy(control_of_slot(s)) == NULL)
		unit_rebase(control_of(s), control_of_slot(s));
	join(s, cause);
}

static void update_slot(struct control_application *a, struct slot *s, slot_list *to_stop)
{
	bool wanted = is_wanted(a, s);
	if (!wanted && !s->leaves)
		leave(a, s, to_stop);
	else if (wanted && s->leaves)
		stay(a, s);
	/* Without a rollout nothing is about to change. */
	if (a->rollout == NULL && s->unplaced) {
		slot_set_unplaced(s, false);
		mark_slot(control_of_slot(s));
	}
	topology_state_count(control_of_slot(s));
}

static void stop_all(struct control_application *a, slot_list *to_stop)
{
	if (to_stop->count > 0)
		ordered_stop_begin(&a->slots, to_stop->items, to_stop->count);
	vector_done(to_stop);
}

void members_update(struct control *c, struct control_application *a)
{
	slot_list to_stop = {0};
	vector_for_each (&a->slots.slots, s)
		update_slot(a, *s, &to_stop);
	stop_all(a, &to_stop);
	mark_application(a, APPLICATION_STATE | APPLICATION_PLACE | APPLICATION_EACH);
}

void members_update_below(struct control *c, struct control_application *a,
			  const slot_list *roots)
{
	slot_list to_stop = {0};
	vector_for_each (roots, root)
		slot_for_each_below (*root, s)
			update_slot(a, s, &to_stop);
	stop_all(a, &to_stop);
	mark_application(a, APPLICATION_STATE | APPLICATION_PLACE);
}

bool members_differ(const struct control_application *a)
{
	vector_for_each (&a->slots.slots, s)
		if (is_wanted(a, *s) == (*s)->leaves)
			return true;
	return false;
}

bool members_differ_below(const struct control_application *a, const slot_list *roots)
{
	vector_for_each (roots, root)
		slot_for_each_below (*root, s)
			if (s->each && is_wanted(a, s) == s->leaves)
				return true;
	return false;
}

void members_load(struct control_application *a)
{
	vector_for_each (&a->slots.slots, s) {
		/* What has another goal still has to be told to leave: in the first flush. */
		(*s)->leaves = (*s)->goal == GOAL_NOT_DEPLOYED &&
			       (!is_wanted(a, *s) || (a->starts_each && is_outdated(a, *s)));
		a->leaving += (*s)->leaves;
	}
}

/* Zhosts know a former copy of its unit until the handover is over, and the revision of that copy declares it. */
static bool may_be_known(const struct slot *s)
{
	const struct control_application *a = application_of(s);
	uint64_t leaving = 0;
	vector_for_each (&a->handovers, root)
		if ((*root)->slot == s->root)
			leaving = (*root)->handover->handover.leaving;
	vector_for_each (&a->retired, unit)
		if (leaving != 0 && (*unit)->epoch == leaving)
			return declares((*unit)->revision, s);
	return false;
}

/* Nothing of it is left but copies that are retired, and zhosts know the routes without it. What is lost is served by the
 * copy that may come back; without one, only what goes on is placed again. */
static bool is_over(const struct slot_control *sc)
{
	const struct slot *s = sc->slot;
	const struct application_slot *of = sc->of_path;
	return s->leaves && s->goal == GOAL_NOT_DEPLOYED && s->state == STATE_NOT_DEPLOYED &&
	       of->serving == NULL && of->next == NULL && of->standby == NULL &&
	       of->kept == NULL && sc->handover == NULL && sc->loss == NULL &&
	       !s->root->moving && !may_be_known(s) && (sc->marks & SLOT_ROUTE) == 0;
}

static bool ends(const struct slot_control *sc)
{
	slot_for_each_below (sc->slot, s)
		if (!is_over(control_of_slot(s)))
			return false;
	return true;
}

static void trim(struct control *c, struct control_application *a)
{
	size_t count = 0;
	vector_for_each (&a->slot_controls, sc) {
		if (!ends(*sc))
			continue;
		count++;
		mesh_tables_slot_goes(*sc);
		exclusions_clear(c, *sc);
		records_delete_slot(c, *sc);
		dirty_set_forget_slot(&c->dirty, *sc);
	}
	if (count == 0)
		return;
	a->leaving -= (uint32_t)count;
	application_remove_slots(a, c->place, ends);
	application_trim_revisions(a, c->place, records_delete_revision, c);
	mark_application(a, APPLICATION_RECORD);
}

void members_trim(struct control *c)
{
	for (size_t k = 0; k < c->dirty.applications.count; k++)
		if (c->dirty.applications.items[k]->leaving > 0)
			trim(c, c->dirty.applications.items[k]);
}

const struct slot *members_missing(const struct control_application *a)
{
	vector_for_each (&a->slots.slots, s)
		if ((*s)->goal == GOAL_DEPLOYED_STARTED &&
		    (*s)->state != STATE_DEPLOYED_STARTED && !slot_is_optional(*s) &&
		    revision_declares(a->rollout->target, *s))
			return *s;
	return NULL;
}
