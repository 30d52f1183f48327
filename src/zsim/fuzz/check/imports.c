/* What each process knows of its providers, against what there is, when all is idle. */

#include "zsim/fuzz/check/imports.h"

#include "base/str.h"
#include "core/control/state/provider_lists.h"
#include "core/control/state/state.h"
#include "zsim/fuzz/check/across.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

#include <inttypes.h>

struct lines {
	VECTOR(char *) list;
};

static void lines_done(struct lines *l)
{
	vector_for_each (&l->list, line)
		free(*line);
	vector_done(&l->list);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *lines_text(struct lines *l)
{
	if (l->list.count > 0)
		qsort(l->list.items, l->list.count, sizeof(char *), compare_lines);
	char *text = mem_strdup("");
	vector_for_each (&l->list, line) {
		char *longer = str_printf("%s[%s]", text, *line);
		free(text);
		text = longer;
	}
	return text;
}

char *imports_provider_line(const struct import_decl *import, const char *provider,
			    const char *const *names, const char *const *values, size_t count)
{
	char *line = str_printf("%s from %s:", import->from, provider);
	for (size_t v = 0; v < count; v++) {
		bool named = import->variable_count == 0;
		for (unsigned n = 0; n < import->variable_count; n++)
			named |= strcmp(import->variables[n], names[v]) == 0;
		if (!named)
			continue;
		char *longer = str_printf("%s %s=%s", line, names[v], values[v]);
		free(line);
		line = longer;
	}
	return line;
}

static char *provider_line(const struct import_decl *import,
			   const Samoza__V1__SpaceView *provider)
{
	CLEANUP(freep) const char **names = mem_new_array(const char *, provider->n_exports);
	CLEANUP(freep) const char **values = mem_new_array(const char *, provider->n_exports);
	for (size_t v = 0; v < provider->n_exports; v++) {
		names[v] = provider->exports[v]->name;
		values[v] = provider->exports[v]->value;
	}
	return imports_provider_line(import,
				     import->topology != NULL ? provider->name : provider->path,
				     names, values, provider->n_exports);
}

struct across_lines {
	struct fuzz *f;
	const struct import_decl *import;
	struct lines *lines;
};

static void add_across(void *user, const struct across_provider *p)
{
	struct across_lines *across = user;
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__SpaceView *view = NULL;
	if (!p->is_started)
		return;
	if (control_view_space(across->f->world.control, p->of->id, p->instance->record->path,
			       &view, &err) < 0) {
		world_violate(&across->f->world, "%s: %s", p->instance->id, err->message);
		return;
	}
	vector_push(&across->lines->list, provider_line(across->import, view));
	draws_happened(across->f, DRAW_IMPORTS);
	samoza__v1__space_view__free_unpacked(view, NULL);
}

static char *expected_text(struct fuzz *f, const struct submitted *s, unsigned instance,
			   const Samoza__V1__SpaceView *const *views)
{
	CLEANUP(lines_done) struct lines lines = {0};
	const struct space *space = instance_space(s->topology, instance);
	for (unsigned k = 0; k < space->import_count; k++) {
		const struct import_decl *import = &space->imports[k];
		if (import->topology != NULL)
			across_each(f, import, add_across,
				    &(struct across_lines){f, import, &lines});
		for (unsigned p = 0; p < import->provider_count; p++) {
			const struct space *provider =
				&s->topology->spaces[import->providers[p]];
			for (unsigned n = 0; n < provider->instance_count; n++) {
				unsigned other = provider->instances[n];
				if (other != instance && views[other] != NULL &&
				    strcmp(views[other]->state, "deployed-started") == 0)
					vector_push(&lines.list,
						    provider_line(import, views[other]));
			}
		}
	}
	return lines_text(&lines);
}

static char *known_text(const struct sim_process *p)
{
	CLEANUP(lines_done) struct lines lines = {0};
	CLEANUP(freep) char *copy = mem_strdup(p->imports != NULL ? p->imports : "");
	char *rest = NULL;
	for (char *line = strtok_r(copy, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		vector_push(&lines.list, mem_strdup(line));
	return lines_text(&lines);
}

void imports_check(struct fuzz *f, const struct submitted *s,
		   const Samoza__V1__SpaceView *const *views)
{
	for (unsigned i = 0; i < s->topology->instance_count; i++) {
		if (views[i] == NULL || strcmp(views[i]->state, "deployed-started") != 0 ||
		    views[i]->zhost == NULL)
			continue;
		struct sim_machine *n = mirror_machine(f, views[i]->zhost);
		CLEANUP(freep)
		char *id = str_printf("%s/%s#%" PRIu64, s->id, views[i]->path, views[i]->epoch);
		struct sim_process *p = NULL;
		if (n != NULL)
			HASH_FIND_STR(n->processes, id, p);
		if (p == NULL || p->imports == NULL)
			continue; /* check_processes() reports it; or it was asked in a life before
				   */
		CLEANUP(freep) char *expected = expected_text(f, s, i, views);
		CLEANUP(freep) char *known = known_text(p);
		if (strcmp(expected, known) != 0)
			world_violate(&f->world, "%s knows the providers %s, and there are %s",
				      views[i]->name, known, expected);
	}
}

void imports_check_lists(struct fuzz *f)
{
	struct control *control = f->world.control;
	if (control == NULL || f->world.zrms_dies || control_loop_is_due(f->world.commits) ||
	    control->count.flushes == f->lists_checked)
		return;
	f->lists_checked = control->count.flushes;
	application_for_each (&control->applications, a) {
		const char *from = import_lists_outdated(a);
		if (from != NULL)
			world_violate(&f->world,
				      "zhosts have a list of %s that is out of date, and %s "
				      "imports it",
				      from, a->name);
	}
}
