#include "zrun/native/environment.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- strings ---- */

/* There may be secrets in it. */
static void forget(const struct strings *s)
{
	if (s->size > 0)
		explicit_bzero(s->data, s->size);
	free(s->data);
}

static void grow(struct strings *s, size_t capacity)
{
	char *data = malloc(capacity);

	if (data == NULL)
		abort();
	if (s->size > 0)
		memcpy(data, s->data, s->size);
	forget(s);
	s->data = data;
	s->capacity = capacity;
}

static void append(struct strings *s, const char *text, size_t size)
{
	if (s->size + size > s->capacity) {
		size_t capacity = s->capacity == 0 ? 4096 : s->capacity;

		while (capacity < s->size + size)
			capacity *= 2;
		grow(s, capacity);
	}
	if (size > 0)
		memcpy(s->data + s->size, text, size);
	s->size += size;
}

static bool is_for_shell(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static void append_name(struct strings *s, const char *name, size_t size)
{
	size_t from = s->size;

	append(s, name, size);
	for (size_t n = from; n < s->size; n++)
		if (!is_for_shell(s->data[n]))
			s->data[n] = '_';
}

static void end(struct strings *s)
{
	append(s, "", 1);
	s->count++;
}

void strings_add(struct strings *s, const char *name, const char *value)
{
	append_name(s, name, strlen(name));
	append(s, "=", 1);
	append(s, value, strlen(value));
	end(s);
}

void strings_add_text(struct strings *s, const char *text, size_t size)
{
	append(s, text, size);
	end(s);
}

void strings_done(struct strings *s)
{
	forget(s);
	*s = (struct strings){0};
}

const char *strings_find(const char *data, size_t size, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = data; size > 0 && at < data + size; at += strlen(at) + 1)
		if (strncmp(at, name, length) == 0 && at[length] == '=')
			return at + length + 1;
	return NULL;
}

/* ---- sets of imports ---- */

struct part {
	const char *at;
	size_t size;
};

struct pair {
	struct part import, path, variable;
	const char *value;
};

static bool part_equal(struct part a, struct part b)
{
	return a.size == b.size && memcmp(a.at, b.at, a.size) == 0;
}

static bool same_provider(const struct pair *a, const struct pair *b)
{
	return part_equal(a->import, b->import) && part_equal(a->path, b->path);
}

/* The pair at *at, which moves on; false at the end. */
static bool next_pair(const char **at, const char *until, struct pair *ret)
{
	const char *blank, *second;

	if (*at >= until)
		return false;
	*ret = (struct pair){.import.at = *at};
	ret->value = *at + strlen(*at) + 1;
	blank = strchr(*at, ' ');
	second = blank != NULL ? strchr(blank + 1, ' ') : NULL;
	if (second == NULL)
		return false; /* not of zhost's making */
	ret->import.size = (size_t)(blank - *at);
	ret->path = (struct part){blank + 1, (size_t)(second - blank - 1)};
	ret->variable = (struct part){second + 1, strlen(second + 1)};
	*at = ret->value + strlen(ret->value) + 1;
	return true;
}

/* Of the instance, not of an import: "@ env NAME". */
static bool is_setting(const struct pair *p)
{
	return p->import.size == 1 && p->import.at[0] == '@';
}

/* PREFIX_IMPORT_NAME_ and `rest`, as the name of a variable with this value. */
static void add_variable(struct strings *to, const char *prefix, struct part import,
			 const char *rest, struct part last, const char *value,
			 size_t value_size)
{
	append_name(to, prefix, strlen(prefix));
	append(to, "_IMPORT_", strlen("_IMPORT_"));
	append_name(to, import.at, import.size);
	append(to, "_", 1);
	append(to, rest, strlen(rest));
	append_name(to, last.at, last.size);
	append(to, "=", 1);
	append(to, value, value_size);
	end(to);
}

static void add_count(struct strings *to, const char *prefix, struct part import,
		      unsigned count)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%u", count);
	add_variable(to, prefix, import, "COUNT", (struct part){"", 0}, number, strlen(number));
}

void environment_imports(struct strings *to, const char *prefix, const char *set, size_t size)
{
	const char *at = set;
	struct pair p, before = {0};
	unsigned count = 0; /* providers of the import so far */
	char rest[24];

	while (next_pair(&at, set + size, &p)) {
		if (is_setting(&p))
			continue;
		if (before.value != NULL && !part_equal(before.import, p.import)) {
			add_count(to, prefix, before.import, count);
			count = 0;
		}
		if (before.value == NULL || !same_provider(&before, &p)) {
			(void)snprintf(rest, sizeof(rest), "%u_PATH", count++);
			add_variable(to, prefix, p.import, rest, (struct part){"", 0},
				     p.path.at, p.path.size);
		}
		if (p.variable.size > 0) {
			(void)snprintf(rest, sizeof(rest), "%u_", count - 1);
			add_variable(to, prefix, p.import, rest, p.variable, p.value,
				     strlen(p.value));
		}
		before = p;
	}
	if (before.value != NULL)
		add_count(to, prefix, before.import, count);
}

void environment_settings(struct strings *to, const char *set, size_t size)
{
	const char *at = set;
	struct pair p;

	while (next_pair(&at, set + size, &p))
		if (is_setting(&p) && p.path.size == 3 && memcmp(p.path.at, "env", 3) == 0 &&
		    strings_find(to->data, to->size, p.variable.at) == NULL)
			strings_add(to, p.variable.at, p.value);
}

/* The settings of a set, one after the other. */
static void collect_settings(struct strings *to, const char *set, size_t size)
{
	const char *at = set;
	struct pair p;

	while (next_pair(&at, set + size, &p))
		if (is_setting(&p)) {
			strings_add_text(to, p.path.at, strlen(p.path.at));
			strings_add_text(to, p.value, strlen(p.value));
		}
}

bool environment_settings_differ(const char *old_set, size_t old_size, const char *new_set,
				 size_t new_size)
{
	struct strings a = {0}, b = {0};
	bool differ;

	collect_settings(&a, old_set, old_size);
	collect_settings(&b, new_set, new_size);
	differ = a.size != b.size || (a.size > 0 && memcmp(a.data, b.data, a.size) != 0);
	strings_done(&a);
	strings_done(&b);
	return differ;
}

bool environment_has_config(const char *set, size_t size)
{
	const char *at = set;
	struct pair p;

	while (next_pair(&at, set + size, &p))
		if (is_setting(&p) && p.path.size == 6 && memcmp(p.path.at, "config", 6) == 0)
			return true;
	return false;
}

/* ---- what changed ---- */

/* One provider: its pairs. */
struct provider {
	struct pair first;
	const char *from, *until;
};

static bool next_provider(const char **at, const char *until, struct provider *ret)
{
	const char *from;
	struct pair p;

	do {
		from = *at;
		if (!next_pair(at, until, &ret->first))
			return false;
	} while (is_setting(&ret->first));
	ret->from = from;
	ret->until = *at;
	for (const char *peek = *at;
	     next_pair(&peek, until, &p) && same_provider(&ret->first, &p);)
		ret->until = *at = peek;
	return true;
}

static bool find_provider(const char *set, size_t size, const struct provider *wanted,
			  struct provider *ret)
{
	const char *at = set;

	while (next_provider(&at, set + size, ret))
		if (same_provider(&ret->first, &wanted->first))
			return true;
	return false;
}

static bool provider_equal(const struct provider *a, const struct provider *b)
{
	size_t size = (size_t)(a->until - a->from);

	return size == (size_t)(b->until - b->from) && memcmp(a->from, b->from, size) == 0;
}

enum change { ONLY_HERE, DIFFERENT };

/* The providers of `set` that are not in the other one, or differ there. */
static void add_list(struct strings *to, const char *name, enum change change, const char *set,
		     size_t size, const char *other, size_t other_size)
{
	const char *at = set;
	struct provider p, q;
	bool first = true;

	append(to, name, strlen(name));
	append(to, "=", 1);
	while (next_provider(&at, set + size, &p)) {
		bool found = find_provider(other, other_size, &p, &q);

		if (change == ONLY_HERE ? found : !found || provider_equal(&p, &q))
			continue;
		if (!first)
			append(to, " ", 1);
		first = false;
		append(to, p.first.import.at, p.first.import.size);
		append(to, ":", 1);
		append(to, p.first.path.at, p.first.path.size);
	}
	end(to);
}

void environment_changes(struct strings *to, const char *old_set, size_t old_size,
			 const char *new_set, size_t new_size)
{
	add_list(to, "SAMOZA_UPDATE_ADDED", ONLY_HERE, new_set, new_size, old_set, old_size);
	add_list(to, "SAMOZA_UPDATE_REMOVED", ONLY_HERE, old_set, old_size, new_set, new_size);
	add_list(to, "SAMOZA_UPDATE_CHANGED", DIFFERENT, new_set, new_size, old_set, old_size);
}
