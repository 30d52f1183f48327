#include "core/control/slot/rollout_units.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/control/slot/wants.h"

static bool is_led(const struct slot_control *root)
{
	const struct revision *target = application_of(root->slot)->rollout->target;
	const struct unit_placement *unit = unit_of(root->of_path->serving);
	return (unit != NULL && unit->revision == target) ||
	       (root->handover != NULL && root->handover->revision == target);
}

/* Of a space with `count: each`: those that are in the target already, or on their way, whatever has appeared since;
 * then by the names of the zhosts. */
static int compare_each(const void *pa, const void *pb)
{
	const struct slot_control *a = *(struct slot_control *const *)pa;
	const struct slot_control *b = *(struct slot_control *const *)pb;
	bool first = is_led(a), then = is_led(b);
	return first != then ? (first ? -1 : 1) : strcmp(a->slot->path, b->slot->path);
}

/* Those of one space, on the places that they have among the others. */
static void sort_each(struct slot_control **units, size_t count, uint32_t space)
{
	VECTOR(struct slot_control *) own = {0};
	for (size_t k = 0; k < count; k++)
		if (units[k]->slot->each && units[k]->slot->space == space)
			vector_push(&own, units[k]);
	if (own.count > 1)
		qsort(own.items, own.count, sizeof(*own.items), compare_each);
	for (size_t k = 0, next = 0; k < count; k++)
		if (units[k]->slot->each && units[k]->slot->space == space)
			units[k] = own.items[next++];
	vector_done(&own);
}

struct slot_control **rollout_units(const struct control_application *a)
{
	struct slot_control **units =
		mem_new_array(struct slot_control *, a->slot_controls.count + 1);
	size_t count = 0;
	for_each_root (a, root)
		units[count++] = root;
	for (uint32_t space = 0; a->has_each && space < a->slots.spaces.count; space++)
		sort_each(units, count, space);
	return units;
}
