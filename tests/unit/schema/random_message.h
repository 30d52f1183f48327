/*
 * Random messages that obey the schema, for tests: the same seed gives the same message.
 */
#ifndef SAMOZA_TESTS_SCHEMA_RANDOM_MESSAGE_H
#define SAMOZA_TESTS_SCHEMA_RANDOM_MESSAGE_H

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

uint64_t random_next(struct random *r);
/* 0 .. below - 1 */
uint64_t random_below(struct random *r, uint64_t below);
/* A text that matches (schema/pattern.h). The caller frees. */
char *random_match(struct random *r, const char *pattern);
/* Valid UTF-8 without NUL, of the kind that breaks careless writers. The caller frees. */
char *random_text(struct random *r, size_t max_length);
/* schema_message_free */
ProtobufCMessage *random_message(struct random *r, const ProtobufCMessageDescriptor *type);

#endif
