#include "model/constraint.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "base/vector.h"

/* Longest text of one constraint. */
#define TEXT_MAX_BYTES 65536u

const char *label_set_find(const struct label_set *labels, const char *name)
{
	unsigned low = 0, high = labels->count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int c = strcmp(labels->items[middle].name, name);

		if (c == 0)
			return labels->items[middle].value;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ---- Reading ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What a label's name or an unquoted value is made of. */
static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("._-/+:@%", c) != NULL) || (unsigned char)c >= 0x80;
}

static void skip_blanks(const char **p)
{
	while (is_blank(**p))
		(*p)++;
}

/* The next word; empty when there is none. The caller frees. */
static char *take_word(const char **p)
{
	const char *start = *p;

	while (is_word(**p))
		(*p)++;
	return mem_strndup(start, (size_t)(*p - start));
}

/* A value: a word, or anything between double quotes (without a way to write a quote). NULL
 * when there is none. */
static char *take_value(const char **p)
{
	skip_blanks(p);
	if (**p == '"') {
		const char *start = *p + 1;
		const char *end = strchr(start, '"');

		if (end == NULL)
			return NULL;
		*p = end + 1;
		return mem_strndup(start, (size_t)(end - start));
	}
	char *word = take_word(p);
	if (word[0] != '\0')
		return word;
	free(word);
	return NULL;
}

static bool take_token(const char **p, const char *token)
{
	size_t size = strlen(token);

	skip_blanks(p);
	if (strncmp(*p, token, size) != 0)
		return false;
	/* "in" is no prefix of "inside". */
	if (is_word(token[size - 1]) && is_word((*p)[size]))
		return false;
	*p += size;
	return true;
}

static int bad(struct error **err, const char *text, const char *why)
{
	return error_set(err, ERR_INVALID, "constraint '%.80s%s': %s", text,
			 strlen(text) > 80 ? "..." : "", why);
}

static int take_operator(const char **p, enum constraint_op *ret_op)
{
	static const struct {
		const char *token;
		enum constraint_op op;
	} operators[] = {
		{"==", CONSTRAINT_EQ},	       {"!=", CONSTRAINT_NE}, {"in", CONSTRAINT_IN},
		{"exists", CONSTRAINT_EXISTS}, {"<", CONSTRAINT_LT},  {">", CONSTRAINT_GT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		if (take_token(p, operators[i].token)) {
			*ret_op = operators[i].op;
			return 0;
		}
	}
	if (take_token(p, "not") && take_token(p, "in")) {
		*ret_op = CONSTRAINT_NOT_IN;
		return 0;
	}
	return -1;
}

/* A finite decimal number, nothing else around it. */
static bool to_number(const char *text, double *ret_number)
{
	char *end;

	/* strtod also takes "inf", "nan" and "0x1p3". */
	if (text[0] == '\0' || text[strspn(text, "0123456789.+-eE")] != '\0')
		return false;
	errno = 0;
	double number = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(number))
		return false;
	*ret_number = number;
	return true;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int take_list(const char **p, const char *text, struct constraint *c, struct error **err)
{
	VECTOR(const char *) values = {0};
	int r = 0;

	if (!take_token(p, "("))
		return bad(err, text, "expected a list such as (a, b) after 'in'");
	do {
		char *value = take_value(p);
		if (value == NULL || values.count == CONSTRAINT_MAX_VALUES) {
			r = bad(err, text,
				value == NULL ? "expected a value in the list"
					      : "more than 1000 values in the list");
			free(value);
			break;
		}
		vector_push(&values, value);
	} while (take_token(p, ","));
	if (r == 0 && !take_token(p, ")"))
		r = bad(err, text, "expected ',' or ')' in the list");
	/* Sorted and each once; handed over even on failure, constraint_done() frees them. */
	unsigned kept = 0;
	if (values.count > 0)
		qsort(values.items, values.count, sizeof(values.items[0]), compare_strings);
	for (size_t i = 0; i < values.count; i++) {
		if (kept > 0 && strcmp(values.items[kept - 1], values.items[i]) == 0)
			free((char *)values.items[i]);
		else
			values.items[kept++] = values.items[i];
	}
	c->values = values.items;
	c->value_count = kept;
	return r;
}

static int take_single(const char **p, const char *text, struct constraint *c,
		       struct error **err)
{
	char *value = take_value(p);

	if (value == NULL)
		return bad(err, text, "expected a value at its end");
	if (c->op == CONSTRAINT_LT || c->op == CONSTRAINT_GT) {
		bool is_number = to_number(value, &c->number);
		free(value);
		return is_number ? 0 : bad(err, text, "expected a number after '<' or '>'");
	}
	c->values = mem_new_array(const char *, 1);
	c->values[0] = value;
	c->value_count = 1;
	return 0;
}

/* As it was written, without the blanks around it. */
static char *trimmed(const char *text)
{
	size_t size = strlen(text);

	while (size > 0 && is_blank(text[size - 1]))
		size--;
	while (is_blank(*text)) {
		text++;
		size--;
	}
	return mem_strndup(text, size);
}

static int parse_into(const char *text, struct constraint *c, struct error **err)
{
	const char *p = text;
	int r = 0;

	skip_blanks(&p);
	c->label = take_word(&p);
	if (c->label[0] == '\0')
		return bad(err, text, "expected the name of a label at its start");
	if (strlen(c->label) > LABEL_MAX_BYTES)
		return bad(err, text, "the label's name is too long");
	if (take_operator(&p, &c->op) < 0)
		return bad(err, text,
			   "expected one of ==, !=, in, not in, exists, <, > after the label");
	if (c->op == CONSTRAINT_IN || c->op == CONSTRAINT_NOT_IN)
		r = take_list(&p, text, c, err);
	else if (c->op != CONSTRAINT_EXISTS)
		r = take_single(&p, text, c, err);
	if (r < 0)
		return r;
	skip_blanks(&p);
	if (*p != '\0')
		return bad(err, text, "unexpected text at its end");
	for (unsigned i = 0; i < c->value_count; i++) {
		if (strlen(c->values[i]) > LABEL_MAX_BYTES)
			return bad(err, text, "a value is too long");
	}
	c->text = trimmed(text);
	return 0;
}

int constraint_parse(const char *text, struct constraint *ret_constraint, struct error **err)
{
	struct constraint c = {0};

	if (strlen(text) > TEXT_MAX_BYTES)
		return bad(err, text, "too long");
	int r = parse_into(text, &c, err);
	if (r < 0) {
		constraint_done(&c);
		return r;
	}
	*ret_constraint = c;
	return 0;
}

void constraint_init_equal(struct constraint *c, const char *label, const char *value)
{
	*c = (struct constraint){.label = mem_strdup(label), .op = CONSTRAINT_EQ};
	c->values = mem_new_array(const char *, 1);
	c->values[0] = mem_strdup(value);
	c->value_count = 1;
	c->text = str_printf("%s == %s", label, value);
}

void constraint_done(struct constraint *c)
{
	free((char *)c->label);
	for (unsigned i = 0; i < c->value_count; i++)
		free((char *)c->values[i]);
	free(c->values);
	free((char *)c->text);
	*c = (struct constraint){0};
}

/* ---- Judging ---- */

static bool has_value(const struct constraint *c, const char *value)
{
	return bsearch(&value, c->values, c->value_count, sizeof(c->values[0]),
		       compare_strings) != NULL;
}

bool constraint_holds_value(const struct constraint *c, const char *value)
{
	double number;

	if (value == NULL)
		return c->op == CONSTRAINT_NE || c->op == CONSTRAINT_NOT_IN;
	switch (c->op) {
	case CONSTRAINT_EQ:
		return strcmp(value, c->values[0]) == 0;
	case CONSTRAINT_NE:
		return strcmp(value, c->values[0]) != 0;
	case CONSTRAINT_IN:
		return has_value(c, value);
	case CONSTRAINT_NOT_IN:
		return !has_value(c, value);
	case CONSTRAINT_EXISTS:
		return true;
	case CONSTRAINT_LT:
		return to_number(value, &number) && number < c->number;
	case CONSTRAINT_GT:
		return to_number(value, &number) && number > c->number;
	}
	IMPOSSIBLE("constraint operator");
}

bool constraint_holds(const struct constraint *c, const struct label_set *labels)
{
	return constraint_holds_value(c, label_set_find(labels, c->label));
}
