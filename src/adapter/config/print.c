/*
 * What the table says to people: --help, --print-config, the manual page.
 */
#include <inttypes.h>
#include <string.h>

#include "adapter/config/value.h"
#include "base/buffer.h"
#include "base/str.h"
#include "base/text.h"

static const char *const source_names[] = {
	[CONFIG_FROM_NOTHING] = "unset", [CONFIG_FROM_DEFAULT] = "default",
	[CONFIG_FROM_FILE] = "file",	 [CONFIG_FROM_ENVIRONMENT] = "environment",
	[CONFIG_FROM_FLAG] = "flag",
};

static void print_option(FILE *out, const char *flag, const char *value, const char *help)
{
	CLEANUP(freep)
	char *left = str_printf("--%s%s%s", flag, value[0] != '\0' ? " " : "", value);

	if (strlen(left) <= 28)
		(void)fprintf(out, "  %-28s  %s", left, help);
	else
		(void)fprintf(out, "  %s\n  %-28s  %s", left, "", help);
}

/* " (default 30s; 1s to 1h; ZRMS_FAILURE_TIMEOUT; failure_detection.timeout in the file)" */
static char *details(const struct config_option *o)
{
	struct buffer b = BUFFER_INIT(4096);
	CLEANUP(freep) char *range = config_value_range(o);

	if (o->fallback != NULL && o->type != CONFIG_BOOL)
		(void)buffer_printf(&b, "; default %s", o->fallback);
	if (o->required)
		(void)buffer_add_string(&b, "; needed");
	if (range != NULL)
		(void)buffer_printf(&b, "; %s", range);
	for (const char *const *c = o->choices; c != NULL && *c != NULL; c++)
		(void)buffer_printf(&b, "%s%s", c == o->choices ? "; one of " : ", ", *c);
	if (o->environment != NULL)
		(void)buffer_printf(&b, "; $%s", o->environment);
	if (o->key != NULL)
		(void)buffer_printf(&b, "; %s in the file", o->key);
	return buffer_steal(&b);
}

void config_print_help(const struct config_program *p, FILE *out)
{
	(void)fprintf(out, "usage: %s [OPTIONS]%s%s\n%s: %s.\n\nOptions:\n", p->name,
		      p->arguments != NULL ? " " : "", p->arguments != NULL ? p->arguments : "",
		      p->name, p->summary);
	for (const struct config_option *o = p->options; o->help != NULL; o++) {
		CLEANUP(freep) char *more = details(o);

		if (o->flag == NULL)
			continue;
		print_option(out, o->flag, o->type == CONFIG_BOOL ? "" : config_value_name(o),
			     o->help);
		if (more[0] != '\0')
			(void)fprintf(out, "\n  %-28s  (%s)", "", more + 2);
		(void)fputc('\n', out);
	}
	if (p->has_file) {
		print_option(out, "config", "FILE", "read settings from a YAML file");
		(void)fputc('\n', out);
	}
	print_option(out, "print-config", "", "print what holds, and from where");
	(void)fputc('\n', out);
	print_option(out, "version", "", "print the version");
	(void)fputc('\n', out);
	print_option(out, "help", "", "print this");
	(void)fputc('\n', out);
	if (p->more != NULL)
		(void)fprintf(out, "\n%s\n", p->more);
}

static void print_source(const struct config_loading *l, size_t i, const char *file, FILE *out)
{
	const struct config_option *o = &l->program->options[i];

	if (l->sources[i] == CONFIG_FROM_FILE)
		(void)fprintf(out, "  # %s:%u", file, l->lines[i]);
	else if (l->sources[i] == CONFIG_FROM_ENVIRONMENT)
		(void)fprintf(out, "  # %s", o->environment);
	else if (l->sources[i] == CONFIG_FROM_FLAG)
		(void)fprintf(out, "  # --%s", o->flag);
	else
		(void)fprintf(out, "  # %s", source_names[l->sources[i]]);
}

/* A YAML file that --config reads; what cannot be in files is a comment. */
void config_print_values(const struct config_loading *l, const char *file, FILE *out)
{
	for (size_t i = 0; l->program->options[i].help != NULL; i++) {
		const struct config_option *o = &l->program->options[i];
		CLEANUP(freep) char *text = config_value_text(o, l->settings);
		bool textual = o->type == CONFIG_STRING || o->type == CONFIG_PATH ||
			       o->type == CONFIG_CHOICE || o->type == CONFIG_URL ||
			       o->type == CONFIG_LISTEN;
		bool unset = text == NULL ||
			     (l->sources[i] == CONFIG_FROM_NOTHING && o->type != CONFIG_BOOL);

		(void)fprintf(out, "%s%s:", unset || o->key == NULL ? "# " : "",
			      o->key != NULL ? o->key : o->flag);
		if (!unset && textual) {
			CLEANUP(buffer_done) struct buffer quoted = BUFFER_INIT(1 << 20);

			(void)buffer_add_string(&quoted, "\"");
			for (const char *c = text; *c != '\0'; c++)
				(void)buffer_printf(&quoted,
						    *c == '"' || *c == '\\'    ? "\\%c"
						    : (unsigned char)*c < 0x20 ? "\\x%02x"
									       : "%c",
						    *c);
			(void)fprintf(out, " %s\"", quoted.data);
		} else if (!unset) {
			(void)fprintf(out, " %s", text);
		}
		print_source(l, i, file, out);
		(void)fputc('\n', out);
	}
}

/* Text of ours in mdoc: a backslash or a leading dot would be a request. */
static void print_roff(FILE *out, const char *s)
{
	if (s[0] == '.' || s[0] == '\'')
		(void)fputs("\\&", out);
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			(void)fputs("\\e", out);
		else if (*s == '-')
			(void)fputs("\\-", out);
		else
			(void)fputc(*s, out);
	}
}

void config_print_manual(const struct config_program *p, FILE *out)
{
	(void)fputs(".Bl -tag -width Ds\n", out);
	for (const struct config_option *o = p->options; o->help != NULL; o++) {
		CLEANUP(freep) char *more = details(o);

		if (o->flag == NULL)
			continue;
		(void)fprintf(out, ".It Fl Fl %s", o->flag);
		if (o->type != CONFIG_BOOL)
			(void)fprintf(out, " Ar %s", config_value_name(o));
		(void)fputc('\n', out);
		print_roff(out, o->help);
		if (more[0] != '\0') {
			(void)fputs("\n(", out);
			print_roff(out, more + 2);
			(void)fputc(')', out);
		}
		(void)fputs(".\n", out);
	}
	if (p->has_file)
		(void)fputs(".It Fl Fl config Ar FILE\nRead settings from a YAML file.\n", out);
	(void)fputs(".It Fl Fl print-config\nPrint what holds, and from where.\n"
		    ".It Fl Fl version\nPrint the version.\n"
		    ".It Fl Fl help\nPrint a summary of the options.\n.El\n",
		    out);
}
