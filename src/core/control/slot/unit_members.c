#include "core/control/slot/unit_members.h"

#include "base/check.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/unit_change.h"
#include "core/control/state/state.h"
#include "core/lifecycle/rules.h"

/* ---- joining ---- */

static void room_is(struct slot_control *root, struct revision *revision)
{
	struct unit_placement *unit = unit_of(root->of_path->serving);
	unit_set_room(unit, revision);
	root->place_revision = revision;
	vector_for_each (&unit->placement.copies, item)
		mark_copy(container_of(*item, struct copy, of_slot), COPY_RECORD);
}

static uint32_t instance_in(const struct revision *r, const struct slot_control *root)
{
	return (uint32_t)declarations_instance(r->declared, root->slot);
}

bool unit_take_room(struct control *c, struct slot_control *root, struct revision *revision)
{
	if (!place_unit_resize(c->place, root->place_unit, revision->place,
			       instance_in(revision, root)))
		return false;
	room_is(root, revision);
	return true;
}

/* ---- going ---- */

static const struct copy *copy_of(const struct slot *s)
{
	return serving_copy(control_of_slot(s));
}

static void give_room_back(struct control *c, struct slot_control *root)
{
	struct unit_placement *unit = unit_of(root->of_path->serving);
	struct control_application *a = application_of(root->slot);
	place_wait_end(
		c->place,
		a->ticket); /* it was lost, and has waited for a place until it was back */
	mark_application(a, APPLICATION_PLACE);
	place_unit_shrink(c->place, root->place_unit, unit->revision->place,
			  instance_in(unit->revision, root));
	room_is(root, unit->revision);
}

void unit_forget_leaving(struct control *c, struct slot_control *root)
{
	const struct unit_placement *unit = unit_of(root->of_path->serving);
	if (unit != NULL && unit->room != unit->revision && unit_loses_members(unit))
		give_room_back(c, root);
}

/* Nothing of it is left on the zhost of its unit, which stays. */
static bool has_gone(const struct slot *s)
{
	const struct copy *copy = s->leaves ? copy_of(s) : NULL;
	return copy != NULL && s->parent != NULL && s->goal == GOAL_NOT_DEPLOYED &&
	       s->state == STATE_NOT_DEPLOYED && copy->absent && !copy->unit->lost &&
	       !s->root->moving && declarations_of(copy->unit->revision->declared, s) == NULL;
}

static bool has_others(const struct unit_placement *unit)
{
	vector_for_each (&unit->placement.copies, item)
		if (container_of(*item, struct copy, of_slot)->revision != unit->revision)
			return true;
	return false;
}

/* What is inside of it has no copy any longer: it went first. */
static bool is_last(const struct slot *s)
{
	slot_for_each_below ((struct slot *)(uintptr_t)s, below)
		if (below != s && copy_of(below) != NULL)
			return false;
	return true;
}

static bool trim_below(struct control *c, const struct slot_control *root)
{
	bool any = false, again = true;
	while (again) {
		again = false;
		slot_for_each_below (root->slot, s) {
			if (!has_gone(s) || !is_last(s))
				continue;
			unit_copy_ended(c, serving_copy(control_of_slot(s)));
			any = again = true;
		}
	}
	return any;
}

static void trim(struct control *c, struct control_application *a)
{
	vector_for_each (&a->slot_controls, root) {
		if ((*root)->slot->parent != NULL || !trim_below(c, *root))
			continue;
		const struct unit_placement *unit = unit_of((*root)->of_path->serving);
		if (unit->room != unit->revision && !has_others(unit))
			give_room_back(c, *root);
		mark_application(a, APPLICATION_HANDOVER | APPLICATION_PLACE);
		lifecycle_push((*root)->slot);
	}
}

void unit_members_trim(struct control *c)
{
	for (size_t k = 0; k < c->dirty.applications.count; k++)
		if (c->dirty.applications.items[k]->leaving > 0)
			trim(c, c->dirty.applications.items[k]);
}
