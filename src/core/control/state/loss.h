/*
 * How long a unit waits for its zhost before it is placed on another one.
 *
 *                    replace_after over, or its zhost is back without it
 *   zhost silent ──► waits ──────────────────────────────────────────────► looks for a place
 *                      └── its zhost is back with it: adopted (placement.h)
 *
 * The time counts from the last heartbeat, and is the longest that a space of the unit declares:
 * they stay together. By default there is none beyond the failure timeout. With `never`, a unit whose
 * zhost is back without it is placed there again. Source: [change.loss.replace-after].
 */
#ifndef SAMOZA_CORE_CONTROL_LOSS_H
#define SAMOZA_CORE_CONTROL_LOSS_H

#include "core/control/state/application.h"

struct control;

/* The unit of `root` is lost: its zhost was heard `silent_ms` ago for the last time. */
void loss_begin(struct control *c, struct slot_control *root, int64_t silent_ms);
/* As its record says, with the wall clock of the last heartbeat. */
void loss_restore(struct control *c, struct slot_control *root, int64_t heard_wall_ms);
/* As a checkpoint says: it waits until then (monotonic; NEVER_MS). */
void loss_continue(struct control *c, struct slot_control *root, int64_t heard_wall_ms,
		   int64_t replace_at_ms);
/* It is lost, and keeps its place for its zhost. */
static inline bool loss_waits(const struct slot_control *root)
{
	return root->loss != NULL;
}
/* It is to be placed on its own zhost again, and on no other one. */
bool loss_only_there(const struct slot_control *root);
/* It waits no longer: its zhost has nothing of it, or will not come back. */
void loss_end(struct control *c, struct slot_control *root);
/* It is lost no longer. */
void loss_forget(struct control *c, struct slot_control *root);

void loss_tick(struct control *c);
/* Monotonic; NEVER_MS: nothing waits for a time. */
int64_t loss_next_ms(const struct control *c);
/* One that waits for a time; NULL: none does. */
const struct slot_control *loss_first(const struct control *c);

#endif
