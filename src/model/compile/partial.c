/*
 * Names in a topology of which not all could be read.
 */
#include "base/str.h"
#include "model/compile/findings.h"
#include "model/compile/names.h"
#include "model/compile/passes.h"

/* What the passes over names ask of a space, without what could not be read; the lists of
 * imports are borrowed as they are. */
static Samoza__V1__Space *readable_space(struct compile *c, const Samoza__V1__Space *in,
					 bool *spaces_read, bool *facets_read)
{
	Samoza__V1__Space *out = arena_new_array(c->arena, Samoza__V1__Space, 1);

	samoza__v1__space__init(out);
	out->name = (char *)"";
	if (in == NULL || in->name == NULL)
		*spaces_read = false;
	if (in == NULL) {
		*facets_read = false;
		return out;
	}
	if (in->name != NULL)
		out->name = in->name;
	out->has_count = in->has_count;
	out->count = in->count;
	out->inside = in->inside;
	out->imports = in->imports;
	out->n_imports = in->n_imports;
	out->provides = arena_new_array(c->arena, char *, in->n_provides);
	for (size_t i = 0; i < in->n_provides; i++) {
		if (in->provides[i] != NULL)
			out->provides[out->n_provides++] = in->provides[i];
		else
			*facets_read = false;
	}
	return out;
}

void topology_check_names(const Samoza__V1__Topology *in, const struct topology_source *source,
			  bool defaults_read, struct diagnostics *findings)
{
	struct diagnostics own = {0};
	Samoza__V1__Topology names = SAMOZA__V1__TOPOLOGY__INIT;
	struct compile c = {.in = &names, .source = source, .findings = &own};
	bool spaces_read = true, facets_read = defaults_read;

	if (in->n_spaces == 0 || in->n_spaces > TOPOLOGY_MAX_SPACES)
		return;
	c.arena = arena_new();
	c.t = arena_new_array(c.arena, struct topology, 1);
	c.t->memory = c.arena;
	c.t->references = 1;
	names.n_spaces = in->n_spaces;
	names.spaces = arena_new_array(c.arena, Samoza__V1__Space *, in->n_spaces);
	for (size_t i = 0; i < in->n_spaces; i++)
		names.spaces[i] = readable_space(&c, in->spaces[i], &spaces_read, &facets_read);
	names.n_paths = in->n_paths;
	names.paths = in->paths;
	compile_names(&c);
	if (spaces_read) {
		(void)compile_tree(&c);
		compile_link_names(&c, facets_read);
	}
	topology_unref(c.t);
	diagnostics_sort(&own);
	vector_for_each (&own.list, d)
		diagnostics_add(findings, d->file, d->line, d->column, "%s", d->message);
	diagnostics_done(&own);
}
