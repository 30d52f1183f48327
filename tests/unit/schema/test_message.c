/*
 * Filling in defaults, equality, presence, strings, the wire, JSON Schema.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buffer.h"
#include "proto/model.pb-c.h"
#include "proto/record.pb-c.h"
#include "schema/json.h"
#include "schema/jsonschema.h"
#include "schema/message.h"
#include "schema/tables.h"
#include "schema/unknown.h"
#include "schema/yaml.h"
#include "schema/yaml_write.h"

static ProtobufCMessage *space(const char *text)
{
	CLEANUP(error_freep) struct error *err = NULL;
	ProtobufCMessage *m = NULL;
	if (schema_read_yaml(&samoza__v1__space__descriptor, NULL, text, strlen(text),
			     SCHEMA_PARTIAL, NULL, &m, NULL, &err) < 0)
		fail_msg("%s in %s", err->message, text);
	return m;
}

static void note_unknown(void *user, const struct schema_unknown *unknown)
{
	struct buffer *to = user;
	(void)buffer_printf(to, "%s|%s|%d\n", unknown->path,
			    unknown->field != NULL ? unknown->field : "", (int)unknown->number);
}

/* A slot with an unknown field, and unknown values of its state and of its handover's kind, where an unknown field is, too. */
static void test_unknown(void **state)
{
	static const uint8_t nested[] = {0x08, 99, 0x10, 1, 0x1a, 1, 'c', 0xba, 0x3e, 1, 'a'};
	CLEANUP(buffer_done) struct buffer bytes = BUFFER_INIT(4096), seen = BUFFER_INIT(4096);
	(void)state;
	CLEANUP(schema_message_freep)
	ProtobufCMessage *slot = schema_message_new(&samoza__v1__slot_record__descriptor);
	CLEANUP(error_freep) struct error *err = NULL;
	schema_set_string(&((Samoza__V1__SlotRecord *)slot)->application, NULL, "a1");
	schema_set_string(&((Samoza__V1__SlotRecord *)slot)->path, NULL, "web");
	assert_int_equal(schema_message_pack(slot, &bytes, &err), 0);
	ProtobufCMessage *known = protobuf_c_message_unpack(slot->descriptor, NULL, bytes.size,
							    (const uint8_t *)bytes.data);
	schema_unknown_visit(known, note_unknown, &seen);
	schema_message_free(known);
	assert_int_equal(seen.size, 0);
	const uint8_t more[] = {0x20, 77, 0xba, 0x3e, 1, 'a'};
	const uint8_t begin[] = {0xa2, 0x01, sizeof(nested)}; /* field 20, handover */
	(void)buffer_add(&bytes, more, sizeof(more));
	(void)buffer_add(&bytes, begin, sizeof(begin));
	(void)buffer_add(&bytes, nested, sizeof(nested));
	known = protobuf_c_message_unpack(slot->descriptor, NULL, bytes.size,
					  (const uint8_t *)bytes.data);
	assert_non_null(known);
	schema_unknown_visit(known, note_unknown, &seen);
	schema_message_free(known);
	assert_string_equal(seen.data, "||999\n|state|77\nhandover||999\nhandover|kind|99\n");
}

static void test_fill(void **state)
{
	static const struct {
		const char *own, *defaults, *result;
	} cases[] = {
		{"name: a", "{}", "name: a\n"},
		{"name: a", "{name: b, count: 3}", "name: a\ncount: 3\n"},
		{"count: 1", "count: 3", "count: 1\n"},
		{"exclusive: false", "exclusive: true", "exclusive: false\n"},
		{"provides: [x]", "provides: [d, e]", "provides: [x]\n"},
		{"name: a", "provides: [d, e]", "name: a\nprovides: [d, e]\n"},
		{"resources: {cpu: 1}", "resources: {cpu: 2, memory: 1MiB}",
		 "resources:\n  cpu: \"1\"\n  memory: 1MiB\n"},
		{"resources: {cpu: 50m}", "resources: {cpu: 2}", "resources:\n  cpu: 50m\n"},
		{"exports: {a: 1}", "exports: {a: 2, b: 3}",
		 "exports:\n  a: \"1\"\n  b: \"3\"\n"},
		{"ready: {tcp: 1}", "ready: {http: x}", "ready:\n  tcp: \"1\"\n"},
		{"health: {tcp: 1}", "health: {http: x, failures: 9}",
		 "health:\n  tcp: \"1\"\n  failures: 9\n"},
		{"name: a", "ready: {http: x}", "name: a\nready:\n  http: x\n"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(schema_message_freep) ProtobufCMessage *own = space(cases[i].own);
		CLEANUP(schema_message_freep)
		ProtobufCMessage *defaults = space(cases[i].defaults);
		schema_message_fill(own, defaults);
		CLEANUP(freep) char *text = schema_write_yaml(own);
		assert_string_equal(text, cases[i].result);
	}
}

static void test_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{"name: a", "name: a", true},
		{"name: a", "name: b", false},
		{"count: 1", "{}", false}, /* set, or by default */
		{"provides: [a, b]", "provides: [b, a]", false},
		{"exports: {a: 1, b: 2}", "exports: {b: 2, a: 1}", true},
		{"exports: {a: 1, b: 2}", "exports: {a: 1, b: 3}", false},
		{"exports: {a: 1, b: 2}", "exports: {a: 1, c: 2}", false},
		{"ready: {tcp: x}", "ready: {http: x}", false},
		{"stop: {}", "{}", false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(schema_message_freep) ProtobufCMessage *a = space(cases[i].a);
		CLEANUP(schema_message_freep) ProtobufCMessage *b = space(cases[i].b);
		if (schema_message_equal(a, b) != cases[i].equal)
			fail_msg("%s and %s: expected %d", cases[i].a, cases[i].b,
				 cases[i].equal);
	}
	assert_true(schema_message_equal(NULL, NULL));
	CLEANUP(schema_message_freep) ProtobufCMessage *m = space("{}");
	assert_false(schema_message_equal(m, NULL));
}

static void test_strings(void **state)
{
	Samoza__V1__Resources *r =
		(Samoza__V1__Resources *)schema_message_new(&samoza__v1__resources__descriptor);
	const char *by_default = r->cpu;
	assert_string_equal(by_default, "50m");
	assert_false(schema_message_has(&r->base, "cpu"));
	schema_set_string(&r->cpu, by_default, "2");
	schema_set_string(&r->cpu, by_default, "3");
	assert_string_equal(r->cpu, "3");
	assert_true(schema_message_has(&r->base, "cpu"));
	schema_set_string(&r->cpu, by_default, NULL);
	assert_string_equal(r->cpu, "50m");
	schema_message_free(r);
	schema_message_free(NULL);
}

static void test_pack_refuses_an_incomplete_message(void **state)
{
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(buffer_done) struct buffer out = BUFFER_INIT(1024);
	Samoza__V1__FileDigest digest = SAMOZA__V1__FILE_DIGEST__INIT;
	digest.path = (char[]){"a"};
	assert_int_equal(schema_message_pack(&digest.base, &out, &err), ERR_INVALID);
	assert_string_equal(err->message, "a file lacks a required field");
	digest.hash = (char[]){"b"};
	struct buffer small = BUFFER_INIT(3);
	assert_int_equal(schema_message_pack(&digest.base, &small, NULL), ERR_LIMIT);
	assert_int_equal(schema_message_pack(&digest.base, &out, NULL), 0);
}

static void expect_refused(const ProtobufCMessageDescriptor *type, const void *data,
			   size_t size, const char *part)
{
	CLEANUP(error_freep) struct error *err = NULL;
	ProtobufCMessage *m = NULL;
	assert_int_equal(schema_message_unpack(type, data, size, &m, &err), ERR_INVALID);
	if (strstr(err->message, part) == NULL)
		fail_msg("expected '%s' in '%s'", part, err->message);
}

static void test_unpack_refuses(void **state)
{
	const ProtobufCMessageDescriptor *digest = &samoza__v1__file_digest__descriptor;
	expect_refused(digest,
		       "\x0a\x01"
		       "a",
		       3, "that are no"); /* no hash */
	expect_refused(digest,
		       "\x0a\x05"
		       "a",
		       3, "that are no"); /* cut off */
	expect_refused(digest,
		       "\x0a\x01\xff\x12\x01"
		       "b",
		       6, "not UTF-8");
	expect_refused(&samoza__v1__rollout__descriptor, "\x08\x63", 2, "cannot be 99");
}

/* ------------------------------------------------------------------- JSON Schema */

static json_t *must_schema(const ProtobufCMessageDescriptor *type, unsigned flags)
{
	CLEANUP(freep) char *text = schema_write_jsonschema(type, "urn:x", flags);
	json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(schema);
	return schema;
}

static void expect_text(json_t *schema, const char *key, const char *expected)
{
	const char *seen = json_string_value(json_object_get(schema, key));
	if (seen == NULL || strcmp(seen, expected) != 0)
		fail_msg("%s: expected '%s', seen '%s'", key, expected, seen);
}

static json_t *definition(json_t *schema, const char *name, const char *property)
{
	json_t *d = json_object_get(json_object_get(schema, "$defs"), name);
	json_t *p = json_object_get(json_object_get(d, "properties"), property);
	if (p == NULL)
		fail_msg("no property %s of %s", property, name);
	return p;
}

/* Every definition is closed, and every reference leads somewhere. */
static void check_references(json_t *node, json_t *definitions)
{
	const char *key;
	size_t index;
	json_t *value;
	const char *reference = json_string_value(json_object_get(node, "$ref"));
	if (reference != NULL) {
		assert_memory_equal(reference, "#/$defs/", 8);
		assert_non_null(json_object_get(definitions, reference + 8));
	}
	const char *type = json_string_value(json_object_get(node, "type"));
	if (type != NULL && strcmp(type, "object") == 0)
		assert_non_null(json_object_get(node, "additionalProperties"));
	json_object_foreach(node, key, value) check_references(value, definitions);
	json_array_foreach(node, index, value) check_references(value, definitions);
}

static void test_jsonschema(void **state)
{
	json_t *s = must_schema(&samoza__v1__topology__descriptor, 0);
	expect_text(s, "$schema", "https://json-schema.org/draft/2020-12/schema");
	expect_text(s, "title", "topology");
	assert_int_equal(json_array_size(json_object_get(s, "required")), 4);
	assert_true(json_is_false(json_object_get(s, "additionalProperties")));
	check_references(s, json_object_get(s, "$defs"));
	expect_text(definition(s, "Space", "name"), "pattern",
		    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$");
	json_t *count = definition(s, "Space", "count");
	json_t *numbers = json_array_get(json_object_get(count, "anyOf"), 0);
	assert_int_equal(json_integer_value(json_object_get(numbers, "minimum")), 1);
	assert_int_equal(json_integer_value(json_object_get(numbers, "maximum")), 100000);
	expect_text(json_array_get(json_object_get(count, "anyOf"), 1), "const", "each");
	assert_int_equal(json_integer_value(json_object_get(count, "default")), 1);
	json_t *values = json_object_get(definition(s, "Space", "type"), "enum");
	assert_int_equal(json_array_size(values), 6);
	assert_string_equal(json_string_value(json_array_get(values, 5)), "NATIVE");
	expect_text(definition(s, "Space", "storage"), "default", "cluster");
	assert_non_null(json_object_get(definition(s, "DeviceNeed", "model"), "anyOf"));
	expect_text(json_object_get(definition(s, "Space", "exports"), "propertyNames"),
		    "pattern", "^[A-Za-z_][A-Za-z0-9_-]{0,62}$");
	json_t *ready = json_object_get(json_object_get(s, "$defs"), "ReadyProbe");
	json_t *one_of =
		json_object_get(json_array_get(json_object_get(ready, "allOf"), 0), "oneOf");
	assert_int_equal(json_array_size(one_of), 3);
	json_decref(s);
	s = must_schema(&samoza__v1__space__descriptor, SCHEMA_PARTIAL);
	assert_int_equal(json_array_size(json_object_get(s, "required")), 0);
	json_decref(s);
}

/* An editor shows these: whatever a person can write is documented. */
static void test_documented(void **state)
{
	static const char *const names[] = {
		"Affinity",	"DeviceNeed", "DeviceOffer", "HealthProbe",
		"Import",	"Integrity",  "Manifest",    "ManifestMetadata",
		"ManifestSpec", "Near",	      "Path",	     "Placement",
		"ReadyProbe",	"Recipes",    "Resources",   "Restart",
		"Rollout",	"Run",	      "Signature",   "Space",
		"Spread",	"Stop",	      "Topology",    "ZhostList",
		"ZhostSpec",
	};
	unsigned found = 0;
	for (unsigned i = 0; i < schema_message_count; i++) {
		const struct schema_message *m = &schema_messages[i];
		for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
			if (strcmp(m->name + strlen("samoza.v1."), names[n]) != 0)
				continue;
			found++;
			for (unsigned k = 0; k < m->field_count; k++) {
				if (m->fields[k].doc == NULL)
					fail_msg("%s.%s has no comment", m->name,
						 m->fields[k].key);
			}
		}
	}
	assert_int_equal(found, ARRAY_SIZE(names));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_pack_refuses_an_incomplete_message),
		cmocka_unit_test(test_unpack_refuses),
		cmocka_unit_test(test_jsonschema),
		cmocka_unit_test(test_documented),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
