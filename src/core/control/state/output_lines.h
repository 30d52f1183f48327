/*
 * Sentences that may end with what a program has printed: "start: exit status 3: cannot open /secret". A recording of what the
 * core was told (core/record) has everything but that.
 *
 *     told        start: exit status 3: cannot open /secret       the core of zrms
 *     recorded    start: exit status 3: (output 5c0f…)            the core of a replay: still another text where
 *                                                                 the program printed something else
 *     compared    start: exit status 3:                           of what both of them say, and of all sentences
 *                                                                 that are made of it
 */
#ifndef SAMOZA_CORE_CONTROL_OUTPUT_LINES_H
#define SAMOZA_CORE_CONTROL_OUTPUT_LINES_H

#include <stdbool.h>

#include "schema/message.h"

/* How much of it is not of a program: its length where all of it is. */
size_t output_lines_begin(const char *text);
/* Whether anything in these bytes, of a message, could be such a sentence. */
bool output_lines_may_be_in(const void *data, size_t size);

enum output_lines_treatment {
	OUTPUT_LINES_DIGEST, /* as it is recorded; what was already is left as it is */
	OUTPUT_LINES_CUT,    /* as it is compared */
};
/* The caller frees. NULL for NULL. */
char *output_lines_masked(const char *text, enum output_lines_treatment treatment);
/* All texts of the message, in all depths. PRE: it is on the heap (schema/message.h). */
void output_lines_mask(ProtobufCMessage *message, enum output_lines_treatment treatment);

#endif
