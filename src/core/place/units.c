/*
 * Units take and free places: capacity, devices, counters, and the list of their zhost. The
 * search does this thousands of times, so nothing here allocates once counters are warm.
 */
#include "core/place/engine.h"
#include "core/place/wait.h"

struct unit *unit_checked(const struct place *p, uint32_t unit)
{
	PRE(unit < p->unit_limit && unit_at(p, unit)->used);
	return unit_at(p, unit);
}

/* ---- room ---- */

bool shares_room(const struct unit *u)
{
	return u->room_next != u->handle;
}

/* Walks those that share room with `u` and are on `zhost`, without `u`. */
#define for_each_room_mate_on(p, u, mate, z)                                \
	for (struct unit *mate = unit_at((p), (u)->room_next); mate != (u); \
	     mate = unit_at((p), mate->room_next))                          \
		if (mate->zhost == (z))

static void count_devices(const struct unit *u, const struct zhost *z, int32_t *ret_held)
{
	const struct demand *d = u->need->demand;
	uint32_t at = 0;
	for (uint32_t i = 0; i < d->ask_count && at < d->device_total; i++) {
		for (uint32_t k = 0; k < d->asks[i].count && at < d->device_total; k++, at++) {
			if (u->devices[at] < z->slot_count)
				ret_held[u->devices[at]] += d->asks[i].milli;
		}
	}
}

static void most_devices(const struct unit *u, const struct zhost *z, int32_t *held,
			 int32_t *most)
{
	memset(held, 0, z->slot_count * sizeof(*held));
	count_devices(u, z, held);
	for (uint32_t i = 0; i < z->slot_count; i++)
		most[i] = held[i] > most[i] ? held[i] : most[i];
}

/* Devices of those that share room with `u`, and with `with` of itself: of each device what the
 * one holds that holds most of it. */
static void shared_devices_change(struct place *p, const struct unit *u, uint32_t zhost,
				  bool with, int32_t sign)
{
	struct zhost *z = zhost_at(p, zhost);
	if (z->slot_count == 0)
		return;
	int32_t *held = mem_new_array(int32_t, 2 * (size_t)z->slot_count);
	int32_t *most = held + z->slot_count;
	if (with)
		most_devices(u, z, held, most);
	for_each_room_mate_on (p, u, mate, zhost)
		most_devices(mate, z, held, most);
	for (uint32_t i = 0; i < z->slot_count; i++)
		z->slots[i].free += sign * most[i];
	free(held);
}

static void shared_amounts_change(struct place *p, const struct unit *u, uint32_t zhost,
				  bool with, int32_t sign)
{
	struct zhost *z = zhost_at(p, zhost);
	int64_t cpu = with ? u->need->demand->cpu : 0;
	int64_t memory = with ? u->need->demand->memory : 0;
	for_each_room_mate_on (p, u, mate, zhost) {
		const struct demand *d = mate->need->demand;
		cpu = d->cpu > cpu ? d->cpu : cpu;
		memory = d->memory > memory ? d->memory : memory;
	}
	z->cpu_free += sign * cpu;
	z->memory_free += sign * memory;
}

void joint_room_change(struct place *p, const struct unit *u, int32_t sign)
{
	shared_amounts_change(p, u, u->zhost, true, sign);
	shared_devices_change(p, u, u->zhost, true, sign);
}

static void choose_devices(struct unit *u, const struct zhost *z)
{
	const struct demand *d = u->need->demand;
	if (d->device_total == 0 || devices_fit(z->slots, z->slot_count, d, u->devices))
		return;
	for (uint32_t i = 0; i < d->device_total; i++)
		u->devices[i] = SLOT_NONE;
}

/* The same for a unit that shares room: devices that its mates hold before others, since those
 * are held anyway. Their room has been given back. */
static void choose_shared_devices(struct place *p, struct unit *u, uint32_t zhost)
{
	const struct zhost *z = zhost_at(p, zhost);
	const struct demand *d = u->need->demand;
	if (d->device_total == 0)
		return;
	int32_t *held = mem_new_array(int32_t, 2 * (size_t)z->slot_count + 1);
	int32_t *most = held + z->slot_count;
	struct slot *slots = mem_memdup(z->slots, z->slot_count * sizeof(*slots));
	for_each_room_mate_on (p, u, mate, zhost)
		most_devices(mate, z, held, most);
	for (uint32_t i = 0; i < z->slot_count; i++)
		slots[i].free = most[i] < slots[i].free ? most[i] : slots[i].free;
	if (!devices_fit(slots, z->slot_count, d, u->devices))
		choose_devices(u, z);
	free(slots);
	free(held);
}

static void room_take(struct place *p, struct unit *u, uint32_t zhost, bool keep_devices)
{
	struct zhost *z = zhost_at(p, zhost);
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
	z->cpu_free -= d->cpu;
	z->memory_free -= d->memory;
	if (!keep_devices)
		choose_devices(u, z);
	if (d->device_total > 0)
		devices_apply(z, d, u->devices, -1);
}

static void room_give(struct place *p, struct unit *u, uint32_t zhost)
{
	struct zhost *z = zhost_at(p, zhost);
	const struct demand *d = u->need->demand;
	if (shares_room(u)) {
		joint_room_change(p, u, 1);
		shared_amounts_change(p, u, zhost, false, -1);
		shared_devices_change(p, u, zhost, false, -1);
		return;
	}
	z->cpu_free += d->cpu;
	z->memory_free += d->memory;
	if (d->device_total > 0)
		devices_apply(z, d, u->devices, 1);
}

void room_join(struct place *p, struct unit *u, struct unit *mate)
{
	PRE(u->zhost == PLACE_NONE);
	room_leave(p, u);
	u->room_next = mate->room_next;
	mate->room_next = u->handle;
}

void room_leave(struct place *p, struct unit *u)
{
	PRE(u->zhost == PLACE_NONE);
	struct unit *before = u;
	while (before->room_next != u->handle)
		before = unit_at(p, before->room_next);
	before->room_next = u->room_next;
	u->room_next = u->handle;
}

static int compare_units(const void *a, const void *b)
{
	const struct unit *x = *(struct unit *const *)a, *y = *(struct unit *const *)b;
	const struct place_topology *s = x->need->topology, *t = y->need->topology;
	if (s->order != t->order)
		return s->order < t->order ? -1 : 1;
	int order = strcmp(s->model->instances[x->instance].path,
			   t->model->instances[y->instance].path);
	return order != 0 ? order : x->handle < y->handle ? -1 : 1;
}

void units_assign_devices(struct place *p, struct zhost *z)
{
	uint32_t count = 0;
	struct unit **units = mem_new_array(struct unit *, z->unit_count + 1);
	for_each_unit_on (p, z, u) {
		for (uint32_t k = 0; k < u->need->demand->device_total; k++)
			u->devices[k] = SLOT_NONE;
		if (u->need->demand->device_total > 0)
			units[count++] = u;
	}
	qsort(units, count, sizeof(struct unit *), compare_units);
	for (uint32_t i = 0; i < count; i++) {
		struct unit *u = units[i];
		shared_devices_change(p, u, u->zhost, false, 1);
		choose_shared_devices(p, u, u->zhost);
		shared_devices_change(p, u, u->zhost, true, -1);
	}
	free(units);
}

/* ---- membership ---- */

static void membership_change(struct place *p, struct need *n, uint32_t zhost, int32_t sign)
{
	n->placed += (uint32_t)sign;
	tally_add(n->neighbours, zhost, sign, (uint32_t)p->zhosts.count);
	for (uint32_t i = 0; i < n->member_count; i++)
		group_move(p, n->members[i].group, zhost, sign * (int32_t)n->members[i].count);
	for (uint32_t i = 0; i < n->term_count; i++) {
		if (n->terms[i].owners != UINT32_MAX)
			counter_move(p, n->terms[i].owners, zhost,
				     sign * (int32_t)n->terms[i].times);
	}
}

void slot_mates_change(struct place *p, const struct unit *u, int32_t sign)
{
	for (uint32_t i = u->slot_next; i != u->handle;) {
		const struct unit *mate = unit_at(p, i);
		if (mate->zhost != PLACE_NONE) {
			membership_change(p, mate->need, mate->zhost, sign);
			zhost_changed(p, mate->zhost);
		}
		i = mate->slot_next;
	}
}

/* ---- both ---- */

void unit_attach(struct place *p, struct unit *u, uint32_t zhost, bool keep)
{
	struct zhost *z = zhost_at(p, zhost);
	PRE(u->zhost == PLACE_NONE);
	room_take(p, u, zhost, keep);
	u->zhost = zhost;
	u->previous = PLACE_NONE;
	u->next = z->first_unit;
	if (u->next != PLACE_NONE)
		unit_at(p, u->next)->previous = u->handle;
	z->first_unit = u->handle;
	z->unit_count++;
	membership_change(p, u->need, zhost, 1);
	zhost_changed(p, zhost);
}

void unit_detach(struct place *p, struct unit *u)
{
	uint32_t zhost = u->zhost;
	struct zhost *z = zhost_at(p, zhost);
	PRE(zhost != PLACE_NONE);
	room_give(p, u, zhost);
	if (u->previous != PLACE_NONE)
		unit_at(p, u->previous)->next = u->next;
	else
		z->first_unit = u->next;
	if (u->next != PLACE_NONE)
		unit_at(p, u->next)->previous = u->previous;
	u->next = u->previous = PLACE_NONE;
	z->unit_count--;
	membership_change(p, u->need, zhost, -1);
	u->zhost = PLACE_NONE;
	zhost_changed(p, zhost);
}

/* Counters by label only: by zhost nothing changes. */
static void count_labels(struct place *p, const struct need *n, uint32_t zhost, int32_t sign)
{
	for (uint32_t i = 0; i < n->member_count; i++) {
		struct group *g = &p->groups.items[n->members[i].group];
		vector_for_each (&g->counters, c) {
			const struct counter *counter = &p->counters.items[*c];
			if (counter->kind == COUNTER_MEMBERS && counter->column != SCOPE_ZHOST)
				counter_move(p, *c, zhost, sign * (int32_t)n->members[i].count);
		}
	}
	for (uint32_t i = 0; i < n->term_count; i++) {
		const struct term *t = &n->terms[i];
		if (t->owners != UINT32_MAX && t->column != SCOPE_ZHOST)
			counter_move(p, t->owners, zhost, sign * (int32_t)t->times);
	}
}

void units_leave_labels(struct place *p, uint32_t zhost)
{
	for_each_unit_on (p, zhost_at(p, zhost), u)
		count_labels(p, u->need, zhost, -1);
}

void units_return_labels(struct place *p, uint32_t zhost)
{
	for_each_unit_on (p, zhost_at(p, zhost), u)
		count_labels(p, u->need, zhost, 1);
}

/* ---- made and freed by the caller ---- */

static struct unit *unit_take(struct place *p)
{
	if (p->free_unit != PLACE_NONE) {
		struct unit *u = unit_at(p, p->free_unit);
		p->free_unit = u->next;
		return u;
	}
	if (p->unit_limit % UNITS_PER_PAGE == 0)
		vector_push(&p->unit_pages, mem_new_array(struct unit, UNITS_PER_PAGE));
	struct unit *u = unit_at(p, p->unit_limit);
	u->handle = p->unit_limit++;
	return u;
}

static uint32_t unit_new(struct place *p, struct need *n, uint32_t instance)
{
	struct unit *u = unit_take(p);
	*u = (struct unit){.need = n,
			   .handle = u->handle,
			   .instance = instance,
			   .zhost = PLACE_NONE,
			   .slot_next = u->handle,
			   .room_next = u->handle,
			   .next = PLACE_NONE,
			   .previous = PLACE_NONE,
			   .used = true};
	if (n->demand->device_total > 0)
		u->devices = mem_new_array(uint16_t, n->demand->device_total);
	n->topology->unit_count++;
	return u->handle;
}

uint32_t place_unit_new(struct place *p, uint32_t topology, uint32_t instance,
			uint32_t slot_mate)
{
	struct need *n = need_checked(topology_checked(p, topology), instance);
	uint32_t handle = unit_new(p, n, instance);
	demand_count(p, n->demand, 1);
	if (slot_mate != PLACE_NONE) {
		struct unit *mate = unit_checked(p, slot_mate);
		unit_at(p, handle)->slot_next = mate->slot_next;
		mate->slot_next = handle;
	}
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
			uint32_t below = t->model->instances[instance].subtree_count;
			ret_units[instance] = unit_new(p, n, instance);
			for (uint32_t k = 1; k < below; k++)
				ret_units[instance + k] = PLACE_NONE;
			instance += below;
			count++;
		}
		demand_count(p, n->demand, count);
	}
}

static void leave_slot(struct place *p, struct unit *u)
{
	struct unit *before = u;
	while (before->slot_next != u->handle)
		before = unit_at(p, before->slot_next);
	before->slot_next = u->slot_next;
}

void place_unit_free(struct place *p, uint32_t unit)
{
	if (unit == PLACE_NONE)
		return;
	struct unit *u = unit_checked(p, unit);
	PRE(u->waiter == 0);
	place_remove(p, unit);
	room_leave(p, u);
	leave_slot(p, u);
	demand_count(p, u->need->demand, -1);
	u->need->topology->unit_count--;
	free(u->devices);
	*u = (struct unit){.handle = unit, .next = p->free_unit};
	p->free_unit = unit;
}

void units_done(struct place *p)
{
	for (uint32_t i = 0; i < p->unit_limit; i++) {
		if (unit_at(p, i)->used)
			place_unit_free(p, i);
	}
	vector_for_each (&p->unit_pages, page)
		free(*page);
	vector_done(&p->unit_pages);
}

void check_slot_mates(const struct place *p, const struct unit *u, const struct unit *mate)
{
	const struct unit *other = unit_at(p, u->slot_next);
	while (other != mate && other != u)
		other = unit_at(p, other->slot_next);
	PRE(other == mate && mate != u);
}

void place_add(struct place *p, uint32_t unit, uint32_t zhost)
{
	struct unit *u = unit_checked(p, unit);
	(void)zhost_checked(p, zhost);
	unit_attach(p, u, zhost, false);
	wait_unit_came(p, u);
}

void place_remove(struct place *p, uint32_t unit)
{
	struct unit *u = unit_checked(p, unit);
	if (u->zhost == PLACE_NONE)
		return;
	uint32_t zhost = u->zhost;
	unit_detach(p, u);
	room_leave(p, u);
	wait_unit_left(p, u->need, zhost);
}

void place_share_room(struct place *p, uint32_t unit, uint32_t with)
{
	struct unit *u = unit_checked(p, unit), *mate = unit_checked(p, with);
	check_slot_mates(p, u, mate);
	room_join(p, u, mate);
}

uint32_t place_where(const struct place *p, uint32_t unit)
{
	return unit_checked(p, unit)->zhost;
}

const uint16_t *place_devices(const struct place *p, uint32_t unit, uint32_t *ret_count)
{
	const struct unit *u = unit_checked(p, unit);
	*ret_count = u->zhost != PLACE_NONE ? u->need->demand->device_total : 0;
	return u->devices;
}
