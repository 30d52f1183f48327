/*
 * One scalar, by its field's type and rules.
 */
#include <float.h>
#include <math.h>

#include "base/check.h"
#include "base/str.h"
#include "base/text.h"
#include "schema/message.h"
#include "schema/pattern.h"
#include "schema/read.h"
#include "schema/scalar.h"
#include "schema/tables.h"

/* Patterns of amounts and durations begin so. */
#define QUANTITY_PATTERN "^[0-9]{1,"

#define SHOWN_MAX	 60 /* bytes of the user's text in a message */

static void add_shortened(struct buffer *out, const char *text, size_t size)
{
	size_t shown = size;
	if (size > SHOWN_MAX) {
		shown = SHOWN_MAX;
		while (shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80)
			shown--;
	}
	text_escape_n(out, text, shown);
	if (shown < size)
		(void)buffer_add_string(out, "...");
}

char *slot_name(const struct slot *slot)
{
	struct buffer name = BUFFER_INIT(1024);
	(void)buffer_printf(&name, "'%s", slot->rule->key);
	if (slot->index >= 0)
		(void)buffer_printf(&name, "[%ld]", slot->index);
	if (slot->map_key != NULL) {
		(void)buffer_add_string(&name, ".");
		add_shortened(&name, slot->map_key, strlen(slot->map_key));
	}
	(void)buffer_add_string(&name, "'");
	return buffer_steal(&name);
}

char *node_description(const struct node *node)
{
	if (node->kind == NODE_LIST)
		return mem_strdup("a list");
	if (node->kind == NODE_MAPPING)
		return mem_strdup("a mapping");
	if (node->kind == NODE_INVALID || scalar_is_null(node))
		return mem_strdup("nothing");
	struct buffer text = BUFFER_INIT(1024);
	bool quoted_number = false;
	double number;
	if (node->quoted) {
		struct node plain = *node;
		plain.quoted = false;
		bool truth;
		quoted_number = scalar_to_double(&plain, &number) == SCALAR_OK ||
				scalar_to_bool(&plain, &truth) == SCALAR_OK;
	}
	(void)buffer_add_string(&text, quoted_number ? "the text \"" : "'");
	add_shortened(&text, node->text, node->size);
	(void)buffer_add_string(&text, quoted_number ? "\"" : "'");
	return buffer_steal(&text);
}

static bool expected(struct findings *f, const struct slot *slot, const struct node *node,
		     const char *what)
{
	CLEANUP(freep) char *name = slot_name(slot);
	CLEANUP(freep) char *found = node_description(node);
	finding_add(f, node->line, node->column, "%s: expected %s, found %s", name, what,
		    found);
	return false;
}

/* The bounds of the type and of the rule together. */
static bool out_of_range(struct findings *f, const struct slot *slot, const struct node *node,
			 double type_min, double type_max)
{
	const struct schema_field *rule = slot->rule;
	bool has_min = rule->has_min && rule->min >= type_min;
	bool has_max = rule->has_max && rule->max <= type_max;
	char min[32], max[32];
	double_to_text(has_min ? rule->min : type_min, min);
	double_to_text(has_max ? rule->max : type_max, max);
	CLEANUP(freep) char *name = slot_name(slot);
	CLEANUP(freep) char *found = node_description(node);
	bool shown_max = has_max || type_max <= UINT32_MAX;
	bool shown_min = has_min || type_min >= INT32_MIN;
	if (shown_min && shown_max)
		finding_add(f, node->line, node->column, "%s must be from %s to %s, not %s",
			    name, min, max, found);
	else if (shown_min && node->text[0] == '-')
		finding_add(f, node->line, node->column, "%s must be at least %s, not %s", name,
			    min, found);
	else
		finding_add(f, node->line, node->column, "%s is out of range: %s", name, found);
	return false;
}

/* "010" is 8 to some readers of YAML and 10 to others. */
static bool has_leading_zero(const struct node *node)
{
	const char *s = node->text;
	if (node->quoted || node->kind != NODE_SCALAR)
		return false;
	s += *s == '-' || *s == '+';
	return s[0] == '0' && s[1] != '\0' && s[strspn(s, "0123456789")] == '\0';
}

static bool leading_zero(struct findings *f, const struct slot *slot, const struct node *node)
{
	const char *digits = node->text;
	CLEANUP(freep) char *name = slot_name(slot);
	CLEANUP(freep) char *found = node_description(node);
	CLEANUP(buffer_done) struct buffer without = BUFFER_INIT(1024);
	digits += *digits == '-' || *digits == '+';
	digits += strspn(digits, "0");
	if (*digits < '0' || *digits > '9')
		digits--;
	add_shortened(&without, digits, strlen(digits));
	finding_add(f, node->line, node->column,
		    "%s: %s begins with a zero, which some YAML parsers read as an octal "
		    "number: write %s%s",
		    name, found, *node->text == '-' ? "-" : "", without.data);
	return false;
}

static bool within_rule(const struct schema_field *rule, double value)
{
	return !(rule->has_min && value < rule->min) && !(rule->has_max && value > rule->max);
}

static bool read_signed(struct findings *f, const struct slot *slot, const struct node *node,
			int64_t min, int64_t max, int64_t *ret)
{
	enum scalar_result r = scalar_to_i64(node, ret);
	if (r == SCALAR_NOT_ONE)
		return expected(f, slot, node, "a whole number");
	if (has_leading_zero(node))
		return leading_zero(f, slot, node);
	if (r != SCALAR_OK || *ret < min || *ret > max ||
	    !within_rule(slot->rule, (double)*ret))
		return out_of_range(f, slot, node, (double)min, (double)max);
	return true;
}

static bool read_unsigned(struct findings *f, const struct slot *slot, const struct node *node,
			  uint64_t max, uint64_t *ret)
{
	const char *word = slot->rule->word;
	if (word != NULL && node->kind == NODE_SCALAR && strcmp(node->text, word) == 0) {
		*ret = 0;
		return true;
	}
	enum scalar_result r = scalar_to_u64(node, ret);
	if (r == SCALAR_NOT_ONE) {
		CLEANUP(freep)
		char *what = str_printf("a whole number%s%s", word != NULL ? ", or " : "",
					word != NULL ? word : "");
		return expected(f, slot, node, what);
	}
	if (has_leading_zero(node))
		return leading_zero(f, slot, node);
	if (r != SCALAR_OK || *ret > max || !within_rule(slot->rule, (double)*ret))
		return out_of_range(f, slot, node, 0, (double)max);
	return true;
}

static bool read_double(struct findings *f, const struct slot *slot, const struct node *node,
			double max, double *ret)
{
	enum scalar_result r = scalar_to_double(node, ret);
	if (r == SCALAR_NOT_ONE)
		return expected(f, slot, node, "a number");
	if (has_leading_zero(node))
		return leading_zero(f, slot, node);
	if (r != SCALAR_OK || fabs(*ret) > max || !within_rule(slot->rule, *ret))
		return out_of_range(f, slot, node, -max, max);
	return true;
}

bool read_check_text(struct findings *f, const struct slot *slot, const struct node *node)
{
	const struct schema_field *rule = slot->rule;
	CLEANUP(freep) char *name = NULL;
	if (rule->constant != NULL && strcmp(node->text, rule->constant) != 0) {
		name = slot_name(slot);
		CLEANUP(freep) char *found = node_description(node);
		finding_add(f, node->line, node->column, "%s must be '%s', not %s", name,
			    rule->constant, found);
		return false;
	}
	if (rule->max_length > 0 && node->size > rule->max_length) {
		name = slot_name(slot);
		finding_add(f, node->line, node->column,
			    "%s has %zu byte%s, at most %u %s allowed", name, node->size,
			    str_plural(node->size), rule->max_length,
			    str_are(rule->max_length));
		return false;
	}
	if (rule->pattern != NULL && str_has_prefix(rule->pattern, QUANTITY_PATTERN) &&
	    has_leading_zero(node) && pattern_matches(rule->pattern, node->text, node->size))
		return leading_zero(f, slot, node);
	if (rule->pattern == NULL || pattern_matches(rule->pattern, node->text, node->size))
		return true;
	if (rule->expects != NULL)
		return expected(f, slot, node, rule->expects);
	name = slot_name(slot);
	CLEANUP(freep) char *found = node_description(node);
	finding_add(f, node->line, node->column, "%s must match %s, not %s", name,
		    rule->pattern, found);
	return false;
}

static bool read_string(struct findings *f, const struct slot *slot, const struct node *node,
			char **member)
{
	if (node->kind != NODE_SCALAR)
		return expected(f, slot, node, "text");
	if (scalar_is_null(node)) {
		/* `ip:` in exports means the empty text; elsewhere it is a mistake.
		 */
		if (slot->map_key == NULL)
			return expected(f, slot, node, "text (\"\" for an empty one)");
		*member = mem_strdup("");
		return true;
	}
	if (!read_check_text(f, slot, node))
		return false;
	*member = mem_strdup(node->text);
	return true;
}

static bool read_bytes(struct findings *f, const struct slot *slot, const struct node *node,
		       ProtobufCBinaryData *member)
{
	uint8_t *data;
	size_t size;
	if (node->kind != NODE_SCALAR ||
	    base64_decode(node->text, node->size, &data, &size) != SCALAR_OK)
		return expected(f, slot, node, "base64");
	*member = (ProtobufCBinaryData){.data = data, .len = size};
	return true;
}

static bool read_enum(struct findings *f, const struct slot *slot, const struct node *node,
		      int *member)
{
	const ProtobufCEnumDescriptor *type = slot->field->descriptor;
	if (node->kind == NODE_SCALAR && schema_enum_value(type, node->text, member) == 0)
		return true;
	const struct schema_enum *table = schema_enum_table(type);
	CLEANUP(buffer_done) struct buffer values = BUFFER_INIT(4096);
	for (unsigned i = 0; i < table->value_count; i++)
		(void)buffer_printf(&values, "%s%s", i > 0 ? ", " : "",
				    table->values[i].spelling);
	CLEANUP(freep) char *name = slot_name(slot);
	CLEANUP(freep) char *found = node_description(node);
	finding_add(f, node->line, node->column, "%s must be %s%s, not %s", name,
		    table->value_count > 1 ? "one of " : "", values.data, found);
	return false;
}

static bool read_bool(struct findings *f, const struct slot *slot, const struct node *node,
		      protobuf_c_boolean *member)
{
	bool value;
	if (scalar_to_bool(node, &value) != SCALAR_OK)
		return expected(f, slot, node, "true or false");
	*member = value;
	return true;
}

bool read_scalar(struct findings *f, const struct slot *slot, const struct node *node,
		 void *member)
{
	int64_t i64;
	uint64_t u64;
	double number;
	bool ok;
	switch (slot->field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		ok = read_signed(f, slot, node, INT32_MIN, INT32_MAX, &i64);
		if (ok)
			*(int32_t *)member = (int32_t)i64;
		return ok;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return read_signed(f, slot, node, INT64_MIN, INT64_MAX, member);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		ok = read_unsigned(f, slot, node, UINT32_MAX, &u64);
		if (ok)
			*(uint32_t *)member = (uint32_t)u64;
		return ok;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return read_unsigned(f, slot, node, UINT64_MAX, member);
	case PROTOBUF_C_TYPE_FLOAT:
		ok = read_double(f, slot, node, (double)FLT_MAX, &number);
		if (ok)
			*(float *)member = (float)number;
		return ok;
	case PROTOBUF_C_TYPE_DOUBLE:
		return read_double(f, slot, node, DBL_MAX, member);
	case PROTOBUF_C_TYPE_BOOL:
		return read_bool(f, slot, node, member);
	case PROTOBUF_C_TYPE_ENUM:
		return read_enum(f, slot, node, member);
	case PROTOBUF_C_TYPE_STRING:
		return read_string(f, slot, node, member);
	case PROTOBUF_C_TYPE_BYTES:
		return read_bytes(f, slot, node, member);
	case PROTOBUF_C_TYPE_MESSAGE:
		break;
	}
	IMPOSSIBLE("messages are no scalars");
}
