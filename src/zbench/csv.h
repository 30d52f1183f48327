/*
 * Tables in CSV files as published traces have them: a line of column names, no quotes.
 */
#ifndef SAMOZA_ZBENCH_CSV_H
#define SAMOZA_ZBENCH_CSV_H

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

#define CSV_COLUMNS_MAX 32

struct csv {
	FILE *file;
	char *path, *line;
	size_t capacity;
	unsigned number;		  /* of the line */
	unsigned wanted;		  /* columns asked for */
	unsigned column[CSV_COLUMNS_MAX]; /* where each of them is; CSV_COLUMNS_MAX: nowhere */
	char *fields[CSV_COLUMNS_MAX];	  /* of the line */
	unsigned field_count;
};

/* Opens the file and finds the columns; `names` ends with NULL. "?NAME": a column that may be missing; its
 * fields are empty then. ERR_INVALID names what else is missing. */
int csv_open(struct csv *c, const char *path, const char *const *names,
	     struct error **err) must_check;
/* Reads the next line: 1, 0 at the end, or ERR_INVALID. */
int csv_next(struct csv *c, struct error **err) must_check;
/* Field of the i-th column asked for. Borrowed until the next line. */
const char *csv_text(const struct csv *c, unsigned i);
int csv_number(const struct csv *c, unsigned i, uint64_t max, uint64_t *ret_value,
	       struct error **err) must_check;
/* ERR_INVALID at this line. */
int csv_error(const struct csv *c, struct error **err, const char *what);
void csv_done(struct csv *c);

#endif
