/*
 * What changed since the last flush: each thing once, with marks that say what has to follow.
 */
#ifndef SAMOZA_CORE_CONTROL_DIRTY_SET_H
#define SAMOZA_CORE_CONTROL_DIRTY_SET_H

#include "base/heap.h"
#include "base/vector.h"
#include "core/control/state/application.h"
#include "core/control/state/zhost_registry.h"

/* Marks of copies. */
enum {
	COPY_RECORD = 1, /* write it */
	COPY_ORDER = 2,	 /* its zhost is to get it */
	COPY_LISTED = 4, /* its zhost has listed it while joining */
};

/* Marks of slots. */
enum {
	SLOT_RECORD = 1,
	SLOT_ROUTE = 2, /* in mesh_routes.changed */
};

/* Marks of applications. */
enum {
	APPLICATION_RECORD = 1,
	APPLICATION_STATE = 2,	    /* derive its state */
	APPLICATION_PLACE = 4,	    /* a slot may need a place: in to_place */
	APPLICATION_IMPORTERS = 8,  /* providers changed: importers_changed */
	APPLICATION_ROUTES = 16,    /* send the mesh table */
	APPLICATION_UNLOAD = 32,    /* a retired copy came, ended or went */
	APPLICATION_LISTED = 64,    /* in the list */
	APPLICATION_HANDOVER = 128, /* a handover of it may move on */
	APPLICATION_ROLLOUT = 256,  /* its rollout may */
	APPLICATION_EACH = 512,	    /* instances of `count: each` may appear, or go */
};

struct dirty_set {
	VECTOR(struct copy *) copies;	     /* COPY_RECORD or COPY_ORDER */
	VECTOR(struct slot_control *) slots; /* SLOT_RECORD */
	VECTOR(struct control_application *) applications;
	VECTOR(struct control_zhost *) zhosts;
	struct heap to_place; /* APPLICATION_PLACE, the oldest application first */
	/* What is on each zhost may appear or go there (each.h); all: on every one. */
	VECTOR(struct control_zhost *) each;
	bool each_all;
	VECTOR(struct control_zhost *) ordered; /* something is asked of them (desired_set.h) */
};

void dirty_set_done(struct dirty_set *set);
void mark_copy(struct copy *copy, unsigned marks);
/* Its record is to be written. */
void mark_slot(struct slot_control *sc);
void mark_application(struct control_application *a, unsigned marks);
void mark_zhost(struct control_zhost *z);
/* Of spaces with `count: each` an instance may appear on it, or go. */
void mark_zhost_each(struct control_zhost *z);
/* The sequence of the oldest application that is marked APPLICATION_PLACE; UINT64_MAX: none is. */
uint64_t dirty_set_oldest_to_place(const struct dirty_set *set);
/* Takes that one; NULL: none is. */
struct control_application *dirty_set_next_to_place(struct dirty_set *set);
/* Everything is written: clears all marks but COPY_LISTED, SLOT_ROUTE and what is still in to_place:
 * that is for the next flush. */
void dirty_set_clear(struct dirty_set *set);
/* They are about to be freed. */
void dirty_set_forget_copy(struct dirty_set *set, struct copy *copy);
void dirty_set_forget_zhost(struct dirty_set *set, const struct control_zhost *z);
void dirty_set_forget_slot(struct dirty_set *set, struct slot_control *sc);
void dirty_set_forget_slots(struct dirty_set *set, const struct control_application *a);
void dirty_set_forget(struct dirty_set *set, struct control_application *a);

#endif
