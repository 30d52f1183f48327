/*
 * Puts lines of several logs into the order of their times.
 *
 *   log_merge_add() ──► waiting ──log_merge_ready()──► the first so many are written, then log_merge_drop()
 *
 * Each log comes in its own order; what of it is on its way is not known. So a line waits a little for earlier ones of others: it
 * is ready when it is not later than one that came at or before the horizon. What comes later still is written where it comes.
 */
#ifndef SAMOZA_ZRMS_LOG_MERGE_H
#define SAMOZA_ZRMS_LOG_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log_cursor.h"
#include "base/vector.h"

struct log_line {
	char time[LOG_TIME_SIZE + 1];
	char *text;	    /* the whole line; owned */
	const void *origin; /* borrowed */
	uint64_t order;
	int64_t came_ms; /* monotonic */
};

struct log_merge {
	VECTOR(struct log_line) lines;
	size_t bytes;
	uint64_t next_order;
	bool has_dropped; /* by log_merge_keep(), ever */
};

void log_merge_done(struct log_merge *m);
/* The line stands at its own time, or, if it says none, at that of the cursor, which has taken it. Copies. */
void log_merge_add(struct log_merge *m, const struct log_cursor *cursor, const void *origin,
		   const char *line, int64_t came_ms);
/* Only the newest `count` are left, in order. */
void log_merge_keep(struct log_merge *m, size_t count);
/* In order; how many of them may be written. */
size_t log_merge_ready(struct log_merge *m, int64_t horizon_ms);
/* The first so many are written. */
void log_merge_drop(struct log_merge *m, size_t count);
/* When the one that waits longest came; INT64_MAX: none waits. */
int64_t log_merge_oldest(const struct log_merge *m);

#endif
