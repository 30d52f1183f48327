#include "core/control/state/unit_devices.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/place/place.h"
#include "schema/message.h"

static bool is_root(const struct copy *copy)
{
	return copy->of_slot.epoch == copy->unit->epoch;
}

void unit_devices_done(struct unit_placement *unit)
{
	for (uint32_t k = 0; k < unit->device_count; k++) {
		free(unit->devices[k].kind);
		free(unit->devices[k].model);
	}
	free(steal_ptr(&unit->devices));
	unit->device_count = 0;
}

void unit_devices_load(struct unit_placement *unit, const Samoza__V1__CopyRecord *record)
{
	if (record->n_devices == 0)
		return;
	unit_devices_done(unit);
	unit->devices = mem_new_array(struct unit_device, record->n_devices);
	unit->device_count = (uint32_t)record->n_devices;
	for (uint32_t k = 0; k < unit->device_count; k++) {
		const Samoza__V1__DeviceChoice *from = record->devices[k];
		unit->devices[k] = (struct unit_device){
			mem_strdup(from->kind),
			mem_strdup(from->model != NULL ? from->model : ""), from->index};
	}
}

void unit_devices_name(struct control *c, const struct unit_placement *unit)
{
	if (unit->device_count == 0)
		return;
	struct place_device *list = mem_new_array(struct place_device, unit->device_count);
	for (uint32_t k = 0; k < unit->device_count; k++)
		list[k] = (struct place_device){unit->devices[k].kind, unit->devices[k].model,
						unit->devices[k].index};
	place_name_devices(c->place, unit->place_unit, unit->zhost->place, list,
			   unit->device_count);
	free(list);
}

/* ---- what the engine has given ---- */

static bool is_same(const struct unit_device *a, const struct place_device *b)
{
	return a->index == b->index && str_equal(a->kind, b->kind) &&
	       str_equal(a->model, b->model);
}

/* Whether they are others than before. */
static bool take_given(const struct control *c, struct unit_placement *unit)
{
	uint32_t count = 0;
	(void)place_devices(c->place, unit->place_unit, &count);
	bool is_other = count != unit->device_count;
	for (uint32_t k = 0; k < count && !is_other; k++) {
		struct place_device given = place_device(c->place, unit->place_unit, k);
		is_other = !is_same(&unit->devices[k], &given);
	}
	if (!is_other)
		return false;
	unit_devices_done(unit);
	unit->devices = mem_new_array(struct unit_device, count);
	unit->device_count = count;
	for (uint32_t k = 0; k < count; k++) {
		struct place_device given = place_device(c->place, unit->place_unit, k);
		unit->devices[k] = (struct unit_device){mem_strdup(given.kind),
							mem_strdup(given.model), given.index};
	}
	return true;
}

/* Its zhost is to know them with its next start. */
static void mark_members(const struct unit_placement *unit)
{
	vector_for_each (&unit->placement.copies, item) {
		struct copy *copy = container_of(*item, struct copy, of_slot);
		if (is_root(copy))
			mark_copy(copy, COPY_RECORD);
		if (copy->sent_epoch == 0 || copy_is_retired(copy))
			continue;
		copy->sent_epoch = 0;
		mark_copy(copy, COPY_ORDER);
	}
}

void unit_devices_given(const struct control *c, struct unit_placement *unit)
{
	if (take_given(c, unit))
		mark_members(unit);
}

static void follow(const struct control *c, const struct control_zhost *z)
{
	for (const struct copy *copy = z->first_copy; copy != NULL;
	     copy = copy->next_on_zhost) {
		struct unit_placement *unit = copy->unit;
		if (is_root(copy) && unit->place_unit != PLACE_NONE &&
		    place_where(c->place, unit->place_unit) == z->place)
			unit_devices_given(c, unit);
	}
}

void unit_devices_run(struct control *c)
{
	size_t count = 0;
	const uint32_t *zhosts = place_regiven(c->place, &count);
	for (size_t k = 0; k < count; k++) {
		const struct control_zhost *z =
			zhost_find(&c->zhosts, place_zhost_name(c->place, zhosts[k]));
		if (z != NULL)
			follow(c, z);
	}
	place_regiven_clear(c->place);
}

/* ---- messages ---- */

Samoza__V1__DeviceChoice **unit_devices_record(const struct copy *copy, size_t *ret_count)
{
	const struct unit_placement *unit = copy->unit;
	*ret_count = is_root(copy) ? unit->device_count : 0;
	if (*ret_count == 0)
		return NULL;
	/* The pointers, and then what they point to. */
	Samoza__V1__DeviceChoice **list =
		mem_calloc(*ret_count, sizeof(*list) + sizeof(**list));
	Samoza__V1__DeviceChoice *items = (Samoza__V1__DeviceChoice *)(list + *ret_count);
	for (size_t k = 0; k < *ret_count; k++) {
		samoza__v1__device_choice__init(&items[k]);
		items[k].kind = unit->devices[k].kind;
		items[k].model =
			str_is_empty(unit->devices[k].model) ? NULL : unit->devices[k].model;
		items[k].index = unit->devices[k].index;
		list[k] = &items[k];
	}
	return list;
}

static uint32_t needs_of(const struct space *s)
{
	uint32_t count = 0;
	for (unsigned k = 0; k < s->device_count; k++)
		count += s->devices[k].count;
	return count;
}

static Samoza__V1__DeviceChoice *choice_new(const struct unit_device *of)
{
	Samoza__V1__DeviceChoice *m = (Samoza__V1__DeviceChoice *)schema_message_new(
		&samoza__v1__device_choice__descriptor);
	m->kind = mem_strdup(of->kind);
	m->model = str_is_empty(of->model) ? NULL : mem_strdup(of->model);
	m->index = of->index;
	return m;
}

Samoza__V1__DeviceChoice **unit_devices_of(const struct copy *copy, size_t *ret_count)
{
	const struct unit_placement *unit = copy->unit;
	const struct slot *slot = copy->sc->slot;
	int32_t root = declarations_instance(unit->room->declared, slot->root);
	int32_t own = declarations_instance(unit->room->declared, slot);
	*ret_count = 0;
	if (unit->device_count == 0 || root < 0 || own < 0)
		return NULL;
	uint32_t first = 0;
	for (int32_t k = root; k < own; k++)
		first += needs_of(instance_space(unit->room->topology, (unsigned)k));
	uint32_t count = needs_of(instance_space(unit->room->topology, (unsigned)own));
	if (count == 0 || first > unit->device_count || count > unit->device_count - first)
		return NULL; /* what it needs is another thing since: it hears of it by then */
	Samoza__V1__DeviceChoice **list = mem_new_array(Samoza__V1__DeviceChoice *, count);
	for (uint32_t k = 0; k < count; k++)
		if (!str_is_empty(unit->devices[first + k].kind))
			list[(*ret_count)++] = choice_new(&unit->devices[first + k]);
	return list;
}
