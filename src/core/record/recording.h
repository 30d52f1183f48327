/*
 * Writes down what goes into a core, and a sum and two bytes of each item of what comes out, as entries (proto/recording.proto). A recorder that
 * keeps them, and a replay that reads them (replay.h), are elsewhere.
 *
 *   control ──tap──► recording ──entries──► sink (adapter/recorder: blocks of a file)
 *
 *   birth  input input flush  input flush  calm  input flush  checkpoint  input …  digest
 *     │      └──── one batch ───┘            │                    └─ of the same life: a reading may begin here
 *     └─ all records as loaded               └─ heartbeats and ticks that led to nothing but acknowledgements
 *
 * Of such heartbeats the core keeps of each zhost the newest counter, instant and usage (control/zhost/beats.h), and nearly nothing that
 * it decides depends on them: that a zhost is silent, and what it says then. So they are counted, and what stays of them is written
 * before something that may depend on it: a zhost comes, goes, is silent or looked at, zrms has slept, a checkpoint, ten minutes. Until
 * then a replay knows that nobody is silent, and not when who was heard last.
 *
 * Pure: what it keeps is memory, and what it says goes to the sink at once.
 */
#ifndef SAMOZA_CORE_RECORD_RECORDING_H
#define SAMOZA_CORE_RECORD_RECORDING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "core/control/control.h"

struct recording;

struct recording_sink {
	/* Whether the next entry begins a block, and so names its time by itself. It does where a reading may begin with it
	 * (`begins`). */
	bool (*begins_block)(void *user, bool begins);
	/* That one. Borrowed for the call. */
	void (*entry)(void *user, struct instant at, bool begins, const void *data,
		      size_t size);
};

/* From the birth of `control` on, which has been told nothing yet. All borrowed. `with_texts`: what comes out as a
 * whole, not its digest alone. */
struct recording *recording_new(struct control *control, const struct recording_sink *sink,
				void *user, bool with_texts);
/* Before the core is freed; what is held back is written. NULL is fine. */
void recording_free(struct recording *recording);

/* No input waits for the end of its batch. */
bool recording_is_flushed(const struct recording *recording);
/* So that a reading may begin here. PRE: every input so far is flushed. */
void recording_checkpoint(struct recording *recording, struct instant now);
/* The same in two steps, of which the second one takes long, and reads only: a copy of this process's memory can do it. What is held
 * back is written; the next entry stands after the checkpoint, and begins a block. */
void recording_checkpoint_begin(struct recording *recording);
/* Appends the entry of it: the first one of a block. */
int recording_checkpoint_entry(const struct recording *recording, struct instant now,
			       struct buffer *to, struct error **err) must_check;
/* What is held back is written, and a digest of the core's whole state; nothing where inputs wait for the end of their batch. */
void recording_digest(struct recording *recording, struct instant now);

/* Inputs so far, and those of them that are written as counts. */
struct recording_counts {
	uint64_t inputs, counted, entries;
};
struct recording_counts recording_counts(const struct recording *recording);

#endif
