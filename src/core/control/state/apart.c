#include "core/control/state/apart.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/control/state/dirty_set.h"
#include "core/control/state/handover_kind.h"
#include "core/control/state/target.h"

static struct copy *copy_of(struct slot_copy *copy)
{
	return copy != NULL ? container_of(copy, struct copy, of_slot) : NULL;
}

bool handover_is_joint(const struct slot_control *root)
{
	return root->turn == TURN_JOINT && root->handover != NULL &&
	       root->handover->revision != NULL && !root->handover->returns;
}

static bool is_start_first(const struct slot_control *root)
{
	const struct control_application *a = application_of(root->slot);
	enum handover_kind kind = root->handover != NULL
					  ? root->handover->handover.kind
					  : handover_kind_of_change(root, a->rollout->target);
	return kind == HANDOVER_START_FIRST;
}

struct copy *apart_copy(const struct slot_control *sc)
{
	const struct slot_control *root = control_of_slot(sc->slot->root);
	if (sc->of_path->next != NULL && handover_is_joint(root) && is_start_first(root))
		return copy_of(sc->of_path->next);
	return copy_of(sc->of_path->kept);
}

bool copy_is_apart(const struct copy *copy)
{
	return copy_is_beside(copy) && apart_copy(copy->sc) == copy;
}

/* Its copy is still to come. */
static bool is_awaited(const struct slot_control *root)
{
	return root->turn == TURN_JOINT && application_of(root->slot)->rollout != NULL &&
	       is_start_first(root);
}

static const struct copy *serving_provider(const struct slot *s, const struct provider_set *set)
{
	return s->state == STATE_DEPLOYED_STARTED && slot_can_provide(s, set)
		       ? serving_copy(control_of_slot(s))
		       : NULL;
}

/* The copy of the slot that provides to what is apart in `a`; NULL: none does. Of another application what serves. */
static const struct copy *provider_of(const struct control_application *a, const struct slot *s,
				      const struct provider_set *set)
{
	if (application_of(s) != a)
		return serving_provider(s, set);
	const struct slot_control *sc = control_of_slot(s);
	const struct copy *apart = apart_copy(sc);
	if (apart == NULL && is_awaited(control_of_slot(s->root)))
		return NULL;
	if (apart == NULL)
		return serving_provider(s, set);
	bool started = apart->heard && apart->phase == SAMOZA__V1__PHASE__PHASE_STARTED &&
		       apart->target == TARGET_STARTED;
	return started && declaration_provides(apart->declared, set) ? apart : NULL;
}

static bool is_provided(const struct slot *importer, const struct provider_set *set)
{
	vector_for_each (&set->slots, s)
		if (*s != importer && provider_of(application_of(importer), *s, set) != NULL)
			return true;
	return false;
}

const struct import_decl *apart_missing_import(const struct copy *copy)
{
	const struct declaration *declared = copy->declared;
	for (unsigned k = 0; k < declared->space->import_count; k++) {
		const struct import_decl *import = &declared->space->imports[k];
		if (!import->optional && !is_provided(copy->sc->slot, declared->imports[k]))
			return import;
	}
	return NULL;
}

static int compare_paths(const void *pa, const void *pb)
{
	const struct copy *const *a = pa, *const *b = pb;
	return strcmp(copy_path(*a), copy_path(*b));
}

void apart_each_provider(const struct control_application *a, const struct provider_set *set,
			 void (*each)(void *user, const struct copy *provider), void *user)
{
	VECTOR(const struct copy *) found = {0};
	vector_for_each (&set->slots, s) {
		const struct copy *copy = provider_of(a, *s, set);
		if (copy != NULL)
			vector_push(&found, copy);
	}
	if (found.count > 1)
		qsort(found.items, found.count, sizeof(*found.items), compare_paths);
	vector_for_each (&found, copy)
		each(user, *copy);
	vector_done(&found);
}

void apart_changed(const struct copy *copy)
{
	struct control_application *a = copy->unit->application;
	vector_for_each (&copy->declared->importers, importer)
		if (importer->set == &a->slots)
			a->importers_changed.items[importer->space] = true;
	mark_application(a, APPLICATION_IMPORTERS | APPLICATION_HANDOVER);
}

void apart_unit_changed(const struct slot_control *root)
{
	slot_for_each_below (root->slot, s) {
		const struct copy *serving = serving_copy(control_of_slot(s));
		const struct copy *apart = apart_copy(control_of_slot(s));
		if (serving != NULL)
			apart_changed(serving);
		if (apart != NULL)
			apart_changed(apart);
	}
}

void apart_joint_changed(const struct slot_control *root)
{
	if (root->turn == TURN_JOINT)
		apart_unit_changed(root);
}
