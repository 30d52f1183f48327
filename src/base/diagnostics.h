/*
 * Findings about the user's files: all of them, not only the first, each with file, line and
 * column. schema, model and adapter/archive add findings; programs print them.
 */
#ifndef SAMOZA_BASE_DIAGNOSTICS_H
#define SAMOZA_BASE_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/vector.h"

struct diagnostic {
	char *file;    /* as the user named it, or NULL */
	unsigned line; /* from 1; 0: the whole file */
	unsigned column;
	char *message;
};

struct diagnostics {
	VECTOR(struct diagnostic) list;
};

void diagnostics_done(struct diagnostics *d);
void diagnostics_add(struct diagnostics *d, const char *file, unsigned line, unsigned column,
		     const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Sorts by file, line, column and message, and removes duplicates. */
void diagnostics_sort(struct diagnostics *d);
static inline bool diagnostics_any(const struct diagnostics *d)
{
	return d->list.count > 0;
}
/* "FILE:LINE:COLUMN: MESSAGE", without the parts that are unknown. The caller frees. */
char *diagnostic_text(const struct diagnostic *d);
/* ERR_INVALID with the first finding and the number of others. PRE: diagnostics_any(). */
int diagnostics_error(const struct diagnostics *d, struct error **err);

#endif
