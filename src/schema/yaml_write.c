#include "schema/yaml_write.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <strings.h>

#include "base/check.h"
#include "base/memory.h"
#include "schema/field.h"
#include "schema/json.h"
#include "schema/map.h"
#include "schema/message.h"
#include "schema/scalar.h"
#include "schema/tables.h"

#define FLOW_WIDTH 72 /* a list of scalars up to this wide stands in one line */

static int write_members(struct buffer *out, const ProtobufCMessage *message, unsigned indent,
			 bool in_list);

/* ---------------------------------------------------------------------- scalars */

/* What YAML 1.1 or 1.2 readers take for something else than text. */
static bool is_special_word(const char *s)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on", "off",
					    "null", "~",     "y",   "n",  "="};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(s, words[i]) == 0)
			return true;
	}
	return false;
}

/* Whether it can stand without quotes everywhere, also in a flow list. Numbers and times,
 * and whatever could be one, cannot. */
static bool is_plain(const char *s)
{
	if (!isalnum((unsigned char)s[0]) && strchr("_/", s[0]) == NULL)
		return false;
	if (s[0] == '\0' || is_special_word(s))
		return false;
	size_t length = strlen(s);
	for (size_t i = 0; i < length; i++) {
		bool inside = i > 0 && i + 1 < length;
		if (!isalnum((unsigned char)s[i]) && strchr("_./+-@", s[i]) == NULL &&
		    !(s[i] == ' ' && inside))
			return false;
	}
	if (!isdigit((unsigned char)s[0]))
		return true;
	bool based = s[0] == '0' && isalpha((unsigned char)s[1]);
	return !based && s[strspn(s, "0123456789._+-eETZ ")] != '\0';
}

static int write_text(struct buffer *out, const char *text)
{
	return is_plain(text) ? buffer_add_string(out, text)
			      : schema_add_json_string(out, text);
}

static int write_bytes(struct buffer *out, const ProtobufCBinaryData *data)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(SIZE_MAX / 2);
	if (base64_add(&text, data->data, data->len) < 0)
		return -1;
	return write_text(out, text.data != NULL ? text.data : "");
}

static int write_double(struct buffer *out, double value)
{
	char text[32];
	if (!isfinite(value))
		return buffer_add_string(out, "null");
	double_to_text(value, text);
	return buffer_add_string(out, text);
}

static int write_scalar(struct buffer *out, const ProtobufCFieldDescriptor *field,
			const void *value)
{
	const char *text;
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return buffer_printf(out, "%" PRId32, *(const int32_t *)value);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return buffer_printf(out, "%" PRId64, *(const int64_t *)value);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return buffer_printf(out, "%" PRIu32, *(const uint32_t *)value);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return buffer_printf(out, "%" PRIu64, *(const uint64_t *)value);
	case PROTOBUF_C_TYPE_FLOAT:
		return write_double(out, (double)*(const float *)value);
	case PROTOBUF_C_TYPE_DOUBLE:
		return write_double(out, *(const double *)value);
	case PROTOBUF_C_TYPE_BOOL:
		return buffer_add_string(out,
					 *(const protobuf_c_boolean *)value ? "true" : "false");
	case PROTOBUF_C_TYPE_ENUM:
		text = schema_enum_spelling(field->descriptor, *(const int *)value);
		if (text == NULL)
			return buffer_printf(out, "\"%d\"", *(const int *)value);
		return write_text(out, text);
	case PROTOBUF_C_TYPE_STRING:
		text = *(char *const *)value;
		return write_text(out, text != NULL ? text : "");
	case PROTOBUF_C_TYPE_BYTES:
		return write_bytes(out, value);
	case PROTOBUF_C_TYPE_MESSAGE:
		break;
	}
	IMPOSSIBLE("messages are no scalars");
}

/* -------------------------------------------------------- lists, maps, messages */

static bool is_empty(const ProtobufCMessage *message)
{
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		if (field_count(message, &message->descriptor->fields[i]) > 0)
			return false;
	}
	return true;
}

static int write_indent(struct buffer *out, unsigned indent)
{
	return buffer_printf(out, "%*s", (int)indent, "");
}

/* Behind "key:". */
static int write_nested(struct buffer *out, const ProtobufCMessage *message, unsigned indent)
{
	if (message == NULL || is_empty(message))
		return buffer_add_string(out, " {}\n");
	if (buffer_add_string(out, "\n") < 0)
		return -1;
	return write_members(out, message, indent + 2, false);
}

/* " [a, b]" or, when that is too wide, one line for each. */
static int write_scalars(struct buffer *out, const ProtobufCMessage *message,
			 const ProtobufCFieldDescriptor *field, unsigned indent)
{
	CLEANUP(buffer_done) struct buffer line = BUFFER_INIT(SIZE_MAX / 2);
	CLEANUP(buffer_done) struct buffer lines = BUFFER_INIT(SIZE_MAX / 2);
	size_t count = field_count(message, field);
	for (size_t i = 0; i < count; i++) {
		const void *value = field_element(message, field, i);
		if (buffer_add_string(&line, i == 0 ? " [" : ", ") < 0 ||
		    write_scalar(&line, field, value) < 0 || write_indent(&lines, indent) < 0 ||
		    buffer_add_string(&lines, "- ") < 0 ||
		    write_scalar(&lines, field, value) < 0 ||
		    buffer_add_string(&lines, "\n") < 0)
			return -1;
	}
	if (line.size <= FLOW_WIDTH) {
		if (buffer_add(out, line.data, line.size) < 0)
			return -1;
		return buffer_add_string(out, "]\n");
	}
	if (buffer_add_string(out, "\n") < 0)
		return -1;
	return buffer_add(out, lines.data, lines.size);
}

static int write_list(struct buffer *out, const ProtobufCMessage *message,
		      const ProtobufCFieldDescriptor *field, unsigned indent)
{
	if (field->type != PROTOBUF_C_TYPE_MESSAGE)
		return write_scalars(out, message, field, indent);
	size_t count = field_count(message, field);
	if (buffer_add_string(out, "\n") < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const ProtobufCMessage *item =
			*(ProtobufCMessage *const *)field_element(message, field, i);
		if (write_indent(out, indent) < 0 || buffer_add_string(out, "- ") < 0)
			return -1;
		int r = item == NULL || is_empty(item)
				? buffer_add_string(out, "{}\n")
				: write_members(out, item, indent + 2, true);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int write_map(struct buffer *out, const ProtobufCMessage *message,
		     const ProtobufCFieldDescriptor *field, unsigned indent)
{
	size_t count = field_count(message, field);
	CLEANUP(freep) const ProtobufCMessage **entries = map_sorted(message, field);
	if (buffer_add_string(out, "\n") < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const ProtobufCFieldDescriptor *value = &entries[i]->descriptor->fields[1];
		const void *member = field_element(entries[i], value, 0);
		if (write_indent(out, indent + 2) < 0 ||
		    write_text(out, map_entry_key(entries[i])) < 0 ||
		    buffer_add_string(out, ":") < 0)
			return -1;
		int r;
		if (value->type == PROTOBUF_C_TYPE_MESSAGE)
			r = write_nested(out, *(ProtobufCMessage *const *)member, indent + 2);
		else if ((r = buffer_add_string(out, " ")) == 0 &&
			 (r = write_scalar(out, value, member)) == 0)
			r = buffer_add_string(out, "\n");
		if (r < 0)
			return -1;
	}
	return 0;
}

static int write_field(struct buffer *out, const ProtobufCMessage *message,
		       const ProtobufCFieldDescriptor *field, const struct schema_field *rule,
		       unsigned indent)
{
	if (buffer_printf(out, "%s:", rule->key) < 0)
		return -1;
	if (rule->map)
		return write_map(out, message, field, indent);
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return write_list(out, message, field, indent + 2);
	const void *member = field_member(message, field);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return write_nested(out, *(ProtobufCMessage *const *)member, indent);
	const char *word = field_word(message, field, rule);
	if (word != NULL)
		return buffer_printf(out, " %s\n", word);
	if (buffer_add_string(out, " ") < 0 || write_scalar(out, field, member) < 0)
		return -1;
	return buffer_add_string(out, "\n");
}

/* `in_list`: the first one follows "- ". PRE: not empty. */
static int write_members(struct buffer *out, const ProtobufCMessage *message, unsigned indent,
			 bool in_list)
{
	const struct schema_message *table = schema_message_table(message->descriptor);
	for (unsigned i = 0; i < table->field_count; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		if (field_count(message, field) == 0)
			continue;
		if (!in_list && write_indent(out, indent) < 0)
			return -1;
		in_list = false;
		if (write_field(out, message, field, &table->fields[i], indent) < 0)
			return -1;
	}
	return 0;
}

int schema_add_yaml(struct buffer *out, const ProtobufCMessage *message)
{
	if (is_empty(message))
		return buffer_add_string(out, "{}\n");
	return write_members(out, message, 0, false);
}

char *schema_write_yaml(const ProtobufCMessage *message)
{
	struct buffer out = BUFFER_INIT(SIZE_MAX / 2);
	INVARIANT(schema_add_yaml(&out, message) == 0);
	return buffer_steal(&out);
}
