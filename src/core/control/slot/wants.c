#include "core/control/slot/wants.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/unit_change.h"
#include "core/control/state/apart.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/handover_kind.h"
#include "core/control/state/loss.h"
#include "core/control/state/state.h"

void wants_add(const struct control *c, struct wants *w, struct slot_control *root,
	       uint32_t unit)
{
	uint32_t count = 0;
	struct place_exclusion *excluded = exclusions_for_engine(c, root, &count);
	*vector_add(&w->list) = (struct place_unit_request){
		.unit = unit, .excluded = excluded, .excluded_count = count};
	vector_push(&w->roots, root);
}

/* A cordon does not matter to it [change.counts.each]. PRE: that zhost is part of the cluster. */
static void only_on_its_zhost(struct place_unit_request *want, const struct slot_control *root)
{
	want->has_only = want->ignore_cordon = true;
	want->only = each_zhost(root->slot)->place;
}

void wants_add_lost(const struct control *c, struct wants *w, struct slot_control *root)
{
	const struct control_zhost *own = slot_zhost(root);
	wants_add(c, w, root, root->place_unit);
	if (root->slot->each) {
		only_on_its_zhost(vector_last(&w->list), root);
		return;
	}
	if (own == NULL || own->place == PLACE_NONE || !loss_only_there(root))
		return;
	vector_last(&w->list)->has_only = true;
	vector_last(&w->list)->only = own->place;
}

const struct slot *unit_bound(const struct slot_control *root)
{
	slot_for_each_below (root->slot, s)
		if (slot_declared_space(s)->storage == STORAGE_LOCAL)
			return s;
	return NULL;
}

/* A zhost of protocol 1 knows an instance by its path: it holds one copy of it. */
#define PROTOCOL_OF_COPIES 2

/* Of the two copies on that zhost at most one runs: it stops first, or will, as the zhost program is older than when
 * the handover began (handover_choose_kind()). */
static bool runs_one(const struct slot_control *root, const struct control_zhost *own)
{
	return root->handover->handover.kind == HANDOVER_STOP_FIRST ||
	       (own->protocol != 0 && handover_older(own, own) != NULL);
}

/* It stays where it is while that is eligible; what keeps its data there waits for that. A new version
 * may be tried on zhosts on which the one before has failed. */
static void add_changed(struct wants *w, struct slot_control *root, uint32_t unit)
{
	const struct control_zhost *own = slot_zhost(root);
	struct place_unit_request want = {.unit = unit};
	bool known = own != NULL && own->place != PLACE_NONE;
	if (known && own->protocol != 0 && own->protocol < PROTOCOL_OF_COPIES) {
		struct place_exclusion *excluded = mem_new(struct place_exclusion);
		*excluded = (struct place_exclusion){
			.zhost = own->place,
			.code = FAILURE_ZHOST_OUTDATED,
			.sentence = "its zhost program is older and holds one copy only"};
		want.excluded = excluded;
		want.excluded_count = 1;
	} else if (known) {
		want.has_only = unit_bound(root) != NULL;
		want.only = own->place;
		want.shares_room = runs_one(root, own);
		want.replaces = root->place_unit;
	}
	if (root->slot->each)
		only_on_its_zhost(&want, root);
	vector_push(&w->list, want);
	vector_push(&w->roots, root);
}

void wants_add_successor(const struct control *c, struct wants *w, struct slot_control *root,
			 uint32_t unit)
{
	if (root->handover != NULL &&
	    (root->handover->revision != NULL || root->handover->reloads != 0)) {
		add_changed(w, root, unit);
		return;
	}
	wants_add(c, w, root, unit);
	struct place_unit_request *want = vector_last(&w->list);
	const struct control_zhost *own = slot_zhost(root);
	const struct control_zhost *only =
		root->handover != NULL ? zhost_find(&c->zhosts, root->handover->to) : NULL;
	if (only != NULL && only->place != PLACE_NONE) {
		want->has_only = true;
		want->only = only->place;
		return;
	}
	if (own == NULL || own->place == PLACE_NONE)
		return;
	struct place_exclusion *excluded =
		mem_resize((void *)want->excluded, want->excluded_count + 1, sizeof(*excluded));
	excluded[want->excluded_count++] =
		(struct place_exclusion){.zhost = own->place,
					 .code = FAILURE_ALREADY_THERE,
					 .sentence = "it is there now"};
	want->excluded = excluded;
}

void wants_add_elsewhere(const struct control *c, struct wants *w, struct slot_control *root)
{
	const struct unit_handover *h = root->handover;
	if (!wants_to_move(root)) {
		wants_add_successor(c, w, root, root->moving_place);
		return;
	}
	wants_add(c, w, root, root->moving_place);
	if (h == NULL || h->handover.state != HANDOVER_PLACING || h->revision == NULL)
		return;
	vector_last(&w->list)->shares_room = true;
	vector_last(&w->list)->replaces = root->place_unit;
}

void wants_take(struct wants *to, struct wants *from)
{
	vector_for_each (&from->list, want)
		vector_push(&to->list, *want);
	vector_for_each (&from->roots, root)
		vector_push(&to->roots, *root);
	vector_done(&from->list);
	vector_done(&from->roots);
}

void wants_done(struct wants *w)
{
	vector_for_each (&w->list, want)
		free((void *)want->excluded);
	vector_done(&w->list);
	vector_done(&w->roots);
}

bool stands_alone(const struct slot_control *root)
{
	return root->of_path->next == NULL && root->of_path->standby == NULL;
}

/* Nothing decides soon: it is ready, or installed, and takes over when others can. */
static bool waits_for_others(const struct unit_handover *h)
{
	return h != NULL && (h->handover.state == HANDOVER_READY ||
			     (h->handover.state == HANDOVER_PREPARING &&
			      (h->held || handover_is_joint(h->root))));
}

bool may_leave(const struct slot_control *root)
{
	return stands_alone(root) || waits_for_others(root->handover);
}

bool unit_is_exhausted(const struct slot_control *root)
{
	slot_for_each_below (root->slot, s)
		if (slot_is_exhausted(control_of_slot(s)) && s->goal != GOAL_NOT_DEPLOYED &&
		    !copy_joins(serving_copy(control_of_slot(s))))
			return true;
	return false;
}

bool unit_has_failed(const struct slot_control *root)
{
	return !root->slot->moving && may_leave(root) && slot_is_placed(root) &&
	       unit_is_exhausted(root);
}

bool wants_to_move(const struct slot_control *root)
{
	return !root->slot->each && unit_has_failed(root);
}

bool wants_first_place(const struct slot_control *root)
{
	/* Without a unit it waits for its turn, or no version that runs has it any longer. */
	return root->slot->goal != GOAL_NOT_DEPLOYED && serving_copy(root) == NULL &&
	       !root->lost && root->place_unit != PLACE_NONE;
}

void wants_wait_again(struct control *c, const struct control_application *a,
		      const struct wants *all, bool is_first, uint32_t hopeless)
{
	const struct place_request request = {.mode = is_first ? PLACE_TOGETHER : PLACE_RECOVER,
					      .units = all->list.items,
					      .unit_count = all->list.count};
	if (all->list.count > 0)
		place_wait_restore(c->place, a->ticket, &request, hopeless);
}

void wants_wait(struct control *c, const struct control_application *a,
		const struct wants *lost, const struct wants *first,
		const struct wants *exhausted, const struct wants *others)
{
	VECTOR(struct place_unit_request) waiting = {0};
	const struct wants *const parts[] = {lost, first, exhausted, others};
	for (size_t p = 0; p < ARRAY_SIZE(parts); p++)
		vector_for_each (&parts[p]->list, want)
			vector_push(&waiting, *want);
	bool only_first = lost->list.count + exhausted->list.count + others->list.count == 0;
	const struct place_request request = {.mode = only_first ? PLACE_TOGETHER
								 : PLACE_RECOVER,
					      .units = waiting.items,
					      .unit_count = waiting.count};
	if (waiting.count > 0)
		place_wait(c->place, a->ticket, &request);
	vector_done(&waiting);
}
