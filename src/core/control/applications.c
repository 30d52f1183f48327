#include "core/control/applications.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "core/control/copies.h"
#include "core/control/exclusions.h"
#include "core/control/handovers.h"
#include "core/control/record_writer.h"
#include "core/control/state.h"
#include "core/control/topology_state.h"
#include "core/lifecycle/rules.h"
#include "schema/message.h"

struct control_application *application_add(struct control *c, const char *name, const char *id,
					    uint64_t sequence)
{
	struct control_application *a = application_new(&c->applications, name, id, sequence);
	a->control = c;
	a->dirty = &c->dirty;
	return a;
}

void unit_unload(struct control *c, struct slot_control *root, const char *cause)
{
	handover_end(c, root);
	if (serving_copy(root) == NULL)
		return;
	root->slot->moving = false;
	unit_retire(c, root);
	/* Children first, as they would go. */
	VECTOR(struct slot *) slots = {0};
	slot_for_each_below (root->slot, s)
		vector_push(&slots, s);
	for (size_t k = slots.count; k-- > 0;) {
		struct slot *s = slots.items[k];
		struct slot_control *sc = control_of_slot(s);
		sc->placed_before = sc->no_place = sc->placed_again = sc->lost = false;
		slot_publish_facts(sc);
		if (s->state != STATE_NOT_DEPLOYED)
			slot_move(s, STATE_NOT_DEPLOYED, false, cause);
		mark_slot(sc);
		topology_state_count(sc);
	}
	vector_done(&slots);
}

/* The slots of the revision that is served end. */
static void end_slots(struct control *c, struct control_application *a)
{
	for (size_t k = 0; k < a->slots.slots.count; k++) {
		struct slot_control *sc = &a->slot_controls[k];
		if (sc->slot->parent == NULL)
			unit_unload(c, sc, "unloads in the background");
		exclusions_clear(c, sc);
	}
	lifecycle_settle(&c->lifecycle);
	records_delete_slots(c, a);
	dirty_set_forget_slots(&c->dirty, a);
}

void application_revise(struct control *c, struct control_application *a,
			Samoza__V1__RevisionRecord *take_record, struct topology *topology)
{
	take_record->number = a->application.newest + 1;
	schema_set_string(&take_record->application, NULL, a->id);
	if (a->application.served != NULL)
		end_slots(c, a);
	struct revision *revision = revision_new(take_record);
	application_add_revision(&a->application, revision);
	application_open_revision(a, c->place, revision, topology);
	application_serve(a, &c->lifecycle, c->place, revision);
	application_trim_revisions(a, c->place, records_delete_revision, c);
	records_write_revision(c, revision);
	vector_for_each (&a->slots.slots, s) {
		slot_publish_facts(control_of_slot(*s));
		mark_slot(control_of_slot(*s));
	}
	mark_application(a, APPLICATION_RECORD | APPLICATION_STATE | APPLICATION_ROUTES);
}

void application_dissolve(struct control *c, struct control_application *a)
{
	for (size_t k = 0; k < a->slots.slots.count; k++)
		exclusions_clear(c, &a->slot_controls[k]);
	while (a->handovers.count > 0)
		handover_end(c, a->handovers.items[0]);
	place_wait_end(c->place, a->ticket);
	units_forget(c, a);
	dirty_set_forget(&c->dirty, a);
	application_free(&c->applications, c->place, a);
}

void application_remove(struct control *c, struct control_application *a)
{
	records_delete_application(c, a);
	application_dissolve(c, a);
}
