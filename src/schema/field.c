#include "schema/field.h"

#include <stdint.h>

#include "base/check.h"
#include "schema/tables.h"

size_t field_element_size(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return sizeof(uint32_t);
	case PROTOBUF_C_TYPE_ENUM:
		return sizeof(int);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return sizeof(uint64_t);
	case PROTOBUF_C_TYPE_FLOAT:
		return sizeof(float);
	case PROTOBUF_C_TYPE_DOUBLE:
		return sizeof(double);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	}
	IMPOSSIBLE("all types of protobuf-c are listed");
}

static void *at(const ProtobufCMessage *message, unsigned offset)
{
	return (char *)(uintptr_t)message + offset;
}

void *field_member(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return at(message, field->offset);
}

size_t *field_list_count(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	PRE(field->label == PROTOBUF_C_LABEL_REPEATED);
	return at(message, field->quantifier_offset);
}

size_t field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return *(size_t *)at(message, field->quantifier_offset);
	if (field_in_oneof(field) &&
	    *(uint32_t *)at(message, field->quantifier_offset) != field->id)
		return 0;
	if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE) {
		const void *value = *(void **)at(message, field->offset);
		return value != NULL && value != field->default_value;
	}
	if (field->label == PROTOBUF_C_LABEL_REQUIRED || field_in_oneof(field))
		return 1;
	return *(protobuf_c_boolean *)at(message, field->quantifier_offset) != 0;
}

void *field_element(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		    size_t index)
{
	void *member = field_member(message, field);
	if (field->label != PROTOBUF_C_LABEL_REPEATED)
		return member;
	return *(char **)member + index * field_element_size(field);
}

void field_mark(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (field_in_oneof(field))
		*(uint32_t *)at(message, field->quantifier_offset) = field->id;
	else if (field->label == PROTOBUF_C_LABEL_OPTIONAL &&
		 field->type != PROTOBUF_C_TYPE_STRING &&
		 field->type != PROTOBUF_C_TYPE_MESSAGE)
		*(protobuf_c_boolean *)at(message, field->quantifier_offset) = 1;
}

const ProtobufCFieldDescriptor *field_oneof_set(const ProtobufCMessage *message,
						const ProtobufCFieldDescriptor *field)
{
	uint32_t id = *(uint32_t *)at(message, field->quantifier_offset);
	return id == 0 ? NULL
		       : protobuf_c_message_descriptor_get_field(message->descriptor, id);
}

const char *field_word(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		       const struct schema_field *rule)
{
	return rule->word != NULL && *(const uint32_t *)field_member(message, field) == 0
		       ? rule->word
		       : NULL;
}
