/*
 * What is written is read again as the same, in YAML, in JSON and on the wire.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../base/random_cases.h"
#include "base/buffer.h"
#include "proto/model.pb-c.h"
#include "proto/record.pb-c.h"
#include "proto/scenario.pb-c.h"
#include "proto/view.pb-c.h"
#include "proto/wire.pb-c.h"
#include "random_message.h"
#include "schema/json.h"
#include "schema/message.h"
#include "schema/yaml.h"
#include "schema/yaml_write.h"

#define SEEDS RANDOM_CASES(300)

static const ProtobufCMessageDescriptor *const types[] = {
	&samoza__v1__topology__descriptor,	  &samoza__v1__manifest__descriptor,
	&samoza__v1__zhost_list__descriptor,	  &samoza__v1__topology_record__descriptor,
	&samoza__v1__instance_record__descriptor, &samoza__v1__zhost_record__descriptor,
	&samoza__v1__topology_view__descriptor,	  &samoza__v1__zhost_list_view__descriptor,
	&samoza__v1__explain_view__descriptor,	  &samoza__v1__instance_key__descriptor,
	&samoza__v1__scenario__descriptor,	  &samoza__v1__desired__descriptor,
	&samoza__v1__data_reply__descriptor,
};

static void expect_equal(const char *what, uint64_t seed, const ProtobufCMessage *expected,
			 const ProtobufCMessage *seen, const char *text)
{
	if (schema_message_equal(expected, seen))
		return;
	CLEANUP(freep) char *a = schema_write_json(expected, SCHEMA_JSON_PRETTY);
	CLEANUP(freep) char *b = schema_write_json(seen, SCHEMA_JSON_PRETTY);
	fail_msg("%s of %s, seed %lu\n--- expected\n%s--- seen\n%s--- text\n%s", what,
		 expected->descriptor->name, (unsigned long)seed, a, b, text);
}

static ProtobufCMessage *must_read(const ProtobufCMessageDescriptor *type, const char *text,
				   bool json, uint64_t seed)
{
	CLEANUP(error_freep) struct error *err = NULL;
	ProtobufCMessage *m = NULL;
	int r = json ? schema_read_json(type, "f", text, strlen(text), SCHEMA_SCENARIO, NULL,
					&m, &err)
		     : schema_read_yaml(type, "f", text, strlen(text), SCHEMA_SCENARIO, NULL,
					&m, NULL, &err);
	if (r < 0) {
		CLEANUP(freep) char *why = error_text(err);
		fail_msg("%s, seed %lu: %s\n%s", type->name, (unsigned long)seed, why, text);
	}
	return m;
}

/* YAML -> message -> JSON -> message -> YAML, and the wire. */
static void round_trip(const ProtobufCMessageDescriptor *type, uint64_t seed)
{
	struct random r = {seed};
	CLEANUP(schema_message_freep) ProtobufCMessage *first = random_message(&r, type);
	CLEANUP(freep) char *yaml = schema_write_yaml(first);
	CLEANUP(schema_message_freep)
	ProtobufCMessage *second = must_read(type, yaml, false, seed);
	expect_equal("YAML", seed, first, second, yaml);
	CLEANUP(freep) char *pretty = schema_write_json(second, SCHEMA_JSON_PRETTY);
	CLEANUP(schema_message_freep)
	ProtobufCMessage *third = must_read(type, pretty, true, seed);
	expect_equal("JSON", seed, first, third, pretty);
	CLEANUP(freep) char *compact = schema_write_json(third, SCHEMA_JSON_COMPACT);
	assert_null(strchr(compact, '\n'));
	CLEANUP(schema_message_freep)
	ProtobufCMessage *fourth = must_read(type, compact, false, seed);
	expect_equal("compact JSON as YAML", seed, first, fourth, compact);
	CLEANUP(freep) char *again = schema_write_yaml(fourth);
	assert_string_equal(yaml, again);
	CLEANUP(buffer_done) struct buffer wire = BUFFER_INIT(16 * 1024 * 1024);
	assert_int_equal(schema_message_pack(first, &wire, NULL), 0);
	CLEANUP(schema_message_freep) ProtobufCMessage *fifth = NULL;
	assert_int_equal(schema_message_unpack(type, wire.data, wire.size, &fifth, NULL), 0);
	expect_equal("wire", seed, first, fifth, "");
	CLEANUP(schema_message_freep) ProtobufCMessage *copy = schema_message_copy(first);
	expect_equal("copy", seed, first, copy, "");
}

static void test_round_trips(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		for (uint64_t seed = 1; seed <= SEEDS; seed++)
			round_trip(types[i], seed);
	}
}

/* ---------------------------------------------------------------- exact output */

static const char topology_yaml[] = "apiVersion: samoza/v1\n"
				    "kind: Topology\n"
				    "metadata:\n"
				    "  name: shop\n"
				    "spaces:\n"
				    "  - name: db\n"
				    "    type: DATA\n"
				    "    count: 2\n"
				    "    capabilities: [sys.log, data.read]\n"
				    "    resources:\n"
				    "      cpu: 500m\n"
				    "      devices:\n"
				    "        - kind: gpu\n"
				    "          share: \"0.5\"\n"
				    "    placement:\n"
				    "      constraints:\n"
				    "        - \"rack-aaaaaaaaaaaaaaaaaaaaa == b\"\n"
				    "        - \"rack in (a, b)\"\n"
				    "        - ssd exists in the long run and so on\n"
				    "    exports:\n"
				    "      a: \"\"\n"
				    "      port: \"5432\"\n"
				    "    stop: {}\n"
				    "paths:\n"
				    "  - from: db\n"
				    "    to: db\n";

static void test_yaml_text(void **state)
{
	static const char written[] =
		"apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: shop}\n"
		"spaces:\n- {stop: {}, type: DATA, name: db, count: 2, "
		"capabilities: [sys.log, data.read], exports: {port: 5432, a: },"
		" resources: {devices: [{share: 0.5, kind: gpu}], cpu: 500m},"
		" placement: {constraints: [rack-aaaaaaaaaaaaaaaaaaaaa == b, \"rack in (a, "
		"b)\","
		" ssd exists in the long run and so on]}}\npaths: [{to: db, from: db}]\n";
	CLEANUP(schema_message_freep)
	ProtobufCMessage *m = must_read(&samoza__v1__topology__descriptor, written, false, 0);
	CLEANUP(freep) char *text = schema_write_yaml(m);
	assert_string_equal(text, topology_yaml);
}

static void test_json_text(void **state)
{
	Samoza__V1__ErrorBody body = SAMOZA__V1__ERROR_BODY__INIT;
	Samoza__V1__ErrorView view = SAMOZA__V1__ERROR_VIEW__INIT;
	body.code = (char[]){"invalid"};
	body.message = (char[]){"a \"b\"\n\x01\xff\xc3\xa4\xe2\x80\xa8\xef\xbb\xbf"};
	view.error = &body;
	CLEANUP(freep) char *compact = schema_write_json(&view.base, SCHEMA_JSON_COMPACT);
	assert_string_equal(
		compact, "{\"error\":{\"code\":\"invalid\",\"message\":\"a \\\"b\\\"\\n\\u0001"
			 "\xef\xbf\xbd\xc3\xa4\\u2028\\ufeff\",\"details\":[]}}");
	char *details[] = {(char[]){"x"}, (char[]){"y"}};
	body.n_details = 2;
	body.details = details;
	body.message = (char[]){"m"};
	CLEANUP(freep) char *pretty = schema_write_json(&view.base, SCHEMA_JSON_PRETTY);
	assert_string_equal(pretty,
			    "{\n  \"error\": {\n    \"code\": \"invalid\",\n"
			    "    \"message\": \"m\",\n    \"details\": [\n      \"x\",\n"
			    "      \"y\"\n    ]\n  }\n}\n");
}

static void test_numbers(void **state)
{
	Samoza__V1__AmountView a = SAMOZA__V1__AMOUNT_VIEW__INIT;
	a.total = UINT64_MAX;
	a.reserved = 0;
	CLEANUP(freep) char *text = schema_write_json(&a.base, 0);
	assert_string_equal(text, "{\"total\":18446744073709551615,\"reserved\":0}");
	Samoza__V1__Near n = SAMOZA__V1__NEAR__INIT;
	n.latitude = 0.1;
	n.longitude = -1.0 / 3;
	n.within = (char[]){"1km"};
	CLEANUP(freep) char *near_text = schema_write_json(&n.base, 0);
	assert_string_equal(near_text, "{\"latitude\":0.1,\"longitude\":-0.3333333333333333,"
				       "\"within\":\"1km\"}");
}

static void test_full_buffer(void **state)
{
	struct random r = {7};
	CLEANUP(schema_message_freep)
	ProtobufCMessage *m = random_message(&r, &samoza__v1__topology__descriptor);
	CLEANUP(freep) char *json = schema_write_json(m, SCHEMA_JSON_PRETTY);
	CLEANUP(freep) char *yaml = schema_write_yaml(m);
	for (size_t max = 0; max < strlen(json); max++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(max);
		assert_int_equal(schema_add_json(&b, m, SCHEMA_JSON_PRETTY), -1);
	}
	for (size_t max = 0; max < strlen(yaml); max++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(max);
		assert_int_equal(schema_add_yaml(&b, m), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips), cmocka_unit_test(test_yaml_text),
		cmocka_unit_test(test_json_text),   cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_full_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
