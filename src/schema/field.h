/*
 * Fields of a message in memory, by their descriptors. For src/schema and src/model.
 */
#ifndef SAMOZA_SCHEMA_FIELD_H
#define SAMOZA_SCHEMA_FIELD_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes of one element of the field's type. */
size_t field_element_size(const ProtobufCFieldDescriptor *field);
/* The member; for a list: the pointer to its elements. */
void *field_member(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
/* How many elements are set: 0 or 1, for a list its length. A string that is its field's
 * default is not set. */
size_t field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
/* Where a list keeps its length, for the caller to change. PRE: the field is a list. */
size_t *field_list_count(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
/* The element at an index below field_count. */
void *field_element(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		    size_t index);
/* Marks a field that is not a list as set (its value was stored by the caller). */
void field_mark(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
/* The field of the oneof that `field` belongs to that is set, or NULL. */
const ProtobufCFieldDescriptor *field_oneof_set(const ProtobufCMessage *message,
						const ProtobufCFieldDescriptor *field);
struct schema_field;
/* The word that stands for its value, the number 0; NULL: none does. Borrowed. */
const char *field_word(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		       const struct schema_field *rule);
static inline bool field_in_oneof(const ProtobufCFieldDescriptor *field)
{
	return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

#endif
