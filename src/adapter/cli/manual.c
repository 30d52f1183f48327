/*
 * The manual page, from the tables, in mdoc(7).
 */
#include <ctype.h>
#include <string.h>

#include "adapter/cli/private.h"
#include "adapter/cli/version.h"
#include "base/metrics.h"
#include "base/str.h"

/* Whether a sentence ends before the blank at s[i], and another begins after it. */
static bool is_sentence_end(const char *s, size_t size, size_t i)
{
	return i > 0 && i + 1 < size && s[i] == ' ' && strchr(".!?", s[i - 1]) != NULL &&
	       isupper((unsigned char)s[i + 1]) != 0;
}

/* One line of plain text: no backslash is an escape, no leading dot a request. Each sentence
 * begins a line, as mdoc(7) wants it. */
static void put_line(FILE *out, const char *s, size_t size)
{
	if (size > 0 && (s[0] == '.' || s[0] == '\''))
		(void)fputs("\\&", out);
	for (size_t i = 0; i < size; i++) {
		if (is_sentence_end(s, size, i)) {
			(void)fputc('\n', out);
			continue;
		}
		if (s[i] == '\\')
			(void)fputs("\\e", out);
		else if (s[i] == '-')
			(void)fputs("\\-", out);
		else
			(void)fputc(s[i], out);
	}
	(void)fputc('\n', out);
}

/* Plain text; a blank line begins a paragraph. */
static void put_text(FILE *out, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		if (n == 0)
			(void)fputs(".Pp\n", out);
		else
			put_line(out, text, n);
		text += n + (text[n] == '\n');
	}
}

/* The first character of a phrase that becomes a sentence. The names of programs stay in lower
 * case, and so does what does not begin with a letter ("--wait ..."). */
static int first_of_sentence(const char *phrase)
{
	static const char *const names[] = {"zrms ", "zhost ", "zrun ", "zedge ", "startz "};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_has_prefix(phrase, names[i]))
			return phrase[0];
	return toupper((unsigned char)phrase[0]);
}

/* A phrase of ours as a sentence. */
static void put_sentence(FILE *out, const char *phrase, const char *details)
{
	CLEANUP(freep)
	char *text = str_printf("%c%s%s%s%s.", first_of_sentence(phrase), phrase + 1,
				details[0] != '\0' ? " (" : "", details,
				details[0] != '\0' ? ")" : "");

	put_text(out, text);
}

static void put_option(FILE *out, const struct cli_option *o)
{
	CLEANUP(freep) char *details = cli_option_details(o);

	(void)fputs(".It", out);
	if (o->letter != '\0')
		(void)fprintf(out, " Fl %c ,", o->letter);
	(void)fprintf(out, " Fl Fl %s", o->name);
	if (o->implied != NULL)
		(void)fprintf(out, " Ns Op = Ns Ar %s", cli_value_name(o));
	else if (o->type != CLI_FLAG)
		(void)fprintf(out, " Ar %s", cli_value_name(o));
	(void)fputc('\n', out);
	put_sentence(out, o->help, details);
}

static void put_options(FILE *out, const struct cli_option *options)
{
	for (size_t i = 0; i < cli_option_count(options); i++)
		if (options[i].name != NULL)
			put_option(out, &options[i]);
}

static void put_command(FILE *out, const struct cli_command *c)
{
	static const struct cli_argument none[] = {{0}};

	(void)fprintf(out, ".It Xo Cm %s", c->words);
	for (const struct cli_argument *a = c->arguments != NULL ? c->arguments : none;
	     a->name != NULL; a++)
		(void)fprintf(out, a->optional ? " Op Ar %s%s" : " Ar %s%s", a->name,
			      a->repeated ? " ..." : "");
	(void)fputs("\n.Xc\n", out);
	put_sentence(out, c->summary, "");
	if (c->details != NULL) {
		(void)fputs(".Pp\n", out);
		put_text(out, c->details);
	}
	if (cli_option_count(c->options) > 0) {
		(void)fputs(".Bl -tag -width Ds\n", out);
		put_options(out, c->options);
		(void)fputs(".El\n", out);
	}
}

static void put_environment(FILE *out, const struct cli_option *options)
{
	for (size_t i = 0; i < cli_option_count(options); i++) {
		const struct cli_option *o = &options[i];

		if (o->environment == NULL)
			continue;
		(void)fprintf(out, ".It Ev %s\n", o->environment);
		if (o->name != NULL)
			(void)fprintf(out, "The value of\n.Fl Fl %s ,\nunless that is given.\n",
				      o->name);
		else
			put_sentence(out, o->help, "");
	}
}

static void put_exits(FILE *out, const struct cli_program *p)
{
	for (const struct cli_exit *e = cli_exits(p); e->meaning != NULL; e++) {
		(void)fprintf(out, ".It %d\n", e->status);
		put_sentence(out, e->meaning, "");
	}
}

static void put_metrics(FILE *out, const struct metric_source *source)
{
	for (size_t i = 0; i < source->count; i++) {
		const struct metric *m = &source->metrics[i];

		(void)fprintf(out, ".It Li %s\n%s", m->name, metric_type_name(m->type));
		for (const char *label = m->label; label != NULL;) {
			int size = (int)strcspn(label, ",");

			(void)fprintf(out, "%s%.*s", label == m->label ? " by " : ", ", size,
				      label);
			label = label[size] == ',' ? label + size + 1 : NULL;
		}
		(void)fputs(".\n", out);
		put_text(out, m->help);
	}
}

/* A marked part: what stands in the place of @NAME@ in the template. */
static void begin(FILE *out, const char *name)
{
	(void)fprintf(out, ".\\\" @%s@\n", name);
}

void cli_print_manual(const struct cli_program *p, FILE *out)
{
	begin(out, "DATE");
	(void)fprintf(out, ".Dd %s\n", SAMOZA_MANUAL_DATE);
	begin(out, "COMMANDS");
	for (const struct cli_command *const *c = p->commands; c != NULL && *c != NULL; c++)
		if (cli_is_listed(*c))
			put_command(out, *c);
	begin(out, "OPTIONS");
	put_options(out, p->options);
	put_options(out, cli_common_options(p));
	begin(out, "ENVIRONMENT");
	put_environment(out, p->options);
	for (const struct cli_command *const *c = p->commands; c != NULL && *c != NULL; c++)
		put_environment(out, (*c)->options);
	begin(out, "METRICS");
	for (const struct metric_source *const *m = p->metrics; m != NULL && *m != NULL; m++)
		put_metrics(out, *m);
	begin(out, "EXITS");
	put_exits(out, p);
}
