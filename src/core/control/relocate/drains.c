#include "core/control/relocate/drains.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/relocate/disruption.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/members.h"
#include "core/control/slot/successor_place.h"
#include "core/control/slot/wants.h"
#include "core/control/state/drain.h"
#include "core/control/state/state.h"
#include "core/control/state/zhost_event.h"
#include "core/lifecycle/goal.h"

typedef VECTOR(struct slot_control *) root_vector;

/* ---- states ---- */

static void emit(struct control *c, const struct control_zhost *z, const char *cause)
{
	zhost_event_within(c, z, cause);
}

/* Something may be left there. */
static bool is_looked_at(const struct zhost_drain *d)
{
	return d != NULL && d->state != DRAIN_DRAINED;
}

static void set_drain(struct control *c, struct control_zhost *z,
		      struct zhost_drain *take_drain)
{
	c->drains -= is_looked_at(z->drain);
	c->drains += is_looked_at(take_drain);
	drain_free(z->drain);
	z->drain = take_drain;
	c->drains_due = true;
	mark_zhost(z);
	mark_zhost_each(z);
}

static void enter(struct control *c, struct control_zhost *z, enum drain_state to)
{
	struct zhost_drain *d = z->drain;
	c->drains -= is_looked_at(d);
	state_machine_move(&drain_machine, d, &d->state, to);
	c->drains += is_looked_at(d);
	if (is_looked_at(d)) /* that another one has ended says nothing to the others */
		c->drains_due = true;
	mark_zhost(z);
	mark_zhost_each(z);
}

/* Former sets end for what is kept there. */
static void mark_kept_on(const struct control_zhost *z)
{
	for (const struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		if (copy->unit->placement.role == ROLE_KEPT)
			mark_application(copy->unit->application, APPLICATION_HANDOVER);
}

void drain_begin(struct control *c, struct control_zhost *z, int64_t deadline_ms, bool force)
{
	PRE(z->cordoned);
	if (z->drain != NULL && z->drain->state == DRAIN_DRAINED)
		return;
	struct zhost_drain *d = drain_new(DRAIN_DRAINING, c->actor);
	d->force = force;
	d->began_wall_ms = c->now.wall_ms;
	if (deadline_ms > 0) {
		d->deadline_wall_ms = c->now.wall_ms + deadline_ms;
		d->deadline_ms = c->now.mono_ms + deadline_ms;
	}
	set_drain(c, z, d);
	mark_kept_on(z);
	CLEANUP(freep) char *cause = str_printf("drain asked for by %s", c->actor);
	emit(c, z, cause);
}

/* A restart of zrms goes on by the wall clock, which may have been set since. */
static void resume_deadline(const struct control *c, struct zhost_drain *d)
{
	int64_t left = d->deadline_wall_ms - c->now.wall_ms;
	int64_t most = d->deadline_wall_ms - d->began_wall_ms;
	left = left < 0 ? 0 : left > most ? most : left;
	d->deadline_ms = c->now.mono_ms + left;
}

void drains_load(struct control *c, struct control_zhost *z,
		 const Samoza__V1__DrainRecord *record)
{
	if (record == NULL)
		return;
	struct zhost_drain *d = drain_new(
		(enum drain_state)(record->state - SAMOZA__V1__DRAIN_STATE__DRAIN_DRAINING),
		record->by);
	d->force = record->force;
	d->began_wall_ms = record->began_ms;
	d->deadline_wall_ms = record->deadline_ms;
	if (d->state == DRAIN_DRAINING && d->deadline_wall_ms != 0)
		resume_deadline(c, d);
	z->drain = d;
	c->drains += is_looked_at(d);
	c->drains_due = true;
}

/* ---- units ---- */

static int compare_roots(const void *pa, const void *pb)
{
	const struct slot_control *a = *(struct slot_control *const *)pa;
	const struct slot_control *b = *(struct slot_control *const *)pb;
	uint64_t sa = application_of(a->slot)->sequence, sb = application_of(b->slot)->sequence;
	if (sa != sb)
		return sa < sb ? -1 : 1;
	return str_compare(a->slot->path, b->slot->path);
}

/* The units that are served there, in the order of their applications and paths. */
static void roots_on(const struct control_zhost *z, root_vector *list)
{
	for (const struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		if (!copy_is_retired(copy) && copy_serves(copy) &&
		    copy->sc->slot->parent == NULL)
			vector_push(list, copy->sc);
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items), compare_roots);
}

/* A drain has begun it, and nothing of it has happened yet. */
static bool is_waiting(const struct slot_control *root)
{
	const struct unit_handover *h = root->handover;
	return h != NULL && h->drains && h->handover.state == HANDOVER_PLACING &&
	       root->of_path->next == NULL;
}

/* It can be taken back without a trace for those who use the unit. */
static bool is_early(const struct slot_control *root)
{
	const struct unit_handover *h = root->handover;
	return h != NULL && h->drains && handover_is_before_switch(&h->handover) &&
	       h->handover.state != HANDOVER_STOPPING;
}

void drain_cancel(struct control *c, struct control_zhost *z)
{
	root_vector roots = {0};
	if (z->drain == NULL)
		return;
	roots_on(z, &roots);
	vector_for_each (&roots, root)
		if (is_early(*root))
			handover_end(c, *root);
	vector_done(&roots);
	bool active = drain_is_active(z->drain);
	set_drain(c, z, NULL);
	if (active)
		emit(c, z, "drain ended: uncordoned");
}

void drain_drop(struct control *c, struct control_zhost *z)
{
	set_drain(c, z, NULL);
}

/* ---- one unit ---- */

/* It stops when nothing else is left [change.counts.each]. */
static char *why_last(const struct control_zhost *z, const struct slot_control *root)
{
	if (root->slot->goal == GOAL_NOT_DEPLOYED)
		return mem_strdup("is being undeployed");
	return mem_strdup(drain_allows_each(z)
				  ? "belongs to this zhost (count: each)"
				  : "belongs to this zhost (count: each), and stops last");
}

/* Begins its handover, or says why not. */
static char *try_unit(struct control *c, const struct control_zhost *z,
		      struct slot_control *root, struct tally *tally, bool begins)
{
	if (root->slot->each)
		return why_last(z, root);
	char *why = handover_obstacle(root);
	if (why != NULL)
		return why;
	if (!begins)
		return mem_strdup("stays: the drain ends");
	why = turns_taken(c, tally);
	if (why == NULL)
		why = disruption_of(tally, root);
	if (why != NULL || !successor_has_place(c, root, NULL, &why))
		return why;
	CLEANUP(freep) char *cause = str_printf("%s is drained by %s", z->name, z->drain->by);
	handover_start(c, root, NULL, cause);
	root->handover->drains = true;
	tally_add(tally);
	return NULL;
}

/* ---- a look at one ---- */

/* What belongs to the zhost goes now: nothing else is left, or it is not there. */
static bool each_goes(const struct control *c, const struct control_zhost *z)
{
	bool any = false;
	for (size_t k = 0; k < c->applications.with_each.count && !any; k++) {
		const struct control_application *a = c->applications.with_each.items[k];
		slot_list roots = {0};
		each_roots_on(a, z, &roots);
		any = members_differ_below(a, &roots);
		vector_done(&roots);
	}
	return any;
}

void drain_heard(struct control *c, struct control_zhost *z)
{
	if (!is_looked_at(z->drain) || !each_goes(c, z))
		return;
	for (size_t k = 0; k < c->applications.with_each.count; k++) {
		struct control_application *a = c->applications.with_each.items[k];
		slot_list roots = {0};
		each_roots_on(a, z, &roots);
		if (members_differ_below(a, &roots))
			members_update_below(c, a, &roots);
		vector_done(&roots);
	}
}

static void add_others(const struct control_zhost *z)
{
	for (const struct copy *copy = z->first_copy; copy != NULL;
	     copy = copy->next_on_zhost) {
		if (copy->unit->placement.copies.items[0] != &copy->of_slot)
			continue; /* of each placement the first that is there still */
		bool is_kept = copy->unit->placement.role == ROLE_KEPT;
		const char *why = copy_is_retired(copy)	 ? "a former copy has still to go"
				  : is_kept		 ? "is kept for a way back"
				  : copy_is_beside(copy) ? "is about to be handed over to here"
							 : NULL;
		if (why != NULL)
			drain_add_left(z->drain, copy->unit->application->name,
				       copy->of_slot.slot->path, mem_strdup(why));
	}
}

static char *left_text(const struct zhost_drain *d)
{
	const struct drain_left *first = d->left.items;
	if (d->left.count == 0)
		return mem_strdup("nothing but what is about to go");
	return d->left.count == 1 ? str_printf("%s: %s", first->name, first->why)
				  : str_printf("%zu are left, such as %s: %s", d->left.count,
					       first->name, first->why);
}

/* True: a handover has begun, or something goes. */
static bool look(struct control *c, struct control_zhost *z, bool begins)
{
	root_vector roots = {0};
	struct zhost_drain *d = z->drain;
	bool begun = false;
	struct tally tally = tally_begin(c);
	drain_forget_left(d);
	if (z->copy_count == 0) {
		enter(c, z, DRAIN_DRAINED);
		emit(c, z, "drained");
		return false;
	}
	roots_on(z, &roots);
	vector_for_each (&roots, root) {
		char *why = try_unit(c, z, *root, &tally, begins);
		if (why == NULL) {
			begun = true;
			why = handover_on_its_way(*root);
		}
		drain_add_left(d, application_of((*root)->slot)->name, (*root)->slot->path,
			       why);
	}
	add_others(z);
	vector_done(&roots);
	if (!each_goes(c, z))
		return begun;
	mark_zhost_each(z);
	return true;
}

/* Whether anything has changed since the last flush. */
static bool is_due(const struct control *c)
{
	return c->drains_due || c->dirty.applications.count > 0 || c->dirty.zhosts.count > 0 ||
	       c->dirty.copies.count > 0 || c->dirty.slots.count > 0;
}

bool drains_run(struct control *c)
{
	bool begun = false;
	if (!is_due(c))
		return false;
	c->drains_due = false;
	if (c->drains == 0)
		return false;
	zhost_for_each (&c->zhosts, z)
		if (is_looked_at(z->drain))
			begun = look(c, z, z->drain->state == DRAIN_DRAINING) || begun;
	return begun;
}

/* What has found no place after all makes room for others, and is tried again. */
static bool give_up_on(struct control *c, const struct control_zhost *z)
{
	root_vector roots = {0};
	bool any = false;
	if (!drain_is_active(z->drain))
		return false;
	roots_on(z, &roots);
	vector_for_each (&roots, root)
		if (is_waiting(*root) && (*root)->handover->waits != NULL) {
			handover_end(c, *root);
			any = true;
		}
	vector_done(&roots);
	return any;
}

/* What goes, as nothing else is left by now, is not started before. */
void drains_prepare(struct control *c)
{
	if (c->drains == 0)
		return;
	zhost_for_each (&c->zhosts, z) {
		if (is_looked_at(z->drain) && each_goes(c, z))
			mark_zhost_each(z);
		(void)give_up_on(c, z);
	}
}

bool drains_give_up(struct control *c)
{
	bool any = false;
	if (c->drains == 0 || !is_due(c))
		return false;
	zhost_for_each (&c->zhosts, z)
		any = give_up_on(c, z) || any;
	return any;
}

/* ---- deadlines ---- */

static void stop_left(struct control *c, const struct control_zhost *z)
{
	root_vector roots = {0};
	CLEANUP(freep)
	char *cause =
		str_printf("stopped by the drain of %s (force, by %s)", z->name, z->drain->by);
	roots_on(z, &roots);
	vector_for_each (&roots, root)
		if (!(*root)->slot->each && /* it goes last, by itself */
		    grouped_request(&application_of((*root)->slot)->slots, (*root)->slot,
				    GROUPED_UNDEPLOY_ALL, cause, NULL) < 0)
			IMPOSSIBLE("a root has no parent that refuses");
	vector_done(&roots);
}

/* What waits for a place is not to move later, when nobody expects it any longer. */
static void end_waiting(struct control *c, const struct control_zhost *z)
{
	root_vector roots = {0};
	roots_on(z, &roots);
	vector_for_each (&roots, root)
		if (is_waiting(*root))
			handover_end(c, *root);
	vector_done(&roots);
}

static void deadline_over(struct control *c, struct control_zhost *z)
{
	struct zhost_drain *d = z->drain;
	d->deadline_ms = NEVER_MS;
	(void)look(c, z, false);
	if (d->state != DRAIN_DRAINING)
		return;
	CLEANUP(freep) char *left = left_text(d);
	CLEANUP(freep)
	char *cause = str_printf("drain %s at its deadline: %s",
				 d->force ? "stops what is left" : "ended", left);
	enter(c, z, d->force ? DRAIN_STOPPING : DRAIN_ENDED);
	emit(c, z, cause);
	end_waiting(c, z);
	if (d->force)
		stop_left(c, z);
}

void drains_tick(struct control *c)
{
	if (c->drains == 0)
		return;
	zhost_for_each (&c->zhosts, z) {
		const struct zhost_drain *d = z->drain;
		if (d != NULL && d->state == DRAIN_DRAINING && c->now.mono_ms >= d->deadline_ms)
			deadline_over(c, z);
		drain_heard(c, z);
	}
}

int64_t drains_next_ms(const struct control *c)
{
	int64_t next = NEVER_MS;
	if (c->drains == 0)
		return next;
	zhost_for_each (&c->zhosts, z)
		if (z->drain != NULL && z->drain->state == DRAIN_DRAINING &&
		    z->drain->deadline_ms < next)
			next = z->drain->deadline_ms;
	return next;
}
