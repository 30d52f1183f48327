#include "core/control/slot/unit_return.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/control/slot/copies.h"
#include "core/control/state/state.h"
#include "core/control/state/unit_devices.h"

void unit_place_new(struct control *c, struct unit_placement *unit)
{
	const struct slot_copy *first = unit->placement.copies.items[0];
	const struct control_application *a = unit->application;
	CLEANUP(freep)
	char *root_path = mem_strdup(copy_path(container_of(first, struct copy, of_slot)));
	root_path[strcspn(root_path, "/")] = '\0';
	CLEANUP(freep) char *name = mem_strdup(first->slot->path);
	name[strcspn(name, "/")] = '\0';
	const struct slot *s = slot_find(&a->slots, name);
	int instance = topology_find_instance(unit->room->topology, root_path);
	uint32_t mate = s != NULL ? control_of_slot(s)->place_unit : PLACE_NONE;
	PRE(unit->place_unit == PLACE_NONE && instance >= 0);
	if (mate == PLACE_NONE) /* by the slot's name: copies may have a former one */
		mate = application_slot_mate(a, name);
	unit->place_unit =
		place_unit_new(c->place, unit->room->place, (uint32_t)instance, mate);
	if (instance_path_is_each(root_path))
		place_unit_name(c->place, unit->place_unit, first->slot->path);
}

void unit_place_retired(struct control *c, struct unit_placement *unit)
{
	unit_place_new(c, unit);
	unit_devices_name(c, unit);
	place_add(c->place, unit->place_unit, unit->zhost->place);
	unit_place_restored(c, unit);
}

void unit_returned(struct control *c, struct unit_placement *unit)
{
	if (!unit->lost)
		return;
	unit->lost = false;
	vector_for_each (&unit->placement.copies, item)
		mark_copy(container_of(*item, struct copy, of_slot), COPY_RECORD);
	unit_place_retired(c, unit);
}
