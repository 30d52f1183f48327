#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "schema/field.h"
#include "schema/json.h"
#include "schema/map.h"
#include "schema/message.h"
#include "schema/scalar.h"
#include "schema/tables.h"

struct writer {
	struct buffer *out;
	bool pretty;
	unsigned depth;
};

static int write_message(struct writer *w, const ProtobufCMessage *message);

/* Controls, line ends of other languages, and what YAML (which shares these strings) does not
 * take as it is. */
static bool must_escape(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 ||
	       code == 0x2029 || code == 0xfeff || code == 0xfffe || code == 0xffff;
}

int schema_add_json_string(struct buffer *out, const char *text)
{
	size_t size = strlen(text);
	if (buffer_add_string(out, "\"") < 0)
		return -1;
	for (size_t i = 0; i < size;) {
		size_t plain = 0;
		while (i + plain < size && (unsigned char)text[i + plain] >= 0x20 &&
		       (unsigned char)text[i + plain] < 0x7f && text[i + plain] != '"' &&
		       text[i + plain] != '\\')
			plain++;
		if (buffer_add(out, text + i, plain) < 0)
			return -1;
		i += plain;
		if (i == size)
			break;
		uint32_t code = (unsigned char)text[i];
		bool valid = true;
		size_t length = code < 0x80 ? 1 : text_next(text + i, size - i, &code, &valid);
		int r;
		if (!valid)
			r = buffer_add_string(out, "\xef\xbf\xbd");
		else if (code == '"' || code == '\\')
			r = buffer_printf(out, "\\%c", (char)code);
		else if (code == '\n')
			r = buffer_add_string(out, "\\n");
		else if (code == '\t')
			r = buffer_add_string(out, "\\t");
		else if (must_escape(code))
			r = buffer_printf(out, "\\u%04x", (unsigned)code);
		else
			r = buffer_add(out, text + i, length);
		if (r < 0)
			return -1;
		i += length;
	}
	return buffer_add_string(out, "\"");
}

/* A new line, in the indent of the current depth. */
static int write_break(struct writer *w)
{
	if (!w->pretty)
		return 0;
	return buffer_printf(w->out, "\n%*s", (int)(2 * w->depth), "");
}

static int write_double(struct writer *w, double value)
{
	char text[32];
	if (!isfinite(value))
		return buffer_add_string(w->out, "null");
	double_to_text(value, text);
	return buffer_add_string(w->out, text);
}

static int write_bytes(struct writer *w, const ProtobufCBinaryData *data)
{
	if (buffer_add_string(w->out, "\"") < 0 ||
	    base64_add(w->out, data->data, data->len) < 0)
		return -1;
	return buffer_add_string(w->out, "\"");
}

static int write_value(struct writer *w, const ProtobufCFieldDescriptor *field,
		       const void *value)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return buffer_printf(w->out, "%" PRId32, *(const int32_t *)value);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return buffer_printf(w->out, "%" PRId64, *(const int64_t *)value);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return buffer_printf(w->out, "%" PRIu32, *(const uint32_t *)value);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return buffer_printf(w->out, "%" PRIu64, *(const uint64_t *)value);
	case PROTOBUF_C_TYPE_FLOAT:
		return write_double(w, (double)*(const float *)value);
	case PROTOBUF_C_TYPE_DOUBLE:
		return write_double(w, *(const double *)value);
	case PROTOBUF_C_TYPE_BOOL:
		return buffer_add_string(w->out,
					 *(const protobuf_c_boolean *)value ? "true" : "false");
	case PROTOBUF_C_TYPE_ENUM: {
		const char *spelling =
			schema_enum_spelling(field->descriptor, *(const int *)value);
		if (spelling == NULL) /* from a newer peer, past schema_message_unpack */
			return buffer_printf(w->out, "\"%d\"", *(const int *)value);
		return schema_add_json_string(w->out, spelling);
	}
	case PROTOBUF_C_TYPE_STRING: {
		const char *text = *(char *const *)value;
		return schema_add_json_string(w->out, text != NULL ? text : "");
	}
	case PROTOBUF_C_TYPE_BYTES:
		return write_bytes(w, value);
	case PROTOBUF_C_TYPE_MESSAGE:
		return write_message(w, *(ProtobufCMessage *const *)value);
	}
	IMPOSSIBLE("all types of protobuf-c are listed");
}

static int write_list(struct writer *w, const ProtobufCMessage *message,
		      const ProtobufCFieldDescriptor *field)
{
	size_t count = field_count(message, field);
	if (buffer_add_string(w->out, "[") < 0)
		return -1;
	w->depth++;
	for (size_t i = 0; i < count; i++) {
		if ((i > 0 && buffer_add_string(w->out, ",") < 0) || write_break(w) < 0 ||
		    write_value(w, field, field_element(message, field, i)) < 0)
			return -1;
	}
	w->depth--;
	if (count > 0 && write_break(w) < 0)
		return -1;
	return buffer_add_string(w->out, "]");
}

static int write_key(struct writer *w, const char *key, bool first)
{
	if ((!first && buffer_add_string(w->out, ",") < 0) || write_break(w) < 0 ||
	    schema_add_json_string(w->out, key) < 0)
		return -1;
	return buffer_add_string(w->out, w->pretty ? ": " : ":");
}

static int write_map(struct writer *w, const ProtobufCMessage *message,
		     const ProtobufCFieldDescriptor *field)
{
	size_t count = field_count(message, field);
	CLEANUP(freep) const ProtobufCMessage **entries = map_sorted(message, field);
	if (buffer_add_string(w->out, "{") < 0)
		return -1;
	w->depth++;
	for (size_t i = 0; i < count; i++) {
		const ProtobufCFieldDescriptor *value = &entries[i]->descriptor->fields[1];
		if (write_key(w, map_entry_key(entries[i]), i == 0) < 0 ||
		    write_value(w, value, field_element(entries[i], value, 0)) < 0)
			return -1;
	}
	w->depth--;
	if (count > 0 && write_break(w) < 0)
		return -1;
	return buffer_add_string(w->out, "}");
}

static int write_message(struct writer *w, const ProtobufCMessage *message)
{
	if (message == NULL)
		return buffer_add_string(w->out, "null");
	const struct schema_message *table = schema_message_table(message->descriptor);
	bool any = false;
	if (buffer_add_string(w->out, "{") < 0)
		return -1;
	w->depth++;
	for (unsigned i = 0; i < table->field_count; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		if (table->fields[i].wire)
			continue;
		bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
		if (!list && field_count(message, field) == 0)
			continue;
		if (write_key(w, table->fields[i].key, !any) < 0)
			return -1;
		any = true;
		int r;
		if (table->fields[i].map)
			r = write_map(w, message, field);
		else if (list)
			r = write_list(w, message, field);
		else if (field_word(message, field, &table->fields[i]) != NULL)
			r = schema_add_json_string(w->out, table->fields[i].word);
		else
			r = write_value(w, field, field_member(message, field));
		if (r < 0)
			return -1;
	}
	w->depth--;
	if (any && write_break(w) < 0)
		return -1;
	return buffer_add_string(w->out, "}");
}

int schema_add_json(struct buffer *out, const ProtobufCMessage *message, unsigned flags)
{
	struct writer w = {.out = out, .pretty = (flags & SCHEMA_JSON_PRETTY) != 0};
	if (write_message(&w, message) < 0)
		return -1;
	return w.pretty ? buffer_add_string(out, "\n") : 0;
}

char *schema_write_json(const ProtobufCMessage *message, unsigned flags)
{
	struct buffer out = BUFFER_INIT(SIZE_MAX / 2);
	INVARIANT(schema_add_json(&out, message, flags) == 0);
	return buffer_steal(&out);
}
