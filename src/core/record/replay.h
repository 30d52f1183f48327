/*
 * Hands a recording (recording.h) to a core, entry by entry, and compares what comes out with what came out then.
 *
 *     entries ──► replay ──► a core of its own, from the birth or checkpoint with which the reading begins
 *                   └──► the first difference: which entry, which item of it, both sides
 *
 * Everything is compared, in the order in which it comes out, from a birth on and from a checkpoint on as well; of a message to
 * many links not the order of these.
 *
 * A birth or a checkpoint of another life begins a core again. A checkpoint within a life that is played from its birth is compared
 * with the one that this core would write.
 */
#ifndef SAMOZA_CORE_RECORD_REPLAY_H
#define SAMOZA_CORE_RECORD_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/instant.h"
#include "proto/recording.pb-c.h"

struct control;
struct replay;

struct replay_counts {
	uint64_t inputs; /* that were handed to the core */
	uint64_t
		counted; /* heartbeats and ticks that were recorded as counts, and are not among them */
	uint64_t outputs;	       /* that were compared */
	uint64_t lives;		       /* that began */
	uint64_t checkpoints, digests; /* that were compared */
};

struct replay *replay_new(void);
void replay_free(struct replay *replay);

/* What came before is of no use for what follows: a block is missing. Goes on with the next birth or checkpoint. */
void replay_skip(struct replay *replay);
/* The next entry begins a block, and names its time by itself. */
void replay_block(struct replay *replay);

/* What an entry is of, and when: without doing it. ERR_INVALID: it is no entry. */
struct replay_entry {
	Samoza__V1__RecordingEntry *message; /* owned */
	struct instant at;
};
int replay_read(struct replay *replay, const void *data, size_t size,
		struct replay_entry *ret_entry, struct error **err) must_check;
void replay_entry_done(struct replay_entry *entry);

/* Does it. 0; 1: what comes out differs, and *ret_difference says how, for people; the caller frees it. ERR_INVALID: it cannot be
 * done. */
int replay_do(struct replay *replay, const struct replay_entry *entry, char **ret_difference,
	      struct error **err) must_check;

/* A batch that the recording has not to its end is ended, and not compared: nothing waits in the core. */
void replay_end_batch(struct replay *replay);
/* The core as it is; NULL: nothing has begun. Borrowed until the next entry. */
struct control *replay_control(struct replay *replay);
/* Of the last entry. */
struct instant replay_now(const struct replay *replay);
struct replay_counts replay_counts(const struct replay *replay);

#endif
