/*
 * Versions of a topology, and what changes between two, in words.
 */
#ifndef TEST_MODEL_VERSIONS_H
#define TEST_MODEL_VERSIONS_H

#include "model/diff.h"

/* Every field has a value, and none of them is the default. */
extern const char sample[];

/* Fails the test when the text is not valid; the caller frees. */
Samoza__V1__Topology *read_text(const char *text);
void compare_messages(const Samoza__V1__Topology *from, const Samoza__V1__Topology *to,
		      struct topology_diff *ret_diff);
/* "+" added, "-" removed, "!" replaced, "~" adjusted; "p" place, "c" count, "n" names; fields.
 * The caller frees. */
char *words_of(const struct topology_diff *diff);

#endif
