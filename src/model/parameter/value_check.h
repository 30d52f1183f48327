/*
 * Whether a text is a value of a parameter. Private to this directory.
 */
#ifndef SAMOZA_MODEL_PARAMETER_VALUE_CHECK_H
#define SAMOZA_MODEL_PARAMETER_VALUE_CHECK_H

#include <stdbool.h>

#include "proto/model.pb-c.h"

struct raw_value {
	const char *text;
	bool quoted;	    /* text, whatever it looks like */
	bool is_nothing;    /* null, or nothing at all */
	bool is_plain_text; /* of no file: it has no type of its own */
};

/* The value as it is inserted; NULL, with what is wrong and what would be right. The caller frees both.
 * PRE: the rules of the parameter mean something. */
char *value_check(const Samoza__V1__Parameter *declared, const struct raw_value *raw,
		  char **ret_wrong);
bool value_pattern_is_valid(const char *pattern);

#endif
