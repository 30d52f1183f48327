#include "core/place/state/units.h"

#include "core/place/state/groups.h"
#include "core/place/state/nodes.h"
#include "core/place/state/room.h"

struct place_unit *unit_checked(const struct place *p, uint32_t unit)
{
	PRE(unit < p->unit_limit && unit_at(p, unit)->used);
	return unit_at(p, unit);
}

/* ---- made and freed ---- */

static struct place_unit *unit_take(struct place *p)
{
	if (p->free_unit != PLACE_NONE) {
		struct place_unit *u = unit_at(p, p->free_unit);
		p->free_unit = u->next;
		return u;
	}
	if (p->unit_limit % UNITS_PER_PAGE == 0)
		vector_push(&p->unit_pages, mem_new_array(struct place_unit, UNITS_PER_PAGE));
	struct place_unit *u = unit_at(p, p->unit_limit);
	u->handle = p->unit_limit++;
	return u;
}

uint32_t unit_new(struct place *p, struct need *n, uint32_t instance)
{
	struct place_unit *u = unit_take(p);
	*u = (struct place_unit){.need = n,
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

static void leave_slot(struct place *p, struct place_unit *u)
{
	struct place_unit *before = u;
	while (before->slot_next != u->handle)
		before = unit_at(p, before->slot_next);
	before->slot_next = u->slot_next;
}

void unit_free(struct place *p, struct place_unit *u)
{
	PRE(u->waiter == 0 && u->zhost == PLACE_NONE);
	room_leave(p, u);
	leave_slot(p, u);
	u->need->topology->unit_count--;
	free(u->devices);
	*u = (struct place_unit){.handle = u->handle, .next = p->free_unit};
	p->free_unit = u->handle;
}

void units_done(struct place *p)
{
	vector_for_each (&p->unit_pages, page)
		free(*page);
	vector_done(&p->unit_pages);
}

/* ---- slots ---- */

void unit_join_slot(struct place_unit *u, struct place_unit *mate)
{
	u->slot_next = mate->slot_next;
	mate->slot_next = u->handle;
}

void check_slot_mates(const struct place *p, const struct place_unit *u,
		      const struct place_unit *mate)
{
	const struct place_unit *other = unit_at(p, u->slot_next);
	while (other != mate && other != u)
		other = unit_at(p, other->slot_next);
	PRE(other == mate && mate != u);
}

/* ---- membership ---- */

/* Its part in groups, and what its terms say of others: to forbid takes presence alone. */
static void parts_change(struct place *p, const struct need *n, uint32_t zhost, int32_t sign,
			 unsigned parts)
{
	for (uint32_t i = 0; i < n->member_count; i++)
		group_move(p, n->members[i].group, zhost, sign * (int32_t)n->members[i].count,
			   parts);
	for (uint32_t i = 0; i < n->term_count; i++) {
		const struct affinity_term *t = &n->terms[i];
		unsigned part = t->kind == TERM_FORBID ? PART_PRESENCE : PART_COMPANY;
		if (t->owners != UINT32_MAX && (parts & part))
			counter_move(p, t->owners, zhost, sign * (int32_t)t->times);
	}
}

static void membership_change(struct place *p, const struct place_unit *u, uint32_t zhost,
			      int32_t sign)
{
	struct need *n = u->need;
	n->placed += (uint32_t)sign;
	counts_add(u->leaves ? n->leaving : n->neighbours, zhost, sign,
		   (uint32_t)p->nodes.count);
	parts_change(p, n, zhost, sign,
		     u->leaves ? PART_PRESENCE : PART_PRESENCE | PART_COMPANY);
}

void unit_set_leaves(struct place *p, struct place_unit *u, bool leaves)
{
	PRE(u->zhost != PLACE_NONE && u->leaves != leaves);
	const struct need *n = u->need;
	u->leaves = leaves;
	counts_add(n->leaving, u->zhost, leaves ? 1 : -1, (uint32_t)p->nodes.count);
	counts_add(n->neighbours, u->zhost, leaves ? -1 : 1, (uint32_t)p->nodes.count);
	parts_change(p, n, u->zhost, leaves ? -1 : 1, PART_COMPANY);
	node_changed(p, u->zhost);
}

void slot_mates_change(struct place *p, const struct place_unit *u, int32_t sign)
{
	for (uint32_t i = u->slot_next; i != u->handle;) {
		const struct place_unit *mate = unit_at(p, i);
		if (mate->zhost != PLACE_NONE) {
			membership_change(p, mate, mate->zhost, sign);
			node_changed(p, mate->zhost);
		}
		i = mate->slot_next;
	}
}

/* ---- room and membership ---- */

void unit_attach(struct place *p, struct place_unit *u, uint32_t zhost, bool keep)
{
	struct place_node *node = node_at(p, zhost);
	PRE(u->zhost == PLACE_NONE);
	room_take(p, u, zhost, keep);
	u->zhost = zhost;
	u->previous = PLACE_NONE;
	u->next = node->first_unit;
	if (u->next != PLACE_NONE)
		unit_at(p, u->next)->previous = u->handle;
	node->first_unit = u->handle;
	node->unit_count++;
	membership_change(p, u, zhost, 1);
	node_changed(p, zhost);
}

void unit_detach(struct place *p, struct place_unit *u)
{
	uint32_t zhost = u->zhost;
	struct place_node *node = node_at(p, zhost);
	PRE(zhost != PLACE_NONE);
	room_give(p, u, zhost);
	if (u->previous != PLACE_NONE)
		unit_at(p, u->previous)->next = u->next;
	else
		node->first_unit = u->next;
	if (u->next != PLACE_NONE)
		unit_at(p, u->next)->previous = u->previous;
	u->next = u->previous = PLACE_NONE;
	node->unit_count--;
	membership_change(p, u, zhost, -1);
	u->zhost = PLACE_NONE;
	node_changed(p, zhost);
}

/* Counters by label only: by zhost nothing changes. */
static void count_labels(struct place *p, const struct place_unit *u, uint32_t zhost,
			 int32_t sign)
{
	const struct need *n = u->need;
	for (uint32_t i = 0; i < n->member_count; i++) {
		struct affinity_group *g = &p->groups.items[n->members[i].group];
		vector_for_each (&g->counters, c) {
			const struct group_counter *counter = &p->counters.items[*c];
			bool counted = counter->kind == COUNTER_PRESENT ||
				       (counter->kind == COUNTER_MEMBERS && !u->leaves);
			if (counted && counter->column != SCOPE_ZHOST)
				counter_move(p, *c, zhost, sign * (int32_t)n->members[i].count);
		}
	}
	for (uint32_t i = 0; i < n->term_count; i++) {
		const struct affinity_term *t = &n->terms[i];
		if (t->owners != UINT32_MAX && t->column != SCOPE_ZHOST &&
		    (t->kind == TERM_FORBID || !u->leaves))
			counter_move(p, t->owners, zhost, sign * (int32_t)t->times);
	}
}

void units_leave_labels(struct place *p, uint32_t zhost)
{
	for_each_unit_on (p, node_at(p, zhost), u)
		count_labels(p, u, zhost, -1);
}

void units_return_labels(struct place *p, uint32_t zhost)
{
	for_each_unit_on (p, node_at(p, zhost), u)
		count_labels(p, u, zhost, 1);
}
