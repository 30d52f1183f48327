#include <stdio.h>

#include "base/memory.h"
#include "base/str.h"
#include "zbench/command.h"

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
	(void)fputs(
		"\nEach benchmark starts a cluster of its own on free ports of the loopback "
		"and "
		"ends it,\nwhatever happens. Exit status: 0 measured, 1 something failed, 2 "
		"usage.\n",
		out);
}

void help_print_command(const struct command *command, FILE *out)
{
	const struct command_option *o = command->options;

	(void)fprintf(out, "usage: zbench %s%s\n\n  %s\n", command->name,
		      o != NULL ? " [OPTIONS]" : "", command->summary);
	if (command->details != NULL)
		(void)fprintf(out, "\n%s\n", command->details);
	if (o != NULL)
		(void)fputs("\nOptions:\n", out);
	for (; o != NULL && o->name != NULL; o++) {
		CLEANUP(freep) char *usage = option_usage(o);
		print_line(out, usage, o->help, o->fallback);
	}
	print_global_options(out);
}

/* ---------------------------------------------------------------- manual */

/* Text as mdoc wants it: no line begins with a dot, no backslash is an escape. */
static void print_text(FILE *out, const char *text)
{
	bool begin = true;

	for (; *text != '\0'; text++) {
		if (begin && (*text == '.' || *text == '\''))
			(void)fputs("\\&", out);
		begin = *text == '\n';
		if (*text == '\\')
			(void)fputs("\\e", out);
		else
			(void)fputc(*text, out);
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
