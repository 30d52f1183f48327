/*
 * The state of a core at one instant, and a second core that continues from there: for plans, which see
 * what would follow without touching the one that decides.
 *
 *     control ──checkpoint_new()──► Checkpoint (proto/checkpoint.proto) ──checkpoint_load()──► control
 *
 * It is all records, as the core would write them now, and what the core keeps in memory only: times of
 * its timers, and which of two that end at the same instant comes first; what zhosts have reported, who waits in which order.
 * Links keep their numbers. A core that goes on in the place of the first one (checkpoint_load_whole()) knows what was sent over them;
 * any other sends each zhost that has a link everything once more.
 *
 * What was decided and is not yet in the store is part of it.
 */
#ifndef SAMOZA_CORE_CONTROL_CHECKPOINT_H
#define SAMOZA_CORE_CONTROL_CHECKPOINT_H

#include "core/control/control.h"
#include "proto/checkpoint.pb-c.h"

/* Of now. The caller frees it with schema_message_free(). PRE: every input so far is flushed. */
Samoza__V1__Checkpoint *checkpoint_new(struct control *c, struct instant now);

/* A core in that state, at that instant; the caller frees it. ERR_INVALID: it cannot be read. It has no drivers, and knows
 * nothing of the machines that they make: what is planned asks nobody to make any. */
int checkpoint_load(const Samoza__V1__Checkpoint *from, struct control **ret_control,
		    struct error **err) must_check;
/* The same, with them: `drivers` are those of the checkpoint, and end with NULL; borrowed as long as the core lives. */
int checkpoint_load_whole(const Samoza__V1__Checkpoint *from, const char *const *drivers,
			  struct control **ret_control, struct error **err) must_check;
/* So that equal states have equal numbers in them (base/heap.h: heap_number()). */
void checkpoint_number_timers(struct control *c);

/* Everything that decisions follow from, a line for each thing, for comparisons; the caller frees. Links are
 * in it, what was sent over them is not. What depends on the time is that of `now`. PRE: every input so far is flushed. */
char *control_digest(struct control *c, struct instant now);

#endif
