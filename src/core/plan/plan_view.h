/*
 * What a plan says: the events of its core as moves, and what they mean for each space.
 */
#ifndef SAMOZA_CORE_PLAN_PLAN_VIEW_H
#define SAMOZA_CORE_PLAN_PLAN_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vector.h"
#include "core/control/state/application.h"
#include "core/plan/plan.h"

/* Of one topology. */
struct plan_space {
	char *key; /* "ID/SPACE" */
	char *name;
	char *topology;
	uint32_t started;    /* of its instances, now */
	uint32_t gaps;	     /* how often the last one stopped */
	uint32_t later_gaps; /* so often of those once a person has promoted */
	bool was_started, is_touched, is_placed_again, is_touched_later;
	UT_hash_handle hh;
};

struct plan_writer {
	Samoza__V1__PlanView *view;
	struct plan_space *spaces; /* as declared, topology by topology */
	uint32_t step;
	int64_t step_ms;
	bool is_later; /* a person has promoted: what happens is no move of the plan any longer */
};

/* As things are before the request. */
void plan_writer_init(struct plan_writer *w, const struct control *c, const char *subject);
void plan_writer_done(struct plan_writer *w);
void plan_write_event(struct plan_writer *w, const struct control *c, int64_t now_ms,
		      const Samoza__V1__EventRecord *event);
/* What differs between what ran before (NULL: nothing) and what is wanted, space by space. */
void plan_write_verdicts(struct plan_writer *w, const struct control_application *a,
			 const Samoza__V1__RevisionRecord *before,
			 const Samoza__V1__RevisionRecord *after);
/* What happens from here on does so only when a person promotes a canary. */
void plan_write_promotion(struct plan_writer *w);
/* Says of each space what that is to it. PRE: its verdict is written. */
void plan_write_later(struct plan_writer *w, const struct control_application *a);
/* Spaces of all topologies that something has happened to. */
void plan_write_touched(struct plan_writer *w, const struct control *c);
/* It has no place at the end, or cannot leave. */
void plan_write_left(struct plan_writer *w, const char *name, const char *why);
/* Of each instance of the application that is to start and has no place, or whose successor has none. */
void plan_write_unplaced(struct plan_writer *w, const struct control *c,
			 const struct control_application *a);

#endif
