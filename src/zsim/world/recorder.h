/*
 * Records lives of zrms in a file, as zrms itself does (core/record, adapter/recorder): each life as a whole, when it ends, since
 * several may go on at the same time.
 */
#ifndef SAMOZA_ZSIM_WORLD_RECORDER_H
#define SAMOZA_ZSIM_WORLD_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/control/control.h"

/* The violation. */
#define REPLAY_DIFFERS "a replay of what zrms was told differs: %s"

struct sim_recorder;  /* a file */
struct sim_recording; /* a life */

/* In no file: each life is replayed when it ends, also from some of its checkpoints on, and what differs is a violation. */
struct sim_recorder *sim_recorder_new_replaying(void);
int sim_recorder_new(const char *path, const char *version, struct sim_recorder **ret,
		     struct error **err) must_check;
/* ERR_IO: something could not be written. */
int sim_recorder_finish(struct sim_recorder *recorder, struct error **err) must_check;
void sim_recorder_free(struct sim_recorder *recorder);
/* What was recorded so far. */
struct sim_recorder_counts {
	uint64_t lives, inputs, counted, bytes;
};
struct sim_recorder_counts sim_recorder_counts(const struct sim_recorder *recorder);

/* `control` has been told nothing yet. `recorder` NULL: NULL. */
struct sim_recording *sim_recording_begin(struct sim_recorder *recorder,
					  struct control *control);
/* Of a life that goes on, so that a reading may begin here; not while an input waits for the end of its batch. */
void sim_recording_checkpoint(struct sim_recording *s, struct instant now);
/* How a replay of it so far differs; NULL: it does not, or is not asked for. The caller frees. */
char *sim_recording_difference(struct sim_recording *s, struct instant now);
/* Before the core is freed. NULL is fine. Returns what the function above does. */
char *sim_recording_end(struct sim_recording *s, struct instant now);

#endif
