/*
 * JSON (RFC 8259) to nodes. Of our own, because jansson keeps no places: a finding in a JSON
 * file is to have its line and column like one in YAML.
 */
#include <stdint.h>
#include <string.h>

#include "base/buffer.h"
#include "schema/node.h"
#include "schema/yaml.h"

struct json {
	const char *at, *end;
	/* Line and column of `mark`, which follows `at`. */
	const char *mark;
	unsigned line, column;
	struct tree *tree;
	struct findings *findings;
	struct buffer string; /* the one that is being read */
};

static void locate(struct json *j)
{
	for (; j->mark < j->at; j->mark++) {
		unsigned char c = (unsigned char)*j->mark;
		if (c == '\n') {
			j->line++;
			j->column = 1;
		} else if ((c & 0xc0) != 0x80) {
			j->column++;
		}
	}
}

static bool wrong(struct json *j, const char *what)
{
	locate(j);
	finding_add(j->findings, j->line, j->column, "not valid JSON: %s", what);
	return false;
}

static char peek(struct json *j)
{
	while (j->at < j->end && strchr(" \t\r\n", *j->at) != NULL)
		j->at++;
	return j->at < j->end ? *j->at : '\0';
}

static bool add_code(struct json *j, uint32_t code)
{
	char utf8[4];
	size_t size = 0;
	if (code < 0x80) {
		utf8[size++] = (char)code;
	} else if (code < 0x800) {
		utf8[size++] = (char)(0xc0 | code >> 6);
		utf8[size++] = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		utf8[size++] = (char)(0xe0 | code >> 12);
		utf8[size++] = (char)(0x80 | (code >> 6 & 0x3f));
		utf8[size++] = (char)(0x80 | (code & 0x3f));
	} else {
		utf8[size++] = (char)(0xf0 | code >> 18);
		utf8[size++] = (char)(0x80 | (code >> 12 & 0x3f));
		utf8[size++] = (char)(0x80 | (code >> 6 & 0x3f));
		utf8[size++] = (char)(0x80 | (code & 0x3f));
	}
	return buffer_add(&j->string, utf8, size) == 0;
}

/* Four hexadecimal digits at `at`. */
static bool hex4(struct json *j, uint32_t *ret)
{
	uint32_t value = 0;
	for (int i = 0; i < 4; i++, j->at++) {
		char c = j->at < j->end ? *j->at : '\0';
		uint32_t digit;
		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (uint32_t)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (uint32_t)(c - 'A') + 10;
		else
			return wrong(j, "\\u needs four hexadecimal digits");
		value = value << 4 | digit;
	}
	*ret = value;
	return true;
}

/* Behind "\u". */
static bool read_unicode(struct json *j)
{
	uint32_t code, low;
	if (!hex4(j, &code))
		return false;
	if (code == 0)
		return wrong(j, "a NUL character in a string");
	if (code >= 0xdc00 && code <= 0xdfff)
		return wrong(j, "the second half of a surrogate pair alone");
	if (code >= 0xd800 && code <= 0xdbff) {
		if (j->end - j->at < 2 || j->at[0] != '\\' || j->at[1] != 'u')
			return wrong(j, "the first half of a surrogate pair alone");
		j->at += 2;
		if (!hex4(j, &low))
			return false;
		if (low < 0xdc00 || low > 0xdfff)
			return wrong(j, "the first half of a surrogate pair alone");
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	return add_code(j, code);
}

/* Behind the backslash. */
static bool read_escape(struct json *j)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = j->at < j->end ? *j->at : '\0';
	if (c == 'u') {
		j->at++;
		return read_unicode(j);
	}
	const char *found = c != '\0' ? strchr(from, c) : NULL;
	if (found == NULL)
		return wrong(j, "an unknown escape sequence in a string");
	j->at++;
	return buffer_add(&j->string, &to[found - from], 1) == 0;
}

/* At the opening quote; the content goes to j->string. */
static bool read_string(struct json *j)
{
	buffer_clear(&j->string);
	for (j->at++; j->at < j->end;) {
		const char *first = j->at;
		while (j->at < j->end && *j->at != '"' && *j->at != '\\' &&
		       (unsigned char)*j->at >= 0x20)
			j->at++;
		if (buffer_add(&j->string, first, (size_t)(j->at - first)) < 0)
			return wrong(j, "a string is too long");
		if (j->at == j->end)
			break;
		if (*j->at == '"') {
			j->at++;
			return true;
		}
		if (*j->at != '\\')
			return wrong(j,
				     "a control character in a string (write \\n, \\t, ...)");
		j->at++;
		if (!read_escape(j))
			return false;
	}
	return wrong(j, "a string without a closing quote");
}

static size_t digits(const char *s, const char *end)
{
	size_t n = 0;
	while (s + n < end && s[n] >= '0' && s[n] <= '9')
		n++;
	return n;
}

/* The length of the number at s, 0 when there is none. */
static size_t number_length(const char *s, const char *end)
{
	const char *p = s;
	if (p < end && *p == '-')
		p++;
	size_t whole = digits(p, end);
	if (whole == 0 || (whole > 1 && *p == '0'))
		return 0;
	p += whole;
	if (p < end && *p == '.') {
		size_t fraction = digits(p + 1, end);
		if (fraction == 0)
			return 0;
		p += 1 + fraction;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		size_t exponent = digits(p, end);
		if (exponent == 0)
			return 0;
		p += exponent;
	}
	return (size_t)(p - s);
}

static size_t word_length(const char *s, const char *end)
{
	static const char *const words[] = {"true", "false", "null"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i]);
		if ((size_t)(end - s) >= n && memcmp(s, words[i], n) == 0)
			return n;
	}
	return 0;
}

static bool read_value(struct json *j);

static bool read_text(struct json *j)
{
	locate(j);
	unsigned line = j->line, column = j->column;
	if (!read_string(j))
		return false;
	struct node *node =
		tree_add(j->tree, j->findings, NODE_SCALAR, line, column,
			 j->string.data != NULL ? j->string.data : "", j->string.size);
	if (node == NULL)
		return false;
	node->quoted = true;
	return true;
}

static bool read_items(struct json *j, char close)
{
	j->at++;
	if (peek(j) == close) {
		j->at++;
		return true;
	}
	for (;;) {
		if (close == '}') {
			if (peek(j) != '"')
				return wrong(j, "expected a key in double quotes");
			if (!read_text(j))
				return false;
			if (peek(j) != ':')
				return wrong(j, "expected ':' after a key");
			j->at++;
		}
		if (!read_value(j))
			return false;
		char next = peek(j);
		if (next != ',' && next != close)
			return wrong(j, close == '}' ? "expected ',' or '}' after a value"
						     : "expected ',' or ']' after a value");
		j->at++;
		if (next == close)
			return true;
	}
}

/* The depth is bounded by tree_add. */
static bool read_value(struct json *j)
{
	char c = peek(j);
	locate(j);
	if (c == '{' || c == '[') {
		struct node *node =
			tree_add(j->tree, j->findings, c == '{' ? NODE_MAPPING : NODE_LIST,
				 j->line, j->column, NULL, 0);
		if (node == NULL)
			return false;
		tree_open(j->tree, node);
		if (!read_items(j, c == '{' ? '}' : ']'))
			return false;
		tree_close(j->tree);
		return true;
	}
	if (c == '"')
		return read_text(j);
	size_t size = number_length(j->at, j->end);
	if (size == 0)
		size = word_length(j->at, j->end);
	if (size == 0)
		return wrong(j, c == '\0' ? "unexpected end of the text" : "expected a value");
	if (tree_add(j->tree, j->findings, NODE_SCALAR, j->line, j->column, j->at, size) ==
	    NULL)
		return false;
	j->at += size;
	return true;
}

bool json_parse(const char *text, size_t size, struct tree *t, struct findings *f)
{
	struct json j = {.at = text,
			 .end = text + size,
			 .mark = text,
			 .line = 1,
			 .column = 1,
			 .tree = t,
			 .findings = f,
			 .string = BUFFER_INIT(SCHEMA_TEXT_MAX)};
	if (t->is_wiped) /* so that it does not move, and is in one place */
		(void)buffer_reserve(&j.string, size);
	bool complete = read_value(&j);
	if (complete && peek(&j) != '\0')
		complete = wrong(&j, "unexpected text after the value");
	t->incomplete = !complete;
	tree_close_all(t);
	if (t->is_wiped && j.string.data != NULL)
		explicit_bzero(j.string.data, j.string.capacity);
	buffer_done(&j.string);
	return complete;
}
