/* `spaces move`. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/slot/successor_place.h"
#include "core/control/slot/wants.h"
#include "core/control/state/input.h"
#include "core/control/state/state.h"

static int check_destination(const struct control *c, const struct slot_control *root,
			     const char *name, struct error **err)
{
	const struct control_zhost *z = zhost_find(&c->zhosts, name);
	const struct control_application *a = application_of(root->slot);
	if (name == NULL)
		return 0;
	if (z == NULL || z->removed)
		return error_set(err, ERR_NOT_FOUND, "no zhost %s", name);
	if (z == slot_zhost(root))
		return error_set(err, ERR_CONFLICT, "%s/%s is on %s already", a->name,
				 root->slot->path, name);
	return 0;
}

/* Data that stays on its zhost would be lost to it. */
static int check_storage(const struct slot_control *root, struct error **err)
{
	const struct slot *s = unit_bound(root);
	if (s == NULL)
		return 0;
	return error_set(err, ERR_CONFLICT,
			 "%s/%s keeps its data on %s (storage: local), so it cannot be moved",
			 application_of(s)->name, s->path, slot_zhost(root)->name);
}

static int check_unit(const struct slot_control *root, const char *path, struct error **err)
{
	const struct control_application *a = application_of(root->slot);
	if (!str_equal(root->slot->path, path))
		return error_set(err, ERR_CONFLICT,
				 "%s/%s is inside of %s/%s and moves with it: move that",
				 a->name, path, a->name, root->slot->path);
	if (root->slot->each)
		return error_set(err, ERR_CONFLICT,
				 "%s/%s belongs to its zhost (count: each), so it cannot be "
				 "moved",
				 a->name, path);
	if (!slot_is_placed(root) || root->slot->goal == GOAL_NOT_DEPLOYED)
		return error_set(err, ERR_CONFLICT,
				 "%s/%s is not placed on any zhost, so it cannot be moved",
				 a->name, path);
	if (root->handover != NULL)
		return error_set(err, ERR_CONFLICT, "%s/%s is being handed over (%s): %s",
				 a->name, path,
				 handover_state_text(root->handover->handover.state),
				 root->handover->cause);
	if (root->slot->moving)
		return error_set(err, ERR_CONFLICT,
				 "%s/%s leaves %s already, because its attempts there are "
				 "used up",
				 a->name, path, slot_zhost(root)->name);
	return check_storage(root, err);
}

/* A move that finds no place now is refused: nobody would wait for it. */
static int check_place(struct control *c, struct slot_control *root, const char *to,
		       struct error **err)
{
	CLEANUP(freep) char *reason = NULL;
	if (successor_has_place(c, root, to, &reason))
		return 0;
	return error_set(err, ERR_CONFLICT, "%s/%s cannot be moved%s%s: %s",
			 application_of(root->slot)->name, root->slot->path,
			 to != NULL ? " to " : "", to != NULL ? to : "", reason);
}

static int move(struct control *c, const struct control_input *input, struct error **err)
{
	struct control_application *a = application_by_id(&c->applications, input->move.id);
	if (a == NULL)
		return error_set(err, ERR_NOT_FOUND, "no topology %s", input->move.id);
	const struct slot *s = application_served_slot(a, input->move.path, err);
	if (s == NULL)
		return ERR_NOT_FOUND;
	struct slot_control *root = control_of_slot(s->root);
	int r = check_unit(root, input->move.path, err);
	if (r >= 0)
		r = check_destination(c, root, input->move.zhost, err);
	if (r >= 0)
		r = check_place(c, root, input->move.zhost, err);
	if (r < 0)
		return r;
	CLEANUP(freep) char *cause = str_printf("moved by %s", c->actor);
	handover_start(c, root, input->move.zhost, cause);
	return 0;
}

void handover_request(struct control *c, const struct control_input *input)
{
	struct error *err = NULL;
	(void)move(c, input, &err);
	emit_reply(&c->emitter, input->request, err, input->move.id, input->move.path, NULL);
}
