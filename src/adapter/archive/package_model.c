/*
 * What a package means: its YAML files, the topology, the files of each space, the modules.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/archive/package_config.h"
#include "adapter/archive/package_findings.h"
#include "adapter/archive/package_opening.h"
#include "adapter/archive/package_stages.h"
#include "base/str.h"
#include "model/compile.h"
#include "model/parameter/rename.h"
#include "model/space_kind.h"
#include "schema/message.h"

/* ---- Schema ---- */

/* Reads a YAML file of the package. Its findings are in o->findings; negative also without
 * findings, when it cannot be read at all. */
static int read_yaml(struct opening *o, const struct mex_file *file,
		     const ProtobufCMessageDescriptor *type, unsigned flags,
		     ProtobufCMessage **ret_message, struct schema_positions **ret_positions,
		     struct error **err)
{
	CLEANUP(freep) char *shown = shown_file(o->package, file->path);
	uint8_t *text;
	size_t size;
	int r;

	if (file->size > SCHEMA_TEXT_MAX)
		return error_set(err, ERR_LIMIT, "%s has %llu bytes: at most %zu", shown,
				 (unsigned long long)file->size, SCHEMA_TEXT_MAX);
	r = mex_package_load(o->package, file, &text, &size, err);
	if (r < 0)
		return r;
	r = schema_read_template(type, shown, (const char *)text, size, flags,
				 parameters_substitution(o->package->parameters), o->findings,
				 ret_message, ret_positions, err);
	free(text);
	return r;
}

struct named_space {
	const char *name;
	unsigned index;
};

static int compare_named(const void *a, const void *b)
{
	return strcmp(((const struct named_space *)a)->name,
		      ((const struct named_space *)b)->name);
}

/* The spaces of the message, sorted by name; the caller frees. */
static struct named_space *sort_spaces(const Samoza__V1__Topology *t)
{
	struct named_space *names = mem_new_array(struct named_space, t->n_spaces + 1);

	for (size_t i = 0; i < t->n_spaces; i++)
		names[i] = (struct named_space){
			t->spaces[i]->name != NULL ? t->spaces[i]->name : "", (unsigned)i};
	qsort(names, t->n_spaces, sizeof(names[0]), compare_named);
	return names;
}

/* Index of the space in whose directory the file lies, and the path below it. -1: none. */
static int space_of_file(const struct named_space *names, size_t count, const char *path,
			 const char **ret_below)
{
	const char *name = path + strlen("spaces/");
	const char *slash;

	if (!str_has_prefix(path, "spaces/") || (slash = strchr(name, '/')) == NULL)
		return -1;
	CLEANUP(freep) char *copy = mem_strndup(name, (size_t)(slash - name));
	struct named_space key = {.name = copy};
	const struct named_space *found =
		count > 0 ? bsearch(&key, names, count, sizeof(names[0]), compare_named) : NULL;
	*ret_below = slash + 1;
	return found != NULL ? (int)found->index : -1;
}

/* Merges one spaces/NAME/space.yaml into the topology's space. */
static void read_defaults(struct opening *o, const struct mex_file *file, unsigned index)
{
	struct mex_package *p = o->package;
	Samoza__V1__Space *space = p->topology_message->spaces[index];
	ProtobufCMessage *message = NULL;
	struct error *err = NULL;

	if (read_yaml(o, file, &samoza__v1__space__descriptor, SCHEMA_PARTIAL, &message,
		      &p->private->space_positions[index], &err) < 0) {
		p->private->defaults_missing = true;
		if (err->code == ERR_LIMIT)
			finding_in_file(o, file->path, "%s", err->message);
		error_free(err);
		return;
	}
	const Samoza__V1__Space *defaults = (const Samoza__V1__Space *)message;
	if (defaults->name != NULL && strcmp(defaults->name, space->name) != 0) {
		struct schema_position at =
			schema_position_of(p->private->space_positions[index], "name");
		diagnostics_add(o->findings, at.file, at.line, at.column,
				"the name '%s' is not that of the directory", defaults->name);
	}
	schema_message_fill(&space->base, message);
	schema_message_free(message);
}

static void read_all_defaults(struct opening *o)
{
	struct mex_package *p = o->package;
	size_t count = p->topology_message->n_spaces;
	struct named_space *names = sort_spaces(p->topology_message);

	p->private->space_count = (unsigned)count;
	p->private->space_positions = mem_new_array(struct schema_positions *, count + 1);
	for (unsigned i = 0; i < p->file_count; i++) {
		const char *below;
		int space;

		if (!str_has_prefix(p->files[i].path, "spaces/"))
			continue;
		space = space_of_file(names, count, p->files[i].path, &below);
		if (space >= 0 && strcmp(below, "space.yaml") == 0)
			read_defaults(o, &p->files[i], (unsigned)space);
	}
	free(names);
}

static void tell(const struct opening *o)
{
	const struct mex_package *p = o->package;
	struct mex_peek *peek = o->options->peek;
	if (peek == NULL)
		return;
	peek->has_parameters = parameters_count(p->parameters) > 0;
	(void)snprintf(peek->name, sizeof(peek->name), "%s",
		       o->options->name != NULL ? o->options->name : p->manifest.name);
}

int stage_schema(struct opening *o, struct error **err)
{
	struct mex_package *p = o->package;
	const struct mex_file *file = mex_package_find(p, p->manifest.topology_path);
	ProtobufCMessage *message = NULL;
	int r;

	if (file == NULL) {
		finding_in_manifest(o, "spec.topology", "there is no file '%s'",
				    p->manifest.topology_path);
		return stage_result(o, err);
	}
	r = read_yaml(o, file, &samoza__v1__topology__descriptor, SCHEMA_KEEP, &message,
		      &p->private->topology_positions, err);
	p->topology_message = (Samoza__V1__Topology *)message;
	tell(o);
	if (r < 0)
		return r;
	parameters_drop(p->topology_message);
	read_all_defaults(o);
	return stage_result(o, err);
}

/* ---- Model ---- */

static void check_manifest_names(struct opening *o)
{
	struct mex_package *p = o->package;
	const struct manifest *m = &p->manifest;
	const Samoza__V1__Topology *t = p->topology_message;
	struct named_space *names = sort_spaces(t);
	bool *listed = mem_new_array(bool, t->n_spaces + 1);

	if (strcmp(m->name, t->metadata->name) != 0)
		finding_in_manifest(o, "metadata.name",
				    "the manifest's name '%s' is not the topology's, '%s'",
				    m->name, t->metadata->name);
	for (unsigned i = 0; i < m->space_count; i++) {
		struct named_space key = {.name = m->spaces[i]};
		const struct named_space *found =
			bsearch(&key, names, t->n_spaces, sizeof(names[0]), compare_named);
		char at[64];

		(void)snprintf(at, sizeof(at), "spec.spaces[%u]", i);
		if (found == NULL)
			finding_in_manifest(o, at, "the topology has no space '%s'",
					    m->spaces[i]);
		else
			listed[found->index] = true;
	}
	for (size_t i = 0; i < t->n_spaces && m->space_count > 0; i++) {
		if (!listed[i])
			finding_in_manifest(o, "spec.spaces",
					    "space '%s' of the topology is not listed",
					    t->spaces[i]->name);
	}
	free(names);
	free(listed);
}

static void add_asset(struct mex_asset **list, unsigned *count, const char *path,
		      const struct mex_file *file)
{
	/* Room grows by doubling: counts are powers of two exactly when it is full. */
	if ((*count & (*count - 1)) == 0)
		*list = mem_resize(*list, *count == 0 ? 1 : (size_t)*count * 2, sizeof(**list));
	(*list)[(*count)++] = (struct mex_asset){path, file};
}

static void sort_file(struct opening *o, unsigned space, const char *below,
		      const struct mex_file *file)
{
	struct mex_package *p = o->package;
	struct mex_space *s = &p->spaces[space];
	const struct space_kind *kind = space_kind_of(p->topology_message->spaces[space]->type);

	if (strcmp(below, "space.yaml") == 0)
		return;
	if (strcmp(below, "core.wasm") == 0) {
		s->module = file;
		return;
	}
	if (is_template(p->topology_message->spaces[space], below))
		return;
	if (kind != NULL && kind->has_recipes && str_has_prefix(below, "recipes/"))
		add_asset(&s->recipes, &s->recipe_count, below + strlen("recipes/"), file);
	else
		add_asset(&s->assets, &s->asset_count, below, file);
}

static void sort_files(struct opening *o)
{
	struct mex_package *p = o->package;
	size_t count = p->topology_message->n_spaces;
	struct named_space *names = sort_spaces(p->topology_message);
	bool all_named = count == 0 || names[0].name[0] != '\0';

	p->spaces = mem_new_array(struct mex_space, count + 1);
	for (unsigned i = 0; i < p->file_count; i++) {
		const char *below = NULL;
		int space;

		if (!str_has_prefix(p->files[i].path, "spaces/"))
			continue;
		space = space_of_file(names, count, p->files[i].path, &below);
		if (space >= 0)
			sort_file(o, (unsigned)space, below, &p->files[i]);
		else if (all_named)
			finding_in_file(o, p->files[i].path,
					"it belongs to no space of the topology");
	}
	free(names);
}

static bool has_asset(const struct mex_asset *list, unsigned count, const char *path)
{
	for (unsigned i = 0; i < count; i++) {
		if (strcmp(list[i].path, path) == 0)
			return true;
	}
	return false;
}

static void check_recipes(struct opening *o, const char *directory, const struct mex_space *s)
{
	static const char *const names[] = {"deploy", "start", "update", "stop", "undeploy"};

	if (!has_asset(s->recipes, s->recipe_count, "start"))
		finding_in_file(o, directory, "a NATIVE space needs recipes/start");
	for (unsigned i = 0; i < s->recipe_count; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			if (strcmp(s->recipes[i].path, names[k]) == 0 &&
			    !s->recipes[i].file->executable)
				finding_in_file(o, s->recipes[i].file->path,
						"the recipe is not executable");
		}
	}
}

/* What an instance gets beside its files is in there (zhost/native/native_config.h, zrun/native/native_api.h). */
static void check_hidden(struct opening *o, const struct mex_space *s)
{
	for (unsigned i = 0; i < s->asset_count; i++)
		if (strcmp(s->assets[i].path, ".samoza") == 0 ||
		    str_has_prefix(s->assets[i].path, ".samoza/"))
			finding_in_file(
				o, s->assets[i].file->path,
				"zhost has files of its own there: choose another name");
}

/* What each type of space must have and must not have [formats.mex.archive]. */
static void check_space_files(struct opening *o, unsigned index)
{
	struct mex_package *p = o->package;
	const struct mex_space *s = &p->spaces[index];
	const Samoza__V1__Space *space = p->topology_message->spaces[index];
	CLEANUP(freep) char *directory = str_printf("spaces/%s/", space->name);

	/* The topology reports the second of a name. */
	for (unsigned i = 0; i < index; i++)
		if (str_equal(p->topology_message->spaces[i]->name, space->name))
			return;

	const struct space_kind *kind = space_kind_of(space->type);
	const char *type = space_kind_type_name(space->type);

	if (kind != NULL && kind->has_pages && s->module != NULL)
		finding_in_file(o, s->module->path, "a %s space has no core.wasm", type);
	if (kind != NULL && kind->required_file != NULL &&
	    !has_asset(s->assets, s->asset_count, kind->required_file))
		finding_in_file(o, directory, "a %s space needs %s", type, kind->required_file);
	if (kind != NULL && kind->has_recipes) {
		check_recipes(o, directory, s);
		check_hidden(o, s);
	}
	if (kind != NULL && !kind->has_module)
		return;
	if (s->module != NULL)
		return;
	if (!source_is_directory(p->source))
		finding_in_file(o, directory, "a space of this type needs core.wasm");
	else if (!source_has_sources(p->source, space->name))
		finding_in_file(o, directory, "a space of this type needs core.wasm or src/");
}

void check_files(struct opening *o)
{
	const struct mex_package *p = o->package;

	sort_files(o);
	for (unsigned i = 0; i < p->private->space_count; i++) {
		if (p->topology_message->spaces[i]->name != NULL &&
		    p->topology_message->spaces[i]->has_type)
			check_space_files(o, i);
	}
}

void check_despite_schema_findings(struct opening *o)
{
	struct mex_package *p = o->package;
	Samoza__V1__Topology *t = p->topology_message;
	struct topology_source source = {0};

	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n_spaces; i++) {
		if (t->spaces[i] == NULL)
			t->spaces[i] = (Samoza__V1__Space *)schema_message_new(
				&samoza__v1__space__descriptor);
	}
	/* With faults in topology.yaml itself, the stage ended there. */
	if (p->private->space_positions == NULL)
		read_all_defaults(o);
	source.positions = p->private->topology_positions;
	source.defaults = p->private->space_positions;
	topology_check_names(t, &source, !p->private->defaults_missing, o->findings);
	check_files(o);
}

int stage_model(struct opening *o, struct error **err)
{
	struct mex_package *p = o->package;
	struct topology_source source = {.positions = p->private->topology_positions,
					 .defaults = p->private->space_positions};
	struct error *ignored = NULL;

	check_manifest_names(o);
	if (o->options->name != NULL)
		topology_rename(p->topology_message, o->options->name, o->findings);
	if (topology_compile(p->topology_message, &source, NULL, o->findings, &p->topology,
			     &ignored) < 0)
		error_free(ignored); /* it is among the findings */
	check_files(o);
	int r = p->topology != NULL ? read_templates(o, err) : 0;
	return r < 0 ? r : stage_result(o, err);
}

/* ---- Modules ---- */

struct module_job {
	const struct mex_file *file;
	uint64_t memory_bytes;
};

static int compare_jobs(const void *a, const void *b)
{
	const struct module_job *x = a, *y = b;
	int order = strcmp(x->file->hash, y->file->hash);

	if (order != 0)
		return order;
	return (x->memory_bytes > y->memory_bytes) - (x->memory_bytes < y->memory_bytes);
}

static int check_module(struct opening *o, const struct module_job *job, struct error **err)
{
	struct error *fault = NULL;
	uint8_t *data;
	size_t size;
	int r = mex_package_load(o->package, job->file, &data, &size, err);

	if (r < 0)
		return r;
	r = o->options->check_module(o->options->check_module_context, data, size,
				     job->memory_bytes, &fault);
	free(data);
	if (r < 0) {
		finding_in_file(o, job->file->path, "%s", fault->message);
		error_free(fault);
	}
	return 0;
}

int stage_modules(struct opening *o, struct error **err)
{
	struct mex_package *p = o->package;
	struct module_job *jobs = mem_new_array(struct module_job, p->private->space_count + 1);
	size_t count = 0;
	int r = 0;

	for (unsigned i = 0; i < p->private->space_count; i++) {
		if (p->spaces[i].module != NULL &&
		    space_type_is_wasm(p->topology->spaces[i].type))
			jobs[count++] = (struct module_job){
				p->spaces[i].module, p->topology->spaces[i].memory_bytes};
	}
	qsort(jobs, count, sizeof(jobs[0]), compare_jobs);
	for (size_t i = 0; i < count && r == 0 && o->options->check_module != NULL; i++) {
		/* A thousand spaces may share one module. */
		if (i == 0 || compare_jobs(&jobs[i - 1], &jobs[i]) != 0)
			r = check_module(o, &jobs[i], err);
	}
	free(jobs);
	return r < 0 ? r : stage_result(o, err);
}
