/*
 * What every message can do, whatever its type. Messages are on the heap as protobuf-c makes
 * them: strings, lists and sub-messages malloc'ed, except that a string that points to its
 * field's default value is static (so: never free or overwrite a string field by hand, use
 * schema_set_string).
 */
#ifndef SAMOZA_SCHEMA_MESSAGE_H
#define SAMOZA_SCHEMA_MESSAGE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

/* A message with all defaults. */
ProtobufCMessage *schema_message_new(const ProtobufCMessageDescriptor *type);
/* NULL is fine. Only for messages on the heap. */
void schema_message_free(void *message);
/* For CLEANUP(schema_message_freep) Samoza__V1__Space *space = NULL; */
void schema_message_freep(void *message_pointer);

/* A deep copy, on the heap, whatever the original lives in. Unknown fields are left out. */
ProtobufCMessage *schema_message_copy(const ProtobufCMessage *message);
/* The same type and content. An unset field equals only an unset one; the order of lists
 * matters, that of maps does not. NULL equals only NULL. */
bool schema_message_equal(const ProtobufCMessage *a, const ProtobufCMessage *b);
/*
 * Fills what `message` leaves out with what `defaults` (of the same type) has: fields that
 * are unset, lists that are empty; messages are filled in depth, maps key by key; a oneof
 * only when none of its members is set. [formats.mex.space]: "optional defaults for that space;
 * topology.yaml wins".
 */
void schema_message_fill(ProtobufCMessage *message, const ProtobufCMessage *defaults);

/* Whether the field of this name (as in the .proto file) is set: present in the file,
 * not merely a default; for lists: not empty. PRE: there is such a field. */
bool schema_message_has(const ProtobufCMessage *message, const char *field_name);

/* Sets a string field to a copy of `value` (NULL: unset), given the field's address and its
 * default value (NULL for most):  schema_set_string(&space->name, NULL, "api"). */
void schema_set_string(char **field, const char *default_value, const char *value);

/* Appends the bytes on the wire to `out`; -1 when it is full. ERR_INVALID where a
 * required field is missing (protobuf-c would write an empty one without complaint). */
must_check int schema_message_pack(const ProtobufCMessage *message, struct buffer *out,
				   struct error **err);
/* From untrusted bytes. ERR_INVALID for what is not a message of the type, lacks a required
 * field, holds an unknown enum value, or text that is not UTF-8. */
must_check int schema_message_unpack(const ProtobufCMessageDescriptor *type, const void *data,
				     size_t size, ProtobufCMessage **ret_message,
				     struct error **err);

/* The spelling of an enum value in files and in JSON ("deployed-started"), or NULL. Static. */
const char *schema_enum_spelling(const ProtobufCEnumDescriptor *type, int value);
/* 0, or -1 for an unknown spelling. */
int schema_enum_value(const ProtobufCEnumDescriptor *type, const char *spelling,
		      int *ret_value);

#endif
