/*
 * Reads the log of an instance backwards, from its newest line on, as far as is asked for.
 *
 *   NAME.log ─► NAME.log.1 ─► … ─► NAME.log.3         each from its end to its beginning
 */
#ifndef SAMOZA_ZHOST_LOG_SPACELOG_SEARCH_H
#define SAMOZA_ZHOST_LOG_SPACELOG_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define SPACELOG_TAIL_MAX 10000

/* "2026-04-29T10:30:00.123Z info  ": what stands before the text of a line. */
#define SPACELOG_TIME_SIZE 24
#define SPACELOG_HEAD_SIZE 31

struct spacelog_search {
	size_t lines;	  /* the last so many, at most SPACELOG_TAIL_MAX */
	int64_t since_ms; /* only those from then on, wall clock; 0: any */
	const char *text; /* only those whose text has it; NULL: all. Borrowed */
};

/* Of the files called `name` in the directory, oldest line first, appended to `to` with their line feeds: the newest ones,
 * as many as there is room for. At most SPACELOG_SCAN_BYTES are read. Returns how many lines there are. */
#define SPACELOG_SCAN_BYTES ((size_t)64 * 1024 * 1024)
size_t spacelog_search(int log_fd, const char *name, const struct spacelog_search *search,
		       struct buffer *to);

/* Whether that text is in what the instance has said in the line, NUL-terminated. `text` NULL: it is. */
bool spacelog_line_has(const char *line, const char *text);

/* The name of a file: `age` 0 is the one that is written. `ret` of `size` bytes. */
void spacelog_file_name(const char *name, unsigned age, char *ret, size_t size);

#endif
