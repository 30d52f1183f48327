/*
 * What a message has that this version does not know: fields, and values of enums, that a newer one has written.
 * protobuf-c keeps them or passes them over in silence; who wants to say what would be lost asks here.
 */
#ifndef SAMOZA_SCHEMA_UNKNOWN_H
#define SAMOZA_SCHEMA_UNKNOWN_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

struct schema_unknown {
	const char *
		path; /* of the message that has it, "placement.affinity"; "": the one that is looked at */
	const char *field; /* name of the field with that value; NULL: a field of that number */
	int64_t number;	   /* of the field, or the value */
};

/* `path` and `unknown` are borrowed for the call. */
typedef void schema_unknown_fn(void *user, const struct schema_unknown *unknown);

/* In depth, in the order of the fields; each place once per message that has it. */
void schema_unknown_visit(const ProtobufCMessage *message, schema_unknown_fn *visit,
			  void *user);

#endif
