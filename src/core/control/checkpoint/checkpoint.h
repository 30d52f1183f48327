/*
 * The state of a core at one instant, and a second core that continues from there: for plans, which see
 * what would follow without touching the one that decides.
 *
 *     control ──checkpoint_new()──► Checkpoint (proto/checkpoint.proto) ──checkpoint_load()──► control
 *
 * It is all records, as the core would write them now, and what the core keeps in memory only: times of
 * its timers, what zhosts have reported, who waits in which order. Links keep their numbers; what was sent
 * over them is not kept: the second core sends each zhost that has a link everything once more.
 *
 * What was decided and is not yet in the store is part of it.
 */
#ifndef SAMOZA_CORE_CONTROL_CHECKPOINT_H
#define SAMOZA_CORE_CONTROL_CHECKPOINT_H

#include "core/control/control.h"
#include "proto/checkpoint.pb-c.h"

/* Of now. The caller frees it with schema_message_free(). PRE: every input so far is flushed. */
Samoza__V1__Checkpoint *checkpoint_new(struct control *c, struct instant now);

/* A core in that state, at that instant; the caller frees it. ERR_INVALID: it cannot be read. */
int checkpoint_load(const Samoza__V1__Checkpoint *from, struct control **ret_control,
		    struct error **err) must_check;

/* Everything that decisions follow from, a line for each thing, for comparisons; the caller frees. Links are
 * in it, what was sent over them is not. What depends on the time is that of `now`. PRE: every input so far is flushed. */
char *control_digest(struct control *c, struct instant now);

#endif
