/*
 * Findings about the user's files: all of them, not only the first, each with its place.
 * Readers (schema) and checkers (model, archive) add; programs print.
 */
#ifndef SAMOZA_BASE_DIAGNOSTICS_H
#define SAMOZA_BASE_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/vector.h"

struct diagnostic {
	char *file;    /* as the user named it; NULL when there is none */
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
/* By file, line, column, message; equal ones become one. */
void diagnostics_sort(struct diagnostics *d);
static inline bool diagnostics_any(const struct diagnostics *d)
{
	return d->list.count > 0;
}
/* "FILE:LINE:COLUMN: MESSAGE" with what is known; the caller frees. */
char *diagnostic_text(const struct diagnostic *d);
/* ERR_INVALID with the first finding, and how many more there are. PRE: any. */
int diagnostics_error(const struct diagnostics *d, struct error **err);

#endif
