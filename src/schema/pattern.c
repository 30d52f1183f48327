#include "schema/pattern.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

#define WORDS ((PATTERN_TEXT_MAX + 1) / 64)

/* Places between the bytes of the text: bit i is the place before byte i. */
struct places {
	uint64_t bits[WORDS];
};

struct matcher {
	const char *text;
	size_t size;
	size_t words; /* in use */
};

struct repeat {
	unsigned min, max;
};

static void places_clear(const struct matcher *m, struct places *set)
{
	memset(set->bits, 0, m->words * sizeof(set->bits[0]));
}

static void places_copy(const struct matcher *m, struct places *to, const struct places *from)
{
	memcpy(to->bits, from->bits, m->words * sizeof(to->bits[0]));
}

/* Adds `from` to `to`; whether that was news. */
static bool places_unite(const struct matcher *m, struct places *to, const struct places *from)
{
	bool news = false;
	for (size_t i = 0; i < m->words; i++) {
		news |= (from->bits[i] & ~to->bits[i]) != 0;
		to->bits[i] |= from->bits[i];
	}
	return news;
}

static bool class_has(const char *p, char c)
{
	bool negated = *++p == '^';
	if (negated)
		p++;
	bool found = false;
	for (; *p != ']'; p++) {
		unsigned char first = (unsigned char)*p, last = first;
		if (p[1] == '-' && p[2] != ']') {
			last = (unsigned char)p[2];
			p += 2;
		}
		found |= (unsigned char)c >= first && (unsigned char)c <= last;
	}
	return found != negated;
}

/* Behind the atom (character, class or group) at p. */
static const char *atom_end(const char *p)
{
	if (*p == '[')
		return strchr(p, ']') + 1;
	if (*p != '(')
		return p + 1;
	for (p++; *p != ')';)
		p = atom_end(p);
	return p + 1;
}

/* Reads what follows an atom. */
static const char *repeat_parse(const char *p, struct repeat *ret)
{
	*ret = (struct repeat){1, 1};
	switch (*p) {
	case '?':
		*ret = (struct repeat){0, 1};
		return p + 1;
	case '*':
		*ret = (struct repeat){0, UINT_MAX};
		return p + 1;
	case '+':
		*ret = (struct repeat){1, UINT_MAX};
		return p + 1;
	case '{':
		break;
	default:
		return p;
	}
	ret->min = 0;
	for (p++; *p >= '0' && *p <= '9'; p++)
		ret->min = ret->min * 10 + (unsigned)(*p - '0');
	ret->max = ret->min;
	if (*p == ',') {
		ret->max = 0;
		for (p++; *p >= '0' && *p <= '9'; p++)
			ret->max = ret->max * 10 + (unsigned)(*p - '0');
	}
	return p + 1;
}

static const char *match_alternatives(const struct matcher *m, const char *p,
				      const struct places *in, struct places *out);

/* `out`: where one match of the atom at p can end that begins in `in`. */
static void match_atom(const struct matcher *m, const char *p, const struct places *in,
		       struct places *out)
{
	if (*p == '(') {
		match_alternatives(m, p + 1, in, out);
		return;
	}
	places_clear(m, out);
	for (size_t w = 0; w < m->words; w++) {
		for (uint64_t rest = in->bits[w]; rest != 0; rest &= rest - 1) {
			size_t i = w * 64 + (size_t)__builtin_ctzll(rest);
			if (i >= m->size)
				break;
			if (*p == '[' ? class_has(p, m->text[i]) : *p == m->text[i])
				out->bits[(i + 1) / 64] |= (uint64_t)1 << ((i + 1) % 64);
		}
	}
}

/* `places`: in, and out. */
static void match_repeated(const struct matcher *m, const char *atom, struct repeat repeat,
			   struct places *places)
{
	struct places next;
	for (unsigned i = 0; i < repeat.min; i++) {
		match_atom(m, atom, places, &next);
		places_copy(m, places, &next);
	}
	struct places from;
	places_copy(m, &from, places);
	for (unsigned i = repeat.min; i < repeat.max; i++) {
		match_atom(m, atom, &from, &next);
		if (!places_unite(m, places, &next))
			return;
		places_copy(m, &from, &next);
	}
}

/* Up to ')', '$' or the end of the pattern; returns that place. */
static const char *match_alternatives(const struct matcher *m, const char *p,
				      const struct places *in, struct places *out)
{
	struct places current;
	places_copy(m, &current, in);
	places_clear(m, out);
	for (;;) {
		if (*p == '|' || *p == ')' || *p == '$') {
			(void)places_unite(m, out, &current);
			if (*p != '|')
				return p;
			places_copy(m, &current, in);
			p++;
			continue;
		}
		struct repeat repeat;
		const char *atom = p;
		p = repeat_parse(atom_end(p), &repeat);
		match_repeated(m, atom, repeat, &current);
	}
}

bool pattern_matches(const char *pattern, const char *text, size_t size)
{
	PRE(pattern[0] == '^');
	if (size > PATTERN_TEXT_MAX)
		return false;
	struct matcher m = {text, size, size / 64 + 1};
	struct places in, out;
	places_clear(&m, &in);
	in.bits[0] = 1;
	match_alternatives(&m, pattern + 1, &in, &out);
	return (out.bits[size / 64] >> (size % 64) & 1) != 0;
}

/* -------------------------------------------------------------- is it a pattern? */

static const char *check_alternatives(const char *p, unsigned depth);

static const char *check_atom(const char *p, unsigned depth)
{
	if (*p == '(') {
		p = check_alternatives(p + 1, depth + 1);
		return p != NULL && *p == ')' ? p + 1 : NULL;
	}
	if (*p == '[') {
		const char *first = p[1] == '^' ? p + 2 : p + 1;
		const char *end = strpbrk(first, "]\\[");
		return end != NULL && *end == ']' && end > first ? end + 1 : NULL;
	}
	return strchr(".\\*+?{}()[]|^$", *p) == NULL ? p + 1 : NULL; /* and not the end */
}

static const char *check_number(const char *p, unsigned *ret)
{
	const char *first = p;
	for (*ret = 0; *p >= '0' && *p <= '9' && p - first < 4; p++)
		*ret = *ret * 10 + (unsigned)(*p - '0');
	return p > first ? p : NULL;
}

static const char *check_repeat(const char *p)
{
	if (*p == '?' || *p == '*' || *p == '+')
		return p + 1;
	if (*p != '{')
		return p;
	unsigned min, max;
	p = check_number(p + 1, &min);
	if (p == NULL)
		return NULL;
	max = min;
	if (*p == ',')
		p = check_number(p + 1, &max);
	return p != NULL && *p == '}' && min <= max && max > 0 ? p + 1 : NULL;
}

static const char *check_alternatives(const char *p, unsigned depth)
{
	if (depth > 8)
		return NULL;
	while (*p != ')' && *p != '$') {
		if (*p == '|') {
			p++;
			continue;
		}
		p = check_atom(p, depth);
		if (p != NULL)
			p = check_repeat(p);
		if (p == NULL)
			return NULL;
	}
	return p;
}

bool pattern_is_valid(const char *pattern)
{
	if (pattern[0] != '^')
		return false;
	const char *end = check_alternatives(pattern + 1, 0);
	return end != NULL && end[0] == '$' && end[1] == '\0';
}
