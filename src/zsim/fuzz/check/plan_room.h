/* What a plan could not know of places: how long others take, and so what room they leave, or take, before. */
#ifndef SAMOZA_ZSIM_FUZZ_PLAN_ROOM_H
#define SAMOZA_ZSIM_FUZZ_PLAN_ROOM_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/vector.h"
#include "proto/view.pb-c.h"

struct control;
struct control_application;
struct fuzz;

struct plan_event {
	char *subject;	  /* "space shop/api-1" */
	char *from;	  /* where it was */
	char *text;	  /* where it goes: a state, a zhost, a version */
	bool is_room;	  /* a place is taken, or left */
	bool is_unload;	  /* a place will be left, without an event then */
	bool is_reaction; /* it depends on how long others take whether it starts before */
	bool is_hidden;	  /* no move to compare: it may be how it ends */
	bool is_handed;	  /* it stops as it is handed over */
	bool is_waiting;  /* it is handed over while it waits, and stops nothing */
};

typedef VECTOR(struct plan_event) plan_events;

/* A list of moves, as text: "stopping, undeploying". */
void plan_append(struct buffer *b, const char *text);
/* The caller frees; "nothing" where it is empty. */
char *plan_text_of(struct buffer *b);
/* The moves of one subject; the caller frees. `anywhere`: without the names of places. */
char *plan_moves_of(const plan_events *all, const char *subject, bool anywhere);
/* Some of that topology get a place. */
bool plan_places_some(const plan_events *all, const char *topology);
/* It waits for a place, a drain has not found room for all of it, or a handover has none. */
bool plan_waits_for_room(const struct control *c, const struct control_application *a);

/* [change.optional.optional] [change.counts.each] Optional units are placed after all others, each alone, and what is on each
 * zhost is placed there or nowhere. Where something had to wait for room, and found it elsewhere than planned, it follows from
 * that which of them have a place, and what can start. */
bool plan_leaves_other_room(const struct fuzz *f, const plan_events *plan,
			    const plan_events *happened);
/* Where that is so: it is optional, imports what is not there as planned, or its topology waits for room. */
bool plan_is_about_room(const struct fuzz *f, const plan_events *plan,
			const plan_events *happened, const char *subject);
/* A drain hands its units over one after the other, each to the place that is best then. Where others had their turns in
 * another order than planned, and took room where it was to go, there may be none left for it; and where they did not take
 * it, there may be some for one that was to have none. Where it has none, it gets no other place. `view`: the plan itself. */
bool plan_drains_in_another_order(const struct fuzz *f, const Samoza__V1__PlanView *view,
				  const plan_events *plan, const plan_events *happened,
				  const char *subject);
/* [change.handover.room] What waits for room gets it when there is enough for all of it. Which former copies have gone first
 * decides where a successor goes, and so for which of those that wait there is enough: one of them is placed, and the other
 * waits on, in only one of the two. Where it waits on, it does nothing else. The subject is of that topology, which has waited. */
bool plan_gives_room_to_others(const struct fuzz *f, const plan_events *plan,
			       const plan_events *happened, const char *topology,
			       const char *subject);

#endif
