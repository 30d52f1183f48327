#include "zbench/command.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"

extern const struct command command_start, command_topology, command_submit, command_message,
	command_data, command_memory, command_recover, command_place, command_openb;

const struct command *const command_all[] = {
	&command_start,	 &command_topology, &command_submit, &command_message, &command_data,
	&command_memory, &command_recover,  &command_place,  &command_openb,   NULL,
};

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = command_all; *c != NULL; c++) {
		if (str_equal((*c)->name, name))
			return *c;
	}
	return NULL;
}

/* -1: there is none. `size` of the name, which may go on behind it. */
static int find_option(const struct command *command, const char *name, size_t size)
{
	const struct command_option *o = command->options;

	for (int i = 0; o != NULL && o[i].name != NULL; i++) {
		PRE(i < OPTIONS_MAX);
		if (strlen(o[i].name) == size && memcmp(o[i].name, name, size) == 0)
			return i;
	}
	return -1;
}

static int check_number(const struct command_option *o, const char *text, struct error **err)
{
	uint64_t value;

	if (str_to_u64(text, &value) < 0)
		return error_set(err, ERR_INVALID, "--%s %s: expected a number", o->name, text);
	if (value < o->min || (o->max > 0 && value > o->max))
		return error_set(err, ERR_INVALID, "--%s %s: expected %" PRIu64 " to %" PRIu64,
				 o->name, text, o->min, o->max > 0 ? o->max : UINT64_MAX);
	return 0;
}

static int take_word(const struct command *command, char *const *words, size_t count,
		     size_t *at, struct invocation *in, struct error **err)
{
	const char *word = words[*at], *name = word + 2, *value = NULL;
	size_t size = str_has_prefix(word, "--") ? strcspn(name, "=") : 0;
	int i = size > 0 ? find_option(command, name, size) : -1;

	if (i < 0)
		return error_set(err, ERR_INVALID,
				 "'%s' is no option of %s: see 'zbench help %s'", word,
				 command->name, command->name);
	const struct command_option *o = &command->options[i];
	if (name[size] == '=')
		value = name + size + 1;
	else if (o->kind != OPTION_FLAG && *at + 1 < count)
		value = words[++*at];
	if (o->kind == OPTION_FLAG && value != NULL)
		return error_set(err, ERR_INVALID, "--%s takes no value", o->name);
	if (o->kind != OPTION_FLAG && value == NULL)
		return error_set(err, ERR_INVALID, "--%s needs %s", o->name, o->value);
	in->values[i] = value != NULL ? value : "";
	(*at)++;
	return o->kind == OPTION_NUMBER ? check_number(o, value, err) : 0;
}

int command_parse(const struct command *command, char *const *words, size_t count,
		  struct invocation *ret_in, struct error **err)
{
	struct invocation in = {.command = command};
	const struct command_option *o = command->options;
	int r = 0;

	for (size_t at = 0; at < count && r == 0;)
		r = take_word(command, words, count, &at, &in, err);
	for (int i = 0; r == 0 && o != NULL && o[i].name != NULL; i++) {
		if (in.values[i] == NULL)
			in.values[i] = o[i].fallback;
		if (in.values[i] == NULL && o[i].required)
			r = error_set(err, ERR_INVALID, "%s needs --%s %s", command->name,
				      o[i].name, o[i].value);
	}
	if (r == 0)
		*ret_in = in;
	return r;
}

static const char *value_of(const struct invocation *in, const char *name,
			    enum option_kind kind)
{
	int i = find_option(in->command, name, strlen(name));

	PRE(i >= 0 && in->command->options[i].kind == kind);
	return in->values[i];
}

uint64_t option_number(const struct invocation *in, const char *name)
{
	const char *text = value_of(in, name, OPTION_NUMBER);
	uint64_t value = 0;

	if (text != NULL && str_to_u64(text, &value) < 0)
		IMPOSSIBLE("a number that was checked");
	return value;
}

const char *option_text(const struct invocation *in, const char *name)
{
	return value_of(in, name, OPTION_TEXT);
}

bool option_flag(const struct invocation *in, const char *name)
{
	return value_of(in, name, OPTION_FLAG) != NULL;
}

void bench_progress(const struct bench *bench, const char *format, ...)
{
	va_list args;

	if (bench->quiet)
		return;
	va_start(args, format);
	CLEANUP(freep) char *text = str_vprintf(format, args);
	va_end(args);
	(void)fprintf(stderr, "zbench: %s\n", text);
}
