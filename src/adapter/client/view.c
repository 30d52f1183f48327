#include "adapter/client/view.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/str.h"
#include "schema/json.h"

static int read_object(const json_t *object, ProtobufCMessage *message, struct error **err);

static int wrong_type(const ProtobufCFieldDescriptor *field, struct error **err)
{
	return error_set(err, ERR_INVALID, "%s has a wrong type", field->name);
}

static ProtobufCMessage *new_message(const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *message = mem_calloc(1, type->sizeof_message);

	type->message_init(message);
	return message;
}

static int read_integer(const json_t *value, const ProtobufCFieldDescriptor *field, void *to,
			struct error **err)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value))
		return wrong_type(field, err);
	switch ((int)field->type) {
	case PROTOBUF_C_TYPE_UINT32:
		if (n < 0 || n > (json_int_t)UINT32_MAX)
			return wrong_type(field, err);
		*(uint32_t *)to = (uint32_t)n;
		return 0;
	case PROTOBUF_C_TYPE_INT32:
		if (n < INT32_MIN || n > INT32_MAX)
			return wrong_type(field, err);
		*(int32_t *)to = (int32_t)n;
		return 0;
	case PROTOBUF_C_TYPE_UINT64:
		if (n < 0)
			return wrong_type(field, err);
		*(uint64_t *)to = (uint64_t)n;
		return 0;
	default:
		*(int64_t *)to = n;
		return 0;
	}
}

/* One value into the memory of a field, or of an element of a repeated one. */
static int read_value(const json_t *value, const ProtobufCFieldDescriptor *field, void *to,
		      struct error **err)
{
	ProtobufCMessage *message;

	switch ((int)field->type) {
	case PROTOBUF_C_TYPE_STRING:
		if (!json_is_string(value))
			return wrong_type(field, err);
		*(char **)to = mem_strdup(json_string_value(value));
		return 0;
	case PROTOBUF_C_TYPE_BOOL:
		if (!json_is_boolean(value))
			return wrong_type(field, err);
		*(protobuf_c_boolean *)to = json_is_true(value);
		return 0;
	case PROTOBUF_C_TYPE_DOUBLE:
		if (!json_is_number(value))
			return wrong_type(field, err);
		*(double *)to = json_number_value(value);
		return 0;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_INT64:
		return read_integer(value, field, to, err);
	case PROTOBUF_C_TYPE_MESSAGE:
		if (!json_is_object(value))
			return wrong_type(field, err);
		/* In the tree before it is filled: freed with the rest on an error. */
		message = new_message(field->descriptor);
		*(ProtobufCMessage **)to = message;
		if (read_object(value, message, err) < 0)
			return error_wrap(err, "%s", field->name);
		return 0;
	default:
		return error_set(err, ERR_UNSUPPORTED,
				 "%s is of a type that answers do not have", field->name);
	}
}

static size_t element_size(const ProtobufCFieldDescriptor *field)
{
	switch ((int)field->type) {
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_INT32:
		return sizeof(uint32_t);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return sizeof(uint64_t);
	default:
		return sizeof(void *);
	}
}

static int read_list(const json_t *value, const ProtobufCFieldDescriptor *field,
		     ProtobufCMessage *message, struct error **err)
{
	size_t *count = (size_t *)((char *)message + field->quantifier_offset);
	void **list = (void **)((char *)message + field->offset);
	size_t size = element_size(field);
	size_t n = json_array_size(value);

	if (!json_is_array(value))
		return wrong_type(field, err);
	if (n == 0)
		return 0;
	*list = mem_calloc(n, size);
	for (size_t i = 0; i < n; i++) {
		int r = read_value(json_array_get(value, i), field, (char *)*list + i * size,
				   err);

		/* Also a message that failed half-way: it is freed with the list. */
		*count = i + 1;
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_field(const json_t *value, const ProtobufCFieldDescriptor *field,
		      ProtobufCMessage *message, struct error **err)
{
	int r;

	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return read_list(value, field, message, err);
	r = read_value(value, field, (char *)message + field->offset, err);
	if (r == 0 && field->label == PROTOBUF_C_LABEL_OPTIONAL &&
	    field->quantifier_offset != 0)
		*(protobuf_c_boolean *)((char *)message + field->quantifier_offset) = 1;
	return r;
}

static int read_object(const json_t *object, ProtobufCMessage *message, struct error **err)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;

	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		const json_t *value = json_object_get(object, field->name);
		int r;

		if (value == NULL || json_is_null(value)) {
			if (field->label == PROTOBUF_C_LABEL_REQUIRED)
				return error_set(err, ERR_INVALID, "%s is missing",
						 field->name);
			continue;
		}
		r = read_field(value, field, message, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int view_read(const ProtobufCMessageDescriptor *type, const char *text, size_t size,
	      ProtobufCMessage **ret_message, struct error **err)
{
	json_error_t problem;
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
	ProtobufCMessage *message;
	int r;

	if (root == NULL)
		return error_set(err, ERR_INVALID, "not JSON: %s", problem.text);
	if (!json_is_object(root)) {
		json_decref(root);
		return error_set(err, ERR_INVALID, "not a JSON object");
	}
	message = new_message(type);
	r = read_object(root, message, err);
	json_decref(root);
	if (r < 0) {
		view_free(message);
		return r;
	}
	*ret_message = message;
	return 0;
}

void view_free(void *message)
{
	if (message != NULL)
		protobuf_c_message_free_unpacked(message, NULL);
}

void view_freep(void *message_pointer)
{
	view_free(*(void **)message_pointer);
}

char *view_write(const ProtobufCMessage *message)
{
	return schema_write_json(message, SCHEMA_JSON_COMPACT);
}
