/*
 * What instances say, one file each: "2026-04-29T10:30:00.123Z info  text". A file that has
 * grown to SPACELOG_BYTES becomes NAME.log.1 (the one before is gone) and a new one begins.
 * Lines of one turn of the loop are written at once; a full disk loses lines, not spaces.
 *
 * Files outlive an undeploy, so that the exit report can still be read; spacelog_trim() lets
 * only so many of them lie about.
 */
#ifndef SAMOZA_ZHOST_LOG_SPACELOG_H
#define SAMOZA_ZHOST_LOG_SPACELOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define SPACELOG_BYTES	  (1024 * 1024)
#define SPACELOG_TAIL_MAX 10000
#define SPACELOG_KEPT	  1000

struct spacelogs;
struct spacelog;

/* `log_fd`: the directory, borrowed. */
struct spacelogs *spacelogs_new(int log_fd);
void spacelogs_free(struct spacelogs *s);

/* `name` as instance_file_name() gives it with epoch 0. Copies of one instance write through one
 * log, so that its file is rotated once: each opens it, and closes it again. The file is opened
 * with the first line. */
struct spacelog *spacelog_open(struct spacelogs *s, const char *name);
/* With the last close, writes what waits and notifies the subscriber. NULL is fine. */
void spacelog_close(struct spacelog *log);
/* The log of an instance that is on this zhost; NULL: there is none of this name. */
struct spacelog *spacelogs_find(const struct spacelogs *s, const char *name);

/* `level`: "debug", "info", "warn", "error". Control characters in `text` become spaces. The
 * subscriber gets the line at once. */
void spacelog_add(struct spacelog *log, int64_t wall_ms, const char *level, const char *text,
		  size_t size);

struct spacelog_subscriber {
	/* `line` is NUL-terminated, without a line feed. */
	void (*line)(void *user, struct spacelog *log, const char *line);
	/* No copy of the instance is left here: no line follows, the log is about to be freed. */
	void (*closed)(void *user, struct spacelog *log);
};
/* One subscriber per log, which distributes the lines; NULL ends it. */
void spacelog_subscribe(struct spacelog *log, const struct spacelog_subscriber *subscriber,
			void *user);

/* Writes the lines of this turn. Returns whether there were any. */
bool spacelogs_flush(struct spacelogs *s);

/* The last `lines` of the files called `name`, as they lie on disk, appended to `to` with
 * their line feeds. Flush before. Returns how many there are. */
size_t spacelog_tail(struct spacelogs *s, const char *name, size_t lines, struct buffer *to);

/* Removes the oldest files beyond SPACELOG_KEPT, except those of instances on this zhost. */
void spacelogs_trim(struct spacelogs *s);

#endif
