/*
 * Names of spaces and facets: the first pass, and suggestions for later ones.
 */
#ifndef SAMOZA_MODEL_COMPILE_NAMES_H
#define SAMOZA_MODEL_COMPILE_NAMES_H

#include <stdbool.h>

struct compile;

bool compile_names(struct compile *c);
/* " (did you mean 'x'?)" for the closest of the spaces' names (and the facets', when asked),
 * or "". The caller frees. */
char *hint_for(const struct compile *c, const char *name, bool facets_too);

#endif
