#include "schema/scalar.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strcmp(text, *words) == 0)
			return true;
	}
	return false;
}

bool scalar_is_null(const struct node *node)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
	return node->kind == NODE_SCALAR && !node->quoted && is_one_of(node->text, words);
}

enum scalar_result scalar_to_bool(const struct node *node, bool *ret)
{
	static const char *const yes[] = {"true", "True", "TRUE", NULL};
	static const char *const no[] = {"false", "False", "FALSE", NULL};
	if (node->kind != NODE_SCALAR || node->quoted)
		return SCALAR_NOT_ONE;
	bool value = is_one_of(node->text, yes);
	if (!value && !is_one_of(node->text, no))
		return SCALAR_NOT_ONE;
	*ret = value;
	return SCALAR_OK;
}

static bool is_whole(const struct node *node)
{
	if (node->kind != NODE_SCALAR || node->quoted)
		return false;
	const char *s = node->text + (node->text[0] == '-' || node->text[0] == '+');
	return s[0] != '\0' && s[strspn(s, "0123456789")] == '\0';
}

enum scalar_result scalar_to_i64(const struct node *node, int64_t *ret)
{
	if (!is_whole(node))
		return SCALAR_NOT_ONE;
	errno = 0;
	long long value = strtoll(node->text, NULL, 10);
	if (errno != 0)
		return SCALAR_OUT_OF_RANGE;
	*ret = value;
	return SCALAR_OK;
}

enum scalar_result scalar_to_u64(const struct node *node, uint64_t *ret)
{
	if (!is_whole(node))
		return SCALAR_NOT_ONE;
	errno = 0;
	unsigned long long value = strtoull(node->text, NULL, 10);
	if (errno != 0 || (node->text[0] == '-' && value != 0))
		return SCALAR_OUT_OF_RANGE;
	*ret = value;
	return SCALAR_OK;
}

/* [-+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][-+]?[0-9]+)? */
static bool is_number(const char *s)
{
	s += *s == '-' || *s == '+';
	size_t whole = strspn(s, "0123456789"), fraction = 0;
	s += whole;
	if (*s == '.') {
		fraction = strspn(++s, "0123456789");
		s += fraction;
	}
	if (whole + fraction == 0)
		return false;
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '-' || *s == '+';
		size_t exponent = strspn(s, "0123456789");
		if (exponent == 0)
			return false;
		s += exponent;
	}
	return *s == '\0';
}

/* glibc gives its one static object for "C": nothing to free. */
static locale_t c_locale(void)
{
	locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	INVARIANT(locale != (locale_t)0);
	return locale;
}

enum scalar_result scalar_to_double(const struct node *node, double *ret)
{
	if (node->kind != NODE_SCALAR || node->quoted || !is_number(node->text))
		return SCALAR_NOT_ONE;
	locale_t locale = c_locale();
	double value = strtod_l(node->text, NULL, locale);
	freelocale(locale);
	if (!isfinite(value))
		return SCALAR_OUT_OF_RANGE;
	*ret = value;
	return SCALAR_OK;
}

void double_to_text(double value, char text[32])
{
	locale_t locale = c_locale();
	locale_t before = uselocale(locale);
	for (int precision = 15; precision <= 17; precision++) {
		(void)snprintf(text, 32, "%.*g", precision, value);
		if (strtod(text, NULL) == value)
			break;
	}
	(void)uselocale(before);
	freelocale(locale);
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_add(struct buffer *out, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i += 3) {
		size_t n = size - i < 3 ? size - i : 3;
		uint32_t bits = (uint32_t)data[i] << 16;
		bits |= n > 1 ? (uint32_t)data[i + 1] << 8 : 0;
		bits |= n > 2 ? (uint32_t)data[i + 2] : 0;
		char text[4] = {base64_digits[bits >> 18], base64_digits[bits >> 12 & 63],
				n > 1 ? base64_digits[bits >> 6 & 63] : '=',
				n > 2 ? base64_digits[bits & 63] : '='};
		if (buffer_add(out, text, sizeof(text)) < 0)
			return -1;
	}
	return 0;
}

enum scalar_result base64_decode(const char *text, size_t size, uint8_t **ret_data,
				 size_t *ret_size)
{
	if (size % 4 != 0)
		return SCALAR_NOT_ONE;
	CLEANUP(freep) uint8_t *data = mem_new_array(uint8_t, size / 4 * 3 + 1);
	size_t out = 0;
	for (size_t i = 0; i < size; i += 4) {
		size_t padding = 0;
		if (i + 4 == size && text[i + 3] == '=')
			padding = text[i + 2] == '=' ? 2 : 1;
		uint32_t bits = 0;
		for (size_t k = 0; k < 4; k++) {
			const char *digit = k >= 4 - padding
						    ? base64_digits
						    : strchr(base64_digits, text[i + k]);
			if (digit == NULL || *digit == '\0')
				return SCALAR_NOT_ONE;
			bits = bits << 6 | (uint32_t)(digit - base64_digits);
		}
		if ((padding == 2 && (bits & 0xffff) != 0) ||
		    (padding == 1 && (bits & 0xff) != 0))
			return SCALAR_NOT_ONE; /* bits that decode to nothing */
		for (size_t k = 0; k < 3 - padding; k++)
			data[out++] = (uint8_t)(bits >> (16 - 8 * k));
	}
	*ret_data = steal_ptr(&data);
	*ret_size = out;
	return SCALAR_OK;
}
