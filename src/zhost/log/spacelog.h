/*
 * What instances say, one log each: lines "2026-04-29T10:30:00.123Z info  text" in files, whose budget the space declares.
 *
 *   spacelog_add() ──► NAME.log ──a quarter of the budget, or of the time──► NAME.log.1 ─► NAME.log.2 ─► NAME.log.3 ─► gone
 *         │
 *         └──► the subscriber of this log (log_service.h), and the sink of all (sink/sinks.h)
 *
 * Lines of one turn of the loop are written at once; a full disk loses lines, not spaces.
 *
 * Files outlive an undeploy, so that the exit report can still be read; spacelogs_trim() removes what is older than the space
 * wants it kept, and lets only so many logs of instances that are gone lie about. Their time is in NAME.keep, where it is not
 * SPACELOG_KEEP_MS.
 */
#ifndef SAMOZA_ZHOST_LOG_SPACELOG_H
#define SAMOZA_ZHOST_LOG_SPACELOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "zhost/log/spacelog_search.h"

/* Of instances of which it is not known. */
#define SPACELOG_BYTES	 (UINT64_C(10) * 1024 * 1024)
#define SPACELOG_KEEP_MS (INT64_C(7) * 24 * 3600 * 1000)
#define SPACELOG_RATE	 (UINT64_C(64) * 1024)

#define SPACELOG_FILES	 4 /* of one log */
#define SPACELOG_BURST_S 8 /* so many seconds' worth may be said at once */
#define SPACELOG_KEPT	 1000

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

struct spacelog_budget {
	uint64_t bytes;
	int64_t keep_ms;
	uint64_t rate; /* bytes per second */
};
/* From now on; files of before keep to it with the next line, or spacelogs_trim(). */
void spacelog_set_budget(struct spacelog *log, const struct spacelog_budget *budget);

/* Whose log it is, as sinks say it. */
struct spacelog_source {
	const char *topology, *topology_name, *space, *path;
};
/* Copies. */
void spacelog_describe(struct spacelog *log, const struct spacelog_source *source);

/* `level`: "debug", "info", "warn", "error". Control characters in `text` become spaces. The
 * subscriber gets the line at once. What is more than the budget's rate is dropped, and the log says how much. */
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

/* Gets every line of every log, as it is added, with the time and text of spacelog_add(). NULL: nobody does. */
typedef void spacelog_sink_fn(void *user, const struct spacelog_source *source, int64_t wall_ms,
			      const char *level, const char *text, size_t size);
void spacelogs_set_sink(struct spacelogs *s, spacelog_sink_fn *sink, void *user);

/* Writes the lines of this turn. Returns whether there were any. */
bool spacelogs_flush(struct spacelogs *s);

/* What spacelog_search() finds in the files called `name`, as they lie on disk. Flush before. */
size_t spacelogs_search(struct spacelogs *s, const char *name,
			const struct spacelog_search *search, struct buffer *to);
/* The last `lines` of them. */
size_t spacelog_tail(struct spacelogs *s, const char *name, size_t lines, struct buffer *to);

/* Removes what is older than it is to be kept at `wall_ms`, and the oldest logs beyond SPACELOG_KEPT of instances that are not
 * on this zhost. At the start and from time to time. */
void spacelogs_trim(struct spacelogs *s, int64_t wall_ms);

/* ---- for spacelog_trim.c ---- */

int64_t spacelog_keep_ms(const struct spacelog *log);
/* Closes its file; the next line opens one. */
void spacelog_let_go(struct spacelog *log);
int spacelogs_dir(const struct spacelogs *s);

#endif
