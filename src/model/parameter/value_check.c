#include "model/parameter/value_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "base/text.h"
#include "model/parameter/parameters.h"
#include "schema/number.h"
#include "schema/pattern.h"

#define SHOWN_MAX   60	  /* bytes of a value in a message */
#define REPEATS_MAX 65536 /* of a pattern: all of its {m,n} multiplied */

#define TYPE(name)  SAMOZA__V1__PARAMETER_TYPE__PARAMETER_TYPE_##name

/* ---- patterns ---- */

/* "^([a-z-]+)$". The caller frees. */
static char *anchored(const char *pattern)
{
	size_t size = strlen(pattern);
	bool begins = pattern[0] == '^';
	bool ends = size > (begins ? 1u : 0u) && pattern[size - 1] == '$';
	CLEANUP(freep)
	char *inner = mem_strndup(pattern + begins, size - begins - ends);
	return str_printf("^(%s)$", inner);
}

/* How often the innermost of nested repeats is tried, at most: patterns of packages must not make zrms slow. */
static bool repeats_are_few(const char *pattern)
{
	unsigned long product = 1;
	for (const char *p = pattern; *p != '\0'; p++) {
		unsigned long least, most;
		char *end;
		if (*p != '{')
			continue;
		least = strtoul(p + 1, &end, 10);
		most = *end == ',' ? strtoul(end + 1, &end, 10) : least;
		product *= most > 0 ? most : 1;
		if (product > REPEATS_MAX)
			return false;
	}
	return true;
}

bool value_pattern_is_valid(const char *pattern)
{
	CLEANUP(freep) char *whole = anchored(pattern);
	return pattern_is_valid(whole) && repeats_are_few(pattern);
}

/* ---- values ---- */

/* "'abc'", "the text \"3\"", "nothing". The caller frees. */
static char *shown(const struct raw_value *raw)
{
	struct buffer out = BUFFER_INIT(1024);
	size_t size = strlen(raw->text), part = size;
	if (raw->is_nothing)
		return mem_strdup("nothing");
	if (part > SHOWN_MAX)
		for (part = SHOWN_MAX;
		     part > 0 && ((unsigned char)raw->text[part] & 0xc0) == 0x80;)
			part--;
	(void)buffer_add_string(&out, raw->quoted ? "the text \"" : "'");
	text_escape_n(&out, raw->text, part);
	(void)buffer_printf(&out, "%s%s", part < size ? "..." : "", raw->quoted ? "\"" : "'");
	return buffer_steal(&out);
}

char *parameter_expects(const Samoza__V1__Parameter *declared)
{
	struct buffer out = BUFFER_INIT(4096);
	static const char *const names[] = {[TYPE(STRING)] = "string",
					    [TYPE(INTEGER)] = "integer",
					    [TYPE(NUMBER)] = "number",
					    [TYPE(BOOLEAN)] = "boolean"};
	char minimum[32], maximum[32];
	number_to_text(declared->minimum, minimum);
	number_to_text(declared->maximum, maximum);
	(void)buffer_add_string(&out, names[declared->type]);
	if (declared->has_minimum && declared->has_maximum)
		(void)buffer_printf(&out, " from %s to %s", minimum, maximum);
	else if (declared->has_minimum)
		(void)buffer_printf(&out, " of at least %s", minimum);
	else if (declared->has_maximum)
		(void)buffer_printf(&out, " of at most %s", maximum);
	if (declared->pattern != NULL)
		(void)buffer_printf(&out, " that matches %s", declared->pattern);
	if (declared->type == TYPE(BOOLEAN))
		(void)buffer_add_string(&out, ": true or false");
	return buffer_steal(&out);
}

static char *wrong_type(const Samoza__V1__Parameter *declared, const struct raw_value *raw,
			char **ret_wrong)
{
	CLEANUP(freep) char *expects = parameter_expects(declared);
	CLEANUP(freep) char *value = shown(raw);
	*ret_wrong = str_printf("expected a value of type %s, found %s", expects, value);
	return NULL;
}

/* "010" is 8 to some readers and 10 to others. */
static const char *without_zeros(const char *text)
{
	const char *digits = text + (*text == '-' || *text == '+');
	size_t zeros = strspn(digits, "0");
	if (zeros == 0 || strspn(digits, "0123456789") != strlen(digits) || strlen(digits) == 1)
		return NULL;
	return digits[zeros] == '\0' ? "0" : digits + zeros;
}

static char *check_number(const Samoza__V1__Parameter *declared, const struct raw_value *raw,
			  char **ret_wrong)
{
	double number;
	int64_t whole;
	bool is_one = declared->type == TYPE(INTEGER)
			      ? number_from_whole(raw->text, &whole) == 0 &&
					number_from_text(raw->text, &number) == 0
			      : number_from_text(raw->text, &number) == 0;
	if (raw->quoted || raw->is_nothing || !is_one)
		return wrong_type(declared, raw, ret_wrong);
	const char *digits = without_zeros(raw->text);
	if (digits != NULL) {
		CLEANUP(freep) char *value = shown(raw);
		*ret_wrong = str_printf("%s begins with a zero, which some read as an octal "
					"number: write %s%s",
					value, raw->text[0] == '-' ? "-" : "", digits);
		return NULL;
	}
	if ((declared->has_minimum && number < declared->minimum) ||
	    (declared->has_maximum && number > declared->maximum))
		return wrong_type(declared, raw, ret_wrong);
	if (declared->type == TYPE(INTEGER))
		return str_printf("%lld", (long long)whole);
	return mem_strdup(raw->text + (raw->text[0] == '+'));
}

static char *check_boolean(const Samoza__V1__Parameter *declared, const struct raw_value *raw,
			   char **ret_wrong)
{
	static const char *const words[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
	for (size_t i = 0; i < ARRAY_SIZE(words) && !raw->quoted; i++)
		if (strcmp(raw->text, words[i]) == 0)
			return mem_strdup(i < 3 ? "true" : "false");
	return wrong_type(declared, raw, ret_wrong);
}

static char *check_string(const Samoza__V1__Parameter *declared, const struct raw_value *raw,
			  char **ret_wrong)
{
	if (raw->is_nothing) {
		*ret_wrong = mem_strdup("it has no value; write \"\" for an empty text");
		return NULL;
	}
	if (declared->pattern == NULL)
		return mem_strdup(raw->text);
	CLEANUP(freep) char *pattern = anchored(declared->pattern);
	if (pattern_matches(pattern, raw->text, strlen(raw->text)))
		return mem_strdup(raw->text);
	return wrong_type(declared, raw, ret_wrong);
}

char *value_check(const Samoza__V1__Parameter *declared, const struct raw_value *raw,
		  char **ret_wrong)
{
	size_t size = strlen(raw->text);
	if (size > PARAMETER_VALUE_MAX) {
		*ret_wrong = str_printf("the value has %zu bytes, at most %d are allowed", size,
					PARAMETER_VALUE_MAX);
		return NULL;
	}
	switch (declared->type) {
	case TYPE(STRING):
		return check_string(declared, raw, ret_wrong);
	case TYPE(INTEGER):
	case TYPE(NUMBER):
		return check_number(declared, raw, ret_wrong);
	case TYPE(BOOLEAN):
		return check_boolean(declared, raw, ret_wrong);
	case _SAMOZA__V1__PARAMETER_TYPE_IS_INT_SIZE:
		break;
	}
	IMPOSSIBLE("no such type");
}
