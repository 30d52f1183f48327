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

static void joint_devices_change(struct place *p, const struct place_unit *u, int32_t sign)
{
	shared_devices_change(p, u, u->zhost, true, sign);
}

void joint_room_change(struct place *p, const struct place_unit *u, int32_t sign)
{
	shared_amounts_change(p, u, u->zhost, true, sign);
	joint_devices_change(p, u, sign);
}

bool lacks_devices(const struct place_unit *u)
{
	for (uint32_t k = 0; k < u->need->demand->device_total; k++)
		if (u->devices[k] == DEVICE_NONE)
			return true;
	return false;
}

static bool has_devices(const struct place_unit *u)
{
	for (uint32_t k = 0; k < u->need->demand->device_total; k++)
		if (u->devices[k] != DEVICE_NONE)
			return true;
	return false;
}

static void forget_devices(struct place_unit *u)
{
	for (uint32_t k = 0; k < u->need->demand->device_total; k++)
		u->devices[k] = DEVICE_NONE;
}

static void note_regiven(struct place *p, uint32_t zhost)
{
	struct place_node *node = node_at(p, zhost);
	if (node->regiven)
		return;
	node->regiven = true;
	vector_push(&p->regiven, zhost);
}

/* Those that it names, as far as they are there and nobody else has them. */
static void keep_named(struct place_unit *u, const struct place_node *node)
{
	const struct demand *d = u->need->demand;
	uint32_t at = 0;
	for (uint32_t i = 0; i < d->request_count; i++) {
		for (uint32_t k = 0; k < d->requests[i].count && at < d->device_total;
		     k++, at++) {
			uint16_t device = u->devices[at];
			bool is_there = device < node->device_count &&
					device_request_accepts(&d->requests[i],
							       &node->devices[device]) &&
					node->devices[device].free >= d->requests[i].milli;
			if (!is_there)
				u->devices[at] = DEVICE_NONE;
		}
	}
}

/* All that it needs, or what there is of them. */
static void choose_devices(struct place_unit *u, const struct place_node *node)
{
	const struct demand *d = u->need->demand;
	if (u->named) {
		keep_named(u, node);
		return;
	}
	if (d->device_total == 0 ||
	    devices_fit(node->devices, node->device_count, d, u->devices))
		return;
	forget_devices(u);
	devices_fill(node->devices, node->device_count, d, u->devices);
}

/* Of the devices of the zhost only what the units hold that share room with `u`. To be freed. */
static struct node_device *devices_of_mates(struct place *p, const struct place_unit *u,
					    uint32_t zhost)
{
	const struct place_node *node = node_at(p, zhost);
	int32_t *held = mem_new_array(int32_t, 2 * (size_t)node->device_count + 1);
	int32_t *most = held + node->device_count;
	struct node_device *devices =
		mem_memdup(node->devices, node->device_count * sizeof(*devices));
	for_each_room_mate_on (p, u, mate, zhost)
		most_devices(mate, node, held, most);
	for (uint32_t i = 0; i < node->device_count; i++)
		devices[i].free = most[i] < devices[i].free ? most[i] : devices[i].free;
	free(held);
	return devices;
}

/* The same for a unit that shares room. It takes devices that its mates hold before others,
 * since those are held anyway. Their room has been given back. */
static void choose_shared_devices(struct place *p, struct place_unit *u, uint32_t zhost)
{
	const struct place_node *node = node_at(p, zhost);
	const struct demand *d = u->need->demand;
	if (d->device_total == 0)
		return;
	if (u->named) { /* the room of its mates has been given back */
		keep_named(u, node);
		return;
	}
	struct node_device *of_mates = devices_of_mates(p, u, zhost);
	if (!devices_fit(of_mates, node->device_count, d, u->devices) &&
	    !devices_fit(node->devices, node->device_count, d, u->devices)) {
		forget_devices(u);
		devices_fill(of_mates, node->device_count, d, u->devices);
		devices_fill(node->devices, node->device_count, d, u->devices);
	}
	free(of_mates);
}

/* It keeps what it has, unless only others would be enough. Its room and that of its mates has been given back. */
static void complete_devices(struct place *p, struct place_unit *u)
{
	const struct place_node *node = node_at(p, u->zhost);
	const struct demand *d = u->need->demand;
	struct node_device *of_mates = devices_of_mates(p, u, u->zhost);
	devices_fill(of_mates, node->device_count, d, u->devices);
	devices_fill(node->devices, node->device_count, d, u->devices);
	free(of_mates);
	if (!lacks_devices(u))
		return;
	uint16_t *others = mem_new_array(uint16_t, d->device_total);
	if (devices_fit(node->devices, node->device_count, d, others))
		memcpy(u->devices, others, d->device_total * sizeof(*others));
	free(others);
}

void room_take(struct place *p, struct place_unit *u, uint32_t zhost, bool keep_devices)
{
	struct place_node *node = node_at(p, zhost);
	const struct demand *d = u->need->demand;
	if (d->device_total > 0)
		note_regiven(p, zhost);
	if (shares_room(u)) {
		shared_amounts_change(p, u, zhost, false, 1);
		shared_devices_change(p, u, zhost, false, 1);
		if (!keep_devices)
			choose_shared_devices(p, u, zhost);
		shared_amounts_change(p, u, zhost, true, -1);
		shared_devices_change(p, u, zhost, true, -1);
		u->named = false;
		return;
	}
	node->cpu_free -= d->cpu;
	node->memory_free -= d->memory;
	if (!keep_devices)
		choose_devices(u, node);
	if (d->device_total > 0)
		devices_apply(node, d, u->devices, -1);
	u->named = false;
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

void room_devices_freed(struct place *p, struct place_node *node)
{
	if (node->device_count == 0)
		return;
	uint32_t count = 0;
	struct place_unit **units = mem_new_array(struct place_unit *, node->unit_count + 1);
	for_each_unit_on (p, node, u)
		if (lacks_devices(u))
			units[count++] = u;
	if (count > 0)
		note_regiven(p, units[0]->zhost);
	if (count > 1)
		qsort(units, count, sizeof(struct place_unit *), compare_units);
	for (uint32_t i = 0; i < count; i++) {
		struct place_unit *u = units[i];
		joint_devices_change(p, u, 1);
		if (has_devices(u))
			complete_devices(p, u);
		else
			choose_shared_devices(p, u, u->zhost);
		joint_devices_change(p, u, -1);
	}
	free(units);
}

/* For each of the former devices, which it is now: the first one is the first one of its kind and model.
 * To be freed. */
static uint16_t *devices_now(const struct place_node *node, const struct node_device *former,
			     uint32_t former_count)
{
	uint16_t *now = mem_new_array(uint16_t, (size_t)former_count + node->device_count + 1);
	uint16_t *is_taken = now + former_count;
	for (uint32_t i = 0; i < former_count; i++) {
		now[i] = DEVICE_NONE;
		for (uint32_t k = 0; k < node->device_count && now[i] == DEVICE_NONE; k++)
			if (!is_taken[k] && node->devices[k].kind == former[i].kind &&
			    node->devices[k].is_capability == former[i].is_capability &&
			    node->devices[k].model == former[i].model) {
				now[i] = (uint16_t)k;
				is_taken[k] = true;
			}
	}
	return now;
}

/* One of those that share room on a zhost is. */
static bool stands_for_room(struct place *p, const struct place_unit *u)
{
	for_each_room_mate_on (p, u, mate, u->zhost)
		if (mate->handle < u->handle)
			return false;
	return true;
}

void room_devices_changed(struct place *p, struct place_node *node,
			  const struct node_device *former, uint32_t former_count)
{
	uint16_t *now = devices_now(node, former, former_count);
	for_each_unit_on (p, node, u)
		if (u->need->demand->device_total > 0)
			note_regiven(p, u->zhost);
	for_each_unit_on (p, node, u)
		for (uint32_t k = 0; k < u->need->demand->device_total; k++)
			if (u->devices[k] != DEVICE_NONE)
				u->devices[k] = now[u->devices[k]];
	free(now);
	for_each_unit_on (p, node, u)
		if (stands_for_room(p, u))
			joint_devices_change(p, u, -1);
	room_devices_freed(p, node);
}
