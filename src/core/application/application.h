/*
 * Applications: what a topology name stands for while any deployment of it exists. An application
 * owns what goes by the name rather than by a deployment: the slots, the right to write their
 * data, and exclusive running. Pure; knows neither zhosts nor rules.
 *
 *   struct application          one per name
 *     ├─ members                its deployments, newest first; the current one gives the application
 *     │                         its id, the ids of the others stay aliases of it
 *     └─ struct application_slot   what an instance path names (`shop/api-2`), over all deployments
 *          ├─ writer            the epoch whose writes to the slot's data are accepted
 *          └─ copies            every copy of the slot, each under its own epoch: a deployment
 *                               that still unloads has one, and its successor another one, on
 *                               different zhosts or on one
 *
 * Members and copies are embedded in their owners' objects, which join and leave.
 */
#ifndef SAMOZA_CORE_APPLICATION_APPLICATION_H
#define SAMOZA_CORE_APPLICATION_APPLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

struct application_slot;

/* A deployment of an application. */
struct application_member {
	struct application *application;  /* borrowed */
	struct application_member *older; /* of the same name */
	const char *id;			  /* borrowed from the owner */
	bool stopped; /* kept by the owner: application_member_set_stopped() */
};

struct application {
	char *name;
	struct application_member *newest;
	struct application_slot *slots; /* by path */
	UT_hash_handle hh;
};

struct application_registry {
	struct application *by_name;
};

/* A copy of a slot. */
struct slot_copy {
	struct application_slot *slot; /* borrowed; NULL: it has not joined */
	struct slot_copy *next,
		*previous;  /* of the same slot, in the order in which they joined */
	uint64_t epoch;	    /* 0: never placed */
	bool active;	    /* it has, or may have, a process */
	int64_t ends_by_ms; /* monotonic; its zhost is silent: it certainly has no process from
			       then on. 0: its zhost is not silent */
};

struct application_slot {
	struct application *application; /* borrowed */
	char *path;
	uint64_t writer; /* 0: no copy was ever placed */
	struct slot_copy *first, *last;
	UT_hash_handle hh;
};

/* PRE: every member has left. */
void applications_done(struct application_registry *r);

/* The deployment is the newest one of that name; the first one makes the application. */
void application_join(struct application_registry *r, struct application_member *member,
		      const char *name, const char *id);
/* The last one ends the application. PRE: its copies have left. */
void application_leave(struct application_registry *r, struct application_member *member);
/* NULL when no deployment has the name. */
struct application *application_find(const struct application_registry *r, const char *name);
/* The deployment that the name means: the one that is not stopped, else the newest. */
struct application_member *application_current(const struct application *a);
/* The application's id: that of its current deployment. */
const char *application_id(const struct application *a);
/* Another deployment that is not stopped. NULL: `member` may start. */
struct application_member *application_holder(const struct application_member *member);

/* A copy of the slot of that path. Copies the path. */
void slot_copy_join(struct application *a, struct slot_copy *copy, const char *path);
void slot_copy_leave(struct slot_copy *copy);
/* It is placed under a new epoch, and writes from now on: older copies no longer do. */
void slot_copy_placed(struct slot_copy *copy, uint64_t epoch);
/* Whether writes of this copy are accepted. */
bool slot_copy_writes(const struct slot_copy *copy);
/* When every other copy of the slot has certainly ended (monotonic): 0: all have; NEVER_MS: one has
 * a process and can be reached. */
int64_t slot_copy_alone_at_ms(const struct slot_copy *copy, int64_t now_ms);

#define slot_copy_for_each_other(copy, other)                              \
	for (struct slot_copy *other = (copy)->slot->first; other != NULL; \
	     other = other->next)                                          \
		if (other != (copy))

#endif
