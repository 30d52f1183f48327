#include "core/place/state/room.h"

#include <stdlib.h>
#include <string.h>

#include "core/place/state/devices.h"

bool shares_room(const struct place_unit *u)
{
	return u->room_next != u->handle;
}

/* The units that share room with `u` and are on zhost `at`, without `u`. */
#define for_each_room_mate_on(p, u, mate, at)                                     \
	for (struct place_unit *mate = unit_at((p), (u)->room_next); mate != (u); \
	     mate = unit_at((p), mate->room_next))                                \
		if (mate->zhost == (at))

static void count_devices(const struct place_unit *u, const struct place_node *node,
			  int32_t *ret_held)
{
	const struct demand *d = u->need->demand;
	uint32_t at = 0;
	for (uint32_t i = 0; i < d->request_count && at < d->device_total; i++) {
		for (uint32_t k = 0; k < d->requests[i].count && at < d->device_total;
		     k++, at++) {
			if (u->devices[at] < node->device_count)
				ret_held[u->devices[at]] += d->requests[i].milli;
		}
	}
}

static void most_devices(const struct place_unit *u, const struct place_node *node,
			 int32_t *held, int32_t *most)
{
	memset(held, 0, node->device_count * sizeof(*held));
	count_devices(u, node, held);
	for (uint32_t i = 0; i < node->device_count; i++)
		most[i] = held[i] > most[i] ? held[i] : most[i];
}

/* Devices of the units that share room with `u` (and of itself, `with`): of each device as much
 * as the unit that holds most of it. */
static void shared_devices_change(struct place *p, const struct place_unit *u, uint32_t zhost,
				  bool with, int32_t sign)
{
	struct place_node *node = node_at(p, zhost);
	if (node->device_count == 0)
		return;
	int32_t *held = mem_new_array(int32_t, 2 * (size_t)node->device_count);
	int32_t *most = held + node->device_count;
	if (with)
		most_devices(u, node, held, most);
	for_each_room_mate_on (p, u, mate, zhost)
		most_devices(mate, node, held, most);
	for (uint32_t i = 0; i < node->device_count; i++)
		node->devices[i].free += sign * most[i];
	free(held);
}

static void shared_amounts_change(struct place *p, const struct place_unit *u, uint32_t zhost,
				  bool with, int32_t sign)
{
	struct place_node *node = node_at(p, zhost);
	int64_t cpu = with ? u->need->demand->cpu : 0;
	int64_t memory = with ? u->need->demand->memory : 0;
	for_each_room_mate_on (p, u, mate, zhost) {
		const struct demand *d = mate->need->demand;
		cpu = d->cpu > cpu ? d->cpu : cpu;
		memory = d->memory > memory ? d->memory : memory;
	}
	node->cpu_free += sign * cpu;
	node->memory_free += sign * memory;
}

void joint_room_change(struct place *p, const struct place_unit *u, int32_t sign)
{
	shared_amounts_change(p, u, u->zhost, true, sign);
	shared_devices_change(p, u, u->zhost, true, sign);
}

static void choose_devices(struct place_unit *u, const struct place_node *node)
{
	const struct demand *d = u->need->demand;
	if (d->device_total == 0 ||
	    devices_fit(node->devices, node->device_count, d, u->devices))
		return;
	for (uint32_t i = 0; i < d->device_total; i++)
		u->devices[i] = DEVICE_NONE;
}

/* The same for a unit that shares room. It takes devices that its mates hold before others,
 * since those are held anyway. Their room has been given back. */
static void choose_shared_devices(struct place *p, struct place_unit *u, uint32_t zhost)
{
	const struct place_node *node = node_at(p, zhost);
	const struct demand *d = u->need->demand;
	if (d->device_total == 0)
		return;
	int32_t *held = mem_new_array(int32_t, 2 * (size_t)node->device_count + 1);
	int32_t *most = held + node->device_count;
	struct node_device *devices =
		mem_memdup(node->devices, node->device_count * sizeof(*devices));
	for_each_room_mate_on (p, u, mate, zhost)
		most_devices(mate, node, held, most);
	for (uint32_t i = 0; i < node->device_count; i++)
		devices[i].free = most[i] < devices[i].free ? most[i] : devices[i].free;
	if (!devices_fit(devices, node->device_count, d, u->devices))
		choose_devices(u, node);
	free(devices);
	free(held);
}

void room_take(struct place *p, struct place_unit *u, uint32_t zhost, bool keep_devices)
{
	struct place_node *node = node_at(p, zhost);
	const struct demand *d = u->need->demand;
	if (shares_room(u)) {
		shared_amounts_change(p, u, zhost, false, 1);
		shared_devices_change(p, u, zhost, false, 1);
		if (!keep_devices)
			choose_shared_devices(p, u, zhost);
		shared_amounts_change(p, u, zhost, true, -1);
		shared_devices_change(p, u, zhost, true, -1);
		return;
	}
	node->cpu_free -= d->cpu;
	node->memory_free -= d->memory;
	if (!keep_devices)
		choose_devices(u, node);
	if (d->device_total > 0)
		devices_apply(node, d, u->devices, -1);
}

void room_give(struct place *p, struct place_unit *u, uint32_t zhost)
{
	struct place_node *node = node_at(p, zhost);
	const struct demand *d = u->need->demand;
	if (shares_room(u)) {
		joint_room_change(p, u, 1);
		shared_amounts_change(p, u, zhost, false, -1);
		shared_devices_change(p, u, zhost, false, -1);
		return;
	}
	node->cpu_free += d->cpu;
	node->memory_free += d->memory;
	if (d->device_total > 0)
		devices_apply(node, d, u->devices, 1);
}

void room_join(struct place *p, struct place_unit *u, struct place_unit *mate)
{
	PRE(u->zhost == PLACE_NONE);
	room_leave(p, u);
	u->room_next = mate->room_next;
	mate->room_next = u->handle;
}

void room_leave(struct place *p, struct place_unit *u)
{
	PRE(u->zhost == PLACE_NONE);
	struct place_unit *before = u;
	while (before->room_next != u->handle)
		before = unit_at(p, before->room_next);
	before->room_next = u->room_next;
	u->room_next = u->handle;
}

static int compare_units(const void *a, const void *b)
{
	const struct place_unit *x = *(struct place_unit *const *)a,
				*y = *(struct place_unit *const *)b;
	const struct place_topology *s = x->need->topology, *t = y->need->topology;
	if (s->order != t->order)
		return s->order < t->order ? -1 : 1;
	int order = strcmp(unit_path(x), unit_path(y));
	return order != 0 ? order : x->handle < y->handle ? -1 : 1;
}

/* Oldest topology first. PRE: they hold none. */
static void choose_all(struct place *p, struct place_unit **units, uint32_t count)
{
	if (count > 1)
		qsort(units, count, sizeof(struct place_unit *), compare_units);
	for (uint32_t i = 0; i < count; i++) {
		struct place_unit *u = units[i];
		shared_devices_change(p, u, u->zhost, false, 1);
		choose_shared_devices(p, u, u->zhost);
		shared_devices_change(p, u, u->zhost, true, -1);
	}
}

void room_assign_devices(struct place *p, struct place_node *node)
{
	uint32_t count = 0;
	struct place_unit **units = mem_new_array(struct place_unit *, node->unit_count + 1);
	for_each_unit_on (p, node, u) {
		for (uint32_t k = 0; k < u->need->demand->device_total; k++)
			u->devices[k] = DEVICE_NONE;
		if (u->need->demand->device_total > 0)
			units[count++] = u;
	}
	choose_all(p, units, count);
	free(units);
}

void room_devices_freed(struct place *p, struct place_node *node)
{
	if (node->device_count == 0)
		return;
	uint32_t count = 0;
	struct place_unit **units = mem_new_array(struct place_unit *, node->unit_count + 1);
	for_each_unit_on (p, node, u)
		if (u->need->demand->device_total > 0 && u->devices[0] == DEVICE_NONE)
			units[count++] = u;
	choose_all(p, units, count);
	free(units);
}
