/*
 * Whether a copy of a slot may start: one function for the copy that serves and for those beside it. They
 * import from slots that are served, or, apart, from each other; what is above a copy is the copy of the same placement.
 * Source: steps 1 and 2 of [lifecycle.start].
 */
#ifndef SAMOZA_CORE_LIFECYCLE_START_CONDITION_H
#define SAMOZA_CORE_LIFECYCLE_START_CONDITION_H

#include "core/lifecycle/slot.h"

enum start_obstacle {
	START_MAY,	  /* none */
	START_ANCESTOR,	  /* the copy above is not started, or about to stop */
	START_IMPORT,	  /* slot_missing_import() */
	START_SECRET,	  /* one that it is to have is not there */
	START_OTHER_COPY, /* one of two copies is exclusive, and the other may still run */
};

/* What differs between the copies of a slot. */
struct start_side {
	const struct import_decl
		*missing; /* mandatory, and not provided to it; NULL: none is */
	bool parent_up;	  /* or it has none */
	bool lacks_secret;
	int64_t may_run_at_ms; /* monotonic; 0: at any time */
};

struct start_side start_side_serving(const struct slot *s);
enum start_obstacle start_condition(const struct slot *s, const struct start_side *side);

#endif
