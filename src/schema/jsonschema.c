#include "schema/jsonschema.h"

#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"
#include "schema/tables.h"
#include "schema/yaml.h"

/* The definitions that were made: by message, with and without `required` rules. */
struct definitions {
	json_t *all;
};

static void set(json_t *object, const char *key, json_t *value)
{
	/* Fails only for NULL: no memory, or text that is not UTF-8, which the schema has not.
	 */
	INVARIANT(json_object_set_new(object, key, value) == 0);
}

static void append(json_t *array, json_t *value)
{
	INVARIANT(json_array_append_new(array, value) == 0);
}

static json_t *number(double value)
{
	if (value == floor(value) && fabs(value) < 9007199254740992.0)
		return json_integer((json_int_t)value);
	return json_real(value);
}

/* ----------------------------------------------------------------------- scalars */

static void set_bounds(json_t *schema, const struct schema_field *rule, bool typed, double min,
		       double max)
{
	if (rule->has_min && (!typed || rule->min > min)) {
		min = rule->min;
		set(schema, "minimum", number(min));
	} else if (typed) {
		set(schema, "minimum", number(min));
	}
	if (rule->has_max && (!typed || rule->max < max))
		set(schema, "maximum", number(rule->max));
	else if (typed)
		set(schema, "maximum", number(max));
}

/* Text fields take numbers and booleans as they are written. */
static json_t *string_schema(const struct schema_field *rule, bool map_value)
{
	json_t *schema = json_object();
	if (rule->constant != NULL) {
		set(schema, "const", json_string(rule->constant));
		return schema;
	}
	set(schema, "type",
	    map_value ? json_pack("[ssss]", "string", "number", "boolean", "null")
		      : json_pack("[sss]", "string", "number", "boolean"));
	if (rule->pattern != NULL)
		set(schema, "pattern", json_string(rule->pattern));
	if (rule->max_length > 0)
		set(schema, "maxLength", json_integer(rule->max_length));
	return schema;
}

static json_t *enum_schema(const ProtobufCEnumDescriptor *type)
{
	const struct schema_enum *table = schema_enum_table(type);
	json_t *values = json_array();
	for (unsigned i = 0; i < table->value_count; i++)
		append(values, json_string(table->values[i].spelling));
	return json_pack("{so}", "enum", values);
}

static json_t *whole_schema(const struct schema_field *rule, bool typed, double min, double max)
{
	json_t *schema = json_pack("{ss}", "type", "integer");
	set_bounds(schema, rule, typed, min, max);
	return schema;
}

static const char *define(struct definitions *d, const ProtobufCMessageDescriptor *type,
			  bool partial);

/* One element or value of the field. */
static json_t *value_schema(struct definitions *d, const ProtobufCFieldDescriptor *field,
			    const struct schema_field *rule, bool map_value)
{
	json_t *schema;
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return whole_schema(rule, true, INT32_MIN, INT32_MAX);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		schema = whole_schema(rule, true, 0, UINT32_MAX);
		return rule->word == NULL
			       ? schema
			       : json_pack("{s[o{ss}]}", "anyOf", schema, "const", rule->word);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return whole_schema(rule, false, 0, 0);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		schema = whole_schema(rule, false, 0, 0);
		if (!rule->has_min)
			set(schema, "minimum", json_integer(0));
		return schema;
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		schema = json_pack("{ss}", "type", "number");
		set_bounds(schema, rule, false, 0, 0);
		return schema;
	case PROTOBUF_C_TYPE_BOOL:
		return json_pack("{ss}", "type", "boolean");
	case PROTOBUF_C_TYPE_ENUM:
		return enum_schema(field->descriptor);
	case PROTOBUF_C_TYPE_STRING:
		return string_schema(rule, map_value);
	case PROTOBUF_C_TYPE_BYTES:
		return json_pack("{ss,ss}", "type", "string", "contentEncoding", "base64");
	case PROTOBUF_C_TYPE_MESSAGE: {
		CLEANUP(freep)
		char *reference =
			str_printf("#/$defs/%s", define(d, field->descriptor, rule->partial));
		return json_pack("{ss}", "$ref", reference);
	}
	}
	IMPOSSIBLE("all types of protobuf-c are listed");
}

/* ------------------------------------------------------------------------ fields */

static json_t *default_value(const ProtobufCFieldDescriptor *field)
{
	const void *value = field->default_value;
	if (value == NULL)
		return NULL;
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return json_string(value);
	case PROTOBUF_C_TYPE_BOOL:
		return json_boolean(*(const protobuf_c_boolean *)value != 0);
	case PROTOBUF_C_TYPE_ENUM:
		return json_string(
			schema_enum_spelling(field->descriptor, *(const int *)value));
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return json_integer(*(const uint32_t *)value);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return json_integer(*(const int32_t *)value);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return json_integer(*(const json_int_t *)value);
	case PROTOBUF_C_TYPE_DOUBLE:
		return json_real(*(const double *)value);
	case PROTOBUF_C_TYPE_FLOAT:
		return json_real((double)*(const float *)value);
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return NULL;
	}
	IMPOSSIBLE("all types of protobuf-c are listed");
}

static void add_sentence(struct buffer *out, const char *format, const char *value)
{
	if (value == NULL)
		return;
	if (out->size > 0)
		(void)buffer_add_string(out, "\n");
	(void)buffer_add_string(out, format);
	(void)buffer_printf(out, "%s.", value);
}

static void describe_field(json_t *schema, const ProtobufCFieldDescriptor *field,
			   const struct schema_field *rule)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(SIZE_MAX / 2);
	if (rule->doc != NULL)
		(void)buffer_add_string(&text, rule->doc);
	add_sentence(&text, "In ", rule->unit);
	add_sentence(&text, "Without it: ", rule->default_text);
	if (field->type == PROTOBUF_C_TYPE_ENUM) {
		const struct schema_enum *table = schema_enum_table(field->descriptor);
		for (unsigned i = 0; i < table->value_count; i++) {
			if (table->values[i].doc != NULL)
				(void)buffer_printf(
					&text, "%s%s: %s", text.size > 0 ? "\n" : "",
					table->values[i].spelling, table->values[i].doc);
		}
	}
	if (text.size > 0)
		set(schema, "description", json_string(text.data));
	json_t *value = default_value(field);
	if (value != NULL)
		set(schema, "default", value);
}

static void set_item_bounds(json_t *schema, const struct schema_field *rule, const char *min,
			    const char *max)
{
	if (rule->min_items > 0)
		set(schema, min, json_integer(rule->min_items));
	if (rule->max_items > 0)
		set(schema, max, json_integer(rule->max_items));
}

static json_t *map_schema(struct definitions *d, const ProtobufCFieldDescriptor *field,
			  const struct schema_field *rule)
{
	const ProtobufCMessageDescriptor *entry = field->descriptor;
	json_t *schema = json_pack("{ss,so}", "type", "object", "additionalProperties",
				   value_schema(d, &entry->fields[1], rule, true));
	if (rule->key_pattern != NULL)
		set(schema, "propertyNames", json_pack("{ss}", "pattern", rule->key_pattern));
	set_item_bounds(schema, rule, "minProperties", "maxProperties");
	return schema;
}

static json_t *field_schema(struct definitions *d, const ProtobufCFieldDescriptor *field,
			    const struct schema_field *rule)
{
	json_t *schema;
	if (rule->map) {
		schema = map_schema(d, field, rule);
	} else if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		json_t *list = json_pack("{ss,so}", "type", "array", "items",
					 value_schema(d, field, rule, false));
		set_item_bounds(list, rule, "minItems", "maxItems");
		schema = rule->one_or_many ? json_pack("{s[oo]}", "anyOf", list,
						       value_schema(d, field, rule, false))
					   : list;
	} else {
		schema = value_schema(d, field, rule, false);
	}
	describe_field(schema, field, rule);
	return schema;
}

/* ---------------------------------------------------------------------- messages */

/* At most one member, or exactly one, of each oneof. */
static void add_oneofs(json_t *schema, const struct schema_message *table)
{
	json_t *rules = json_array();
	for (unsigned i = 0; i < table->field_count; i++) {
		const struct schema_field *a = &table->fields[i];
		bool first = a->oneof != NULL;
		for (unsigned k = 0; k < i && first; k++)
			first = !str_equal(table->fields[k].oneof, a->oneof);
		json_t *choices = json_array();
		for (unsigned k = i; k < table->field_count && a->oneof != NULL; k++) {
			const struct schema_field *b = &table->fields[k];
			if (!str_equal(a->oneof, b->oneof))
				continue;
			if (a->oneof_required && first)
				append(choices, json_pack("{s[s]}", "required", b->key));
			else if (!a->oneof_required && k > i)
				append(rules, json_pack("{s{s[ss]}}", "not", "required", a->key,
							b->key));
		}
		if (json_array_size(choices) > 0)
			append(rules, json_pack("{sO}", "oneOf", choices));
		json_decref(choices);
	}
	if (json_array_size(rules) > 0)
		set(schema, "allOf", rules);
	else
		json_decref(rules);
}

static json_t *object_schema(struct definitions *d, const ProtobufCMessageDescriptor *type,
			     bool partial)
{
	const struct schema_message *table = schema_message_table(type);
	json_t *schema = json_object();
	set(schema, "title", json_string(table->title));
	if (table->doc != NULL)
		set(schema, "description", json_string(table->doc));
	set(schema, "type", json_string("object"));
	json_t *properties = json_object(), *required = json_array();
	json_t *shorthand = NULL;
	for (unsigned i = 0; i < table->field_count; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		const struct schema_field *rule = &table->fields[i];
		if (rule->scenario || rule->wire)
			continue;
		json_t *property = field_schema(d, field, rule);
		if (str_equal(table->shorthand, field->name))
			shorthand = json_incref(property);
		set(properties, rule->key, property);
		if (field->label == PROTOBUF_C_LABEL_REQUIRED || rule->min_items > 0 ||
		    (rule->required && !partial))
			append(required, json_string(rule->key));
	}
	set(schema, "properties", properties);
	set(schema, "required", required);
	set(schema, "additionalProperties", json_false());
	add_oneofs(schema, table);
	return shorthand == NULL ? schema : json_pack("{s[oo]}", "anyOf", shorthand, schema);
}

/* Makes the definition unless it is there; returns its name, which the definitions own. */
static const char *define(struct definitions *d, const ProtobufCMessageDescriptor *type,
			  bool partial)
{
	CLEANUP(freep)
	char *name = str_printf("%s%s", type->short_name, partial ? "Partial" : "");
	if (json_object_get(d->all, name) == NULL) {
		set(d->all, name, json_object()); /* ends recursion, keeps the order */
		set(d->all, name, object_schema(d, type, partial));
	}
	return json_object_iter_key(json_object_iter_at(d->all, name));
}

char *schema_write_jsonschema(const ProtobufCMessageDescriptor *type, const char *id,
			      unsigned flags)
{
	struct definitions d = {json_object()};
	json_t *root = json_object();
	set(root, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
	if (id != NULL)
		set(root, "$id", json_string(id));
	json_t *own = object_schema(&d, type, (flags & SCHEMA_PARTIAL) != 0);
	INVARIANT(json_object_update(root, own) == 0);
	json_decref(own);
	set(root, "$defs", d.all);
	CLEANUP(freep) char *text = json_dumps(root, JSON_INDENT(2));
	INVARIANT(text != NULL);
	json_decref(root);
	return str_printf("%s\n", text);
}
