/*
 * A piece of a recording in one file: what a zrms has recorded between two times, beginning with the birth or the checkpoint
 * before the first, so that it can be replayed; and several such pieces, of the zrms that led one after the other, in one.
 *
 *     DIR/recorder/…  ──piece_cut()──►  about │ part "a", its blocks           ┐
 *     another zrms    ──piece_cut()──►  about │ part "b", its blocks           ┴──piece_join()──► about │ part "a" │ part "b" │ part "a" …
 *
 * It is a file of a recording (segment.h). Its first entry, RecordedAbout, says what was asked for, and names the gaps: the times
 * of which nobody has recorded anything, and who could not be asked. Blocks are numbered from 0 on; where one is missing, so is
 * its number.
 *
 * Everything here reads and writes files, and takes its time: for a thread of its own.
 */
#ifndef SAMOZA_ADAPTER_RECORDER_PIECE_H
#define SAMOZA_ADAPTER_RECORDER_PIECE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/recording.pb-c.h"

struct piece {
	const char *zrms, *program; /* who makes it */
	int64_t from_ms, to_ms;	    /* wall clock */
	int64_t lives_ms; /* wall clock: so long it has certainly recorded what there was; 0: it does not record now */
};

/* Makes the file at `path`. A directory that is not there, or in which there is nothing of that time, makes a piece without
 * parts. Files that cannot be read are gaps. ERR_CONFLICT: `path` is there; ERR_IO: it cannot be written; nothing of it stays. */
int piece_cut(const char *directory, const struct piece *piece, const char *path,
	      struct error **err) must_check;

/* Puts those at `paths` together, each of which was cut out of one directory: one life after the other, as they led. `gaps`: what else is missing, such as a zrms that did not answer; borrowed. */
int piece_join(char *const *paths, size_t count, const struct piece *piece,
	       Samoza__V1__RecordedGap *const *gaps, size_t gap_count, const char *path,
	       struct error **err) must_check;

/* What stands at its beginning; the caller frees it with schema_message_free(). ERR_INVALID: it is no piece. */
int piece_about(const char *path, Samoza__V1__RecordedAbout **ret_about,
		struct error **err) must_check;

#endif
