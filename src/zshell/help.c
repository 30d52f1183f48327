/*
 * Help and manual page, out of the table of commands.
 */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/str.h"
#include "zshell/command.h"

static const struct {
	const char *option, *help;
} global_options[] = {
	{"-o table|json|yaml", "how results are printed (table)"},
	{"--api URL", "where zrms is ($ZRMS_URL, http://127.0.0.1:7331)"},
	{"--help", "explain the command"},
	{"--version", "print the version"},
};

static char *option_text(const struct command_option *o)
{
	return str_printf("%s%s%s--%s%s", o->letter != '\0' ? "-" : "",
			  o->letter != '\0' ? (const char[]){o->letter, '\0'} : "",
			  o->letter != '\0' ? ", " : "", o->name,
			  o->value == OPTION_TIME     ? "[=TIME]"
			  : o->value == OPTION_NUMBER ? "=N"
						      : "");
}

static void print_command_line(FILE *out, const struct command *c)
{
	CLEANUP(freep) char *usage = command_usage(c);

	if (strlen(usage) <= 34)
		(void)fprintf(out, "  %-34s  %s\n", usage, c->summary);
	else
		(void)fprintf(out, "  %s\n  %-34s  %s\n", usage, "", c->summary);
}

static void print_global_options(FILE *out)
{
	(void)fputs("\nOptions of every command:\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(global_options); i++)
		(void)fprintf(out, "  %-34s  %s\n", global_options[i].option,
			      global_options[i].help);
}

/* "topo" and "topo list" are the same: the longer one is not listed. */
static bool is_alias(const struct command *c)
{
	return str_has_suffix(c->words, " list");
}

void help_print_all(const struct output *o)
{
	(void)fputs("usage: zshell [OPTIONS] [COMMAND]\n"
		    "Without a command it is interactive.\n\nCommands:\n",
		    o->out);
	for (const struct command *const *c = command_all; *c != NULL; c++) {
		if (!(*c)->hidden && !is_alias(*c))
			print_command_line(o->out, *c);
	}
	print_global_options(o->out);
	(void)fputs("\n`zshell help COMMAND` says more of each.\n"
		    "Exit status: 0 done, 1 refused or failed, 2 usage, 3 zrms not reachable, "
		    "4 --wait ran out.\n",
		    o->out);
}

void help_print_group(const struct output *o, const char *const *words, size_t count)
{
	CLEANUP(buffer_done) struct buffer prefix = BUFFER_INIT(4096);

	/* Without words, or with none but options, all of them. */
	for (size_t i = 0; i < count && words[i][0] != '-'; i++)
		(void)buffer_printf(&prefix, "%s%s", i > 0 ? " " : "", words[i]);
	if (prefix.size == 0) {
		help_print_all(o);
		return;
	}
	(void)fprintf(o->out, "Commands:\n");
	for (const struct command *const *c = command_all; *c != NULL; c++) {
		size_t n = prefix.size;

		if (!(*c)->hidden && !is_alias(*c) &&
		    strncmp((*c)->words, prefix.data, n) == 0 &&
		    ((*c)->words[n] == ' ' || (*c)->words[n] == '\0'))
			print_command_line(o->out, *c);
	}
	print_global_options(o->out);
}

void help_print_command(const struct output *o, const struct command *c)
{
	CLEANUP(freep) char *usage = command_usage(c);

	if (command_has_group(&c->words, 1)) {
		help_print_group(o, &c->words, 1);
		return;
	}
	(void)fprintf(o->out, "usage: zshell %s\n\n%c%s.\n", usage, c->summary[0] & ~0x20,
		      c->summary + 1);
	if (c->details != NULL)
		(void)fprintf(o->out, "\n%s\n", c->details);
	if (c->options != NULL)
		(void)fputs("\nOptions:\n", o->out);
	for (const struct command_option *p = c->options; p != NULL && p->name != NULL; p++) {
		CLEANUP(freep) char *text = option_text(p);

		(void)fprintf(o->out, "  %-34s  %s\n", text, p->help);
	}
	print_global_options(o->out);
}

/* ---------------------------------------------------------------- manual page */

/* Text of ours in mdoc(7). */
static void roff(FILE *out, const char *s, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (i == 0 && (s[i] == '.' || s[i] == '\''))
			(void)fputs("\\&", out);
		if (s[i] == '\\')
			(void)fputs("\\e", out);
		else if (s[i] == '-')
			(void)fputs("\\-", out);
		else
			(void)fputc(s[i], out);
	}
}

static void manual_lines(FILE *out, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		roff(out, text, n);
		(void)fputc('\n', out);
		text += n + (text[n] == '\n');
	}
}

static void manual_command(FILE *out, const struct command *c)
{
	(void)fprintf(out, ".It Xo Cm %s", c->words);
	for (const struct command_argument *a = c->arguments; a != NULL && a->name != NULL; a++)
		(void)fprintf(out, a->optional ? " Op Ar %s" : " Ar %s", a->name);
	(void)fputs("\n.Xc\n", out);
	(void)fputc(c->summary[0] & ~0x20, out);
	roff(out, c->summary + 1, strlen(c->summary + 1));
	(void)fputs(".\n", out);
	if (c->details != NULL)
		manual_lines(out, c->details);
	if (c->options == NULL)
		return;
	(void)fputs(".Bl -tag -width Ds\n", out);
	for (const struct command_option *o = c->options; o->name != NULL; o++) {
		(void)fputs(".It", out);
		if (o->letter != '\0')
			(void)fprintf(out, " Fl %c ,", o->letter);
		(void)fprintf(out, " Fl Fl %s", o->name);
		if (o->value == OPTION_TIME)
			(void)fputs(" Ns Op = Ns Ar TIME", out);
		else if (o->value == OPTION_NUMBER)
			(void)fputs(" Ns = Ns Ar N", out);
		(void)fputc('\n', out);
		(void)fputc(o->help[0] & ~0x20, out);
		roff(out, o->help + 1, strlen(o->help + 1));
		(void)fputs(".\n", out);
	}
	(void)fputs(".El\n", out);
}

void help_print_manual(FILE *out)
{
	(void)fputs(".Bl -tag -width Ds\n", out);
	for (const struct command *const *c = command_all; *c != NULL; c++) {
		if (!(*c)->hidden && !is_alias(*c))
			manual_command(out, *c);
	}
	(void)fputs(".El\n", out);
}
