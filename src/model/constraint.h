/*
 * Placement constraints on the labels of zhosts [topology.placement.rule-3].
 *
 *   rack == a        rack != a        rack in (a, b)      rack not in (a, b)
 *   ssd exists       cores > 8        cores < 64
 *
 * A zhost without the label fulfils no constraint on it but `!=` and `not in`. `<` and `>`
 * compare decimal numbers; a label whose value is no number fulfils neither.
 */
#ifndef SAMOZA_MODEL_CONSTRAINT_H
#define SAMOZA_MODEL_CONSTRAINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Longest label name, and longest label value, in bytes. */
#define LABEL_MAX_BYTES 255
/* Most values in one `in (...)`. */
#define CONSTRAINT_MAX_VALUES 1000

enum constraint_op {
	CONSTRAINT_EQ,
	CONSTRAINT_NE,
	CONSTRAINT_IN,
	CONSTRAINT_NOT_IN,
	CONSTRAINT_EXISTS,
	CONSTRAINT_LT,
	CONSTRAINT_GT,
};

struct constraint {
	const char *label;
	enum constraint_op op;
	const char **values; /* EQ, NE: one; IN, NOT_IN: sorted, unique; else none */
	unsigned value_count;
	double number;	  /* LT, GT */
	const char *text; /* as it was written, for FailureReason: "rack in (a, b)" */
};

/* One label of a zhost. Label sets are sorted by name (strcmp), names unique. */
struct label {
	const char *name;
	const char *value;
};

struct label_set {
	const struct label *items;
	unsigned count;
};

/* Value of a label, NULL when the set has none of that name. Borrowed. O(log n). */
const char *label_set_find(const struct label_set *labels, const char *name);

/* Parses `text` into memory of its own; constraint_done() frees it. ERR_INVALID says what is
 * wrong: "expected one of ==, !=, in, not in, exists, <, > after 'rack'". */
int constraint_parse(const char *text, struct constraint *ret_constraint,
		     struct error **err) must_check;
/* `label == value`, for the shorthands `region` and `kind`. Copies both. */
void constraint_init_equal(struct constraint *c, const char *label, const char *value);
void constraint_done(struct constraint *c);

/* Whether a zhost with these labels fulfils it. */
bool constraint_holds(const struct constraint *c, const struct label_set *labels);
/* Same, for a known value of the constraint's label (NULL: the label is absent). */
bool constraint_holds_value(const struct constraint *c, const char *value);

#endif
