/*
 * What connects spaces: imports and paths.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/compile/findings.h"
#include "model/compile/names.h"
#include "model/compile/passes.h"

static bool exports_variable(const struct space *s, const char *name)
{
	unsigned low = 0, high = s->export_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int order = strcmp(s->exports[middle].name, name);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

#define LONGEST_PATIENCE_MS (UINT64_C(86400) * 1000)

/* At most this many providers are asked for each variable of an import: with a facet that
 * thousands provide, one that lacks the variable is found among the first, or not at all. */
#define PROVIDERS_ASKED 100u

static void check_variable(struct compile *c, unsigned space, size_t import,
			   const struct import_decl *out, const char *variable, size_t item)
{
	if (strcmp(variable, "ip") == 0)
		return;
	for (unsigned i = 0; i < out->provider_count; i++) {
		if (i == PROVIDERS_ASKED ||
		    exports_variable(&c->t->spaces[out->providers[i]], variable))
			return;
	}
	finding(c, AT("spaces[%u].imports[%zu].variables[%zu]", space, import, item),
		out->is_facet ? "no space that provides '%s' exports '%s'"
			      : "'%s' does not export '%s'",
		out->from, variable);
}

static void unknown_provider(struct compile *c, unsigned space, size_t item, const char *from)
{
	char *hint = hint_for(c, from, true);

	finding(c, AT("spaces[%u].imports[%zu].from", space, item),
		"there is no space or facet '%s'%s", from, hint);
	free(hint);
}

/* Of another topology: what that declares is not known here. False after a finding. */
static bool compile_import_across(struct compile *c, const struct space *s, size_t item,
				  const Samoza__V1__Import *in, struct import_decl *out)
{
	const char *slash = strchr(in->from, '/');
	CLEANUP(freep) char *topology = mem_strndup(in->from, (size_t)(slash - in->from));

	if (strcmp(topology, c->t->name) == 0) {
		finding(c, AT("spaces[%u].imports[%zu].from", s->index, item),
			"'%s' is of this topology: name it '%s'", in->from, slash + 1);
		return false;
	}
	out->topology = arena_strdup(c->arena, topology);
	out->from = arena_strdup(c->arena, in->from);
	out->facet = -1;
	return true;
}

/* Of this topology. False after a finding. */
static bool compile_import_here(struct compile *c, const struct space *s, size_t item,
				const Samoza__V1__Import *in, struct import_decl *out)
{
	const struct topology *t = c->t;
	int provider = topology_find_space(t, in->from);

	out->facet = provider < 0 ? topology_find_facet(t, in->from) : -1;
	out->is_facet = out->facet >= 0;
	if (provider >= 0) {
		out->from = t->spaces[provider].name;
		out->providers = &t->spaces[provider].index;
		out->provider_count = 1;
	} else if (out->is_facet) {
		out->from = t->facets[out->facet].name;
		out->providers = t->facets[out->facet].providers;
		out->provider_count = t->facets[out->facet].provider_count;
	} else {
		unknown_provider(c, s->index, item, in->from);
		return false;
	}
	return true;
}

static bool compile_import(struct compile *c, const struct space *s, size_t item,
			   const Samoza__V1__Import *in, struct import_decl *out)
{
	out->optional = in->has_optional && in->optional;
	out->patience_ms =
		compile_duration(c, AT("spaces[%u].imports[%zu].patience", s->index, item),
				 in->patience, 0, 0, LONGEST_PATIENCE_MS);
	if (strchr(in->from, '/') != NULL) {
		if (!compile_import_across(c, s, item, in, out))
			return false;
	} else if (!compile_import_here(c, s, item, in, out)) {
		return false;
	}
	out->variables = arena_new_array(c->arena, const char *, in->n_variables);
	out->variable_count = (unsigned)in->n_variables;
	for (size_t i = 0; i < in->n_variables; i++) {
		out->variables[i] = arena_strdup(c->arena, in->variables[i]);
		if (out->topology == NULL)
			check_variable(c, s->index, item, out, out->variables[i], i);
	}
	return true;
}

struct import_name {
	const char *from;
	unsigned item;
};

/* As recipes know it: of `shop/store` and `shop-store` the variables have the same names. */
static int compare_shell_names(const char *a, const char *b)
{
	for (;; a++, b++) {
		int order = (*a == '/' ? '-' : *a) - (*b == '/' ? '-' : *b);

		if (order != 0 || *a == '\0')
			return order;
	}
}

static int compare_imports(const void *a, const void *b)
{
	const struct import_name *x = a, *y = b;
	int order = compare_shell_names(x->from, y->from);

	return order != 0 ? order : (x->item > y->item) - (x->item < y->item);
}

static void check_import_twice(struct compile *c, unsigned space)
{
	const Samoza__V1__Space *in = c->in->spaces[space];
	struct import_name *names = mem_new_array(struct import_name, in->n_imports + 1);

	for (size_t i = 0; i < in->n_imports; i++)
		names[i] = (struct import_name){in->imports[i]->from, (unsigned)i};
	qsort(names, in->n_imports, sizeof(names[0]), compare_imports);
	for (size_t i = 1; i < in->n_imports; i++) {
		struct place place = AT("spaces[%u].imports[%u].from", space, names[i].item);

		if (strcmp(names[i].from, names[i - 1].from) == 0)
			finding(c, place,
				"'%s' is imported twice: put the variables into one import",
				names[i].from);
		else if (compare_shell_names(names[i].from, names[i - 1].from) == 0)
			finding(c, place,
				"'%s' and '%s' cannot both be imported: recipes would know "
				"them "
				"under the same names",
				names[i - 1].from, names[i].from);
	}
	free(names);
}

static bool compile_imports(struct compile *c)
{
	bool good = true;

	for (unsigned i = 0; i < c->t->space_count; i++) {
		const Samoza__V1__Space *in = c->in->spaces[i];
		struct space *s = &c->t->spaces[i];

		s->imports = arena_new_array(c->arena, struct import_decl, in->n_imports);
		for (size_t k = 0; k < in->n_imports; k++) {
			if (compile_import(c, s, k, in->imports[k],
					   &s->imports[s->import_count]))
				s->import_count++;
			else
				good = false;
		}
		if (in->n_imports > 1)
			check_import_twice(c, i);
	}
	return good;
}

/* ---- Paths ---- */

static int path_end(struct compile *c, size_t path, const char *end, const char *name)
{
	int space = topology_find_space(c->t, name);

	if (space < 0) {
		char *hint = hint_for(c, name, false);
		finding(c, AT("paths[%zu].%s", path, end), "there is no space '%s'%s", name,
			hint);
		free(hint);
	}
	return space;
}

struct path_end {
	unsigned space, path;
};

static int compare_ends(const void *a, const void *b, void *context)
{
	const struct topology *t = context;
	const struct path_end *x = a, *y = b;

	if (x->space != y->space)
		return x->space < y->space ? -1 : 1;
	int order = strcmp(t->paths[x->path].name, t->paths[y->path].name);
	if (order != 0)
		return order;
	return (x->path > y->path) - (x->path < y->path);
}

/* Gives each space its list of paths; two of one name at one space cannot be distinguished. */
static void index_paths(struct compile *c, const unsigned *positions)
{
	struct topology *t = c->t;
	size_t count = (size_t)t->path_count * 2;
	struct path_end *ends = mem_new_array(struct path_end, count + 1);
	unsigned *all = arena_new_array(c->arena, unsigned, count);

	for (unsigned i = 0; i < t->path_count; i++) {
		ends[2 * i] = (struct path_end){t->paths[i].from, i};
		ends[2 * i + 1] = (struct path_end){t->paths[i].to, i};
	}
	qsort_r(ends, count, sizeof(ends[0]), compare_ends, t);
	for (size_t i = 0; i < count; i++) {
		struct space *s = &t->spaces[ends[i].space];

		all[i] = ends[i].path;
		if (s->path_count++ == 0)
			s->paths = &all[i];
		else if (strcmp(t->paths[all[i - 1]].name, t->paths[all[i]].name) == 0)
			finding(c, AT("paths[%u]", positions[all[i]]),
				"space '%s' has two paths named '%s'", s->name,
				t->paths[all[i]].name);
	}
	free(ends);
}

static void compile_paths(struct compile *c)
{
	struct topology *t = c->t;
	size_t count = c->in->n_paths;

	if (count > TOPOLOGY_MAX_PATHS) {
		finding(c, AT("paths"), "%zu paths are too many: at most %u", count,
			TOPOLOGY_MAX_PATHS);
		return;
	}
	t->paths = arena_new_array(c->arena, struct path_decl, count);
	unsigned *positions = mem_new_array(unsigned, count + 1); /* in the file */
	for (size_t i = 0; i < count; i++) {
		const Samoza__V1__Path *in = c->in->paths[i];
		int from = path_end(c, i, "from", in->from);
		int to = path_end(c, i, "to", in->to);

		if (from < 0 || to < 0)
			continue;
		if (from == to) {
			finding(c, AT("paths[%zu].to", i),
				"a path connects two spaces; both ends are '%s'", in->to);
			continue;
		}
		struct path_decl *path = &t->paths[t->path_count];
		path->from = (unsigned)from;
		path->to = (unsigned)to;
		if (str_is_empty(in->name)) {
			char *name = str_printf("%s-%s", in->from, in->to);
			path->name = arena_strdup(c->arena, name);
			free(name);
		} else {
			path->name = arena_strdup(c->arena, in->name);
		}
		positions[t->path_count++] = (unsigned)i;
	}
	index_paths(c, positions);
	free(positions);
}

bool compile_links(struct compile *c)
{
	bool good = compile_imports(c);

	compile_paths(c);
	return good;
}

void compile_link_names(struct compile *c, bool facets)
{
	const struct topology *t = c->t;

	for (unsigned i = 0; facets && i < t->space_count; i++) {
		const Samoza__V1__Space *in = c->in->spaces[i];

		for (size_t k = 0; k < in->n_imports; k++) {
			const char *from = in->imports[k] != NULL ? in->imports[k]->from : NULL;

			if (from != NULL && strchr(from, '/') == NULL &&
			    topology_find_space(t, from) < 0 &&
			    topology_find_facet(t, from) < 0)
				unknown_provider(c, i, k, from);
		}
	}
	for (size_t i = 0; i < c->in->n_paths && i < TOPOLOGY_MAX_PATHS; i++) {
		const Samoza__V1__Path *in = c->in->paths[i];

		if (in != NULL && in->from != NULL)
			(void)path_end(c, i, "from", in->from);
		if (in != NULL && in->to != NULL)
			(void)path_end(c, i, "to", in->to);
	}
}
