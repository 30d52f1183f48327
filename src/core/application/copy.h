/*
 * The copies of a slot, and the roles of the placements that they belong to.
 *
 *   struct placement   one unit (a root slot with everything below it) on one zhost, in one revision
 *     └─ copies        one for each slot of the unit
 *
 *      (new) ───► successor ─────────► serving ◄───► standby
 *                     │  └─► sharing ─►─┘│             │
 *                     └─────────┴────────┴─────────────┴───► retired ───► (end)
 *
 *      serving ──► kept ──► successor, retired          blue-green: it has served, runs on, and may serve again
 *
 * A new one may also serve at once. A slot has at most one copy that serves, one that is to serve next
 * (successor, or sharing: it gets a share of what the slot gets, too), one that may serve again (standby: installed, without a process), one that is kept, and any number of
 * retired ones: they are to go, and are kept until their zhost says that they have gone.
 * placement_set_role() is the only function that changes a role.
 */
#ifndef SAMOZA_CORE_APPLICATION_COPY_H
#define SAMOZA_CORE_APPLICATION_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/state_machine.h"
#include "base/vector.h"

struct application;
struct application_slot;

enum __attribute__((packed)) placement_role {
	ROLE_SERVING,
	ROLE_RETIRED,
	ROLE_SUCCESSOR,
	ROLE_STANDBY,
	ROLE_SHARING,
	ROLE_KEPT,
};
#define PLACEMENT_ROLE_COUNT 6
extern const struct state_machine_type placement_machine;

struct placement {
	enum placement_role role;
	VECTOR(struct slot_copy *)
	copies; /* parents before their children; no order when retired */
};

struct slot_copy {
	struct application_slot *slot; /* borrowed */
	struct placement *placement;   /* borrowed */
	struct slot_copy *next,
		*previous; /* of the same slot, in the order in which they came */
	uint64_t epoch;
	bool exclusive;	    /* no other copy of the slot may run beside it */
	bool active;	    /* it has, or may have, a process */
	int64_t ends_by_ms; /* monotonic: its zhost is silent; from then on it certainly has no
			       process; NEVER_MS: it has no lease. 0: its zhost is not silent */
};

struct application_slot {
	struct application *application; /* borrowed */
	char *path;
	uint64_t writer; /* 0: no copy was ever placed */
	bool declared; /* instances of that path are known: it is kept (application_slot_declare()) */
	bool loose; /* it may be of no use any longer, and is in its application's `loose` */
	bool data_full;		   /* a write was refused, and an event says so */
	struct slot_copy *serving; /* NULL: none does */
	struct slot_copy *next;	   /* in the role of successor, or sharing; NULL */
	struct slot_copy *standby; /* in that role; NULL */
	struct slot_copy *kept;	   /* in that role; NULL */
	struct slot_copy *first, *last;
	UT_hash_handle hh;
};

/* A new placement has copies yet to come. */
void placement_begin(struct placement *p, enum placement_role role);
/* The gate of a placement's role: its copies have that role in their slots from now on. PRE: no other
 * copy of them has, unless they retire. */
void placement_set_role(struct placement *p, enum placement_role role);
/* PRE: its copies have left. */
void placement_end(struct placement *p);

/* A copy of the slot under that epoch, in the role of the placement. PRE: the slot has no other one in
 * that role, unless it is retired. */
void slot_copy_join(struct placement *p, struct slot_copy *copy, struct application_slot *slot,
		    uint64_t epoch);
void slot_copy_leave(struct slot_copy *copy);
/* It writes from now on: no other copy of the slot does. */
void slot_copy_set_writer(struct slot_copy *copy);
/* Whether writes of this copy are accepted. */
bool slot_copy_writes(const struct slot_copy *copy);
/* The copy of that epoch; NULL. */
struct slot_copy *slot_copy_find(const struct application_slot *slot, uint64_t epoch);
/* When every other copy of the slot that must not run beside this one, because one of the two is
 * exclusive, has certainly ended (monotonic): 0: all have; NEVER_MS: one may have a process. */
int64_t slot_copy_alone_at_ms(const struct slot_copy *copy, int64_t now_ms);

#define slot_copy_for_each(slot, copy) \
	for (struct slot_copy *copy = (slot)->first; copy != NULL; copy = copy->next)

#endif
