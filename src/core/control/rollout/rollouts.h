/*
 * Rollouts: how an application that is not stopped gets from one revision to another. The table is
 * core/application/rollout.h; what belongs to each of its moves is here. Its only tool is the handover
 * (handovers.h) of a unit to copies of another revision.
 *
 *   submission ──► rollout_to() ─────┐       a handover that moved on, a slot, a copy ──► mark_application()
 *   request    ──► rollout_do() ─────┤                                                            │
 *                                    ▼              in a flush, before the handovers              ▼
 *                             advancing ... ◄──────────────────────────────────────────── rollouts_run()
 *                                                    facts ─► rollout_next() ─► handovers of the next wave
 *
 * A unit is current for a revision where each of its slots is served with equal content. So what is left
 * to do follows from the copies: a newer submission, a return and a start of zrms need no list.
 * Source: [change.rollout].
 */
#ifndef SAMOZA_CORE_CONTROL_ROLLOUTS_H
#define SAMOZA_CORE_CONTROL_ROLLOUTS_H

#include "core/control/state/application.h"

/* What a person has asked for. */
struct rollout_wish {
	bool at_once; /* a rollback: not batch by batch */
	bool no_surge; /* what finds no room for a second copy stops first [change.handover.room] */
	const char *by; /* whose request it is */
};

/* It begins, or the one that is under way leads there from now on. Copies. PRE: the target is a revision of the
 * application, open, with the instances that it has. */
void rollout_to(struct control *c, struct control_application *a, struct revision *target,
		const struct rollout_spec *spec, const struct rollout_wish *wish);
/* From now on, what finds no room for a second copy stops first. Nothing where there is no rollout. */
void rollout_end_surge(struct control_application *a);
/* promote, abort, pause, resume */
int rollout_do(struct control *c, struct control_application *a, enum rollout_command command,
	       struct error **err) must_check;
/* The application stops, or is submitted again while stopped: `result` is "aborted" or "superseded".
 * Nothing where there is no rollout. */
void rollout_drop(struct control *c, struct control_application *a, const char *result);
/* How the last one ended is not said any longer: there is another change. */
void rollout_forget_last(struct control_application *a);
/* The application is forgotten. */
void rollout_forget(struct control_application *a);
/* One that a record holds. PRE: the revisions of the application are loaded, and its slots. */
int rollout_load(struct control *c, struct control_application *a,
		 const Samoza__V1__ApplicationRecord *record, struct error **err);

/* The turns of its units, which follow from what serves them. PRE: all copies are loaded, and there is a rollout. */
void rollouts_resume_turns(struct control_application *a);
/* Instances of `count: each` have appeared. Nothing unless a rollout is under way. */
void rollouts_each_added(struct control_application *a);

/* In a flush: what can go on does. */
void rollouts_run(struct control *c);
bool rollouts_are_due(const struct control *c);
/* What waits for its time [change.rollout.canary]. */
void rollouts_tick(struct control *c);
int64_t rollouts_next_ms(const struct control *c);
/* One that time will lead on; NULL: there is none. */
const struct control_application *rollouts_first_timed(const struct control *c);

#endif
