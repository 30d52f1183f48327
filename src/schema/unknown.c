#include "schema/unknown.h"

#include "base/memory.h"
#include "base/str.h"
#include "schema/field.h"

struct walk {
	schema_unknown_fn *visit;
	void *user;
};

static void look_at_message(const struct walk *walk, const char *path,
			    const ProtobufCMessage *message);

static void look_at_enum(const struct walk *walk, const char *path,
			 const ProtobufCFieldDescriptor *field, int value)
{
	if (protobuf_c_enum_descriptor_get_value(field->descriptor, value) == NULL)
		walk->visit(walk->user, &(struct schema_unknown){.path = path,
								 .field = field->name,
								 .number = value});
}

static void look_at_field(const struct walk *walk, const char *path,
			  const ProtobufCMessage *message,
			  const ProtobufCFieldDescriptor *field)
{
	size_t count = field_count(message, field);
	if (field->type == PROTOBUF_C_TYPE_ENUM)
		for (size_t k = 0; k < count; k++)
			look_at_enum(walk, path, field,
				     *(const int *)field_element(message, field, k));
	if (field->type != PROTOBUF_C_TYPE_MESSAGE || count == 0)
		return;
	CLEANUP(freep)
	char *below = str_printf("%s%s%s", path, str_is_empty(path) ? "" : ".", field->name);
	for (size_t k = 0; k < count; k++)
		look_at_message(walk, below,
				*(ProtobufCMessage *const *)field_element(message, field, k));
}

static void look_at_message(const struct walk *walk, const char *path,
			    const ProtobufCMessage *message)
{
	for (unsigned k = 0; k < message->n_unknown_fields; k++)
		walk->visit(walk->user,
			    &(struct schema_unknown){.path = path,
						     .number = message->unknown_fields[k].tag});
	for (unsigned k = 0; k < message->descriptor->n_fields; k++)
		look_at_field(walk, path, message, &message->descriptor->fields[k]);
}

void schema_unknown_visit(const ProtobufCMessage *message, schema_unknown_fn *visit, void *user)
{
	const struct walk walk = {visit, user};
	look_at_message(&walk, "", message);
}
