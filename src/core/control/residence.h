/*
 * Which copies are on a zhost; and copies of exclusive spaces that wait until another copy must
 * have ended.
 */
#ifndef SAMOZA_CORE_CONTROL_RESIDENCE_H
#define SAMOZA_CORE_CONTROL_RESIDENCE_H

#include "core/control/deployment.h"
#include "core/control/zhost_registry.h"

/* It is placed there, and nowhere else. */
void copy_link(struct copy *copy, struct control_zhost *z);
/* It is on no zhost any longer; nothing when it was on none. */
void copy_unlink(struct copy *copy);

/* It has, or may have, a process; or it has none any longer: copies of the same slot may wait. */
void copy_set_active(struct control *c, struct copy *copy, bool active);

/* Exclusive: not started before that time (monotonic); 0 ends the wait. */
void copy_hold(struct control *c, struct copy *copy, int64_t until_ms);
/* Ends waits up to now. */
void holds_tick(struct control *c);
int64_t holds_next_ms(const struct control *c);
/* A copy that waits; NULL: none does. */
const struct copy *holds_first(const struct control *c);

#endif
