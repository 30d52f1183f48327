/*
 * The types of openapi.json, each against the table of routes and the descriptors of the views: a number is no text there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "schema/tables.h"
#include "zrms/api_routes.h"
#include "zrms/openapi.h"

static json_t *document_new(void)
{
	size_t count = 0;
	const struct http_route *routes = api_routes(&count);
	CLEANUP(freep) char *text = openapi_write(routes, count, "1.2.3");
	json_t *document = json_loads(text, 0, NULL);
	assert_non_null(document);
	return document;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* ---- what is asked ---- */

static void expect_parameter(const json_t *operation, const char *name, const char *in,
			     const char *type)
{
	const json_t *parameters = json_object_get(operation, "parameters");
	size_t k;
	json_t *p;
	json_array_foreach(parameters, k, p)
	{
		if (!str_equal(text_of(p, "name"), name) || !str_equal(text_of(p, "in"), in))
			continue;
		const char *is = text_of(json_object_get(p, "schema"), "type");
		if (!str_equal(is, type))
			fail_msg("%s: %s in %s is %s, not %s",
				 text_of(operation, "operationId"), name, in,
				 is != NULL ? is : "nothing", type);
		return;
	}
	fail_msg("%s: no parameter %s in %s", text_of(operation, "operationId"), name, in);
}

static void expect_in_path(const json_t *operation, const char *pattern)
{
	for (const char *at = pattern; (at = strchr(at, '{')) != NULL; at++) {
		CLEANUP(freep) char *name = mem_strndup(at + 1, strcspn(at + 1, "*}"));
		expect_parameter(operation, name, "path", "string");
	}
}

static const json_t *operation_of(const json_t *document, const char *id)
{
	const char *path, *method;
	json_t *methods, *operation;
	json_object_foreach(json_object_get(document, "paths"), path, methods)
		json_object_foreach(methods, method,
				    operation) if (str_equal(text_of(operation, "operationId"),
							     id)) return operation;
	fail_msg("no operation %s", id);
	return NULL;
}

static void each_parameter_has_the_type_that_is_taken(void **state)
{
	static const char *const types[] = {[HTTP_TEXT] = "string",
					    [HTTP_NUMBER] = "integer",
					    [HTTP_FLAG] = "boolean",
					    [HTTP_LINES] = "string"};
	size_t count = 0, seen[ARRAY_SIZE(types)] = {0};
	const struct http_route *routes = api_routes(&count);
	json_t *document = document_new();
	(void)state;
	for (size_t k = 0; k < count; k++) {
		if (routes[k].summary == NULL)
			continue;
		const json_t *operation = operation_of(document, routes[k].operation);
		expect_in_path(operation, routes[k].pattern);
		for (const struct http_query *q = routes[k].query; q != NULL && q->name != NULL;
		     q++) {
			expect_parameter(operation, q->name, "query", types[q->type]);
			seen[q->type]++;
		}
	}
	assert_true(seen[HTTP_TEXT] > 0 && seen[HTTP_NUMBER] > 0 && seen[HTTP_FLAG] > 0);
	json_decref(document);
}

/* ---- what is answered ---- */

/* Others are of another message, or one word of some. */
static const char *const json_types[] = {
	[PROTOBUF_C_TYPE_INT32] = "integer",	[PROTOBUF_C_TYPE_SINT32] = "integer",
	[PROTOBUF_C_TYPE_SFIXED32] = "integer", [PROTOBUF_C_TYPE_INT64] = "integer",
	[PROTOBUF_C_TYPE_SINT64] = "integer",	[PROTOBUF_C_TYPE_SFIXED64] = "integer",
	[PROTOBUF_C_TYPE_UINT32] = "integer",	[PROTOBUF_C_TYPE_FIXED32] = "integer",
	[PROTOBUF_C_TYPE_UINT64] = "integer",	[PROTOBUF_C_TYPE_FIXED64] = "integer",
	[PROTOBUF_C_TYPE_FLOAT] = "number",	[PROTOBUF_C_TYPE_DOUBLE] = "number",
	[PROTOBUF_C_TYPE_BOOL] = "boolean",	[PROTOBUF_C_TYPE_STRING] = "string",
	[PROTOBUF_C_TYPE_BYTES] = "string",	[PROTOBUF_C_TYPE_MESSAGE] = NULL,
};

static bool is_reference_to(const json_t *schema, const ProtobufCMessageDescriptor *type)
{
	CLEANUP(freep) char *path = str_printf("#/components/schemas/%s", type->short_name);
	return str_equal(text_of(schema, "$ref"), path);
}

static bool is_of_type(const json_t *schema, const ProtobufCFieldDescriptor *field)
{
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return is_reference_to(schema, field->descriptor);
	if (field->type == PROTOBUF_C_TYPE_ENUM)
		return json_is_array(json_object_get(schema, "enum"));
	return str_equal(text_of(schema, "type"), json_types[field->type]) ||
	       json_object_get(schema, "const") != NULL;
}

struct seen {
	size_t kinds[PROTOBUF_C_TYPE_MESSAGE + 1], lists;
	VECTOR(const ProtobufCMessageDescriptor *) messages;
};

static void expect_message(const json_t *schemas, const ProtobufCMessageDescriptor *type,
			   struct seen *seen);

static void expect_field(const json_t *schemas, const ProtobufCMessageDescriptor *type,
			 unsigned k, struct seen *seen)
{
	const ProtobufCFieldDescriptor *field = &type->fields[k];
	const struct schema_field *rule = &schema_message_table(type)->fields[k];
	const json_t *schema = json_object_get(
		json_object_get(json_object_get(schemas, type->short_name), "properties"),
		rule->key);
	/* Values of a map, and what may stand in place of a list or a number, are in the tests of the schema. */
	if (rule->scenario || rule->map || rule->one_or_many || rule->word != NULL)
		return;
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		if (!str_equal(text_of(schema, "type"), "array"))
			fail_msg("%s.%s is no array", type->short_name, field->name);
		schema = json_object_get(schema, "items");
		seen->lists++;
	}
	if (!is_of_type(schema, field)) {
		CLEANUP(freep) char *is = json_dumps(schema, JSON_ENCODE_ANY);
		fail_msg("%s.%s has another type: %s", type->short_name, field->name,
			 is != NULL ? is : "nothing");
	}
	seen->kinds[field->type]++;
	if (field->type == PROTOBUF_C_TYPE_MESSAGE && !rule->partial)
		expect_message(schemas, field->descriptor, seen);
}

static void expect_message(const json_t *schemas, const ProtobufCMessageDescriptor *type,
			   struct seen *seen)
{
	vector_for_each (&seen->messages, known)
		if (*known == type)
			return;
	vector_push(&seen->messages, type);
	if (schema_message_table(type)->shorthand != NULL)
		return; /* it is one of two */
	for (unsigned k = 0; k < type->n_fields; k++)
		expect_field(schemas, type, k, seen);
}

static void each_field_of_a_view_has_its_type(void **state)
{
	size_t count = 0;
	const struct http_route *routes = api_routes(&count);
	struct seen seen = {0};
	json_t *document = document_new();
	const json_t *schemas =
		json_object_get(json_object_get(document, "components"), "schemas");
	(void)state;
	for (size_t k = 0; k < count; k++) {
		if (routes[k].summary == NULL)
			continue;
		if (routes[k].answer_type != NULL)
			expect_message(schemas, routes[k].answer_type, &seen);
		if (routes[k].request_type != NULL)
			expect_message(schemas, routes[k].request_type, &seen);
	}
	assert_true(seen.kinds[PROTOBUF_C_TYPE_STRING] > 100);
	assert_true(seen.kinds[PROTOBUF_C_TYPE_BOOL] > 10);
	assert_true(seen.kinds[PROTOBUF_C_TYPE_UINT32] > 10);
	assert_true(seen.kinds[PROTOBUF_C_TYPE_UINT64] > 10);
	assert_true(seen.kinds[PROTOBUF_C_TYPE_DOUBLE] > 0);
	assert_true(seen.lists > 10 && seen.messages.count > 40);
	vector_done(&seen.messages);
	json_decref(document);
}

/* What people have written about them, with the words of the table. */
static void the_types_of_some_are_those_that_the_documentation_says(void **state)
{
	static const struct {
		const char *view, *field, *type;
	} some[] = {{"TopologyView", "name", "string"},
		    {"TopologyView", "spaces", "integer"},
		    {"TopologyView", "signer_removed", "boolean"},
		    {"TopologyView", "placements", "array"},
		    {"MeshPeerView", "round_trip_ms", "number"}};
	json_t *document = document_new();
	const json_t *schemas =
		json_object_get(json_object_get(document, "components"), "schemas");
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(some); k++) {
		const json_t *properties =
			json_object_get(json_object_get(schemas, some[k].view), "properties");
		const char *is = text_of(json_object_get(properties, some[k].field), "type");
		assert_non_null(is);
		assert_string_equal(is, some[k].type);
	}
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_parameter_has_the_type_that_is_taken),
		cmocka_unit_test(each_field_of_a_view_has_its_type),
		cmocka_unit_test(the_types_of_some_are_those_that_the_documentation_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
