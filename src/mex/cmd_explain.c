#include <stdio.h>
#include <string.h>

#include "adapter/output/output.h"
#include "base/memory.h"
#include "base/str.h"
#include "mex/command.h"
#include "model/explain.h"
#include "proto/model.pb-c.h"

static const struct explain_kind {
	const char *name, *file;
	const ProtobufCMessageDescriptor *type;
} kinds[] = {
	{"topology", "topology.yaml", &samoza__v1__topology__descriptor},
	{"manifest", "manifest.yaml", &samoza__v1__manifest__descriptor},
	{"zhosts", "zhosts.yaml", &samoza__v1__zhost_list__descriptor},
};

/* The command line. */
struct options {
	bool all;
	bool markdown;
};

/* ---- which field ---- */

/* Takes the kind's name off the front of `*path`. Without one: topology. */
static const struct explain_kind *take_kind(const char **path)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t size = strlen(kinds[i].name);
		if (strncmp(*path, kinds[i].name, size) != 0 ||
		    ((*path)[size] != '\0' && (*path)[size] != '.'))
			continue;
		*path += size + ((*path)[size] == '.' ? 1 : 0);
		return &kinds[i];
	}
	return &kinds[0];
}

/* Every field of all kinds whose last key is `key`. */
struct search {
	const char *key;
	VECTOR(struct explain_path) found;
};

static void search_below(struct search *s, const struct explain_path *path)
{
	const ProtobufCMessageDescriptor *type = explain_message(path);
	for (unsigned i = 0; type != NULL && i < type->n_fields; i++) {
		struct explain_path below = explain_below(path, i);
		if (explain_is_hidden(&below))
			continue;
		if (strcmp(below.steps[below.depth - 1].rule->key, s->key) == 0)
			vector_push(&s->found, below);
		search_below(s, &below);
	}
}

static const char *kind_name(const struct explain_path *path)
{
	size_t i = 0;
	while (kinds[i].type != path->root)
		i++;
	return kinds[i].name;
}

/* "spaces.health.interval", "manifest.rollout.batch": as it is asked for. The caller frees. */
static char *asked_name(const struct explain_path *path)
{
	CLEANUP(freep) char *name = explain_name(path);
	if (path->root == kinds[0].type && path->depth > 0)
		return mem_strdup(name);
	return str_printf("%s%s%s", kind_name(path), name[0] != '\0' ? "." : "", name);
}

/* A key alone, wherever it stands. ERR_CONFLICT where it stands in several places. */
static int find_anywhere(const char *key, struct explain_path *ret, struct error **err)
{
	struct search s = {.key = key};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		search_below(&s, &(struct explain_path){.root = kinds[i].type});
	int r = ERR_NOT_FOUND;
	if (s.found.count == 1) {
		*ret = s.found.items[0];
		r = 0;
	} else if (s.found.count > 1) {
		CLEANUP(freep) char *names = NULL;
		vector_for_each (&s.found, path) {
			CLEANUP(freep) char *name = asked_name(path), *before = names;
			names = str_printf("%s%s%s", before != NULL ? before : "",
					   before != NULL ? ", " : "", name);
		}
		r = error_set(err, ERR_CONFLICT, "there are several fields '%s': %s", key,
			      names);
	}
	vector_done(&s.found);
	return r;
}

static int find(const char *asked, struct explain_path *ret, struct error **err)
{
	const char *path = asked;
	const struct explain_kind *kind = take_kind(&path);
	struct error *why = NULL;
	int r = explain_find(kind->type, path, ret, &why);
	if (r == ERR_NOT_FOUND && strpbrk(asked, ".[") == NULL) {
		r = find_anywhere(asked, ret, err);
		if (r != ERR_NOT_FOUND) {
			error_free(why);
			return r;
		}
	}
	return r < 0 ? error_move(err, why) : r;
}

/* ---- for a terminal ---- */

static void print_paragraphs(const struct output *o, const char *doc)
{
	for (const char *c = doc; c != NULL && *c != '\0';) {
		size_t size = strcspn(c, "\n");
		output_text(o, 2, "  %.*s", (int)size, c);
		c += size + (c[size] != '\0' ? 1 : 0);
	}
}

static void print_values(const struct output *o, const struct explain_path *path)
{
	const struct schema_field *rule =
		path->depth > 0 ? path->steps[path->depth - 1].rule : NULL;
	const ProtobufCFieldDescriptor *field =
		path->depth > 0 ? path->steps[path->depth - 1].field : NULL;
	if (field == NULL || rule->map || field->type != PROTOBUF_C_TYPE_ENUM)
		return;
	const struct schema_enum *table = schema_enum_table(field->descriptor);
	printf("\nValues:\n");
	for (unsigned i = 0; i < table->value_count; i++)
		output_text(o, 18, "  %-16s%s", table->values[i].spelling,
			    table->values[i].doc != NULL ? table->values[i].doc : "");
}

static void print_indented(const char *text)
{
	for (const char *c = text; *c != '\0';) {
		size_t size = strcspn(c, "\n");
		printf("  %.*s\n", (int)size, c);
		c += size + (c[size] != '\0' ? 1 : 0);
	}
}

static void print_fields(const struct output *o, const struct explain_path *path)
{
	const ProtobufCMessageDescriptor *type = explain_message(path);
	if (type == NULL)
		return;
	printf("\nFields:\n");
	for (unsigned i = 0; i < type->n_fields; i++) {
		struct explain_path below = explain_below(path, i);
		if (explain_is_hidden(&below))
			continue;
		const char *key = below.steps[below.depth - 1].rule->key;
		output_text(o, 18, "  %-15s %s%s", key,
			    explain_is_required(&below) ? "(required) " : "",
			    explain_doc(&below) != NULL ? explain_doc(&below) : "");
	}
}

static void print_text(const struct output *o, const struct explain_path *path)
{
	CLEANUP(freep) char *name = asked_name(path), *type = explain_type(path);
	CLEANUP(freep) char *fallback = explain_default(path), *change = explain_change(path);
	CLEANUP(freep) char *example = explain_example(path);
	printf("%s%s\n\n", name, explain_is_required(path) ? " (required)" : "");
	print_paragraphs(o, explain_doc(path));
	printf("\n");
	output_text(o, 18, "  %-16s%s", "Value:", type);
	if (fallback != NULL)
		output_text(o, 18, "  %-16s%s", "Without it:", fallback);
	if (change != NULL)
		output_text(o, 18, "  %-16s%s", "New version:", change);
	print_values(o, path);
	printf("\nExample:\n");
	print_indented(example);
	print_fields(o, path);
}

/* ---- for the manual ---- */

/* Text in which Markdown is left as it is: documentation is written with backquotes already. */
static void print_markdown(const struct explain_path *path)
{
	CLEANUP(freep) char *name = explain_name(path), *type = explain_type(path);
	CLEANUP(freep) char *fallback = explain_default(path), *change = explain_change(path);
	CLEANUP(freep) char *example = explain_example(path);
	unsigned level = path->depth < 4 ? path->depth + 1 : 4;
	printf("%.*s %s\n\n", (int)level, "####", path->depth > 0 ? name : kind_name(path));
	for (const char *c = explain_doc(path); c != NULL && *c != '\0';) {
		size_t size = strcspn(c, "\n");
		printf("%.*s\n\n", (int)size, c);
		c += size + (c[size] != '\0' ? 1 : 0);
	}
	if (path->depth > 0) {
		printf("| | |\n|---|---|\n| value | %s%s |\n", type,
		       explain_is_required(path) ? "; required" : "");
		if (fallback != NULL)
			printf("| without it | %s |\n", fallback);
		if (change != NULL)
			printf("| another one in a new version | %s |\n", change);
		printf("\n");
		const ProtobufCFieldDescriptor *field = path->steps[path->depth - 1].field;
		const struct schema_enum *table = field->type == PROTOBUF_C_TYPE_ENUM
							  ? schema_enum_table(field->descriptor)
							  : NULL;
		for (unsigned i = 0; table != NULL && i < table->value_count; i++)
			printf("- `%s`%s%s\n%s", table->values[i].spelling,
			       table->values[i].doc != NULL ? ": " : "",
			       table->values[i].doc != NULL ? table->values[i].doc : "",
			       i + 1 < table->value_count ? "" : "\n");
	}
	printf("```yaml\n%s```\n\n", example);
}

static void print_all(const struct output *o, const struct explain_path *path, bool markdown)
{
	if (markdown) {
		print_markdown(path);
	} else {
		if (path->depth > 0)
			printf("\n");
		print_text(o, path);
	}
	const ProtobufCMessageDescriptor *type = explain_message(path);
	for (unsigned i = 0; type != NULL && i < type->n_fields; i++) {
		struct explain_path below = explain_below(path, i);
		if (!explain_is_hidden(&below))
			print_all(o, &below, markdown);
	}
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct options *given = line->options;
	const char *asked = cli_argument(line, 0);
	struct explain_path path;
	int r = find(asked != NULL ? asked : "topology", &path, err);
	if (r < 0)
		return r;
	struct output o;
	output_init(&o, stdout, stderr);
	if (given->all)
		print_all(&o, &path, given->markdown);
	else if (given->markdown)
		print_markdown(&path);
	else
		print_text(&o, &path);
	return CLI_DONE;
}

static const struct cli_option options[] = {
	{.name = "all",
	 .type = CLI_FLAG,
	 .offset = offsetof(struct options, all),
	 .help = "the fields that it contains, too, one after the other"},
	{.name = "markdown",
	 .type = CLI_FLAG,
	 .offset = offsetof(struct options, markdown),
	 .help = "as Markdown, for documents"},
	{0},
};

static const struct cli_argument operands[] = {
	{.name = "FIELD", .kind = CLI_ARGUMENT_WORD, .optional = true},
	{0},
};

const struct cli_command command_explain = {
	.words = "explain",
	.arguments = operands,
	.summary = "explain a field of topology.yaml, manifest.yaml or a list of zhosts",
	.details = "FIELD is a path of keys, such as spaces.health.interval or "
		   "manifest.rollout.batch, or a key alone "
		   "where it stands in one place only. Without FIELD: what topology.yaml "
		   "contains.\n"
		   "It says what may stand there, what holds without it, what another value "
		   "does to a topology that "
		   "runs, and gives an example.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};
