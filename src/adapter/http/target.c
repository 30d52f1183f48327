#include "adapter/http/target.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/text.h"

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* No control characters (NUL is one), no invalid UTF-8. */
static bool text_is_clean(const char *text, size_t size)
{
	while (size > 0) {
		uint32_t code;
		bool valid;
		size_t n = text_next(text, size, &code, &valid);
		if (!valid || code < 0x20 || code == 0x7f)
			return false;
		text += n;
		size -= n;
	}
	return true;
}

/* `lines`: it may have several. */
static bool is_fine(const char *text, size_t size, bool lines)
{
	CLEANUP(freep) char *one = mem_strndup(text, size);
	for (size_t i = 0; lines && i < size; i++)
		if (text[i] == '\n' || text[i] == '\t')
			one[i] = ' ';
	return strlen(one) == size && text_is_clean(one, size);
}

static int decode(const char *text, size_t size, bool plus, bool lines, char **ret_text,
		  struct error **err)
{
	CLEANUP(freep) char *out = mem_calloc(size + 1, 1);
	size_t n = 0;
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '%') {
			int high = i + 1 < size ? digit_of(text[i + 1]) : -1;
			int low = i + 2 < size ? digit_of(text[i + 2]) : -1;
			if (high < 0 || low < 0)
				return error_set(
					err, ERR_INVALID,
					"'%%' without two hexadecimal digits in the URL");
			out[n++] = (char)(high * 16 + low);
			i += 2;
		} else {
			out[n++] = plus && text[i] == '+' ? ' ' : text[i];
		}
	}
	if (!is_fine(out, n, lines))
		return error_set(err, ERR_INVALID,
				 "control characters or invalid UTF-8 in the URL");
	*ret_text = steal_ptr(&out);
	return 0;
}

int http_percent_decode(const char *text, size_t size, bool plus, char **ret_text,
			struct error **err)
{
	return decode(text, size, plus, false, ret_text, err);
}

static int segments_parse(struct http_target *target, const char *path, size_t size,
			  struct error **err)
{
	size_t at = 0;
	do {
		if (path[at] != '/' || target->segments.count == TARGET_SEGMENTS_MAX)
			return error_set(err, ERR_INVALID,
					 "the path of the URL does not begin with '/' or has "
					 "too many parts");
		at++;
		const char *end = memchr(path + at, '/', size - at);
		size_t length = end != NULL ? (size_t)(end - path) - at : size - at;
		char *segment = NULL;
		int r = http_percent_decode(path + at, length, false, &segment, err);
		if (r < 0)
			return r;
		vector_push(&target->segments, segment);
		if (str_equal(segment, ".") || str_equal(segment, ".."))
			return error_set(err, ERR_INVALID, "'%s' in the path of the URL",
					 segment);
		at += length;
	} while (at < size);
	return 0;
}

static const char *pair_find(const struct http_pair *pairs, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(pairs[i].name, name) == 0)
			return pairs[i].value;
	return NULL;
}

static int pair_parse(struct http_target *target, const char *text, size_t size,
		      struct error **err)
{
	const char *equals = memchr(text, '=', size);
	size_t name_size = equals != NULL ? (size_t)(equals - text) : size;
	size_t value_at = equals != NULL ? name_size + 1 : size;
	CLEANUP(freep) char *name = NULL;
	CLEANUP(freep) char *value = NULL;
	int r = http_percent_decode(text, name_size, true, &name, err);
	if (r == 0)
		r = decode(text + value_at, size - value_at, true, true, &value, err);
	if (r < 0)
		return r;
	if (target->query.count == TARGET_QUERY_MAX)
		return error_set(err, ERR_INVALID, "too many query parameters");
	if (pair_find(target->query.items, target->query.count, name) != NULL)
		return error_set(err, ERR_INVALID, "query parameter '%s' is given twice", name);
	vector_push(&target->query, ((struct http_pair){steal_ptr(&name), steal_ptr(&value)}));
	return 0;
}

static int query_parse(struct http_target *target, const char *text, struct error **err)
{
	while (*text != '\0') {
		size_t size = strcspn(text, "&");
		int r = size > 0 ? pair_parse(target, text, size, err) : 0;
		if (r < 0)
			return r;
		text += size + (text[size] == '&');
	}
	return 0;
}

int http_target_parse(struct http_target *target, const char *text, struct error **err)
{
	*target = (struct http_target){0};
	size_t path_size = strcspn(text, "?");
	target->raw = mem_strdup(text);
	target->raw_path = mem_strndup(text, path_size);
	int r = segments_parse(target, target->raw_path, path_size, err);
	if (r == 0 && text[path_size] == '?')
		r = query_parse(target, text + path_size + 1, err);
	if (r < 0)
		http_target_done(target);
	return r;
}

void http_target_done(struct http_target *target)
{
	free(target->raw_path);
	free(target->raw);
	vector_for_each (&target->segments, s)
		free(*s);
	vector_done(&target->segments);
	vector_for_each (&target->query, pair) {
		free(pair->name);
		free(pair->value);
	}
	vector_done(&target->query);
	target->raw = target->raw_path = NULL;
}

/* ---- patterns ---- */

/* {name} or {name*}: its name's length, and whether it takes several segments. */
static bool part_is_param(const char *part, size_t size, size_t *ret_name, bool *ret_many)
{
	if (size < 3 || part[0] != '{' || part[size - 1] != '}')
		return false;
	*ret_many = part[size - 2] == '*';
	*ret_name = size - 2 - *ret_many;
	return true;
}

static size_t parts_count(const char *pattern)
{
	size_t n = 0;
	for (; *pattern != '\0'; pattern++)
		n += *pattern == '/';
	return n;
}

static char *segments_join(char **segments, size_t count)
{
	size_t size = 1;
	for (size_t i = 0; i < count; i++)
		size += strlen(segments[i]) + 1;
	char *text = mem_calloc(size, 1), *to = text;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			*to++ = '/';
		to = stpcpy(to, segments[i]);
	}
	return text;
}

static bool parts_match(const char *pattern, const struct http_target *target,
			struct http_match *match)
{
	size_t left = parts_count(pattern); /* parts that are still to match */
	size_t at = 0;			    /* segments that are matched */
	while (left > 0) {
		const char *part = pattern + 1;
		size_t size = strcspn(part, "/"), name = 0, take = 1;
		bool many = false, param = part_is_param(part, size, &name, &many);
		if (at + left > target->segments.count)
			return false;
		if (many)
			take = target->segments.count - at - (left - 1);
		char **segments = target->segments.items + at;
		if (param && segments[0][0] == '\0')
			return false;
		if (!param && (strncmp(segments[0], part, size) != 0 || segments[0][size] != 0))
			return false;
		if (param)
			vector_push(&match->params,
				    ((struct http_pair){mem_strndup(part + 1, name),
							segments_join(segments, take)}));
		at += take;
		left--;
		pattern = part + size;
	}
	return at == target->segments.count;
}

bool http_pattern_match(const char *pattern, const struct http_target *target,
			struct http_match *match)
{
	bool matches = parts_match(pattern, target, match);
	if (!matches)
		http_match_done(match);
	return matches;
}

void http_match_done(struct http_match *match)
{
	vector_for_each (&match->params, pair) {
		free(pair->name);
		free(pair->value);
	}
	vector_done(&match->params);
}
