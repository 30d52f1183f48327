/*
 * Help on a terminal, from the tables.
 */
#include <ctype.h>
#include <string.h>

#include "adapter/cli/private.h"
#include "adapter/terminal/terminal.h"
#include "base/buffer.h"
#include "base/str.h"

#define WIDTH	  96 /* at most */
#define WIDTH_MIN 20
/* Of the column with names, where the terminal has room for another. */
#define LEFT		32
#define LEFT_WITH_WIDTH 64
/* Of the text under its name, otherwise. */
#define UNDER 6

/* ---- text ---- */

static size_t width_of(FILE *out)
{
	size_t columns = terminal_columns(fileno(out));

	if (columns == 0)
		return WIDTH;
	if (columns < WIDTH_MIN)
		return WIDTH_MIN;
	return columns < WIDTH ? columns : WIDTH;
}

/* Fills the words of `text` into lines that `out` has room for, after `indent`; the first line has
 * begun and `column` columns are used. A blank line in `text` is kept. */
static void fill(FILE *out, const char *text, unsigned indent, size_t column)
{
	size_t width = width_of(out);

	while (*text != '\0') {
		size_t gap = strspn(text, " \n");
		bool is_paragraph = memmem(text, gap, "\n\n", 2) != NULL;
		size_t size = strcspn(text + gap, " \n");

		text += gap;
		if (size == 0)
			break;
		if (is_paragraph || (column > indent && column + 1 + size > width)) {
			(void)fprintf(out, is_paragraph ? "\n\n%*s" : "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			(void)fputc(' ', out);
			column++;
		}
		(void)fwrite(text, 1, size, out);
		column += size;
		text += size;
	}
	(void)fputc('\n', out);
}

/* Up to the next space that is outside of brackets: "[--wait TIME]" is not broken. */
static size_t usage_unit(const char *text)
{
	size_t size = 0;
	int depth = 0;

	for (; text[size] != '\0' && (text[size] != ' ' || depth > 0); size++) {
		depth += text[size] == '[';
		depth -= text[size] == ']';
	}
	return size;
}

void cli_print_usage_line(const char *program, const char *usage, FILE *out)
{
	size_t width = width_of(out);
	size_t column = strlen("usage: ") + strlen(program);

	(void)fprintf(out, "usage: %s", program);
	while (*usage != '\0') {
		size_t size = usage_unit(usage);

		if (terminal_columns(fileno(out)) > 0 && column > UNDER &&
		    column + 1 + size > width) {
			(void)fprintf(out, "\n%*s", UNDER, "");
			column = UNDER;
		} else {
			(void)fputc(' ', out);
			column++;
		}
		(void)fwrite(usage, 1, size, out);
		column += size;
		usage += size + (usage[size] == ' ');
	}
	(void)fputc('\n', out);
}

static void print_paragraphs(FILE *out, const char *text)
{
	fill(out, text, 0, 0);
}

/* "  LEFT      text", the text in a column of its own. */
static void print_item(FILE *out, const char *left, const char *text, const char *details)
{
	struct buffer all = BUFFER_INIT(64 * 1024);
	size_t size = strlen(left);
	unsigned indent = LEFT + 4;

	(void)buffer_add_string(&all, text);
	if (details != NULL && details[0] != '\0')
		(void)buffer_printf(&all, " (%s)", details);
	if (width_of(out) < LEFT_WITH_WIDTH) {
		(void)fprintf(out, "  %s\n%*s", left, UNDER, "");
		indent = UNDER;
	} else if (size <= LEFT) {
		(void)fprintf(out, "  %-*s  ", LEFT, left);
	} else {
		(void)fprintf(out, "  %s\n%*s", left, LEFT + 4, "");
	}
	fill(out, all.data != NULL ? all.data : "", indent, indent);
	buffer_done(&all);
}

static void print_options(FILE *out, const struct cli_option *options)
{
	for (size_t i = 0; i < cli_option_count(options); i++) {
		const struct cli_option *o = &options[i];
		CLEANUP(freep) char *left = o->name != NULL ? cli_option_usage(o) : NULL;
		CLEANUP(freep) char *details = cli_option_details(o);

		if (left != NULL)
			print_item(out, left, o->help, details);
	}
}

static void print_program_options(FILE *out, const struct cli_program *p)
{
	(void)fprintf(out, "\n%s:\n",
		      p->commands != NULL ? "Options of every command" : "Options");
	print_options(out, p->options);
	print_options(out, cli_common_options(p));
}

static void print_exits(FILE *out, const struct cli_program *p)
{
	const struct cli_exit *e = cli_exits(p);

	(void)fputs("\nExit status:\n", out);
	for (size_t i = 0; e[i].meaning != NULL; i++) {
		(void)fprintf(out, "  %d  ", e[i].status);
		fill(out, e[i].meaning, 5, 5);
	}
}

/* ---- commands ---- */

static void print_commands(FILE *out, const struct cli_program *p, const char *prefix)
{
	size_t n = strlen(prefix);

	for (const struct cli_command *const *c = p->commands; *c != NULL; c++) {
		const char *words = (*c)->words;
		CLEANUP(freep) char *usage = NULL;

		if (!cli_is_listed(*c) || strncmp(words, prefix, n) != 0 ||
		    (n > 0 && words[n] != ' ' && words[n] != '\0'))
			continue;
		usage = cli_command_arguments(*c);
		print_item(out, usage, (*c)->summary, NULL);
	}
}

static const char *command_name(const struct cli_program *p)
{
	return p->command_name != NULL ? p->command_name : "COMMAND";
}

void cli_print_usage(const struct cli_program *p, FILE *out)
{
	CLEANUP(freep) char *usage = NULL;

	if (p->commands == NULL)
		usage = mem_strdup("[OPTIONS]");
	else
		usage = str_printf(p->is_optional ? "[OPTIONS] [%s]" : "%s [OPTIONS]",
				   command_name(p));
	cli_print_usage_line(p->name, usage, out);
}

/* "COMMAND" as the heading "Commands:". */
static void print_heading(FILE *out, const char *name)
{
	(void)fprintf(out, "\n%c", name[0]);
	for (const char *n = name + 1; *n != '\0'; n++)
		(void)fputc(*n | 0x20, out);
	(void)fputs("s:\n", out);
}

void cli_print_help(const struct cli_program *p, FILE *out)
{
	const char *name = command_name(p);
	CLEANUP(freep) char *summary = str_printf("%s: %s.", p->name, p->summary);

	cli_print_usage(p, out);
	(void)fputc('\n', out);
	print_paragraphs(out, summary);
	if (p->commands != NULL) {
		print_heading(out, name);
		print_commands(out, p, "");
	}
	print_program_options(out, p);
	if (p->notes != NULL) {
		(void)fputc('\n', out);
		print_paragraphs(out, p->notes);
	}
	if (p->commands != NULL) {
		CLEANUP(freep)
		char *more = str_printf("More on a command: %s %s --help", p->name, name);

		(void)fputc('\n', out);
		print_paragraphs(out, more);
	}
	print_exits(out, p);
}

void cli_print_command_help(const struct cli_program *p, const struct cli_command *c, FILE *out)
{
	CLEANUP(freep) char *usage = cli_command_usage(c);

	CLEANUP(freep)
	char *summary =
		str_printf("%c%s.", toupper((unsigned char)c->summary[0]), c->summary + 1);

	cli_print_usage_line(p->name, usage, out);
	(void)fputc('\n', out);
	print_paragraphs(out, summary);
	if (c->details != NULL) {
		(void)fputc('\n', out);
		print_paragraphs(out, c->details);
	}
	if (cli_is_group(p, &c->words, 1)) {
		(void)fputs("\nCommands:\n", out);
		print_commands(out, p, c->words);
	}
	if (c->options != NULL) {
		(void)fputs("\nOptions:\n", out);
		print_options(out, c->options);
	}
	print_program_options(out, p);
}

bool cli_print_help_for(const struct cli_program *p, const char *const *words, size_t count,
			FILE *out)
{
	CLEANUP(buffer_done) struct buffer prefix = BUFFER_INIT(4096);
	const struct cli_command *c;
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		(void)buffer_printf(&prefix, "%s%s", i > 0 ? " " : "", words[i]);
	c = cli_find(p, words, count, &used);
	if (count == 0) {
		cli_print_help(p, out);
	} else if (c != NULL && used == count) {
		cli_print_command_help(p, c, out);
	} else if (cli_is_group(p, words, count)) {
		(void)fputs("Commands:\n", out);
		print_commands(out, p, prefix.data);
		print_program_options(out, p);
	} else {
		return false;
	}
	return true;
}

/* ---- the command `help` ---- */

static int run_help(void *context, const struct cli_run *run, struct error **err)
{
	(void)context;
	if (cli_print_help_for(run->program, run->arguments.items, run->arguments.count,
			       stdout))
		return CLI_DONE;
	(void)error_set(err, ERR_NOT_FOUND,
			"unknown command '%s'; '%s help' lists all commands",
			run->arguments.items[0], run->program->name);
	return CLI_USAGE;
}

static const struct cli_argument help_arguments[] = {
	{.name = "COMMAND", .kind = CLI_ARGUMENT_COMMAND, .optional = true},
	{0},
};

const struct cli_command cli_help_command = {
	.words = "help",
	.summary = "list the commands, or explain one",
	.arguments = help_arguments,
	.run = run_help,
};
