/*
 * Units take and free places: capacity, devices, counters, and the list of their zhost. The
 * search does this thousands of times, so nothing here allocates once counters are warm.
 */
#include "core/place/engine.h"
#include "core/place/wait.h"

static void count_in(struct place *p, const struct need *n, uint32_t zhost, int32_t sign)
{
	tally_add(&n->topology->neighbours, zhost, sign, (uint32_t)p->zhosts.count);
	for (uint32_t i = 0; i < n->member_count; i++)
		group_move(p, n->members[i].group, zhost, sign * (int32_t)n->members[i].count);
	for (uint32_t i = 0; i < n->term_count; i++) {
		if (n->terms[i].owners != UINT32_MAX)
			counter_move(p, n->terms[i].owners, zhost,
				     sign * (int32_t)n->terms[i].times);
	}
}

void unit_attach(struct place *p, struct unit *u, uint32_t zhost, bool keep)
{
	struct need *n = u->need;
	struct zhost *z = zhost_at(p, zhost);
	PRE(u->zhost == PLACE_NONE);
	z->cpu_free -= n->demand->cpu;
	z->memory_free -= n->demand->memory;
	if (n->demand->device_total > 0) {
		if (!keep && !devices_fit(z->slots, z->slot_count, n->demand, u->devices)) {
			for (uint32_t i = 0; i < n->demand->device_total; i++)
				u->devices[i] = SLOT_NONE;
		}
		devices_apply(z, n->demand, u->devices, -1);
	}
	u->zhost = zhost;
	u->previous = NULL;
	u->next = z->units;
	if (u->next != NULL)
		u->next->previous = u;
	z->units = u;
	z->unit_count++;
	n->placed++;
	count_in(p, n, zhost, 1);
	zhost_changed(p, zhost);
}

void unit_detach(struct place *p, struct unit *u)
{
	struct need *n = u->need;
	uint32_t zhost = u->zhost;
	struct zhost *z = zhost_at(p, zhost);
	PRE(zhost != PLACE_NONE);
	z->cpu_free += n->demand->cpu;
	z->memory_free += n->demand->memory;
	if (n->demand->device_total > 0)
		devices_apply(z, n->demand, u->devices, 1);
	if (u->previous != NULL)
		u->previous->next = u->next;
	else
		z->units = u->next;
	if (u->next != NULL)
		u->next->previous = u->previous;
	u->next = u->previous = NULL;
	z->unit_count--;
	n->placed--;
	count_in(p, n, zhost, -1);
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
	for (struct unit *u = zhost_at(p, zhost)->units; u != NULL; u = u->next)
		count_labels(p, u->need, zhost, -1);
}

void units_return_labels(struct place *p, uint32_t zhost)
{
	for (struct unit *u = zhost_at(p, zhost)->units; u != NULL; u = u->next)
		count_labels(p, u->need, zhost, 1);
}

void place_add(struct place *p, uint32_t topology, uint32_t instance, uint32_t zhost)
{
	struct unit *u = unit_checked(p, topology, instance);
	(void)zhost_checked(p, zhost);
	unit_attach(p, u, zhost, false);
	wait_unit_came(p, u);
}

void place_remove(struct place *p, uint32_t topology, uint32_t instance)
{
	struct unit *u = unit_checked(p, topology, instance);
	if (u->zhost == PLACE_NONE)
		return;
	uint32_t zhost = u->zhost;
	unit_detach(p, u);
	wait_unit_left(p, u->need, zhost);
}

void place_lift(struct place *p, uint32_t topology, uint32_t instance)
{
	struct unit *u = unit_checked(p, topology, instance);
	PRE(u->zhost != PLACE_NONE);
	unit_detach(p, u);
}

void place_put_back(struct place *p, uint32_t topology, uint32_t instance, uint32_t zhost)
{
	struct unit *u = unit_checked(p, topology, instance);
	(void)zhost_checked(p, zhost);
	unit_attach(p, u, zhost, false);
}

uint32_t place_where(const struct place *p, uint32_t topology, uint32_t instance)
{
	return unit_checked(p, topology, instance)->zhost;
}

const uint16_t *place_devices(const struct place *p, uint32_t topology, uint32_t instance,
			      uint32_t *ret_count)
{
	const struct unit *u = unit_checked(p, topology, instance);
	*ret_count = u->zhost != PLACE_NONE ? u->need->demand->device_total : 0;
	return u->devices;
}
