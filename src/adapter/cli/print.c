#include <string.h>

#include "adapter/cli/private.h"
#include "base/buffer.h"
#include "base/str.h"

const struct cli_option *cli_common_options(const struct cli_program *program)
{
	static const struct cli_option with_file[] = {
		{.name = "config", .type = CLI_PATH, .help = "read settings from a YAML file"},
		{.name = "print-config", .help = "print all settings with their sources"},
		{.name = "version", .help = "print the version"},
		{.name = "help", .letter = 'h', .help = "print this help"},
		{0},
	};

	return program->has_file ? with_file : with_file + 2;
}

const struct cli_exit *cli_exits(const struct cli_program *program)
{
	static const struct cli_exit common[] = {
		{CLI_DONE, "done"},
		{CLI_FAILED, "failed"},
		{CLI_USAGE, "incorrect usage"},
		{0},
	};

	return program->exits != NULL ? program->exits : common;
}

char *cli_option_usage(const struct cli_option *o)
{
	struct buffer out = BUFFER_INIT(4096);

	if (o->letter != '\0')
		(void)buffer_printf(&out, "-%c, ", o->letter);
	(void)buffer_printf(&out, "--%s", o->name);
	if (o->implied != NULL)
		(void)buffer_printf(&out, "[=%s]", cli_value_name(o));
	else if (o->type != CLI_FLAG)
		(void)buffer_printf(&out, " %s", cli_value_name(o));
	return buffer_steal(&out);
}

char *cli_option_details(const struct cli_option *o)
{
	struct buffer b = BUFFER_INIT(4096);
	CLEANUP(freep) char *range = cli_value_range(o);
	CLEANUP(freep) char *text = NULL;

	if (o->fallback != NULL && o->type != CLI_FLAG)
		(void)buffer_printf(&b, "; default %s", o->fallback);
	if (o->implied != NULL)
		(void)buffer_printf(&b, "; %s without a value", o->implied);
	if (o->required)
		(void)buffer_add_string(&b, "; required");
	if (range != NULL)
		(void)buffer_printf(&b, "; %s", range);
	for (const char *const *c = o->choices; c != NULL && *c != NULL; c++)
		(void)buffer_printf(&b, "%s%s", c == o->choices ? "; one of " : ", ", *c);
	if (o->environment != NULL)
		(void)buffer_printf(&b, "; $%s", o->environment);
	if (o->key != NULL)
		(void)buffer_printf(&b, "; %s in the file", o->key);
	text = buffer_steal(&b);
	return mem_strdup(text[0] != '\0' ? text + 2 : "");
}

static void add_option_usage(struct buffer *out, const struct cli_option *o)
{
	const char *value = o->type == CLI_FLAG ? NULL : cli_value_name(o);

	(void)buffer_printf(out, o->required ? " " : " [");
	if (o->letter != '\0')
		(void)buffer_printf(out, "-%c%s%s", o->letter, value != NULL ? " " : "",
				    value != NULL ? value : "");
	else if (o->implied != NULL)
		(void)buffer_printf(out, "--%s[=%s]", o->name, value);
	else
		(void)buffer_printf(out, "--%s%s%s", o->name, value != NULL ? " " : "",
				    value != NULL ? value : "");
	(void)buffer_printf(out, o->required ? "" : "]");
}

static void add_arguments(struct buffer *out, const struct cli_command *c)
{
	(void)buffer_add_string(out, c->words);
	for (const struct cli_argument *a = c->arguments; a != NULL && a->name != NULL; a++)
		(void)buffer_printf(out, a->optional ? " [%s%s]" : " %s%s", a->name,
				    a->repeated ? "..." : "");
}

char *cli_command_arguments(const struct cli_command *c)
{
	struct buffer out = BUFFER_INIT(8192);

	add_arguments(&out, c);
	return buffer_steal(&out);
}

/* More options than that are listed below the usage only. */
#define USAGE_MAX 4

char *cli_command_usage(const struct cli_command *c)
{
	struct buffer out = BUFFER_INIT(8192);
	size_t count = cli_option_count(c->options);

	add_arguments(&out, c);
	for (size_t i = 0; i < count; i++)
		if (c->options[i].required || count <= USAGE_MAX)
			add_option_usage(&out, &c->options[i]);
	if (count > USAGE_MAX)
		(void)buffer_add_string(&out, " [OPTIONS]");
	return buffer_steal(&out);
}

bool cli_is_listed(const struct cli_command *c)
{
	return !c->hidden && !str_has_suffix(c->words, " list");
}

/* ---- settings ---- */

static const char *const source_names[] = {
	[CLI_FROM_NOTHING] = "unset",	  [CLI_FROM_DEFAULT] = "default",
	[CLI_FROM_FILE] = "file",	  [CLI_FROM_ENVIRONMENT] = "environment",
	[CLI_FROM_LINE] = "command line",
};

static void print_source(const struct cli_loading *l, size_t i, const char *file, FILE *out)
{
	const struct cli_option *o = &l->program->options[i];

	if (l->sources[i] == CLI_FROM_FILE)
		(void)fprintf(out, "  # %s:%u", file, l->lines[i]);
	else if (l->sources[i] == CLI_FROM_ENVIRONMENT)
		(void)fprintf(out, "  # %s", o->environment);
	else if (l->sources[i] == CLI_FROM_LINE)
		(void)fprintf(out, "  # --%s", o->name);
	else
		(void)fprintf(out, "  # %s", source_names[l->sources[i]]);
}

/* A double-quoted YAML scalar. */
static void print_quoted(const char *text, FILE *out)
{
	(void)fputs(" \"", out);
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			(void)fprintf(out, "\\%c", *c);
		else if ((unsigned char)*c < 0x20)
			(void)fprintf(out, "\\x%02x", (unsigned)(unsigned char)*c);
		else
			(void)fputc(*c, out);
	}
	(void)fputc('"', out);
}

/* What cannot stand in a file is a comment. */
void cli_print_values(const struct cli_loading *l, const char *file, FILE *out)
{
	for (size_t i = 0; i < cli_option_count(l->program->options); i++) {
		const struct cli_option *o = &l->program->options[i];
		CLEANUP(freep) char *text = cli_value_text(o, l->settings);
		bool textual = o->type == CLI_STRING || o->type == CLI_PATH ||
			       o->type == CLI_CHOICE || o->type == CLI_URL ||
			       o->type == CLI_LINES || o->type == CLI_LISTEN ||
			       o->type == CLI_LISTEN_ANY;
		bool unset = text == NULL ||
			     (l->sources[i] == CLI_FROM_NOTHING && o->type != CLI_FLAG);

		(void)fprintf(out, "%s%s:", unset || o->key == NULL ? "# " : "",
			      o->key != NULL ? o->key : o->name);
		if (!unset && textual)
			print_quoted(text, out);
		else if (!unset)
			(void)fprintf(out, " %s", text);
		print_source(l, i, file, out);
		(void)fputc('\n', out);
	}
}
