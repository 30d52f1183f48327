/*
 * Applications: what a topology name stands for, from its first submission until it is removed. Pure;
 * knows neither zhosts nor rules.
 *
 *   struct application            one per name; its id, and older ids that mean it, too
 *     ├─ struct revision          a content that was accepted: package, compiled topology (revision.h)
 *     └─ struct application_slot  what an instance path names (`shop/api-2`), over all revisions
 *          ├─ writer              the epoch whose writes to the slot's data are accepted
 *          ├─ serving             the copy that counts: that lifecycle sees, that exports, that gets
 *          │                      messages
 *          └─ copies              all of them, each under its own epoch: one that still unloads
 *                                 beside its successor, on different zhosts or on one (copy.h)
 *
 * Applications, placements and copies are embedded in their owners' objects.
 */
#ifndef SAMOZA_CORE_APPLICATION_APPLICATION_H
#define SAMOZA_CORE_APPLICATION_APPLICATION_H

#include "base/hash.h"
#include "base/vector.h"
#include "core/application/copy.h"
#include "core/application/revision.h"

/* A name that a slot had before, and by which copies of it are still known. */
struct application_alias {
	char *path;
	struct application_slot *slot; /* borrowed */
	UT_hash_handle hh;
};

/* A slot whose data is kept under the name that it had before. */
struct data_owner {
	char *path,
		*owner; /* without the name of the application; `path` as if the data of what it is inside
			       of had that name */
};

struct application_id {
	char *text;
	struct application *application; /* borrowed */
	UT_hash_handle hh;
};

struct application {
	char *name;
	VECTOR(struct application_id *) ids; /* the first is its id, the others mean it, too */
	VECTOR(struct revision *) revisions; /* ascending by number */
	struct revision *served;	     /* whose slots there are; NULL: not yet */
	uint32_t newest;		     /* number of the last revision that was made */
	uint32_t completed;		     /* of the last in which everything ran; 0: none */
	struct application_slot *slots;	     /* by path */
	VECTOR(struct application_slot *)
	loose;				   /* application_trim_slots() looks at these alone */
	struct application_alias *aliases; /* by path, none of which a slot has */
	VECTOR(struct data_owner) owners;  /* as long as there is the application */
	UT_hash_handle hh;
};

struct application_registry {
	struct application *by_name;
	struct application_id *by_id;
};

/* PRE: every application is done. */
void applications_done(struct application_registry *r);

/* PRE: neither name nor id is taken. Copies both. */
void application_init(struct application_registry *r, struct application *a, const char *name,
		      const char *id);
/* Another id that means it. Nothing when the id is taken. Copies. */
void application_add_alias(struct application_registry *r, struct application *a,
			   const char *id);
/* PRE: its copies have left. */
void application_done(struct application_registry *r, struct application *a);

/* NULL when there is none. */
struct application *application_find_name(const struct application_registry *r,
					  const char *name);
struct application *application_find_id(const struct application_registry *r, const char *id);
static inline const char *application_id(const struct application *a)
{
	return a->ids.items[0]->text;
}

/* The slot that has that path, or had it; made where it is new. */
struct application_slot *application_slot(struct application *a, const char *path);
/* NULL when nothing is known of that path. */
struct application_slot *application_find_slot(const struct application *a, const char *path);
/* The slot that has that name, or had it, and of which only copies are left that retire: they are of `slot` from
 * now on. Nothing where there is none. PRE: no other slot that is declared has it. */
void application_merge_slot(struct application_slot *slot, const char *path);
/* It has that name from now on, and is found by both. PRE: no other slot has it, or had it. */
void application_name_slot(struct application_slot *slot, const char *path);
/* It is found by that name, too. PRE: as above. */
void application_add_name(struct application_slot *slot, const char *path);
/* Each slot is found by the name that it has, and by no former one. */
void application_forget_names(struct application *a);

/* Under which the data of the instance with that path is kept: "shop/api-1". What is inside of another one has it
 * below that. The caller frees. */
char *application_data_owner(const struct application *a, const char *path);
/* Data of `path` is that of `from`, whichever name the slot has. */
void application_share_data(struct application *a, const char *path, const char *from);
/* Two instances of that topology would have that data; NULL: there are none. The caller frees. */
char *application_data_clash(const struct application *a, const struct topology *t);

/* Instances of its path are known, or not any longer. */
void application_slot_declare(struct application_slot *slot, bool declared);
/* Its last copy has left, or it is not declared any longer: application_trim_slots() looks at it. */
void application_slot_loosen(struct application_slot *slot);
/* Forgets the slots that have no copy, and are not declared any longer. */
void application_trim_slots(struct application *a);

/* Takes the revision over. PRE: its number is new. */
void application_add_revision(struct application *a, struct revision *take);
/* NULL when it is not kept. */
struct revision *application_revision(const struct application *a, uint32_t number);

#endif
