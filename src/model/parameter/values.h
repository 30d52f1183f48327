/*
 * Values of parameters, as people give them: `--set NAME=VALUE`, a file of NAME: VALUE, and those that an
 * application keeps from its newest revision.
 *
 *   --set       more than what a file says; the same name twice is a finding
 *   file        more than what is kept
 *   kept        what an earlier submission gave
 *
 * Whether there is such a parameter, and whether the value is one, is said by parameters.h.
 */
#ifndef SAMOZA_MODEL_PARAMETER_VALUES_H
#define SAMOZA_MODEL_PARAMETER_VALUES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diagnostics.h"
#include "base/vector.h"

#define PARAMETER_VALUE_MAX 4095 /* bytes */
#define VALUES_MAX	    1000 /* of one submission */

enum value_origin { VALUE_KEPT, VALUE_FILE, VALUE_SET };

struct given_value {
	enum value_origin origin;
	char *name, *text;
	bool quoted;	       /* in a file: text, whatever it looks like */
	bool is_nothing;       /* in a file: null, or nothing at all */
	char *file;	       /* NULL: of none */
	unsigned line, column; /* of the value */
};

struct values {
	VECTOR(struct given_value) list;
};

void values_done(struct values *v);
/* "replicas=3". */
void values_add_set(struct values *v, const char *assignment, struct diagnostics *findings);
/* A file: one mapping. `file` is how the user calls it. */
void values_add_file(struct values *v, const char *file, const char *text, size_t size,
		     struct diagnostics *findings);
/* What the newest revision has. */
void values_add_kept(struct values *v, const char *name, const char *text);
/* The one that counts; NULL: none was given. */
const struct given_value *values_find(const struct values *v, const char *name);
/* Adds a finding about the value, with its place: "--set replicas", "eu.yaml:3:5". */
void value_finding(struct diagnostics *findings, const struct given_value *value,
		   const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
