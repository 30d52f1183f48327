/*
 * Who goes where: first placements, recovery, and leaving a zhost on which all attempts were
 * used up. The unit is an instance without a parent, with everything below it. The engine
 * (core/place) finds the places; this file says who needs one, and what follows.
 *
 *                                           ┌──── the zhost returns first: adopted ────┐
 *                                           ▼                                          │
 *   never placed ──all or none──────────► placed ──────────── zhost lost ───────────► lost
 *                                         │ ▲  ▲                                       │
 *                         out of attempts │ │  └─ placed again: together, else one by one
 *                                         ▼ │ placed again
 *                                      evacuating: undeployed here, its place elsewhere is held
 *
 * Source: [topology.placement], [topology.recovery], [lifecycle.failure].
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/cluster.h"

/* ---- which instances are on a zhost ---- */

void zhost_link_instance(struct zhost *z, struct instance *i)
{
	zhost_unlink_instance(i);
	i->zhost = z;
	i->previous_on_zhost = NULL;
	i->next_on_zhost = z->first_instance;
	if (z->first_instance != NULL)
		z->first_instance->previous_on_zhost = i;
	z->first_instance = i;
	z->instance_count++;
	tables_count(deployment_of(i), z, 1);
}

void zhost_unlink_instance(struct instance *i)
{
	struct zhost *z = i->zhost;
	if (z == NULL)
		return;
	*(i->previous_on_zhost != NULL ? &i->previous_on_zhost->next_on_zhost
				       : &z->first_instance) = i->next_on_zhost;
	if (i->next_on_zhost != NULL)
		i->next_on_zhost->previous_on_zhost = i->previous_on_zhost;
	i->next_on_zhost = i->previous_on_zhost = NULL;
	z->instance_count--;
	tables_count(deployment_of(i), z, -1);
	i->last_zhost = z;
	i->zhost = NULL;
}

/* Every instance of the sub-tree, the root first. */
#define for_each_below(root, i)                                                        \
	for (struct instance *i = (root), *end_ = i + instance_decl(i)->subtree_count; \
	     i < end_; i++)

static void tell_placement(const struct instance *root, const struct zhost *to)
{
	const struct deployment *d = deployment_of(root);
	const struct zhost *from = root->zhost;
	const char *cause = "placed";
	if (root->lost)
		cause = "re-placed: its zhost was lost";
	else if (from != NULL)
		cause = "re-placed: its attempts there were used up";
	CLEANUP(freep) char *subject = str_printf("%s/%s", d->name, instance_decl(root)->path);
	emit_event(d->control, "placement", subject, from != NULL ? from->name : NULL, to->name,
		   d->id, cause);
}

void placing_assign(struct instance *root, struct zhost *z)
{
	struct control *c = deployment_of(root)->control;
	bool anew = root->lost || root->zhost != NULL;
	tell_placement(root, z);
	for_each_below (root, i) {
		zhost_link_instance(z, i);
		i->epoch = c->next_epoch++;
		i->lost = i->no_place = i->gave_up = i->undeploy_failed = false;
		i->placed_before = true;
		i->placed_anew = anew;
		i->failures = 0;
		i->retry_at_ms = 0;
		i->restarts = 0;
		i->target = TARGET_NONE;
		i->order++;
		i->imports_hash = 0;
		data_owner_set(i);
		mark_instance(i, MARK_RECORD);
		update_trouble(i);
		lifecycle_push(i);
	}
	mark_meta(c);
}

void placing_restore(struct instance *root, struct zhost *z)
{
	struct deployment *d = deployment_of(root);
	if (place_where(d->control->place, d->units[root->index]) == PLACE_NONE)
		place_add(d->control->place, d->units[root->index], z->place);
}

void placing_release(struct instance *root)
{
	struct deployment *d = deployment_of(root);
	place_remove(d->control->place, d->units[root->index]);
}

uint32_t placing_unit(const struct instance *root)
{
	const struct deployment *d = deployment_of(root);
	return root->evacuating && d->next_units[root->index] != PLACE_NONE
		       ? d->next_units[root->index]
		       : d->units[root->index];
}

void placing_forget_lost(struct instance *root)
{
	for_each_below (root, i) {
		zhost_unlink_instance(i);
		mark_instance(i, MARK_RECORD);
	}
}

/* ---- exclusions ---- */

static int64_t window_ms(const struct instance *i)
{
	return instance_space_of(i)->restart_window_ms;
}

static void exclusion_free(struct exclusion *e)
{
	heap_remove(&e->control->exclusion_timers, &e->timer);
	free(e->zhost);
	free(e->sentence);
	free(e);
}

static void exclusion_drop(struct instance *root, struct exclusion *e)
{
	for (struct exclusion **p = (struct exclusion **)&root->control; *p != NULL;
	     p = &(*p)->next) {
		if (*p == e) {
			*p = e->next;
			break;
		}
	}
	exclusion_free(e);
	mark_instance(root, MARK_RECORD);
}

void exclusion_add(struct instance *root, const struct instance *failed)
{
	struct control *c = deployment_of(root)->control;
	const struct zhost *z = failed->zhost;
	for (struct exclusion *e = root->control, *next; e != NULL; e = next) {
		next = e->next;
		if (str_equal(e->zhost, z->name))
			exclusion_drop(root, e);
	}
	struct exclusion *e = mem_new(struct exclusion);
	e->control = c;
	e->root = root;
	e->zhost = mem_strdup(z->name);
	e->incarnation = z->incarnation;
	e->until_wall_ms = c->now.wall_ms + window_ms(failed);
	char *times = failed->failures == 1 ? mem_strdup("once")
					    : str_printf("%u times", failed->failures);
	e->sentence = str_printf("%s failed %s on %s: %s", instance_decl(failed)->path, times,
				 z->name,
				 failed->last_error != NULL ? failed->last_error : "unknown");
	free(times);
	e->next = root->control;
	root->control = e;
	heap_set(&c->exclusion_timers, &e->timer, c->now.mono_ms + window_ms(failed));
	mark_instance(root, MARK_RECORD);
}

/* It may be tried there again: those that gave up on this very zhost try at once, others are
 * placed again with one more choice. */
static void exclusion_ended(struct instance *root, const struct zhost *z)
{
	struct deployment *d = deployment_of(root);
	for_each_below (root, i)
		if (i->gave_up && i->zhost == z)
			instance_refresh(i);
	place_wait_wake(d->control->place, d->place);
	deployment_mark_place(d);
}

void exclusions_clear(struct instance *root)
{
	while (root->control != NULL)
		exclusion_drop(root, root->control);
}

void exclusions_forgive(struct instance *root)
{
	exclusions_clear(root);
	for_each_below (root, i)
		if (i->gave_up)
			instance_refresh(i);
}

void exclusions_end_for(struct control *c, const struct zhost *z)
{
	/* Exclusions are few: they exist only after repeated failure. */
	for (size_t k = c->exclusion_timers.count; k-- > 0;) {
		struct exclusion *e =
			container_of(c->exclusion_timers.nodes[k], struct exclusion, timer);
		if (!str_equal(e->zhost, z->name) || e->incarnation >= z->incarnation)
			continue;
		struct instance *root = e->root;
		exclusion_drop(root, e);
		exclusion_ended(root, z);
		k = c->exclusion_timers.count; /* the heap moved: from its end again */
	}
}

void exclusions_tick(struct control *c)
{
	for (struct heap_node *n;
	     (n = heap_first(&c->exclusion_timers)) != NULL && n->key <= c->now.mono_ms;) {
		struct exclusion *e = container_of(n, struct exclusion, timer);
		struct instance *root = e->root;
		const struct zhost *z = zhost_find(c, e->zhost);
		exclusion_drop(root, e);
		exclusion_ended(root, z);
	}
}

struct place_exclusion *placing_exclusions(const struct instance *root, uint32_t *ret_count)
{
	const struct control *c = deployment_of(root)->control;
	VECTOR(struct place_exclusion) list = {0};
	for (const struct exclusion *e = root->control; e != NULL; e = e->next) {
		const struct zhost *z = zhost_find(c, e->zhost);
		if (z != NULL && z->place != PLACE_NONE)
			*vector_add(&list) = (struct place_exclusion){.zhost = z->place,
								      .sentence = e->sentence};
	}
	*ret_count = (uint32_t)list.count;
	return list.items;
}

/* ---- trying ---- */

/* The roots of one deployment that need a place, with their exclusions. */
struct wants {
	VECTOR(struct place_unit_request) list;
	VECTOR(struct instance *) roots; /* of the same indexes */
};

static void wants_add(struct wants *w, const struct instance *root, uint32_t unit)
{
	uint32_t count = 0;
	struct place_exclusion *excluded = placing_exclusions(root, &count);
	*vector_add(&w->list) = (struct place_unit_request){
		.unit = unit, .excluded = excluded, .excluded_count = count};
	vector_push(&w->roots, (struct instance *)root);
}

static void wants_add_root(struct wants *w, const struct instance *root)
{
	wants_add(w, root, deployment_of(root)->units[root->index]);
}

static void wants_done(struct wants *w)
{
	vector_for_each (&w->list, want)
		free((void *)want->excluded);
	vector_done(&w->list);
	vector_done(&w->roots);
}

static struct zhost *zhost_of_handle(const struct control *c, uint32_t handle)
{
	return zhost_find(c, place_zhost_name(c->place, handle));
}

static void set_no_place(struct instance *root, bool no_place)
{
	for_each_below (root, i) {
		if (i->no_place != no_place)
			mark_instance(i, MARK_RECORD);
		i->no_place = no_place;
		update_trouble(i);
	}
}

static void set_reason(struct deployment *d, char *take_reason)
{
	if (!str_equal(d->reason, take_reason)) {
		d->updated_ms = d->control->now.wall_ms;
		deployment_mark_record(d);
	}
	free(d->reason);
	d->reason = take_reason;
}

/* Tries and assigns. True: all of them have a place. `*ret_reason` is set otherwise. */
static bool try_wants(struct deployment *d, struct wants *w, enum place_mode mode,
		      char **ret_reason)
{
	struct control *c = d->control;
	struct place_result result;
	const struct place_request request = {
		.mode = mode, .units = w->list.items, .unit_count = w->list.count};
	place_try(c->place, &request, &result);
	size_t kept = 0;
	for (size_t k = 0; k < w->list.count; k++) {
		struct instance *root = w->roots.items[k];
		if (result.zhosts[k] == PLACE_NONE) {
			set_no_place(root, true);
			w->roots.items[kept] = root;
			w->list.items[kept++] = w->list.items[k];
			continue;
		}
		c->count.placements++;
		c->count.recoveries += root->lost;
		free((void *)w->list.items[k].excluded);
		placing_assign(root, zhost_of_handle(c, result.zhosts[k]));
		if (w->list.items[k].excluded_count > 0)
			mark_instance(root, MARK_RECORD);
	}
	w->list.count = w->roots.count = kept;
	bool complete = result.complete;
	if (!complete && *ret_reason == NULL)
		*ret_reason = place_reason_text(&result.reason);
	place_result_done(&result);
	return complete;
}

static bool gave_up_below(struct instance *root)
{
	for_each_below (root, i)
		if (i->gave_up && i->goal != GOAL_NOT_DEPLOYED)
			return true;
	return false;
}

/* Where it moves to: a second unit of its slot, placed there while the first one still holds
 * its room on the old zhost. */
static uint32_t next_unit(struct deployment *d, const struct instance *root)
{
	uint32_t *unit = &d->next_units[root->index];
	if (*unit == PLACE_NONE)
		*unit = place_unit_new(d->control->place, d->place, root->index,
				       d->units[root->index]);
	return *unit;
}

/* Out of attempts: is there another zhost? Then it leaves this one. */
static bool try_to_leave(struct deployment *d, struct instance *root, struct wants *left,
			 char **ret_reason)
{
	struct control *c = d->control;
	struct wants one = {0};
	struct place_result result;
	wants_add(&one, root, next_unit(d, root));
	const struct place_request request = {
		.mode = PLACE_TOGETHER, .units = one.list.items, .unit_count = 1};
	place_try(c->place, &request, &result);
	bool found = result.complete;
	if (found) {
		c->count.placements++;
		root->evacuating = true;
		for_each_below (root, i) {
			i->gave_up = false;
			i->retry_at_ms = 0;
			mark_instance(i, MARK_RECORD);
			update_trouble(i);
			lifecycle_push(i);
		}
		set_no_place(root, false);
	} else {
		if (*ret_reason == NULL)
			*ret_reason = place_reason_text(&result.reason);
		wants_add(left, root, next_unit(d, root));
	}
	place_result_done(&result);
	wants_done(&one);
	return found;
}

/* The first root that is placed, but out of attempts there. */
static struct instance *first_stuck(const struct deployment *d)
{
	const struct topology *t = d->app->topology;
	for (uint32_t k = 0; k < t->instance_count; k += t->instances[k].subtree_count) {
		struct instance *root = &d->app->instances[k];
		if (!root->evacuating && instance_is_placed(root) && gave_up_below(root))
			return root;
	}
	return NULL;
}

static bool needs_first_place(const struct instance *root)
{
	return root->goal != GOAL_NOT_DEPLOYED && root->zhost == NULL && !root->lost;
}

/* What it waited for is collected again. */
static void forget_waiting(struct deployment *d)
{
	const struct topology *t = d->app->topology;
	place_wait_end(d->control->place, d->place);
	for (uint32_t k = 0; k < t->instance_count; k += t->instances[k].subtree_count) {
		if (d->app->instances[k].evacuating)
			continue;
		place_unit_free(d->control->place, d->next_units[k]);
		d->next_units[k] = PLACE_NONE;
	}
}

static void place_deployment(struct deployment *d)
{
	struct control *c = d->control;
	const struct topology *t = d->app->topology;
	struct wants fresh = {0}, lost = {0}, stuck = {0};
	char *reason = NULL;
	forget_waiting(d);
	for (uint32_t k = 0; k < t->instance_count; k += t->instances[k].subtree_count) {
		struct instance *root = &d->app->instances[k];
		if (root->evacuating || root->goal == GOAL_NOT_DEPLOYED)
			continue;
		if (root->lost)
			wants_add_root(&lost, root);
		else if (needs_first_place(root))
			wants_add_root(&fresh, root);
	}
	if (lost.list.count > 0)
		(void)try_wants(d, &lost, PLACE_RECOVER, &reason);
	if (fresh.list.count > 0 && try_wants(d, &fresh, PLACE_TOGETHER, &reason) &&
	    lost.list.count > 0) {
		/* Whom an affinity wants may have come. */
		free(reason);
		reason = NULL;
		(void)try_wants(d, &lost, PLACE_RECOVER, &reason);
	}
	for (uint32_t k = 0; k < t->instance_count; k += t->instances[k].subtree_count) {
		struct instance *root = &d->app->instances[k];
		if (!root->evacuating && instance_is_placed(root) && gave_up_below(root))
			(void)try_to_leave(d, root, &stuck, &reason);
	}
	struct wants waiting = {0};
	bool only_fresh = lost.list.count == 0 && stuck.list.count == 0;
	struct wants *const parts[] = {&lost, &fresh, &stuck};
	for (size_t p = 0; p < ARRAY_SIZE(parts); p++)
		vector_for_each (&parts[p]->list, want)
			vector_push(&waiting.list, *want);
	if (waiting.list.count > 0) {
		const struct place_request request = {.mode = only_fresh ? PLACE_TOGETHER
									 : PLACE_RECOVER,
						      .units = waiting.list.items,
						      .unit_count = waiting.list.count};
		place_wait(c->place, d->place, &request);
	}
	set_reason(d, reason);
	deployment_mark_state(d);
	vector_done(&waiting.list);
	wants_done(&fresh);
	wants_done(&lost);
	wants_done(&stuck);
}

/* Reasons age: zhosts come and go without making a place. So it is asked again when shown. */
char *placing_reason_now(const struct deployment *d)
{
	struct control *c = d->control;
	const struct topology *t = d->app->topology;
	struct wants wants = {0};
	bool lost = false;
	char *reason = NULL;
	if (d->reason == NULL)
		return NULL;
	for (uint32_t k = 0; k < t->instance_count; k += t->instances[k].subtree_count) {
		const struct instance *root = &d->app->instances[k];
		if (root->evacuating || root->goal == GOAL_NOT_DEPLOYED)
			continue;
		if (root->lost || needs_first_place(root))
			wants_add_root(&wants, root);
		lost = lost || root->lost;
	}
	if (wants.list.count > 0) {
		struct place_result result;
		const struct place_request request = {.mode = lost ? PLACE_RECOVER
								   : PLACE_TOGETHER,
						      .units = wants.list.items,
						      .unit_count = wants.list.count,
						      .dry_run = true};
		place_try(c->place, &request, &result);
		reason = place_reason_text(&result.reason);
		place_result_done(&result);
	} else if (first_stuck(d) != NULL) {
		struct place_explanation e = {0};
		wants_add_root(&wants, first_stuck(d));
		place_explain(c->place, &wants.list.items[0], &e);
		reason = place_reason_text(&e.reason);
		place_explanation_done(&e);
	}
	wants_done(&wants);
	return reason != NULL ? reason : mem_strdup(d->reason);
}

void placing_run(struct control *c)
{
	lifecycle_settle(&c->lifecycle);
	for (;;) {
		/* Those that changed by themselves, in the order of their submission. */
		struct deployment *next = NULL;
		vector_for_each (&c->deployments_marked, d)
			if ((*d)->place_marked &&
			    (next == NULL || (*d)->sequence < next->sequence))
				next = *d;
		if (next == NULL) {
			uint32_t due = place_wait_next(c->place);
			if (due == PLACE_NONE)
				break;
			INVARIANT(due < c->by_place.count && c->by_place.items[due] != NULL);
			next = c->by_place.items[due];
		}
		next->place_marked = false;
		place_deployment(next);
		lifecycle_settle(&c->lifecycle);
	}
}

/* ---- ends of placements ---- */

static bool is_gone_below(struct instance *root)
{
	for_each_below (root, i)
		if (i->state != STATE_NOT_DEPLOYED)
			return false;
	return true;
}

static void end_evacuation(struct instance *root)
{
	struct deployment *d = deployment_of(root);
	struct control *c = d->control;
	uint32_t next = d->next_units[root->index];
	uint32_t handle = place_where(c->place, placing_unit(root));
	struct zhost *z = handle != PLACE_NONE ? zhost_of_handle(c, handle) : NULL;
	root->evacuating = false;
	if (next != PLACE_NONE) {
		place_unit_free(c->place, d->units[root->index]);
		d->units[root->index] = next;
		d->next_units[root->index] = PLACE_NONE;
	}
	if (root->goal != GOAL_NOT_DEPLOYED && z != NULL && z != root->zhost &&
	    z->state == STATE_DEPLOYED_STARTED) {
		placing_assign(root, z);
		return;
	}
	placing_release(root);
	for_each_below (root, i) {
		zhost_unlink_instance(i);
		i->lost = false;
		mark_instance(i, MARK_RECORD);
	}
	deployment_mark_place(d);
}

void placing_gone(struct instance *i)
{
	struct instance *root = instance_root(i);
	if (root->zhost == NULL && !root->lost && !root->evacuating)
		return;
	if (!is_gone_below(root))
		return;
	if (root->evacuating) {
		end_evacuation(root);
		return;
	}
	if (root->goal != GOAL_NOT_DEPLOYED)
		return;
	placing_release(root);
	for_each_below (root, below) {
		zhost_unlink_instance(below);
		below->lost = false;
		below->no_place = below->placed_before = false;
		below->failures = 0;
		mark_instance(below, MARK_RECORD);
		update_trouble(below);
	}
}

void placing_gave_up(struct instance *i)
{
	struct instance *root = instance_root(i);
	if (root->evacuating || !instance_is_placed(i))
		return;
	exclusion_add(root, i);
	deployment_mark_place(deployment_of(i));
}
