/*
 * Matches text against the patterns of the schema (options.proto: FieldRule.pattern).
 *
 * A pattern is what POSIX extended and JavaScript regular expressions have in common and
 * mean alike, so that the reader and an editor with the JSON Schema agree:
 *
 *   ^ ... $                 always the whole text
 *   a  [a-z0-9]  [^"]       a character, one of a set, one outside a set; `[.]` for a dot
 *   ( | )                   groups and alternatives
 *   ?  *  +  {m}  {m,n}     how often
 *
 * No escapes, no dot, no references. It follows all ways through the pattern at once, as a
 * set of places in the text, so no text makes it slow; nothing is compiled or allocated.
 */
#ifndef SAMOZA_SCHEMA_PATTERN_H
#define SAMOZA_SCHEMA_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* Longer text matches nothing. */
#define PATTERN_TEXT_MAX 4095

/* PRE: pattern_is_valid (the build checks every pattern of the schema). */
bool pattern_matches(const char *pattern, const char *text, size_t size);
bool pattern_is_valid(const char *pattern);

#endif
