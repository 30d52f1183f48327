#include "core/control/state/handover_kind.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/state.h"
#include "core/control/state/zhost_registry.h"

enum handover_kind handover_kind_of(struct slot *root, const struct revision *revision)
{
	slot_for_each_below (root, s) {
		const struct declaration *declared = declarations_of(revision->declared, s);
		if (declared != NULL && declared->space->stops_first)
			return HANDOVER_STOP_FIRST;
	}
	return HANDOVER_START_FIRST;
}

bool handover_renames(const struct slot *root, const struct revision *from,
		      const struct revision *to)
{
	slot_for_each_below ((struct slot *)(uintptr_t)root, s) {
		const char *before = revision_path(from, s), *after = revision_path(to, s);
		if (before != NULL && after != NULL && !str_equal(before, after))
			return true;
	}
	return false;
}

enum handover_kind handover_kind_of_change(const struct slot_control *root,
					   const struct revision *to)
{
	const struct control_zhost *own = slot_zhost(root);
	if (own != NULL && own->protocol != 0 && !zhost_runs_two(own))
		return HANDOVER_STOP_FIRST;
	if (handover_renames(root->slot, slot_revision(root), to))
		return HANDOVER_STOP_FIRST;
	return handover_kind_of(root->slot, slot_revision(root)) == HANDOVER_STOP_FIRST
		       ? HANDOVER_STOP_FIRST
		       : handover_kind_of(root->slot, to);
}

/* A zhost that does not know copies takes each one that it has started for one that serves, so that
 * messages would reach a successor too early, or an incumbent too late. One that does not run two starts
 * a successor when its incumbent has ended. There the two must not run at the same time. */
const struct control_zhost *handover_older(const struct control_zhost *from,
					   const struct control_zhost *to)
{
	if (from != NULL && !zhost_knows_copies(from))
		return from;
	if (to == NULL)
		return NULL;
	return zhost_knows_copies(to) && (from != to || zhost_runs_two(to)) ? NULL : to;
}

bool handover_may_go_on(const struct slot_control *root, const struct control_zhost *to)
{
	const struct control_zhost *own = slot_zhost(root);
	return own == NULL || own->protocol == 0 || to->protocol == 0 ||
	       handover_older(own, to) == NULL;
}

bool handover_may_keep(const struct control_zhost *there, const struct control_zhost *serving)
{
	return there->protocol == 0 ||
	       handover_older(there, there == serving ? there : NULL) == NULL;
}

char *handover_choose_kind(struct slot_control *root, const struct control_zhost *to)
{
	struct unit_handover *h = root->handover;
	const struct control_zhost *older = h->handover.kind == HANDOVER_START_FIRST
						    ? handover_older(slot_zhost(root), to)
						    : NULL;
	if (older == NULL)
		return mem_strdup(h->cause);
	h->handover.kind = HANDOVER_STOP_FIRST;
	return str_printf("%s; stop-first, because the zhost program of %s is older", h->cause,
			  older->name);
}

bool handover_stop_first(struct slot_control *root)
{
	struct unit_handover *h = root->handover;
	const struct application_rollout *r = application_of(root->slot)->rollout;
	if (r == NULL || !r->no_surge || h->revision == NULL ||
	    h->handover.kind == HANDOVER_STOP_FIRST)
		return false;
	h->handover.kind = HANDOVER_STOP_FIRST;
	CLEANUP(freep) char *cause = steal_ptr(&h->cause);
	h->cause =
		str_printf("%s; stop-first, because there is no room for a second copy", cause);
	mark_slot(root);
	return true;
}

/* The kept copy of its slot, on the same zhost: it runs on, whatever serves. */
static uint64_t kept_there(const struct copy *copy)
{
	const struct slot_copy *kept = copy->of_slot.slot->kept;
	return kept != NULL && kept != &copy->of_slot &&
			       container_of(kept, struct copy, of_slot)->unit->zhost ==
				       copy->unit->zhost
		       ? kept->epoch
		       : 0;
}

uint64_t handover_beside(const struct copy *copy)
{
	uint64_t kept = kept_there(copy);
	if (!copy_is_next(copy) || kept != 0)
		return kept;
	const struct unit_handover *h = control_of_slot(copy->sc->slot->root)->handover;
	const struct copy *incumbent = serving_copy(copy->sc);
	bool both = h != NULL && h->handover.kind == HANDOVER_START_FIRST &&
		    incumbent != NULL && copy_zhost(incumbent) == copy_zhost(copy);
	return both ? incumbent->of_slot.epoch : 0;
}
