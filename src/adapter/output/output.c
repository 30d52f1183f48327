#include "adapter/output/output.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "adapter/terminal/terminal.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "base/text.h"
#include "schema/json.h"
#include "schema/yaml_write.h"

void output_init(struct output *o, FILE *out, FILE *err)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	/* All output is UTF-8, whatever else the locale asks for. */
	if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
	*o = (struct output){.out = out, .err = err, .terminal = isatty(fileno(out)) == 1};
	if (!o->terminal)
		return;
	o->colour = str_is_empty(no_colour) && !str_is_empty(terminal) &&
		    !str_equal(terminal, "dumb");
	output_measure(o);
}

void output_measure(struct output *o)
{
	struct winsize size = {0};

	if (!o->terminal)
		return;
	if (ioctl(fileno(o->out), TIOCGWINSZ, &size) == 0) {
		o->columns = size.ws_col;
		o->rows = size.ws_row;
	}
	if (o->columns == 0)
		o->columns = 80;
	if (o->rows == 0)
		o->rows = 24;
}

int output_format_parse(const char *text, enum output_format *ret_format, struct error **err)
{
	if (str_equal(text, "table") || str_equal(text, "wide") || str_equal(text, "name"))
		*ret_format = OUTPUT_TABLE;
	else if (str_equal(text, "json"))
		*ret_format = OUTPUT_JSON;
	else if (str_equal(text, "yaml"))
		*ret_format = OUTPUT_YAML;
	else
		return error_set(err, ERR_INVALID,
				 "'%s' is not an output format: expected table, json or yaml",
				 text);
	return 0;
}

static void print_line(FILE *to, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void print_line(FILE *to, const char *format, va_list args)
{
	CLEANUP(freep) char *text = str_vprintf(format, args);
	CLEANUP(freep) char *safe = text_escaped(text);

	(void)fprintf(to, "%s\n", safe);
	(void)fflush(to);
}

void output_line(const struct output *o, const char *format, ...)
{
	va_list args;

	if (o->names_only)
		return;
	va_start(args, format);
	print_line(o->out, format, args);
	va_end(args);
}

/* Words that do not fit the terminal begin a new line, after `indent` columns. */
static void print_words(const struct output *o, const char *text, size_t indent)
{
	CLEANUP(freep) char *broken = terminal_break(text, o->columns, indent);

	(void)fprintf(o->out, "%s\n", broken);
}

void output_text(const struct output *o, unsigned indent, const char *format, ...)
{
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *safe = NULL;
	va_list args;

	if (o->names_only)
		return;
	va_start(args, format);
	text = str_vprintf(format, args);
	va_end(args);
	safe = text_escaped(text);
	if (o->terminal)
		print_words(o, safe, indent);
	else
		(void)fprintf(o->out, "%s\n", safe);
	(void)fflush(o->out);
}

void output_note(const struct output *o, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	CLEANUP(freep) char *text = str_vprintf(format, args);
	va_end(args);
	CLEANUP(freep) char *safe = text_escaped(text);
	CLEANUP(freep) char *broken = terminal_break(safe, terminal_columns(fileno(o->err)), 2);
	(void)fprintf(o->err, "%s\n", broken);
	(void)fflush(o->err);
}

void output_message(const struct output *o, const ProtobufCMessage *message)
{
	CLEANUP(freep) char *text = NULL;

	PRE(o->format != OUTPUT_TABLE);
	text = o->format == OUTPUT_JSON ? schema_write_json(message, SCHEMA_JSON_PRETTY)
					: schema_write_yaml(message);
	(void)fputs(text, o->out);
	(void)fflush(o->out);
}

void output_message_line(const struct output *o, const ProtobufCMessage *message)
{
	CLEANUP(freep) char *text = NULL;

	PRE(o->format != OUTPUT_TABLE);
	if (o->format == OUTPUT_JSON) {
		text = schema_write_json(message, SCHEMA_JSON_COMPACT);
		(void)fprintf(o->out, "%s\n", text);
	} else {
		text = schema_write_yaml(message);
		(void)fprintf(o->out, "---\n%s", text);
	}
	(void)fflush(o->out);
}

void output_block(const struct output *o, unsigned width, const struct output_pair *pairs)
{
	if (o->names_only)
		return;
	for (const struct output_pair *p = pairs; p->key != NULL; p++) {
		CLEANUP(freep) char *key = NULL;
		CLEANUP(freep) char *line = NULL;
		CLEANUP(freep) char *value = text_escaped(p->value);

		if (value == NULL)
			continue;
		key = str_printf("%s:", p->key);
		line = str_printf("  %-*s %s", (int)width, key, value);
		if (o->terminal)
			print_words(o, line, width + 3);
		else
			(void)fprintf(o->out, "%s\n", line);
	}
}

char *output_size(uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	unsigned unit = 0;
	uint64_t tenths = bytes <= UINT64_MAX / 10 ? bytes * 10 : UINT64_MAX;

	while (tenths >= 10240 && unit + 1 < ARRAY_SIZE(units)) {
		tenths = (tenths + 512) / 1024;
		unit++;
	}
	if (tenths % 10 == 0 || unit == 0)
		return str_printf("%llu %s", (unsigned long long)(tenths / 10), units[unit]);
	return str_printf("%llu.%llu %s", (unsigned long long)(tenths / 10),
			  (unsigned long long)(tenths % 10), units[unit]);
}

char *output_cores(uint64_t millicores)
{
	char *text = str_printf("%llu.%03llu", (unsigned long long)(millicores / 1000),
				(unsigned long long)(millicores % 1000));
	size_t n = strlen(text);

	while (text[n - 1] == '0')
		text[--n] = '\0';
	if (text[n - 1] == '.')
		text[n - 1] = '\0';
	return text;
}
