#include <stdio.h>
#include <string.h>

#include "adapter/output/output.h"
#include "base/memory.h"
#include "base/str.h"
#include "mex/check.h"
#include "mex/command.h"
#include "mex/findings.h"
#include "proto/mex.pb-c.h"
#include "schema/message.h"

static Samoza__V1__PackageSpaceView *view_space(const struct mex_package *p, unsigned index)
{
	const struct space *s = &p->topology->spaces[index];
	const struct mex_space *files = &p->spaces[index];
	Samoza__V1__PackageSpaceView *v = (Samoza__V1__PackageSpaceView *)schema_message_new(
		&samoza__v1__package_space_view__descriptor);
	CLEANUP(freep) char *prefix = str_printf("spaces/%s/", s->name);

	schema_set_string(&v->name, NULL, s->name);
	schema_set_string(&v->type, NULL, space_type_name(s->type));
	v->count = s->count;
	if (s->parent >= 0)
		schema_set_string(&v->inside, NULL, p->topology->spaces[s->parent].name);
	v->cpu_millicores = s->cpu_millicores;
	v->memory_bytes = s->memory_bytes;
	v->capabilities = mem_new_array(char *, s->capability_count + 1);
	for (unsigned i = 0; i < s->capability_count; i++)
		v->capabilities[v->n_capabilities++] = mem_strdup(s->capabilities[i]);
	if (files->module != NULL) {
		v->has_module_bytes = 1;
		v->module_bytes = files->module->size;
		schema_set_string(&v->module_hash, NULL, files->module->hash);
	}
	for (unsigned i = 0; i < p->file_count; i++) {
		if (!str_has_prefix(p->files[i].path, prefix))
			continue;
		v->files++;
		v->bytes += p->files[i].size;
	}
	return v;
}

static void view_parameters(const struct mex_package *p, Samoza__V1__PackageView *v)
{
	size_t count = parameters_count(p->parameters);

	v->parameters = mem_new_array(Samoza__V1__PackageParameterView *, count);
	for (size_t i = 0; i < count; i++) {
		const struct parameter *one = parameters_at(p->parameters, i);
		Samoza__V1__PackageParameterView *view =
			(Samoza__V1__PackageParameterView *)schema_message_new(
				&samoza__v1__package_parameter_view__descriptor);
		view->name = mem_strdup(one->declared->name);
		view->type = parameter_expects(one->declared);
		schema_set_string(&view->default_value, NULL, one->value);
		schema_set_string(&view->description, NULL, one->declared->description);
		v->parameters[v->n_parameters++] = view;
	}
}

static Samoza__V1__PackageView *view_package(const struct mex_package *p)
{
	Samoza__V1__PackageView *v = (Samoza__V1__PackageView *)schema_message_new(
		&samoza__v1__package_view__descriptor);
	char signer[KEY_TEXT_BYTES];

	schema_set_string(&v->name, NULL, p->manifest.name);
	schema_set_string(&v->version, NULL, p->manifest.version_text);
	if (p->manifest.publisher[0] != '\0')
		schema_set_string(&v->publisher, NULL, p->manifest.publisher);
	if (p->manifest.created[0] != '\0')
		schema_set_string(&v->created, NULL, p->manifest.created);
	schema_set_string(&v->rollout, NULL, rollout_policy_name(p->manifest.rollout.policy));
	v->packed_bytes = p->packed_bytes;
	v->unpacked_bytes = p->unpacked_bytes;
	schema_set_string(&v->digest, NULL, p->digest);
	v->signed_ = p->is_signed;
	if (p->is_signed) {
		key_text(p->signer, signer);
		schema_set_string(&v->signer, NULL, signer);
	}
	v->instances = p->topology->instance_count;
	v->spaces = mem_new_array(Samoza__V1__PackageSpaceView *, p->topology->space_count + 1);
	for (unsigned i = 0; i < p->topology->space_count; i++)
		v->spaces[v->n_spaces++] = view_space(p, i);
	view_parameters(p, v);
	v->files = mem_new_array(Samoza__V1__PackageFileView *, p->file_count + 1);
	for (unsigned i = 0; i < p->file_count; i++) {
		Samoza__V1__PackageFileView *file =
			(Samoza__V1__PackageFileView *)schema_message_new(
				&samoza__v1__package_file_view__descriptor);
		schema_set_string(&file->path, NULL, p->files[i].path);
		schema_set_string(&file->hash, NULL, p->files[i].hash);
		file->size = p->files[i].size;
		file->executable = p->files[i].executable;
		v->files[v->n_files++] = file;
	}
	return v;
}

static void print_spaces(const struct output *o, const Samoza__V1__PackageView *v)
{
	static const struct output_column columns[] = {
		{"SPACE", 0, 0},
		{"TYPE", 0, 0},
		{"COUNT", OUTPUT_RIGHT, 0},
		{"INSIDE", 0, 0},
		{"CPU", OUTPUT_RIGHT, 0},
		{"MEMORY", OUTPUT_RIGHT, 0},
		{"FILES", OUTPUT_RIGHT, 0},
		{"SIZE", OUTPUT_RIGHT, 0},
		{"CAPABILITIES", OUTPUT_CUT, 0},
		{0},
	};
	struct output_table *table = output_table_new(o, columns, OUTPUT_INDENTED);

	for (size_t i = 0; i < v->n_spaces; i++) {
		const Samoza__V1__PackageSpaceView *s = v->spaces[i];
		CLEANUP(freep) char *count = str_printf("%u", s->count);
		CLEANUP(freep) char *cpu = output_cores(s->cpu_millicores);
		CLEANUP(freep) char *memory = output_size(s->memory_bytes);
		CLEANUP(freep) char *files = str_printf("%u", s->files);
		CLEANUP(freep) char *bytes = output_size(s->bytes);
		CLEANUP(freep) char *capabilities = mem_strdup("");

		for (size_t k = 0; k < s->n_capabilities; k++) {
			char *longer = str_printf("%s%s%s", capabilities, k > 0 ? " " : "",
						  s->capabilities[k]);
			free(capabilities);
			capabilities = longer;
		}
		output_table_row(table,
				 (const char *const[]){s->name, s->type, count, s->inside, cpu,
						       memory, files, bytes, capabilities});
	}
	output_table_print(table);
}

static void print_parameters(const struct output *o, const Samoza__V1__PackageView *v)
{
	static const struct output_column columns[] = {{"PARAMETER", 0, 0},
						       {"TYPE", 0, 0},
						       {"DEFAULT", 0, 0},
						       {"DESCRIPTION", OUTPUT_CUT, 0},
						       {0}};
	if (v->n_parameters == 0)
		return;
	struct output_table *table = output_table_new(o, columns, OUTPUT_INDENTED);

	output_line(o, "Parameters:");
	for (size_t i = 0; i < v->n_parameters; i++) {
		const Samoza__V1__PackageParameterView *p = v->parameters[i];

		output_table_row(table, (const char *const[]){
						p->name, p->type,
						p->default_value != NULL ? p->default_value
									 : "(must be set)",
						p->description != NULL ? p->description : ""});
	}
	output_table_print(table);
	output_line(o, "%s", "");
}

static void print_files(const struct output *o, const Samoza__V1__PackageView *v)
{
	static const struct output_column columns[] = {
		{"FILE", 0, 0}, {"SIZE", OUTPUT_RIGHT, 0}, {"SHA-256", 0, 0}, {0}};
	struct output_table *table = output_table_new(o, columns, OUTPUT_INDENTED);

	for (size_t i = 0; i < v->n_files; i++) {
		CLEANUP(freep)
		char *size = str_printf("%llu", (unsigned long long)v->files[i]->size);
		CLEANUP(freep)
		char *path = str_printf("%s%s", v->files[i]->path,
					v->files[i]->executable ? "*" : "");
		output_table_row(table, (const char *const[]){path, size, v->files[i]->hash});
	}
	output_table_print(table);
}

static void print_package(const struct output *o, const Samoza__V1__PackageView *v)
{
	CLEANUP(freep) char *packed = output_size(v->packed_bytes);
	CLEANUP(freep) char *unpacked = output_size(v->unpacked_bytes);
	CLEANUP(freep) char *instances = str_printf("%u", v->instances);
	const struct output_pair pairs[] = {
		{"Version", v->version},
		{"Publisher", v->publisher},
		{"Created", v->created},
		{"Rollout", v->rollout},
		{"Signer", v->signed_ ? v->signer : "none: not signed"},
		{"Digest", v->digest},
		{"Size", v->packed_bytes > 0 ? packed : NULL},
		{"Unpacked", unpacked},
		{"Instances", instances},
		{0},
	};

	output_line(o, "Package: %s", v->name);
	output_block(o, 11, pairs);
	output_line(o, "%s", "");
	output_line(o, "Spaces:");
	print_spaces(o, v);
	output_line(o, "%s", "");
	print_parameters(o, v);
	output_line(o, "Files:");
	print_files(o, v);
}

static const char *const output_formats[] = {"table", "json", "yaml", NULL};

/* The command line. */
struct options {
	char *output;
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct options *given = line->options;
	const char *path = cli_argument(line, 0);
	CLEANUP(mex_package_freep) struct mex_package *package = NULL;
	struct diagnostics findings = {0};
	struct mex_options options = check_options();
	struct error *why = NULL;
	struct output output;

	output_init(&output, stdout, stderr);
	if (output_format_parse(given->output, &output.format, err) < 0)
		return CLI_USAGE;
	options.allow_unsigned = true;
	options.allows_unset = true;
	options.any_signer = true;
	int r = check_open(path, &options, &findings, &package, &why);
	if (r < 0)
		return findings_fail(line->program, path, &findings, why);
	diagnostics_done(&findings);
	Samoza__V1__PackageView *view = view_package(package);
	if (output.format == OUTPUT_TABLE)
		print_package(&output, view);
	else
		output_message(&output, &view->base);
	schema_message_free(view);
	return CLI_DONE;
}

static const struct cli_option options[] = {
	{.name = "output",
	 .letter = 'o',
	 .type = CLI_CHOICE,
	 .offset = offsetof(struct options, output),
	 .fallback = "table",
	 .choices = output_formats,
	 .value = "FORMAT",
	 .help = "format of the result"},
	{0},
};

static const struct cli_argument operands[] = {
	{.name = "FILE|DIR", .kind = CLI_ARGUMENT_FILE},
	{0},
};

const struct cli_command command_inspect = {
	.words = "inspect",
	.arguments = operands,
	.summary = "show manifest, spaces, sizes, hashes and signer",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};
