#include "core/control/relocate/reloads.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/relocate/disruption.h"
#include "core/control/slot/wants.h"
#include "core/control/state/drain.h"
#include "core/control/state/setting_list.h"
#include "core/control/state/state.h"
#include "core/lifecycle/goal.h"
#include "core/settings/settings.h"

#define REFERENCES_SHOWN 3

/* ---- values ---- */

struct search {
	const char *name; /* of the variable */
	const char *value;
};

static void look_at(void *user, struct slot *provider)
{
	struct search *search = user;
	const struct copy *copy = serving_copy(control_of_slot(provider));
	for (size_t k = 0; search->value == NULL && k < copy->export_count; k++)
		if (str_equal(copy->exports[k].name, search->name))
			search->value = copy->exports[k].value;
}

/* As settings_value() finds it on its zhost. */
static const char *value_of(void *user, const char *reference)
{
	const struct copy *copy = user;
	const struct space *space = copy->declared->space;
	size_t size = strcspn(reference, ".");
	struct search search = {.name = reference + size + 1};
	for (unsigned k = 0; k < space->import_count; k++) {
		const struct import_decl *import = &space->imports[k];
		if (strlen(import->from) == size && memcmp(import->from, reference, size) == 0)
			slot_each_provider(copy->sc->slot, import, look_at, &search);
	}
	return search.value;
}

/* 0: it has what it would start with, or that is not known. */
static uint64_t wanted_of(struct copy *copy)
{
	if (copy->declared->space->reload != RELOAD_BY_RESTART || !copy->heard ||
	    copy->settings == 0 || copy->phase != SAMOZA__V1__PHASE__PHASE_STARTED ||
	    copy->sc->slot->state != STATE_DEPLOYED_STARTED)
		return 0;
	struct setting_list list = setting_list_of(copy);
	const char *missing = NULL;
	uint64_t sum = list.count > 0
			       ? settings_sum(list.items, list.count, value_of, copy, &missing)
			       : copy->settings;
	setting_list_done(&list);
	return missing == NULL && sum != copy->settings ? sum : 0;
}

/* ---- units ---- */

/* What differs in the unit, as one number; 0: nothing. */
static uint64_t unit_wanted(const struct slot_control *root)
{
	uint64_t all = 0;
	slot_for_each_below (root->slot, s) {
		struct copy *copy = serving_copy(control_of_slot(s));
		uint64_t wanted = copy != NULL ? wanted_of(copy) : 0;
		all = wanted != 0 ? (all ^ wanted) * 0x9e3779b97f4a7c15u : all;
	}
	return all;
}

static char *obstacle_of(const struct slot_control *root)
{
	const struct control_application *a = application_of(root->slot);
	if (root->handover != NULL)
		return handover_on_its_way(root);
	if (a->rollout != NULL)
		return mem_strdup("waits for the rollout");
	if (drain_is_active(slot_zhost(root)->drain))
		return mem_strdup("waits for the drain of its zhost");
	return NULL;
}

static bool may_begin(const struct slot_control *root)
{
	return root->handover == NULL && !root->lost && !root->slot->moving &&
	       slot_is_placed(root) && root->slot->goal == GOAL_DEPLOYED_STARTED;
}

/* "reload: another value of imports.db.port, imports.db.ip" */
static char *cause_of(const struct slot_control *root)
{
	struct buffer b = BUFFER_INIT(4096);
	(void)buffer_add_string(&b, "reload: another value of ");
	unsigned shown = 0;
	slot_for_each_below (root->slot, s) {
		struct copy *copy = serving_copy(control_of_slot(s));
		if (copy == NULL || wanted_of(copy) == 0)
			continue;
		struct setting_list list = setting_list_of(copy);
		for (size_t k = 0; k < list.count; k++, shown++)
			if (shown < REFERENCES_SHOWN)
				(void)buffer_printf(&b, "%simports.%s", shown > 0 ? ", " : "",
						    list.items[k]);
		setting_list_done(&list);
	}
	if (shown > REFERENCES_SHOWN)
		(void)buffer_printf(&b, " or %u more", shown - REFERENCES_SHOWN);
	return buffer_steal(&b);
}

static bool try_unit(struct control *c, struct slot_control *root, struct tally *tally)
{
	if (!may_begin(root))
		return false;
	uint64_t wanted = unit_wanted(root);
	if (wanted == 0)
		root->reloaded = 0; /* when they differ again, they are others */
	if (wanted == 0 || wanted == root->reloaded)
		return false;
	CLEANUP(freep) char *why = obstacle_of(root);
	if (why == NULL)
		why = disruption_of(tally, root);
	if (why != NULL)
		return false;
	CLEANUP(freep) char *cause = cause_of(root);
	handover_start(c, root, NULL, cause);
	root->handover->reloads = wanted;
	tally_add(tally);
	return true;
}

/* Of none of its revisions: it is not looked at. */
static bool has_settings(const struct control_application *a)
{
	vector_for_each (&a->slots.declarations, d)
		if ((*d)->topology->has_settings)
			return true;
	return false;
}

bool reloads_run(struct control *c)
{
	bool begun = false;
	for (size_t k = 0; k < c->dirty.applications.count; k++) {
		struct control_application *a = c->dirty.applications.items[k];
		if (!has_settings(a))
			continue;
		struct tally tally = tally_begin(c);
		for_each_root (a, root)
			begun = try_unit(c, root, &tally) || begun;
	}
	return begun;
}

char *reload_waits(const struct copy *copy)
{
	struct slot_control *root = control_of_slot(copy->sc->slot->root);
	uint64_t wanted = unit_wanted(root);
	if (wanted == 0)
		return NULL;
	if (root->handover == NULL && wanted == root->reloaded)
		return mem_strdup(
			"a copy with the new values has failed; it is tried again when "
			"they change, or when it is started again");
	char *why = obstacle_of(root);
	return why != NULL ? why : mem_strdup("waits for others of its space");
}
