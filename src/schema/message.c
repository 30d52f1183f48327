#include "schema/message.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/text.h"
#include "schema/field.h"
#include "schema/map.h"
#include "schema/tables.h"

/* ------------------------------------------------------------------ new and free */

ProtobufCMessage *schema_message_new(const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *m = mem_calloc(1, type->sizeof_message);
	protobuf_c_message_init(type, m);
	return m;
}

void schema_message_free(void *message)
{
	protobuf_c_message_free_unpacked(message, NULL);
}

void schema_message_freep(void *message_pointer)
{
	schema_message_free(*(void **)message_pointer);
}

void schema_set_string(char **field, const char *default_value, const char *value)
{
	if (*field != default_value)
		free(*field);
	*field = value != NULL ? mem_strdup(value) : (char *)(uintptr_t)default_value;
}

/* -------------------------------------------------------------------------- copy */

static void copy_element(const ProtobufCFieldDescriptor *field, void *to, const void *from)
{
	if (field->type == PROTOBUF_C_TYPE_STRING) {
		*(char **)to = mem_strdup(*(char *const *)from);
	} else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
		const ProtobufCMessage *m = *(ProtobufCMessage *const *)from;
		*(ProtobufCMessage **)to = m != NULL ? schema_message_copy(m) : NULL;
	} else if (field->type == PROTOBUF_C_TYPE_BYTES) {
		const ProtobufCBinaryData *b = from;
		ProtobufCBinaryData copy = {.len = b->len};
		if (b->len > 0)
			copy.data = mem_memdup(b->data, b->len);
		*(ProtobufCBinaryData *)to = copy;
	} else {
		memcpy(to, from, field_element_size(field));
	}
}

/* PRE: `to` has the field unset. */
static void copy_field(ProtobufCMessage *to, const ProtobufCMessage *from,
		       const ProtobufCFieldDescriptor *field)
{
	size_t count = field_count(from, field);
	if (count == 0)
		return;
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		*(void **)field_member(to, field) =
			mem_calloc(count, field_element_size(field));
		*field_list_count(to, field) = count;
	}
	for (size_t i = 0; i < count; i++)
		copy_element(field, field_element(to, field, i), field_element(from, field, i));
	field_mark(to, field);
}

ProtobufCMessage *schema_message_copy(const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	ProtobufCMessage *copy = schema_message_new(type);
	for (unsigned i = 0; i < type->n_fields; i++)
		copy_field(copy, message, &type->fields[i]);
	return copy;
}

/* ------------------------------------------------------------------------- equal */

static bool elements_equal(const ProtobufCFieldDescriptor *field, const void *a, const void *b)
{
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return str_equal(*(char *const *)a, *(char *const *)b);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return schema_message_equal(*(ProtobufCMessage *const *)a,
					    *(ProtobufCMessage *const *)b);
	if (field->type == PROTOBUF_C_TYPE_BYTES) {
		const ProtobufCBinaryData *x = a, *y = b;
		return x->len == y->len &&
		       (x->len == 0 || memcmp(x->data, y->data, x->len) == 0);
	}
	return memcmp(a, b, field_element_size(field)) == 0;
}

static bool maps_equal(const ProtobufCMessage *a, const ProtobufCMessage *b,
		       const ProtobufCFieldDescriptor *field)
{
	ProtobufCMessage **entries = *(ProtobufCMessage ***)field_member(a, field);
	size_t count = field_count(a, field);
	for (size_t i = 0; i < count; i++) {
		const ProtobufCMessage *other = map_find(b, field, map_entry_key(entries[i]));
		if (!schema_message_equal(entries[i], other))
			return false;
	}
	return true;
}

bool schema_message_equal(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	const ProtobufCMessageDescriptor *type = a->descriptor;
	if (b->descriptor != type)
		return false;
	const struct schema_message *table = schema_message_table(type);
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		size_t count = field_count(a, field);
		if (count != field_count(b, field))
			return false;
		if (table->fields[i].map) {
			if (!maps_equal(a, b, field))
				return false;
			continue;
		}
		for (size_t k = 0; k < count; k++) {
			if (!elements_equal(field, field_element(a, field, k),
					    field_element(b, field, k)))
				return false;
		}
	}
	return true;
}

/* -------------------------------------------------------------------------- fill */

static void fill_map(ProtobufCMessage *message, const ProtobufCMessage *defaults,
		     const ProtobufCFieldDescriptor *field)
{
	ProtobufCMessage **more = *(ProtobufCMessage ***)field_member(defaults, field);
	size_t more_count = field_count(defaults, field);
	ProtobufCMessage ***entries = field_member(message, field);
	size_t *count = field_list_count(message, field);
	for (size_t i = 0; i < more_count; i++) {
		if (map_find(message, field, map_entry_key(more[i])) != NULL)
			continue;
		*entries = mem_resize(*entries, *count + 1, sizeof(**entries));
		(*entries)[(*count)++] = schema_message_copy(more[i]);
	}
}

void schema_message_fill(ProtobufCMessage *message, const ProtobufCMessage *defaults)
{
	PRE(message->descriptor == defaults->descriptor);
	const ProtobufCMessageDescriptor *type = message->descriptor;
	const struct schema_message *table = schema_message_table(type);
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		if (table->fields[i].map) {
			fill_map(message, defaults, field);
		} else if (field_count(message, field) == 0) {
			if (!field_in_oneof(field) || field_oneof_set(message, field) == NULL)
				copy_field(message, defaults, field);
		} else if (field->type == PROTOBUF_C_TYPE_MESSAGE &&
			   field->label != PROTOBUF_C_LABEL_REPEATED &&
			   field_count(defaults, field) > 0) {
			schema_message_fill(
				*(ProtobufCMessage **)field_member(message, field),
				*(ProtobufCMessage **)field_member(defaults, field));
		}
	}
}

bool schema_message_has(const ProtobufCMessage *message, const char *field_name)
{
	const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
		message->descriptor, field_name);
	PRE(field != NULL);
	return field_count(message, field) > 0;
}

/* --------------------------------------------------------------------- the wire */

int schema_message_pack(const ProtobufCMessage *message, struct buffer *out, struct error **err)
{
	if (!protobuf_c_message_check(message))
		return error_set(err, ERR_INVALID, "a %s lacks a required field",
				 schema_message_table(message->descriptor)->title);
	size_t size = protobuf_c_message_get_packed_size(message);
	void *to = buffer_reserve(out, size);
	if (to == NULL)
		return error_set(err, ERR_LIMIT, "a %s of %zu bytes is too large",
				 schema_message_table(message->descriptor)->title, size);
	buffer_grew(out, protobuf_c_message_pack(message, to));
	return 0;
}

static bool text_is_valid(const char *text)
{
	size_t size = strlen(text);
	for (size_t i = 0; i < size;) {
		uint32_t code;
		bool valid = true;
		i += (unsigned char)text[i] < 0x80
			     ? 1
			     : text_next(text + i, size - i, &code, &valid);
		if (!valid)
			return false;
	}
	return true;
}

static int check_unpacked(const ProtobufCMessage *message, struct error **err)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		size_t count = field_count(message, field);
		for (size_t k = 0; k < count; k++) {
			const void *value = field_element(message, field, k);
			int r = 0;
			if (field->type == PROTOBUF_C_TYPE_MESSAGE)
				r = check_unpacked(*(ProtobufCMessage *const *)value, err);
			else if (field->type == PROTOBUF_C_TYPE_STRING &&
				 !text_is_valid(*(char *const *)value))
				r = error_set(err, ERR_INVALID, "%s of a %s is not UTF-8",
					      field->name, type->name);
			else if (field->type == PROTOBUF_C_TYPE_ENUM &&
				 protobuf_c_enum_descriptor_get_value(
					 field->descriptor, *(const int *)value) == NULL)
				r = error_set(err, ERR_INVALID, "%s of a %s cannot be %d",
					      field->name, type->name, *(const int *)value);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static void *unpack_alloc(void *user, size_t size)
{
	(void)user;
	return mem_calloc(1, size);
}

static void unpack_free(void *user, void *ptr)
{
	(void)user;
	free(ptr);
}

int schema_message_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t size,
			  ProtobufCMessage **ret_message, struct error **err)
{
	/* NULL then means unreadable, never out of memory. */
	ProtobufCAllocator allocator = {.alloc = unpack_alloc, .free = unpack_free};
	CLEANUP(schema_message_freep)
	ProtobufCMessage *m = protobuf_c_message_unpack(type, &allocator, size, data);
	if (m == NULL)
		return error_set(err, ERR_INVALID, "%zu bytes that are not a %s", size,
				 type->name);
	int r = check_unpacked(m, err);
	if (r < 0)
		return r;
	*ret_message = steal_ptr(&m);
	return 0;
}
