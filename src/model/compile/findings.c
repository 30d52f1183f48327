#include "model/compile/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct place AT(const char *format, ...) {
	struct place place;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(place.path, sizeof(place.path), format, args);
	va_end(args);
	return place;
}

static bool
same_position(struct schema_position a, struct schema_position b)
{
	return a.line == b.line && a.column == b.column;
}

/* The position of `path`, and whether it is that of the value itself, not merely of something
 * around it: then it differs from that of what is around. */
static struct schema_position exact_position(const struct schema_positions *positions,
					     const char *path, bool *ret_exact)
{
	struct schema_position here = schema_position_of(positions, "%s", path);
	size_t size = strlen(path);

	while (size > 0 && path[size - 1] != '.' && path[size - 1] != '[')
		size--;
	if (size > 0)
		size--;
	struct schema_position around = schema_position_of(positions, "%.*s", (int)size, path);
	*ret_exact = here.line > 0 && !same_position(here, around);
	return here;
}

/* In topology.yaml, or, for what only space.yaml has, there. */
static struct schema_position position_of(const struct compile *c, const char *path)
{
	struct schema_position position = {0};
	unsigned space;
	int used = 0;
	bool exact;

	if (c->source == NULL)
		return position;
	position = exact_position(c->source->positions, path, &exact);
	if (exact || c->source->defaults == NULL ||
	    sscanf(path, "spaces[%u].%n", &space, &used) != 1 || used == 0 ||
	    space >= c->in->n_spaces || c->source->defaults[space] == NULL)
		return position;
	struct schema_position in_defaults =
		exact_position(c->source->defaults[space], path + used, &exact);
	return exact ? in_defaults : position;
}

void finding(struct compile *c, struct place place, const char *format, ...)
{
	va_list args;

	c->finding_count++;
	if (c->finding_count > SCHEMA_FINDINGS_MAX)
		return;
	struct schema_position position = position_of(c, place.path);
	va_start(args, format);
	char *message = str_vprintf(format, args);
	va_end(args);
	if (position.line > 0)
		diagnostics_add(c->findings, position.file, position.line, position.column,
				"%s", message);
	else
		diagnostics_add(c->findings, NULL, 0, 0, "%s: %s", place.path, message);
	free(message);
}

void finding_error(struct compile *c, struct place place, struct error *err)
{
	finding(c, place, "%s", err->message);
	error_free(err);
}
