#include "core/control/placement.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/exclusions.h"
#include "core/control/residence.h"
#include "core/control/state.h"
#include "core/control/topology_state.h"
#include "core/lifecycle/rules.h"

#define for_each_root(d, root)                                                              \
	for (struct copy *root = (d)->copies, *end_ = (d)->copies + (d)->slots.slots.count; \
	     root < end_; root++)                                                           \
		if (root->slot->parent == NULL)

static struct control_zhost *zhost_of_handle(const struct control *c, uint32_t handle)
{
	return zhost_find(&c->zhosts, place_zhost_name(c->place, handle));
}

/* ---- places that are taken and given up ---- */

static void emit_placement(struct control *c, const struct copy *root,
			   const struct control_zhost *to)
{
	const struct deployment *d = deployment_of(root->slot);
	const struct control_zhost *from = root->zhost;
	const char *cause = "placed";
	if (root->zhost_lost)
		cause = "re-placed: its zhost was lost";
	else if (from != NULL)
		cause = "re-placed: its attempts there were used up";
	CLEANUP(freep) char *subject = str_printf("%s/%s", d->name, root->slot->path);
	emit_event(&c->emitter, "placement", subject, from != NULL ? from->name : NULL,
		   to->name, d->id, cause);
}

/* The unit is placed there, under new epochs. */
static void assign(struct control *c, struct copy *root, struct control_zhost *z)
{
	bool again = root->zhost_lost || root->zhost != NULL;
	emit_placement(c, root, z);
	slot_for_each_below (root->slot, s) {
		struct copy *copy = copy_of(s);
		copy_link(copy, z);
		slot_copy_placed(&copy->of_path, c->next_epoch++);
		copy->zhost_lost = copy->no_place = copy->exhausted = copy->undeploy_failed =
			false;
		copy->placed_before = true;
		copy->placed_again = again;
		copy->failures = 0;
		copy->retry_at_ms = 0;
		copy->restarts = 0;
		copy->target = TARGET_NONE;
		copy->generation++;
		copy->imports_hash = 0;
		copy_publish_facts(copy);
		mark_copy(copy, COPY_RECORD);
		topology_state_count(copy);
		lifecycle_push(s);
	}
}

void placement_restore(struct control *c, const struct copy *root)
{
	if (place_where(c->place, root->place_unit) == PLACE_NONE)
		place_add(c->place, root->place_unit, root->zhost->place);
}

void placement_release(struct control *c, const struct copy *root)
{
	place_remove(c->place, root->place_unit);
}

uint32_t placement_unit(const struct copy *root)
{
	return root->slot->moving && root->moving_place != PLACE_NONE ? root->moving_place
								      : root->place_unit;
}

void placement_lost(struct control *c, struct copy *copy)
{
	copy->zhost_lost = true;
	copy->exhausted = false;
	copy->retry_at_ms = 0;
	copy->undeploy_failed = false;
	copy->target = TARGET_NONE;
	copy->sent_epoch = 0;
	copy_publish_facts(copy);
	mark_copy(copy, COPY_RECORD);
	topology_state_count(copy);
	if (copy->slot->state != STATE_NOT_DEPLOYED)
		slot_move(copy->slot, STATE_NOT_DEPLOYED, false, "zhost lost");
	else
		lifecycle_push(copy->slot);
	if (copy->slot->parent == NULL && !copy->slot->moving) {
		placement_release(c, copy);
		mark_deployment(deployment_of(copy->slot), DEPLOYMENT_PLACE);
	}
}

void placement_adopt(struct control *c, struct copy *copy)
{
	struct copy *root = copy_of(copy->slot->root);
	if (!root->zhost_lost || root->zhost != copy->zhost)
		return;
	slot_for_each_below (root->slot, s) {
		struct copy *below = copy_of(s);
		below->zhost_lost = below->no_place = false;
		copy_publish_facts(below);
		mark_copy(below, COPY_RECORD);
		topology_state_count(below);
		lifecycle_push(s);
	}
	placement_restore(c, root);
	mark_deployment(deployment_of(root->slot), DEPLOYMENT_PLACE);
}

/* ---- trying ---- */

/* The units of one deployment that need a place, with their exclusions. */
struct wants {
	VECTOR(struct place_unit_request) list;
	VECTOR(struct copy *) roots; /* of the same indexes */
};

static void wants_add(const struct control *c, struct wants *w, struct copy *root,
		      uint32_t unit)
{
	uint32_t count = 0;
	struct place_exclusion *excluded = exclusions_for_engine(c, root, &count);
	*vector_add(&w->list) = (struct place_unit_request){
		.unit = unit, .excluded = excluded, .excluded_count = count};
	vector_push(&w->roots, root);
}

static void wants_done(struct wants *w)
{
	vector_for_each (&w->list, want)
		free((void *)want->excluded);
	vector_done(&w->list);
	vector_done(&w->roots);
}

static void set_no_place(struct copy *root, bool no_place)
{
	slot_for_each_below (root->slot, s) {
		struct copy *copy = copy_of(s);
		if (copy->no_place != no_place)
			mark_copy(copy, COPY_RECORD);
		copy->no_place = no_place;
		copy_publish_facts(copy);
		topology_state_count(copy);
	}
}

static void set_reason(struct control *c, struct deployment *d, char *take_reason)
{
	if (!str_equal(d->reason, take_reason)) {
		d->updated_ms = c->now.wall_ms;
		mark_deployment(d, DEPLOYMENT_RECORD);
	}
	free(d->reason);
	d->reason = take_reason;
}

/* Tries and assigns. True: all of them have a place. `*ret_reason` is set otherwise. */
static bool try_wants(struct control *c, struct wants *w, enum place_mode mode,
		      char **ret_reason)
{
	struct place_result result;
	const struct place_request request = {
		.mode = mode, .units = w->list.items, .unit_count = w->list.count};
	place_try(c->place, &request, &result);
	size_t kept = 0;
	for (size_t k = 0; k < w->list.count; k++) {
		struct copy *root = w->roots.items[k];
		if (result.zhosts[k] == PLACE_NONE) {
			set_no_place(root, true);
			w->roots.items[kept] = root;
			w->list.items[kept++] = w->list.items[k];
			continue;
		}
		c->count.placements++;
		c->count.recoveries += root->zhost_lost;
		free((void *)w->list.items[k].excluded);
		assign(c, root, zhost_of_handle(c, result.zhosts[k]));
		if (w->list.items[k].excluded_count > 0)
			mark_copy(root, COPY_RECORD);
	}
	w->list.count = w->roots.count = kept;
	bool complete = result.complete;
	if (!complete && *ret_reason == NULL)
		*ret_reason = place_reason_text(&result.reason);
	place_result_done(&result);
	return complete;
}

static bool exhausted_below(const struct copy *root)
{
	slot_for_each_below (root->slot, s)
		if (copy_of(s)->exhausted && s->goal != GOAL_NOT_DEPLOYED)
			return true;
	return false;
}

/* Placed, but a copy of its unit is exhausted there. */
static bool must_move(const struct copy *root)
{
	return !root->slot->moving && copy_is_placed(root) && exhausted_below(root);
}

/* Where it moves to: a second unit of its slot, placed there while the first one still holds its
 * room on the old zhost. */
static uint32_t moving_place(struct control *c, struct copy *root)
{
	if (root->moving_place == PLACE_NONE)
		root->moving_place = place_unit_new(c->place, deployment_of(root->slot)->place,
						    root->slot->id, root->place_unit);
	return root->moving_place;
}

static void begin_move(struct control *c, struct copy *root)
{
	c->count.placements++;
	root->slot->moving = true;
	slot_for_each_below (root->slot, s) {
		struct copy *copy = copy_of(s);
		copy->exhausted = false;
		copy->retry_at_ms = 0;
		copy_publish_facts(copy);
		mark_copy(copy, COPY_RECORD);
		topology_state_count(copy);
		lifecycle_push(s);
	}
	set_no_place(root, false);
}

/* Its retries are used up: is there another zhost? Then it moves there. */
static void try_to_move(struct control *c, struct copy *root, struct wants *left,
			char **ret_reason)
{
	struct wants one = {0};
	struct place_result result;
	wants_add(c, &one, root, moving_place(c, root));
	const struct place_request request = {
		.mode = PLACE_TOGETHER, .units = one.list.items, .unit_count = 1};
	place_try(c->place, &request, &result);
	if (result.complete) {
		begin_move(c, root);
	} else {
		if (*ret_reason == NULL)
			*ret_reason = place_reason_text(&result.reason);
		wants_add(c, left, root, moving_place(c, root));
	}
	place_result_done(&result);
	wants_done(&one);
}

static bool needs_first_place(const struct copy *root)
{
	return root->slot->goal != GOAL_NOT_DEPLOYED && root->zhost == NULL &&
	       !root->zhost_lost;
}

/* What lacks a place now: lost units, and those that have none yet. */
static void collect_wants(const struct control *c, const struct deployment *d,
			  struct wants *lost, struct wants *first)
{
	for_each_root (d, root) {
		if (root->slot->moving || root->slot->goal == GOAL_NOT_DEPLOYED)
			continue;
		if (root->zhost_lost)
			wants_add(c, lost, root, root->place_unit);
		else if (needs_first_place(root))
			wants_add(c, first, root, root->place_unit);
	}
}

/* What it waited for is collected again. */
static void forget_waiting(struct control *c, struct deployment *d)
{
	place_wait_end(c->place, d->place);
	for_each_root (d, root) {
		if (root->slot->moving)
			continue;
		place_unit_free(c->place, root->moving_place);
		root->moving_place = PLACE_NONE;
	}
}

/* Waits for places of all that is left. */
static void wait(struct control *c, const struct deployment *d, const struct wants *lost,
		 const struct wants *first, const struct wants *exhausted)
{
	VECTOR(struct place_unit_request) waiting = {0};
	const struct wants *const parts[] = {lost, first, exhausted};
	for (size_t p = 0; p < ARRAY_SIZE(parts); p++)
		vector_for_each (&parts[p]->list, want)
			vector_push(&waiting, *want);
	bool only_first = lost->list.count == 0 && exhausted->list.count == 0;
	const struct place_request request = {.mode = only_first ? PLACE_TOGETHER
								 : PLACE_RECOVER,
					      .units = waiting.items,
					      .unit_count = waiting.count};
	if (waiting.count > 0)
		place_wait(c->place, d->place, &request);
	vector_done(&waiting);
}

void placement_seek(struct copy *copy)
{
	struct deployment *d = deployment_of(copy->slot);
	struct copy *root = copy_of(copy->slot->root);
	mark_deployment(d, DEPLOYMENT_PLACE);
	if (d->state == TOPOLOGY_FAILED || root->seeking)
		return;
	root->seeking = true;
	slot_for_each_below (root->slot, s)
		topology_state_count(copy_of(s));
}

static void end_seeking(struct deployment *d)
{
	for_each_root (d, root) {
		if (!root->seeking)
			continue;
		root->seeking = false;
		slot_for_each_below (root->slot, s)
			topology_state_count(copy_of(s));
	}
}

static void place_deployment(struct control *c, struct deployment *d)
{
	struct wants first = {0}, lost = {0}, exhausted = {0};
	char *reason = NULL;
	forget_waiting(c, d);
	end_seeking(d);
	collect_wants(c, d, &lost, &first);
	if (lost.list.count > 0)
		(void)try_wants(c, &lost, PLACE_RECOVER, &reason);
	if (first.list.count > 0 && try_wants(c, &first, PLACE_TOGETHER, &reason) &&
	    lost.list.count > 0) {
		/* What an affinity wants may have come. */
		free(reason);
		reason = NULL;
		(void)try_wants(c, &lost, PLACE_RECOVER, &reason);
	}
	for_each_root (d, root)
		if (must_move(root))
			try_to_move(c, root, &exhausted, &reason);
	wait(c, d, &lost, &first, &exhausted);
	set_reason(c, d, reason);
	mark_deployment(d, DEPLOYMENT_STATE);
	wants_done(&first);
	wants_done(&lost);
	wants_done(&exhausted);
}

static struct deployment *next_due(struct control *c)
{
	/* Those that changed by themselves, in the order of their submission. */
	struct deployment *next = NULL;
	vector_for_each (&c->dirty.deployments, d)
		if (((*d)->marks & DEPLOYMENT_PLACE) != 0 &&
		    (next == NULL || (*d)->sequence < next->sequence))
			next = *d;
	if (next != NULL)
		return next;
	uint32_t due = place_wait_next(c->place);
	if (due == PLACE_NONE)
		return NULL;
	INVARIANT(due < c->deployments.by_place.count &&
		  c->deployments.by_place.items[due] != NULL);
	return c->deployments.by_place.items[due];
}

void placement_run(struct control *c)
{
	lifecycle_settle(&c->lifecycle);
	for (struct deployment *d; (d = next_due(c)) != NULL;) {
		d->marks &= ~(unsigned)DEPLOYMENT_PLACE;
		place_deployment(c, d);
		lifecycle_settle(&c->lifecycle);
	}
}

/* ---- reasons ---- */

/* Of the first unit that is placed, but exhausted there; NULL: there is none. */
static char *reason_of_exhausted(const struct deployment *d, struct wants *wants)
{
	const struct control *c = d->control;
	struct copy *exhausted = NULL;
	struct place_explanation e = {0};
	for_each_root (d, root)
		if (exhausted == NULL && must_move(root))
			exhausted = root;
	if (exhausted == NULL)
		return NULL;
	wants_add(c, wants, exhausted, exhausted->place_unit);
	place_explain(c->place, &wants->list.items[0], &e);
	char *reason = place_reason_text(&e.reason);
	place_explanation_done(&e);
	return reason;
}

/* Reasons age: zhosts come and go without making a place. So it is asked again when shown. */
char *placement_reason_now(const struct deployment *d)
{
	const struct control *c = d->control;
	struct wants wants = {0};
	bool lost = false;
	char *reason = NULL;
	if (d->reason == NULL)
		return NULL;
	for_each_root (d, root) {
		if (root->slot->moving || root->slot->goal == GOAL_NOT_DEPLOYED)
			continue;
		if (root->zhost_lost || needs_first_place(root))
			wants_add(c, &wants, root, root->place_unit);
		lost = lost || root->zhost_lost;
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
	} else {
		reason = reason_of_exhausted(d, &wants);
	}
	wants_done(&wants);
	return reason != NULL ? reason : mem_strdup(d->reason);
}

/* ---- ends of placements ---- */

static bool is_gone_below(const struct copy *root)
{
	slot_for_each_below (root->slot, s)
		if (s->state != STATE_NOT_DEPLOYED)
			return false;
	return true;
}

/* It is gone from the zhost that it leaves: it takes the place that is held for it, where that is
 * still there and wanted. */
static void end_move(struct control *c, struct copy *root)
{
	struct deployment *d = deployment_of(root->slot);
	uint32_t handle = place_where(c->place, placement_unit(root));
	struct control_zhost *z = handle != PLACE_NONE ? zhost_of_handle(c, handle) : NULL;
	root->slot->moving = false;
	if (root->moving_place != PLACE_NONE) {
		place_unit_free(c->place, root->place_unit);
		root->place_unit = root->moving_place;
		root->moving_place = PLACE_NONE;
	}
	if (root->slot->goal != GOAL_NOT_DEPLOYED && z != NULL && z != root->zhost &&
	    z->state == ZHOST_STARTED) {
		assign(c, root, z);
		return;
	}
	placement_release(c, root);
	slot_for_each_below (root->slot, s) {
		struct copy *copy = copy_of(s);
		copy_unlink(copy);
		copy->zhost_lost = false;
		copy_publish_facts(copy);
		mark_copy(copy, COPY_RECORD);
	}
	mark_deployment(d, DEPLOYMENT_PLACE);
}

void placement_gone(struct control *c, struct copy *copy)
{
	struct copy *root = copy_of(copy->slot->root);
	if (root->zhost == NULL && !root->zhost_lost && !root->slot->moving)
		return;
	if (!is_gone_below(root))
		return;
	if (root->slot->moving) {
		end_move(c, root);
		return;
	}
	if (root->slot->goal != GOAL_NOT_DEPLOYED)
		return;
	placement_release(c, root);
	slot_for_each_below (root->slot, s) {
		struct copy *below = copy_of(s);
		copy_unlink(below);
		below->zhost_lost = false;
		below->no_place = below->placed_before = false;
		below->failures = 0;
		copy_publish_facts(below);
		mark_copy(below, COPY_RECORD);
		topology_state_count(below);
	}
}

void placement_exhausted(struct control *c, struct copy *copy)
{
	struct copy *root = copy_of(copy->slot->root);
	if (root->slot->moving || !copy_is_placed(copy))
		return;
	exclusion_add(c, root, copy);
	placement_seek(copy);
}
