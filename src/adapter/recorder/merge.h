/*
 * Makes few large blocks of the many small ones of a file that nothing is added to any more. Blocks are written each second, so that little is lost
 * with the process; small ones take three times the room of large ones.
 *
 *   blk 7 │ blk 8 │ blk 9 │ …      ──►      blk 7, which covers 3 │ …
 *
 * What is in them stays: only the first entry of a block, whose time stands by itself, gets it against the entry before it. A block with which
 * a reading may begin stays the first in its block, and one that does not continue the one before it begins another.
 */
#ifndef SAMOZA_ADAPTER_RECORDER_MERGE_H
#define SAMOZA_ADAPTER_RECORDER_MERGE_H

#include "adapter/recorder/block.h"
#include "base/error.h"

/* Entries of a block that is made of others. */
#define MERGED_BYTES ((size_t)1024 * 1024)
/* Of a file while it is made; not one of a recording. */
#define MERGING_SUFFIX ".merging"

struct block_merger {
	struct block block;	  /* that is being made */
	int64_t mono_ms, wall_ms; /* of its last entry */
};
void block_merger_init(struct block_merger *m);
void block_merger_done(struct block_merger *m);
/* One more. What is complete with it is appended to `to`. */
int block_merger_add(struct block_merger *m, const struct block *block, struct buffer *to,
		     struct error **err) must_check;
/* The last one. */
int block_merger_end(struct block_merger *m, struct buffer *to, struct error **err) must_check;

/* The whole file, in its place, with the times that it has. Nothing is changed where something of it is damaged or cut off, or when it fails. */
int recording_file_merge(const char *path, struct error **err) must_check;

#endif
