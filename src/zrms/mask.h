/*
 * What is written for a reader who may see only some topologies: names of the others are taken out of
 * sentences, wherever in an answer they stand.
 *
 *   "waits for other/api on n1"  ──►  "waits for another topology on n1"
 *
 * A word that is the name of a topology that the reader may not see is taken out, with the path that follows
 * it. Names of topologies that are no longer there are not known, and stay.
 */
#ifndef SAMOZA_ZRMS_MASK_H
#define SAMOZA_ZRMS_MASK_H

#include <protobuf-c/protobuf-c.h>

struct control;
struct principal;

/* All strings of the message and of what it holds. `reader` NULL: nothing. */
void mask_message(const struct control *control, const struct principal *reader,
		  ProtobufCMessage *message);
/* NULL: nothing is to be taken out; otherwise the text without; the caller frees. `said`: words that the
 * reader has used stay: to take them out would say that there is such a topology. NULL: none. */
char *mask_text(const struct control *control, const struct principal *reader, const char *text,
		const char *said);

#endif
