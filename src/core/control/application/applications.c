#include "core/control/application/applications.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/handover/kept_set.h"
#include "core/control/placement/unload_unit.h"
#include "core/control/rollout/rollouts.h"
#include "core/control/slot/copies.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/loss.h"
#include "core/control/state/rebalance.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"
#include "core/control/state/topology_state.h"
#include "core/lifecycle/rules.h"
#include "core/lifecycle/slot_set.h"
#include "schema/message.h"

struct control_application *application_add(struct control *c, const char *name, const char *id,
					    uint64_t sequence)
{
	struct control_application *a = application_new(&c->applications, name, id, sequence);
	a->control = c;
	a->dirty = &c->dirty;
	return a;
}

/* The slots of the revision that is served end. */
static void end_slots(struct control *c, struct control_application *a)
{
	for (size_t k = 0; k < a->slots.slots.count; k++) {
		struct slot_control *sc = a->slot_controls.items[k];
		if (sc->slot->parent == NULL)
			unit_unload(c, sc, "unloads in the background");
		exclusions_clear(c, sc);
		loss_forget(c, sc);
	}
	lifecycle_settle(&c->lifecycle);
	records_delete_slots(c, a);
	dirty_set_forget_slots(&c->dirty, a);
}

struct revision *application_accept(struct control *c, struct control_application *a,
				    Samoza__V1__RevisionRecord *take_record,
				    struct topology *topology)
{
	take_record->number = a->application.newest + 1;
	take_record->has_numbered = take_record->numbered = true;
	schema_set_string(&take_record->application, NULL, a->id);
	struct revision *revision = revision_new(take_record);
	application_add_revision(&a->application, revision);
	application_open_revision(a, c->place, revision, topology);
	records_write_revision(c, revision);
	mark_application(a, APPLICATION_RECORD);
	return revision;
}

void application_revise(struct control *c, struct control_application *a,
			Samoza__V1__RevisionRecord *take_record, struct topology *topology)
{
	kept_set_end(c, a, "there is another change");
	rollout_drop(c, a, "superseded");
	rollout_forget_last(a);
	application_switch(c, a, application_accept(c, a, take_record, topology));
}

struct renamed {
	struct application_slot *slot;
	const char *to; /* borrowed */
};
typedef VECTOR(struct renamed) renamed_list;

/* Of what the new revision has under none of its names. */
static void remember_data(struct control_application *a, const struct topology *t)
{
	bool *stays = mem_new_array(bool, a->slots.slots.count);
	for (unsigned i = 0; i < t->instance_count; i++) {
		const struct slot *s = slot_set_slot_of(&a->slots, t, i);
		if (s != NULL)
			stays[s->id] = true;
	}
	vector_for_each (&a->slots.slots, s)
		if (!stays[(*s)->id])
			application_remember_data(a, *s);
	free(stays);
}

static void collect_renamed(const struct control_application *a, const struct topology *t,
			    renamed_list *list)
{
	for (unsigned i = 0; a->application.served != NULL && i < t->instance_count; i++) {
		const struct slot *s = slot_set_slot_of(&a->slots, t, i);
		if (s != NULL && !str_equal(s->path, t->instances[i].path))
			*vector_add(list) = (struct renamed){control_of_slot(s)->of_path,
							     t->instances[i].path};
	}
}

/* Data and copies that still unload stay with what has another name in the new revision. */
static void rename_slots(struct control_application *a, const renamed_list *list)
{
	vector_for_each (list, renamed) {
		application_share_data(&a->application, renamed->to, renamed->slot->path);
		application_rename(a, renamed->slot, renamed->to);
	}
}

void application_switch(struct control *c, struct control_application *a,
			struct revision *revision)
{
	PRE(a->rollout == NULL);
	renamed_list renamed = {0};
	collect_renamed(a, revision->topology, &renamed);
	if (a->application.served != NULL) {
		remember_data(a, revision->topology);
		end_slots(c, a);
	}
	rename_slots(a, &renamed);
	vector_done(&renamed);
	application_serve(a, &c->lifecycle, c->place, revision);
	application_trim_revisions(a, c->place, records_delete_revision, c);
	vector_for_each (&a->slots.slots, s) {
		slot_publish_facts(control_of_slot(*s));
		mark_slot(control_of_slot(*s));
	}
	mark_application(a, APPLICATION_RECORD | APPLICATION_STATE | APPLICATION_ROUTES |
				    APPLICATION_EACH);
}

void application_dissolve(struct control *c, struct control_application *a)
{
	rollout_forget(a);
	kept_set_end(c, a, "the topology is removed");
	while (a->handovers.count > 0)
		handover_end(c, a->handovers.items[0]);
	for (size_t k = 0; k < a->slots.slots.count; k++) {
		exclusions_clear(c, a->slot_controls.items[k]);
		loss_forget(c, a->slot_controls.items[k]);
	}
	place_wait_end(c->place, a->ticket);
	units_forget(c, a);
	dirty_set_forget(&c->dirty, a);
	application_free(&c->applications, c->place, a);
}

void application_remove(struct control *c, struct control_application *a)
{
	records_delete_application(c, a);
	application_dissolve(c, a);
	/* Nothing of it is marked any longer: it was the last of what was left somewhere, or was to be moved. */
	c->drains_due = true;
	c->rebalance_due = c->rebalance_due || rebalance_is_running(c->rebalance);
}
