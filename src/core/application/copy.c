#include "core/application/copy.h"

#include <stdio.h>

#include "base/check.h"
#include "core/application/application.h"
#include "core/instant.h"

/* ---- roles ---- */

static void describe(const void *object, char *ret_name, size_t size)
{
	const struct placement *p = object;
	const struct slot_copy *first = p->copies.count > 0 ? p->copies.items[0] : NULL;
	if (first != NULL)
		snprintf(ret_name, size, "%s/%s#%llu", first->slot->application->name,
			 first->slot->path, (unsigned long long)first->epoch);
	else
		snprintf(ret_name, size, "without copies");
}

/* Where a slot names its copy of that role; NULL: retired ones are not named. */
static struct slot_copy **named_by(struct application_slot *slot, unsigned role)
{
	switch ((enum placement_role)role) {
	case ROLE_SERVING:
		return &slot->serving;
	case ROLE_SUCCESSOR:
	case ROLE_SHARING:
		return &slot->next;
	case ROLE_STANDBY:
		return &slot->standby;
	case ROLE_KEPT:
		return &slot->kept;
	case ROLE_RETIRED:
		return NULL;
	}
	IMPOSSIBLE("no such role");
}

static bool is_named_as(const struct slot_copy *copy, unsigned role)
{
	struct slot_copy **name = named_by(copy->slot, role);
	return name != NULL && *name == copy;
}

static bool has_name_of(const struct slot_copy *copy, unsigned role, unsigned other)
{
	return named_by(copy->slot, role) == named_by(copy->slot, other);
}

static const char *invariant(const void *object, unsigned from, unsigned to)
{
	const struct placement *p = object;
	(void)from;
	vector_for_each (&p->copies, copy)
		for (unsigned role = 0; role < PLACEMENT_ROLE_COUNT; role++)
			if (is_named_as(*copy, role) !=
			    (has_name_of(*copy, role, to) && to != ROLE_RETIRED))
				return role == to ? "has a role, but a slot names another copy"
						  : "still has a role that it has left";
	return NULL;
}

#define TO(role) STATE_MACHINE_BIT(ROLE_##role)
/* Each is also what a record holds. */
static const struct state_machine_state roles[PLACEMENT_ROLE_COUNT] = {
	[ROLE_SERVING] = {"serving", TO(STANDBY) | TO(KEPT) | TO(RETIRED), 0,
			  STATE_MACHINE_INITIAL},
	[ROLE_RETIRED] = {"retired", 0, 0, STATE_MACHINE_INITIAL | STATE_MACHINE_FINAL},
	[ROLE_SUCCESSOR] = {"successor", TO(SERVING) | TO(SHARING) | TO(RETIRED), 0,
			    STATE_MACHINE_INITIAL},
	[ROLE_SHARING] = {"sharing", TO(SERVING) | TO(RETIRED), 0, STATE_MACHINE_INITIAL},
	[ROLE_KEPT] = {"kept", TO(SUCCESSOR) | TO(RETIRED), 0, STATE_MACHINE_INITIAL},
	[ROLE_STANDBY] = {"standby", TO(SERVING) | TO(RETIRED), 0, STATE_MACHINE_INITIAL},
};

const struct state_machine_type placement_machine = {
	.name = "placement",
	.states = roles,
	.count = PLACEMENT_ROLE_COUNT,
	.describe = describe,
	.invariant = invariant,
};

void placement_begin(struct placement *p, enum placement_role role)
{
	state_machine_begin(&placement_machine, p, &p->role, role);
}

void placement_set_role(struct placement *p, enum placement_role role)
{
	vector_for_each (&p->copies, copy) {
		struct slot_copy **was = named_by((*copy)->slot, p->role);
		struct slot_copy **is = named_by((*copy)->slot, role);
		if (was != NULL)
			*was = NULL;
		PRE(is == NULL || *is == NULL);
		if (is != NULL)
			*is = *copy;
	}
	state_machine_move(&placement_machine, p, &p->role, role);
}

void placement_end(struct placement *p)
{
	INVARIANT(p->copies.count == 0);
	vector_done(&p->copies);
}

/* ---- copies ---- */

void slot_copy_join(struct placement *p, struct slot_copy *copy, struct application_slot *slot,
		    uint64_t epoch)
{
	PRE(copy->slot == NULL);
	copy->slot = slot;
	copy->placement = p;
	copy->epoch = epoch;
	copy->previous = slot->last;
	copy->next = NULL;
	*(slot->last != NULL ? &slot->last->next : &slot->first) = copy;
	slot->last = copy;
	vector_push(&p->copies, copy);
	struct slot_copy **name = named_by(slot, p->role);
	PRE(name == NULL || *name == NULL);
	if (name != NULL)
		*name = copy;
}

void slot_copy_leave(struct slot_copy *copy)
{
	struct application_slot *slot = copy->slot;
	struct placement *p = copy->placement;
	size_t kept = 0;
	*(copy->previous != NULL ? &copy->previous->next : &slot->first) = copy->next;
	*(copy->next != NULL ? &copy->next->previous : &slot->last) = copy->previous;
	struct slot_copy **name = named_by(slot, p->role);
	if (name != NULL)
		*name = NULL;
	for (size_t k = 0; k < p->copies.count; k++)
		if (p->copies.items[k] != copy)
			p->copies.items[kept++] = p->copies.items[k];
	p->copies.count = kept;
	*copy = (struct slot_copy){0};
	application_slot_loosen(slot);
}

void slot_copy_set_writer(struct slot_copy *copy)
{
	copy->slot->writer = copy->epoch;
}

bool slot_copy_writes(const struct slot_copy *copy)
{
	return copy->epoch != 0 && copy->epoch == copy->slot->writer;
}

struct slot_copy *slot_copy_find(const struct application_slot *slot, uint64_t epoch)
{
	slot_copy_for_each (slot, copy)
		if (copy->epoch == epoch)
			return copy;
	return NULL;
}

int64_t slot_copy_alone_at_ms(const struct slot_copy *copy, int64_t now_ms)
{
	int64_t alone = 0;
	slot_copy_for_each (copy->slot, other) {
		if (other == copy || (!copy->exclusive && !other->exclusive))
			continue;
		if (other->active)
			return NEVER_MS;
		if (other->ends_by_ms > now_ms && other->ends_by_ms > alone)
			alone = other->ends_by_ms;
	}
	return alone;
}
