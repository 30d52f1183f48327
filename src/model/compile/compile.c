#include "model/compile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/compile/internal.h"

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

/* In topology.yaml, or, for what only space.yaml says, there. */
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

static void compile_metadata(struct compile *c)
{
	const Samoza__V1__TopologyMetadata *metadata = c->in->metadata;

	c->t->name = arena_strdup(c->arena, metadata->name);
	c->t->owner = arena_strdup(c->arena, metadata->owner != NULL ? metadata->owner : "");
}

static void compile_all(struct compile *c)
{
	compile_metadata(c);
	if (c->in->n_spaces == 0) {
		finding(c, AT("spaces"), "a topology needs at least one space");
		return;
	}
	if (c->in->n_spaces > TOPOLOGY_MAX_SPACES) {
		finding(c, AT("spaces"), "%zu spaces are too many: at most %u", c->in->n_spaces,
			TOPOLOGY_MAX_SPACES);
		return;
	}
	compile_names(c);
	bool tree = compile_tree(c);
	compile_fields(c);
	bool links = compile_links(c);
	if (tree && links)
		compile_startable(c);
	if (tree) {
		compile_clashes(c);
		if (compile_count_instances(c) && c->finding_count == 0)
			compile_expand(c);
	}
}

int topology_compile(const Samoza__V1__Topology *in, const struct topology_source *source,
		     const struct topology_options *options, struct diagnostics *findings,
		     struct topology **ret_topology, struct error **err)
{
	struct diagnostics own = {0};
	struct compile c = {.in = in, .source = source, .options = options, .findings = &own};
	int r = 0;

	c.arena = arena_new();
	c.t = arena_new_array(c.arena, struct topology, 1);
	c.t->memory = c.arena;
	c.t->references = 1;
	compile_all(&c);
	if (c.finding_count == 0) {
		*ret_topology = c.t;
	} else {
		topology_unref(c.t);
		diagnostics_sort(&own);
		r = diagnostics_error(&own, err);
		if (c.finding_count > SCHEMA_FINDINGS_MAX)
			diagnostics_add(&own, NULL, 0, 0, "%u more findings are not shown",
					c.finding_count - SCHEMA_FINDINGS_MAX);
		if (findings != NULL) {
			vector_for_each (&own.list, d)
				diagnostics_add(findings, d->file, d->line, d->column, "%s",
						d->message);
		}
	}
	diagnostics_done(&own);
	return r;
}
