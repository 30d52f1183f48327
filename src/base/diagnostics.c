#include "base/diagnostics.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"

static void diagnostic_done(struct diagnostic *d)
{
	free(d->file);
	free(d->message);
}

void diagnostics_done(struct diagnostics *d)
{
	vector_for_each (&d->list, item)
		diagnostic_done(item);
	vector_done(&d->list);
}

void diagnostics_add(struct diagnostics *d, const char *file, unsigned line, unsigned column,
		     const char *format, ...)
{
	va_list args;
	va_start(args, format);
	*vector_add(&d->list) = (struct diagnostic){
		.file = mem_strdup(file),
		.line = line,
		.column = column,
		.message = str_vprintf(format, args),
	};
	va_end(args);
}

static int compare(const void *pa, const void *pb)
{
	const struct diagnostic *a = pa, *b = pb;
	int c = str_compare(a->file, b->file);
	if (c == 0)
		c = (a->line > b->line) - (a->line < b->line);
	if (c == 0)
		c = (a->column > b->column) - (a->column < b->column);
	return c != 0 ? c : str_compare(a->message, b->message);
}

void diagnostics_sort(struct diagnostics *d)
{
	if (d->list.count < 2)
		return;
	qsort(d->list.items, d->list.count, sizeof(*d->list.items), compare);
	size_t kept = 1;
	for (size_t i = 1; i < d->list.count; i++) {
		if (compare(&d->list.items[i], &d->list.items[kept - 1]) == 0)
			diagnostic_done(&d->list.items[i]);
		else
			d->list.items[kept++] = d->list.items[i];
	}
	d->list.count = kept;
}

char *diagnostic_text(const struct diagnostic *d)
{
	if (d->file == NULL)
		return mem_strdup(d->message);
	if (d->line == 0)
		return str_printf("%s: %s", d->file, d->message);
	return str_printf("%s:%u:%u: %s", d->file, d->line, d->column, d->message);
}

int diagnostics_error(const struct diagnostics *d, struct error **err)
{
	PRE(diagnostics_any(d));
	const struct diagnostic *first = &d->list.items[0];
	size_t more = d->list.count - 1;
	if (more == 0)
		return error_set_at(err, ERR_INVALID, first->file, first->line, first->column,
				    "%s", first->message);
	return error_set_at(err, ERR_INVALID, first->file, first->line, first->column,
			    "%s (and %zu more)", first->message, more);
}
