/* The public calls on zhosts. */
#include <string.h>

#include "core/place/need/feasible_set.h"
#include "core/place/place.h"
#include "core/place/state/description.h"
#include "core/place/state/labels.h"
#include "core/place/state/nodes.h"
#include "core/place/state/room.h"
#include "core/place/state/units.h"
#include "core/place/wait/wait.h"

static double scale_of(int64_t offered)
{
	return offered > 0 ? 10000.0 / (double)offered : 0;
}

static void set_devices(struct place *p, struct place_node *node)
{
	struct place_node former = *node;
	node->devices = NULL;
	node->device_count = 0;
	node_devices_init(p, node);
	room_devices_changed(p, node, former.devices, former.device_count);
	node_devices_done(p, &former);
}

static void set_labels(struct place *p, uint32_t zhost)
{
	p->layout++;
	units_leave_labels(p, zhost);
	columns_update(p, zhost);
	units_return_labels(p, zhost);
}

uint32_t place_zhost_set(struct place *p, const struct zhost_spec *spec, bool alive,
			 bool cordoned)
{
	uint32_t zhost = place_zhost_find(p, spec->name);
	if (zhost == PLACE_NONE)
		zhost = node_new(p, spec->name);
	struct place_node *node = node_at(p, zhost);
	struct node_description *before = node->description, *now = description_copy(spec);
	node->description = now;
	node->cpu_free += now->cpu_offered - (before != NULL ? before->cpu_offered : 0);
	node->memory_free +=
		now->memory_offered - (before != NULL ? before->memory_offered : 0);
	node->cpu_scale = scale_of(now->cpu_offered);
	node->memory_scale = scale_of(now->memory_offered);
	node->has_position = spec->has_position;
	node->alive = alive;
	node->cordoned = cordoned;
	if (before == NULL || !descriptions_have_equal_devices(before, now))
		set_devices(p, node);
	if (before == NULL || !descriptions_have_equal_labels(before, now))
		set_labels(p, zhost);
	description_free(before);
	p->unmeasured = true;
	feasible_sets_update(p, zhost);
	node_changed(p, zhost);
	wait_node_described(p, zhost);
	return zhost;
}

void place_zhost_flags(struct place *p, uint32_t zhost, bool alive, bool cordoned)
{
	struct place_node *node = node_checked(p, zhost);
	if (node->alive == alive && node->cordoned == cordoned)
		return;
	node->alive = alive;
	node->cordoned = cordoned;
	node_changed(p, zhost);
	wait_node_described(p, zhost);
}

void place_zhost_remove(struct place *p, uint32_t zhost)
{
	struct place_node *node = node_checked(p, zhost);
	PRE(node->unit_count == 0);
	wait_node_removed(p, zhost);
	node_devices_done(p, node);
	description_free(node->description);
	node->description = NULL;
	node_drop(p, zhost);
	columns_forget(p, zhost);
	feasible_sets_update(p, zhost);
}

uint32_t place_zhost_find(const struct place *p, const char *name)
{
	uint32_t symbol = symbol_find(&p->symbols, name);
	const uint32_t *found = symbol != SYMBOL_NONE ? map_find(&p->node_names, symbol) : NULL;
	return found != NULL ? *found : PLACE_NONE;
}

const char *place_zhost_name(const struct place *p, uint32_t zhost)
{
	(void)node_checked(p, zhost);
	return node_name(p, zhost);
}

struct place_usage place_zhost_usage(const struct place *p, uint32_t zhost)
{
	const struct place_node *node = node_checked(p, zhost);
	struct place_usage usage = {
		.cpu_offered = (uint64_t)node->description->cpu_offered,
		.cpu_reserved = (uint64_t)(node->description->cpu_offered - node->cpu_free),
		.memory_offered = (uint64_t)node->description->memory_offered,
		.memory_reserved =
			(uint64_t)(node->description->memory_offered - node->memory_free),
		.units = node->unit_count,
	};
	for (uint32_t i = 0; i < node->device_count; i++) {
		usage.devices_offered += !node->devices[i].is_shared;
		usage.devices_whole_free += node->devices[i].free == DEVICE_WHOLE;
	}
	return usage;
}

uint32_t place_zhost_devices_free(const struct place *p, uint32_t zhost, const char *kind,
				  const char *model)
{
	const struct place_node *node = node_checked(p, zhost);
	uint32_t count = 0;
	for (uint32_t i = 0; i < node->device_count; i++) {
		const struct node_device *device = &node->devices[i];
		count += device->free == DEVICE_WHOLE &&
			 strcmp(symbol_text(&p->symbols, device->kind), kind) == 0 &&
			 strcmp(symbol_text(&p->symbols, device->model),
				model != NULL ? model : "") == 0;
	}
	return count;
}

uint32_t place_zhost_unit(const struct place *p, uint32_t zhost, uint32_t unit)
{
	const struct place_node *node = node_checked(p, zhost);
	return unit == PLACE_NONE ? node->first_unit : unit_checked(p, unit)->next;
}
