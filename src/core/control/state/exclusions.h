/*
 * Zhosts that a unit (a root with everything below it) must not take for now, because its retries
 * were used up there. An exclusion ends with the restart window, with a new incarnation of the
 * zhost, or by a start or recover request [lifecycle.failure].
 */
#ifndef SAMOZA_CORE_CONTROL_EXCLUSIONS_H
#define SAMOZA_CORE_CONTROL_EXCLUSIONS_H

#include "base/heap.h"
#include "core/control/state/application.h"
#include "core/place/place.h"
#include "proto/record.pb-c.h"

struct control;

/* In slot_control.exclusions of a root, newest first. */
struct exclusion {
	struct heap_node timer;	   /* monotonic end */
	struct slot_control *root; /* borrowed */
	char *zhost;
	uint64_t incarnation;
	int64_t until_wall_ms;
	struct failure_reason reason; /* "SPACE failed N times on ZHOST: LAST_ERROR" */
	struct exclusion *next;
};

/* `failed`: the root of `root`'s unit or a copy below it, exhausted where it is. */
void exclusion_add(struct control *c, struct slot_control *root, const struct copy *failed);
/* The unit must not take that zhost. */
bool exclusion_exists(const struct slot_control *root, const struct control_zhost *z);
/* As it was in a record. */
void exclusion_restore(struct control *c, struct slot_control *root,
		       const Samoza__V1__Exclusion *record);
void exclusions_clear(struct control *c, struct slot_control *root);
/* A start of something below `root` is asked for: what is exhausted there tries again. */
void exclusions_forgive(struct control *c, struct slot_control *root);
/* A new incarnation of the zhost. */
void exclusions_end_for(struct control *c, const struct control_zhost *z);
void exclusions_tick(struct control *c);
int64_t exclusions_next_ms(const struct control *c);

/* For the engine; the caller frees the array. */
struct place_exclusion *exclusions_for_engine(const struct control *c,
					      const struct slot_control *root,
					      uint32_t *ret_count);

#endif
