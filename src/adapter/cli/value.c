#include "adapter/cli/private.h"

#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "model/quantity.h"

size_t cli_option_count(const struct cli_option *options)
{
	size_t n = 0;

	while (options != NULL && options[n].help != NULL)
		n++;
	return n;
}

/* "http://HOST:PORT", optionally with a final /, which is dropped. */
static int url_parse(const char *text, char **ret_url, struct error **err)
{
	static const char scheme[] = "http://";
	char host[256];
	uint64_t port;
	char *url = NULL;

	if (str_has_prefix(text, scheme)) {
		url = mem_strdup(text);
		if (str_has_suffix(url, "/"))
			url[strlen(url) - 1] = '\0';
		if (cli_address_split(url + strlen(scheme), host, sizeof(host), &port) == 0 &&
		    port > 0 && strpbrk(host, "/?#@ \t") == NULL) {
			*ret_url = url;
			return 0;
		}
		free(url);
	}
	return error_set(
		err, ERR_INVALID,
		"'%s' is not an address of a service: expected http://HOST:PORT such as "
		"http://127.0.0.1:7331",
		text);
}

static int check_range(const struct cli_option *o, const char *text, uint64_t value,
		       struct error **err)
{
	CLEANUP(freep) char *range = NULL;

	if (o->max == 0 || (value >= o->min && value <= o->max))
		return 0;
	range = cli_value_range(o);
	return error_set(err, ERR_INVALID, "%s is out of range: expected %s", text, range);
}

static int number_parse(const struct cli_option *o, const char *text, uint64_t *ret_value,
			struct error **err)
{
	uint64_t value;
	int r;

	if (o->type == CLI_DURATION) {
		r = duration_parse(text, &value, err);
	} else if (o->type == CLI_SIZE) {
		r = memory_parse(text, &value, err);
	} else {
		r = str_to_u64(text, &value);
		if (r < 0 || value > UINT32_MAX)
			return error_set(err, ERR_INVALID,
					 "'%s' is not a number: expected 0 to %" PRIu32, text,
					 UINT32_MAX);
	}
	if (r < 0)
		return r;
	r = check_range(o, text, value, err);
	if (r < 0)
		return r;
	*ret_value = value;
	return 0;
}

/* "A..B" with A <= B, or "A" alone. */
static int range_parse(const char *text, struct cli_range *ret_range, struct error **err)
{
	const char *dots = strstr(text, "..");
	CLEANUP(freep)
	char *first = mem_strndup(text, dots != NULL ? (size_t)(dots - text) : strlen(text));
	struct cli_range range;

	if (str_to_u64(first, &range.first) < 0 ||
	    str_to_u64(dots != NULL ? dots + 2 : text, &range.last) < 0 ||
	    range.first > range.last)
		return error_set(err, ERR_INVALID,
				 "'%s' is not a range: expected FIRST..LAST such as 1..1000",
				 text);
	*ret_range = range;
	return 0;
}

static int bool_parse(const char *text, bool *ret_value, struct error **err)
{
	if (!str_equal(text, "true") && !str_equal(text, "false"))
		return error_set(err, ERR_INVALID, "'%s' is neither true nor false", text);
	*ret_value = str_equal(text, "true");
	return 0;
}

static int choice_check(const struct cli_option *o, const char *text, struct error **err)
{
	CLEANUP(buffer_done) struct buffer all = BUFFER_INIT(4096);

	for (const char *const *c = o->choices; *c != NULL; c++) {
		if (str_equal(*c, text))
			return 0;
		(void)buffer_printf(&all, "%s%s", c == o->choices ? "" : ", ", *c);
	}
	return error_set(err, ERR_INVALID, "'%s': expected one of %s", text, all.data);
}

static void set_string(void *field, char *owned)
{
	char **s = field;

	free(*s);
	*s = owned;
}

static int add_line(char **lines, const char *text, struct error **err)
{
	if (text[0] == '\0' || strchr(text, '\n') != NULL)
		return error_set(err, ERR_INVALID, "expected one line of text");
	set_string(lines,
		   *lines == NULL ? mem_strdup(text) : str_printf("%s\n%s", *lines, text));
	return 0;
}

int cli_value_set(const struct cli_option *o, void *settings, const char *text,
		  struct error **err)
{
	void *field = (char *)settings + o->offset;
	uint64_t number = 0;
	char *url = NULL;
	int r = 0;

	switch (o->type) {
	case CLI_STRING:
	case CLI_PATH:
		if (o->type == CLI_PATH && text[0] == '\0')
			return error_set(err, ERR_INVALID, "the name of a file is empty");
		set_string(field, mem_strdup(text));
		return 0;
	case CLI_LINES:
		return add_line(field, text, err);
	case CLI_CHOICE:
		r = choice_check(o, text, err);
		if (r == 0)
			set_string(field, mem_strdup(text));
		return r;
	case CLI_URL:
		r = url_parse(text, &url, err);
		if (r == 0)
			set_string(field, url);
		return r;
	case CLI_FLAG:
		return bool_parse(text, field, err);
	case CLI_LISTEN:
		return cli_address_parse(text, field, err);
	case CLI_LISTEN_ANY:
		return cli_address_parse_any(text, field, err);
	case CLI_RANGE:
		return range_parse(text, field, err);
	case CLI_U32:
	case CLI_DURATION:
	case CLI_SIZE:
		r = number_parse(o, text, &number, err);
		if (r < 0)
			return r;
		if (o->type == CLI_U32)
			*(uint32_t *)field = (uint32_t)number;
		else if (o->type == CLI_DURATION)
			*(int64_t *)field = (int64_t)number;
		else
			*(uint64_t *)field = number;
		return 0;
	}
	IMPOSSIBLE("type of an option");
}

char *cli_value_text(const struct cli_option *o, const void *settings)
{
	const void *field = (const char *)settings + o->offset;

	switch (o->type) {
	case CLI_STRING:
	case CLI_PATH:
	case CLI_CHOICE:
	case CLI_URL:
	case CLI_LINES:
		return mem_strdup(*(char *const *)field);
	case CLI_FLAG:
		return mem_strdup(*(const bool *)field ? "true" : "false");
	case CLI_LISTEN:
	case CLI_LISTEN_ANY:
		if (((const struct cli_address *)field)->host[0] == '\0')
			return NULL;
		return cli_address_text(field);
	case CLI_RANGE:
		return str_printf("%" PRIu64 "..%" PRIu64,
				  ((const struct cli_range *)field)->first,
				  ((const struct cli_range *)field)->last);
	case CLI_U32:
		return str_printf("%" PRIu32, *(const uint32_t *)field);
	case CLI_DURATION:
		return duration_format((uint64_t) * (const int64_t *)field);
	case CLI_SIZE:
		return memory_format(*(const uint64_t *)field);
	}
	IMPOSSIBLE("type of an option");
}

void cli_value_done(const struct cli_option *o, void *settings)
{
	if (o->type == CLI_STRING || o->type == CLI_PATH || o->type == CLI_CHOICE ||
	    o->type == CLI_URL || o->type == CLI_LINES)
		set_string((char *)settings + o->offset, NULL);
}

int cli_value_from_environment(const struct cli_option *o, void *settings, struct error **err)
{
	const char *text = o->environment != NULL ? getenv(o->environment) : NULL;
	int r;

	if (str_is_empty(text))
		return 0;
	r = cli_value_set(o, settings, text, err);
	return r < 0 ? error_wrap(err, "environment variable %s", o->environment) : 1;
}

const char *cli_value_name(const struct cli_option *o)
{
	static const char *const names[] = {
		[CLI_STRING] = "TEXT",
		[CLI_PATH] = "FILE",
		[CLI_U32] = "N",
		[CLI_DURATION] = "TIME",
		[CLI_SIZE] = "SIZE",
		[CLI_FLAG] = "BOOL",
		[CLI_LISTEN] = "ADDRESS:PORT",
		[CLI_LISTEN_ANY] = "ADDRESS:PORT",
		[CLI_URL] = "URL",
		[CLI_CHOICE] = "WORD",
		[CLI_RANGE] = "FIRST..LAST",
		[CLI_LINES] = "TEXT",
	};

	return o->value != NULL ? o->value : names[o->type];
}

char *cli_value_range(const struct cli_option *o)
{
	CLEANUP(freep) char *min = NULL;
	CLEANUP(freep) char *max = NULL;

	if (o->max == 0)
		return NULL;
	if (o->type == CLI_DURATION) {
		min = duration_format(o->min);
		max = duration_format(o->max);
	} else if (o->type == CLI_SIZE) {
		min = memory_format(o->min);
		max = memory_format(o->max);
	} else {
		min = str_printf("%" PRIu64, o->min);
		max = str_printf("%" PRIu64, o->max);
	}
	return str_printf("%s to %s", min, max);
}

void cli_values_default(const struct cli_option *options, void *settings)
{
	for (size_t i = 0; i < cli_option_count(options); i++) {
		if (options[i].fallback != NULL &&
		    cli_value_set(&options[i], settings, options[i].fallback, NULL) < 0)
			IMPOSSIBLE("a default that its own rules refuse");
	}
}

void cli_values_done(const struct cli_option *options, void *settings)
{
	for (size_t i = 0; i < cli_option_count(options); i++)
		cli_value_done(&options[i], settings);
}
