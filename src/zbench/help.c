#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "zbench/command.h"

#define WIDTH 80

static const struct {
	const char *option, *help;
} global_options[] = {
	{"-o table|json", "how results are printed (table)"},
	{"--runs N", "repetitions; the median is reported, with the extremes (5)"},
	{"--bin DIR", "folder of zrms, zhost, zrun and mex ($ZBENCH_BIN, that of zbench)"},
	{"--scratch DIR", "where clusters live, on a disk that counts ($TMPDIR, /var/tmp)"},
	{"--keep", "leave the clusters' folders, with their logs, and say where"},
	{"--quiet", "no progress on standard error"},
	{"--help", "explain zbench or the benchmark"},
	{"--version", "print the version"},
};

static char *option_usage(const struct command_option *o)
{
	return o->kind == OPTION_FLAG ? str_printf("--%s", o->name)
				      : str_printf("--%s %s", o->name, o->value);
}

static void print_line(FILE *out, const char *left, const char *right, const char *fallback)
{
	(void)fprintf(out, "  %-22s  %s", left, right);
	if (fallback != NULL)
		(void)fprintf(out, " (%s)", fallback);
	(void)fputc('\n', out);
}

static void print_global_options(FILE *out)
{
	(void)fputs("\nOptions of every benchmark:\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(global_options); i++)
		print_line(out, global_options[i].option, global_options[i].help, NULL);
}

void help_print_all(FILE *out)
{
	(void)fputs("usage: zbench BENCHMARK [OPTIONS]\n\nBenchmarks:\n", out);
	for (const struct command *const *c = command_all; *c != NULL; c++)
		print_line(out, (*c)->name, (*c)->summary, NULL);
	print_line(out, "all", "all of them", NULL);
	print_line(out, "help [BENCHMARK]", "explain zbench or a benchmark", NULL);
	print_global_options(out);
	(void)fputs("\nA benchmark of the cluster starts one of its own on free ports of the "
		    "loopback and "
		    "ends it,\nwhatever happens; 'place' and 'openb' need no other program. "
		    "Exit status: 0 measured, 1 something failed, 2 "
		    "usage.\n",
		    out);
}

/* The next word, its size and whether a paragraph begins with it; NULL at the end. */
static const char *next_word(const char *text, size_t *ret_size, bool *ret_paragraph)
{
	size_t blanks = strspn(text, " \n");

	*ret_paragraph = memmem(text, blanks, "\n\n", 2) != NULL;
	*ret_size = strcspn(text + blanks, " \n");
	return *ret_size > 0 ? text + blanks : NULL;
}

/* Filled to the width of a terminal, indented. */
static void print_filled(FILE *out, const char *text)
{
	size_t column = 0, size = 0;
	bool paragraph = false;

	for (const char *w = text; (w = next_word(w, &size, &paragraph)) != NULL; w += size) {
		if (column > 0 && (paragraph || column + 1 + size > WIDTH)) {
			(void)fputs(paragraph ? "\n\n" : "\n", out);
			column = 0;
		}
		(void)fprintf(out, "%s%.*s", column == 0 ? "  " : " ", (int)size, w);
		column += (column == 0 ? 2 : 1) + size;
	}
	(void)fputc('\n', out);
}

void help_print_command(const struct command *command, FILE *out)
{
	const struct command_option *o = command->options;

	(void)fprintf(out, "usage: zbench %s%s\n\n  %s\n", command->name,
		      o != NULL ? " [OPTIONS]" : "", command->summary);
	if (command->details != NULL) {
		(void)fputc('\n', out);
		print_filled(out, command->details);
	}
	if (o != NULL)
		(void)fputs("\nOptions:\n", out);
	for (; o != NULL && o->name != NULL; o++) {
		CLEANUP(freep) char *usage = option_usage(o);
		print_line(out, usage, o->help, o->fallback);
	}
	print_global_options(out);
}

/* ---------------------------------------------------------------- manual */

/* Text as mdoc wants it: no line begins with a dot, no backslash is an escape, blanks at the
 * beginning of a line would break it. */
static void print_text(FILE *out, const char *text)
{
	size_t size = 0;
	bool paragraph = false, first = true;

	for (const char *w = text; (w = next_word(w, &size, &paragraph)) != NULL; w += size) {
		if (first || paragraph)
			(void)fputs(first ? "" : "\n.Pp\n", out);
		else
			(void)fputc(' ', out);
		if ((first || paragraph) && (*w == '.' || *w == '\''))
			(void)fputs("\\&", out);
		for (size_t i = 0; i < size; i++)
			(void)fputs(w[i] == '\\' ? "\\e" : (const char[]){w[i], '\0'}, out);
		first = false;
	}
	(void)fputc('\n', out);
}

static void print_item(FILE *out, const char *term, const char *text)
{
	(void)fputs(".It Sy ", out);
	print_text(out, term);
	print_text(out, text);
}

void help_print_manual(FILE *out)
{
	(void)fputs(".Bl -tag -width indent\n", out);
	for (const struct command *const *c = command_all; *c != NULL; c++) {
		const struct command_option *o = (*c)->options;

		print_item(out, (*c)->name, (*c)->summary);
		if ((*c)->details != NULL) {
			(void)fputs(".Pp\n", out);
			print_text(out, (*c)->details);
		}
		if (o == NULL)
			continue;
		(void)fputs(".Bl -tag -width indent\n", out);
		for (; o->name != NULL; o++) {
			CLEANUP(freep) char *usage = option_usage(o);
			CLEANUP(freep)
			char *text = o->fallback != NULL
					     ? str_printf("%s (%s)", o->help, o->fallback)
					     : mem_strdup(o->help);
			print_item(out, usage, text);
		}
		(void)fputs(".El\n", out);
	}
	(void)fputs(".El\n.Pp\nOptions of every benchmark:\n.Bl -tag -width indent\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(global_options); i++)
		print_item(out, global_options[i].option, global_options[i].help);
	(void)fputs(".El\n", out);
}
