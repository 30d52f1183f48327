/* The public calls on the engine and on its units. */
#include "core/place/place.h"

#include <string.h>

#include "core/place/choose/eligibility.h"
#include "core/place/need/demands.h"
#include "core/place/need/feasible_set.h"
#include "core/place/need/needs.h"
#include "core/place/state/description.h"
#include "core/place/state/groups.h"
#include "core/place/state/labels.h"
#include "core/place/state/nodes.h"
#include "core/place/state/room.h"
#include "core/place/state/units.h"
#include "core/place/state/view.h"
#include "core/place/wait/wait.h"

struct place *place_new(const struct place_options *options)
{
	struct place *p = mem_new(struct place);
	if (options != NULL)
		p->options = *options;
	if (p->options.search_steps == 0)
		p->options.search_steps = PLACE_SEARCH_STEPS;
	p->log_first = 1;
	p->unmeasured = true;
	p->free_unit = PLACE_NONE;
	p->waiting = waiting_new();
	return p;
}

static void free_units(struct place *p)
{
	for (uint32_t i = 0; i < p->unit_limit; i++) {
		if (unit_at(p, i)->used)
			place_unit_free(p, i);
	}
	units_done(p);
}

static void free_nodes(struct place *p)
{
	vector_for_each (&p->nodes, node) {
		if (!node->known)
			continue;
		symbol_drop(&p->symbols, node->name);
		node_devices_done(p, node);
		description_free(node->description);
	}
	nodes_done(p);
}

void place_free(struct place *p)
{
	if (p == NULL)
		return;
	waiting_end_all(p);
	free_units(p);
	topologies_done(p);
	waiting_free(p->waiting);
	groups_done(p);
	demands_done(p);
	feasible_sets_done(p);
	free_nodes(p);
	columns_done(p);
	symbols_done(&p->symbols);
	free(p);
}

/* ---- units ---- */

uint32_t place_unit_new(struct place *p, uint32_t topology, uint32_t instance,
			uint32_t slot_mate)
{
	struct need *n = need_checked(topology_checked(p, topology), instance);
	uint32_t handle = unit_new(p, n, instance);
	demand_count(p, n->demand, 1);
	if (slot_mate != PLACE_NONE)
		unit_join_slot(unit_at(p, handle), unit_checked(p, slot_mate));
	return handle;
}

void place_units_new(struct place *p, uint32_t topology, uint32_t *ret_units)
{
	struct place_topology *t = topology_checked(p, topology);
	uint32_t instance = 0;
	for (uint32_t i = 0; i < t->need_count; i++) {
		struct need *n = &t->needs[i];
		uint32_t end =
			i + 1 < t->need_count ? t->needs[i + 1].root : t->model->instance_count;
		int64_t count = 0;
		while (instance < end) {
			const struct instance_decl *root = &t->model->instances[instance];
			for (uint32_t k = 0; k < root->subtree_count; k++)
				ret_units[instance + k] = PLACE_NONE;
			if (!root->is_pattern) {
				ret_units[instance] = unit_new(p, n, instance);
				count++;
			}
			instance += root->subtree_count;
		}
		demand_count(p, n->demand, count);
	}
}

void place_unit_name(struct place *p, uint32_t unit, const char *path)
{
	unit_checked(p, unit)->name = path;
}

void place_unit_free(struct place *p, uint32_t unit)
{
	if (unit == PLACE_NONE)
		return;
	struct place_unit *u = unit_checked(p, unit);
	place_remove(p, unit);
	demand_count(p, u->need->demand, -1);
	unit_free(p, u);
}

void place_add(struct place *p, uint32_t unit, uint32_t zhost)
{
	struct place_unit *u = unit_checked(p, unit);
	(void)node_checked(p, zhost);
	unit_attach(p, u, zhost, false);
	node_moved(p, zhost);
	wait_unit_came(p, u);
}

void place_remove(struct place *p, uint32_t unit)
{
	struct place_unit *u = unit_checked(p, unit);
	if (u->zhost == PLACE_NONE)
		return;
	uint32_t zhost = u->zhost;
	node_moved(p, zhost);
	unit_detach(p, u);
	u->leaves = false;
	room_leave(p, u);
	if (u->need->demand->device_total > 0)
		room_devices_freed(p, node_at(p, zhost));
	wait_unit_left(p, u->need, zhost);
}

void place_unit_leaves(struct place *p, uint32_t unit, bool leaves)
{
	struct place_unit *u = unit_checked(p, unit);
	if (u->zhost == PLACE_NONE || u->leaves == leaves)
		return;
	node_moved(p, u->zhost);
	unit_set_leaves(p, u, leaves);
	if (leaves)
		wait_unit_leaves(p, u);
	else
		wait_unit_came(p, u);
}

bool place_unit_is_leaving(const struct place *p, uint32_t unit)
{
	return unit_checked(p, unit)->leaves;
}

void place_share_room(struct place *p, uint32_t unit, uint32_t with)
{
	struct place_unit *u = unit_checked(p, unit), *mate = unit_checked(p, with);
	check_slot_mates(p, u, mate);
	room_join(p, u, mate);
}

bool place_shares_room(const struct place *p, uint32_t unit, uint32_t with)
{
	const struct place_unit *u = unit_checked(p, unit);
	for (const struct place_unit *mate = unit_at(p, u->room_next); mate != u;
	     mate = unit_at(p, mate->room_next))
		if (mate->handle == with)
			return true;
	return false;
}

uint32_t place_where(const struct place *p, uint32_t unit)
{
	return unit_checked(p, unit)->zhost;
}

const uint16_t *place_devices(const struct place *p, uint32_t unit, uint32_t *ret_count)
{
	const struct place_unit *u = unit_checked(p, unit);
	*ret_count = u->zhost != PLACE_NONE ? u->need->demand->device_total : 0;
	return u->devices;
}

static uint32_t device_number(const struct place_node *node, uint32_t device)
{
	const struct node_device *of = &node->devices[device];
	uint32_t number = 0;
	for (uint32_t i = 0; i < device; i++)
		number += node->devices[i].kind == of->kind &&
			  node->devices[i].model == of->model &&
			  node->devices[i].is_capability == of->is_capability;
	return number;
}

struct place_device place_device(const struct place *p, uint32_t unit, uint32_t n)
{
	const struct place_unit *u = unit_checked(p, unit);
	PRE(u->zhost != PLACE_NONE && n < u->need->demand->device_total);
	const struct place_node *node = node_at(p, u->zhost);
	uint32_t device = u->devices[n];
	if (device >= node->device_count)
		return (struct place_device){"", "", 0};
	return (struct place_device){symbol_text(&p->symbols, node->devices[device].kind),
				     symbol_text(&p->symbols, node->devices[device].model),
				     device_number(node, device)};
}

static uint16_t device_named(const struct place *p, const struct place_node *node,
			     const struct place_device *named, bool is_capability)
{
	uint32_t number = 0;
	for (uint32_t i = 0; i < node->device_count && named->kind[0] != '\0'; i++)
		if (node->devices[i].is_capability == is_capability &&
		    strcmp(symbol_text(&p->symbols, node->devices[i].kind), named->kind) == 0 &&
		    strcmp(symbol_text(&p->symbols, node->devices[i].model), named->model) ==
			    0 &&
		    number++ == named->index)
			return (uint16_t)i;
	return DEVICE_NONE;
}

void place_name_devices(struct place *p, uint32_t unit, uint32_t zhost,
			const struct place_device *devices, uint32_t count)
{
	struct place_unit *u = unit_checked(p, unit);
	const struct demand *d = u->need->demand;
	const struct place_node *node = node_checked(p, zhost);
	PRE(u->zhost == PLACE_NONE);
	if (count == 0 || count != d->device_total)
		return;
	uint32_t at = 0;
	for (uint32_t i = 0; i < d->request_count; i++)
		for (uint32_t k = 0; k < d->requests[i].count; k++, at++)
			u->devices[at] = device_named(p, node, &devices[at],
						      d->requests[i].is_capability);
	u->named = true;
}

const uint32_t *place_regiven(const struct place *p, size_t *ret_count)
{
	*ret_count = p->regiven.count;
	return p->regiven.items;
}

void place_regiven_clear(struct place *p)
{
	vector_for_each (&p->regiven, zhost)
		node_at(p, *zhost)->regiven = false;
	vector_clear(&p->regiven);
}

bool place_lacks_devices(const struct place *p, uint32_t unit)
{
	const struct place_unit *u = unit_checked(p, unit);
	return u->zhost != PLACE_NONE && lacks_devices(u);
}

/* ---- one zhost ---- */

bool place_fits_description(const struct place *p, uint32_t topology, uint32_t instance,
			    uint32_t zhost)
{
	const struct need *n = need_checked(topology_checked(p, topology), instance);
	(void)node_checked(p, zhost);
	return feasible_has(&p->feasible_sets.items[n->demand->feasible], zhost);
}

bool place_has_company(const struct place *p, uint32_t topology, uint32_t instance,
		       uint32_t zhost)
{
	const struct need *n = need_checked(topology_checked(p, topology), instance);
	(void)node_checked(p, zhost);
	return fits_company(p, n, zhost, STRICT);
}

enum place_company place_company(const struct place *p, uint32_t topology, uint32_t instance)
{
	return company_of(p, need_checked(topology_checked(p, topology), instance));
}

const uint32_t *place_moved(const struct place *p, size_t *ret_count)
{
	*ret_count = p->moved.count;
	return p->moved.items;
}

bool place_has_moved(const struct place *p)
{
	return p->has_moved;
}

void place_moved_clear(struct place *p)
{
	vector_for_each (&p->moved, zhost)
		node_at(p, *zhost)->moved = false;
	vector_clear(&p->moved);
	p->has_moved = false;
}

/* ---- resize ---- */

static void set_need(struct place *p, struct place_unit *u, struct need *n, uint32_t instance)
{
	demand_count(p, u->need->demand, -1);
	u->need->topology->unit_count--;
	u->need = n;
	u->instance = instance;
	u->need->topology->unit_count++;
	demand_count(p, u->need->demand, 1);
}

static bool may_stay(struct place *p, const struct place_unit *u, uint32_t zhost)
{
	struct place_unit_request r = {.unit = u->handle};
	struct view view;
	view_open(&view, p, &r);
	bool stays = fits_where_it_is(p, u->need, zhost);
	view_close(&view);
	return stays;
}

bool place_unit_may_stay(struct place *p, uint32_t unit, uint32_t topology, uint32_t instance)
{
	struct place_unit *u = unit_checked(p, unit);
	struct need *before = u->need,
		    *n = need_checked(topology_checked(p, topology), instance);
	uint32_t zhost = u->zhost, instance_before = u->instance;
	uint16_t *devices = u->devices;
	PRE(u->waiter == 0 && zhost != PLACE_NONE);
	unit_detach(p, u);
	set_need(p, u, n, instance);
	u->devices = n->demand->device_total > 0
			     ? mem_new_array(uint16_t, n->demand->device_total)
			     : NULL;
	bool stays = may_stay(p, u, zhost);
	set_need(p, u, before, instance_before);
	free(u->devices);
	u->devices = devices;
	unit_attach(p, u, zhost, true);
	return stays;
}

static bool are_alike(const struct device_request *a, const struct device_request *b)
{
	return a->kind == b->kind && a->milli == b->milli &&
	       a->is_capability == b->is_capability && a->model_count == b->model_count &&
	       memcmp(a->models, b->models, a->model_count * sizeof(*a->models)) == 0;
}

/* A device of an equal request of before, which is then taken; DEVICE_NONE. */
static uint16_t take_alike(const struct demand *before, uint16_t *devices,
			   const struct device_request *r)
{
	uint32_t at = 0;
	for (uint32_t i = 0; i < before->request_count && before->device_total > 0; i++)
		for (uint32_t k = 0; k < before->requests[i].count; k++, at++)
			if (devices[at] != DEVICE_NONE && are_alike(&before->requests[i], r)) {
				uint16_t found = devices[at];
				devices[at] = DEVICE_NONE;
				return found;
			}
	return DEVICE_NONE;
}

/* What runs has its devices open: it keeps those that it still needs. `devices`, of before, are used up. */
static uint16_t *carry_devices(const struct demand *before, uint16_t *devices,
			       const struct demand *now)
{
	if (now->device_total == 0)
		return NULL;
	uint16_t *carried = mem_new_array(uint16_t, now->device_total);
	uint32_t at = 0;
	for (uint32_t i = 0; i < now->request_count; i++)
		for (uint32_t k = 0; k < now->requests[i].count; k++, at++)
			carried[at] = take_alike(before, devices, &now->requests[i]);
	return carried;
}

void place_unit_shrink(struct place *p, uint32_t unit, uint32_t topology, uint32_t instance)
{
	struct place_unit *u = unit_checked(p, unit);
	struct need *before = u->need,
		    *n = need_checked(topology_checked(p, topology), instance);
	uint32_t zhost = u->zhost;
	PRE(u->waiter == 0);
	if (zhost != PLACE_NONE)
		unit_detach(p, u);
	set_need(p, u, n, instance);
	uint16_t *devices = u->devices;
	u->devices = carry_devices(before->demand, devices, n->demand);
	free(devices);
	u->named = zhost != PLACE_NONE;
	if (zhost != PLACE_NONE) {
		unit_attach(p, u, zhost, false);
		node_moved(p, zhost);
		if (before->demand->device_total > 0 || n->demand->device_total > 0)
			room_devices_freed(p, node_at(p, zhost));
		wait_unit_left(p, before, zhost);
		wait_unit_came(p, u);
	}
}

bool place_unit_resize(struct place *p, uint32_t unit, uint32_t topology, uint32_t instance)
{
	if (place_where(p, unit) != PLACE_NONE &&
	    !place_unit_may_stay(p, unit, topology, instance))
		return false;
	place_unit_shrink(p, unit, topology, instance);
	return true;
}
