/*
 * Damaged files and messages never do harm: random bytes changed, lines moved, parts
 * repeated. Each either reads, and then is written and read again as the same, or gives at
 * least one finding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../base/random_cases.h"
#include "base/buffer.h"
#include "proto/model.pb-c.h"
#include "proto/record.pb-c.h"
#include "random_message.h"
#include "schema/json.h"
#include "schema/message.h"
#include "schema/yaml.h"
#include "schema/yaml_write.h"

#define SEEDS RANDOM_CASES(1500)

static void damage_once(struct random *r, struct buffer *text)
{
	static const char *const pieces[] = {
		"&a ",	"*a",	"!!x ",	    "- ",   ": ", "{",	"}",	"[",	 "]",	  "\"",
		"'",	"\n",	"\t",	    "\\u",  "? ", "| ", "<<: ", "---\n", "null",  "-1",
		"1e99", "\xff", "\xc3\xa4", "\r\n", "#",  "\\", ",",	"true",	 "%YAML", " "};
	char *data = text->data;
	size_t at = random_below(r, text->size + 1);
	size_t length = random_below(r, 12);
	if (length > text->size - at)
		length = text->size - at;
	CLEANUP(freep) char *tail = mem_memdup(data + at, text->size - at);
	size_t tail_size = text->size - at;
	const char *piece = pieces[random_below(r, ARRAY_SIZE(pieces))];
	uint64_t what = random_below(r, 5);
	text->size = at;
	int full = 0;
	if (what == 0) /* a byte changes */
		full = tail_size > 0 ? buffer_add(text, &(char){(char)random_next(r)}, 1) : 0;
	else if (what == 1) /* a piece comes in */
		full = buffer_add_string(text, piece);
	else if (what == 2) /* a part is repeated */
		full = buffer_add(text, tail, length);
	else if (what == 3) /* the rest is lost */
		length = random_below(r, 20) == 0 ? tail_size : length;
	size_t skip = what == 0 ? (tail_size > 0) : what == 3 ? length : 0;
	assert_int_equal(full, 0);
	assert_int_equal(buffer_add(text, tail + skip, tail_size - skip), 0);
}

static void read_damaged(const ProtobufCMessageDescriptor *type, bool json,
			 const struct buffer *text)
{
	CLEANUP(diagnostics_done) struct diagnostics d = {0};
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(schema_message_freep) ProtobufCMessage *m = NULL;
	struct schema_positions *p = NULL;
	int r = json ? schema_read_json(type, "f", text->data, text->size, 0, &d, &m, &err)
		     : schema_read_yaml(type, "f", text->data, text->size, 0, &d, &m, &p, &err);
	if (r < 0) {
		assert_true(d.list.count > 0);
		assert_non_null(err);
		assert_null(m);
		return;
	}
	assert_int_equal(d.list.count, 0);
	CLEANUP(freep) char *again = schema_write_yaml(m);
	CLEANUP(schema_message_freep) ProtobufCMessage *second = NULL;
	if (schema_read_yaml(type, "again", again, strlen(again), 0, NULL, &second, NULL,
			     &err) < 0)
		fail_msg("%s\n%s", err->message, again);
	assert_true(schema_message_equal(m, second));
	schema_positions_free(p);
}

static void test_damaged_text(void **state)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct random r = {seed};
		const ProtobufCMessageDescriptor *type =
			seed % 3 == 0 ? &samoza__v1__manifest__descriptor
				      : &samoza__v1__topology__descriptor;
		CLEANUP(schema_message_freep) ProtobufCMessage *m = random_message(&r, type);
		bool json = seed % 2 == 0;
		CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1024 * 1024);
		if (json)
			assert_int_equal(schema_add_json(&text, m, SCHEMA_JSON_PRETTY), 0);
		else
			assert_int_equal(schema_add_yaml(&text, m), 0);
		for (int i = 0; i < 8; i++) {
			damage_once(&r, &text);
			read_damaged(type, json, &text);
		}
	}
}

static void test_damaged_bytes(void **state)
{
	const ProtobufCMessageDescriptor *type = &samoza__v1__topology_record__descriptor;
	unsigned refused = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct random r = {seed};
		CLEANUP(schema_message_freep) ProtobufCMessage *m = random_message(&r, type);
		CLEANUP(buffer_done) struct buffer wire = BUFFER_INIT(1024 * 1024);
		assert_int_equal(schema_message_pack(m, &wire, NULL), 0);
		for (int i = 0; i < 4; i++) {
			size_t at = random_below(&r, wire.size);
			wire.data[at] = (char)random_next(&r);
			CLEANUP(schema_message_freep) ProtobufCMessage *seen = NULL;
			if (schema_message_unpack(type, wire.data, wire.size, &seen, NULL) <
			    0) {
				refused++;
				continue;
			}
			CLEANUP(freep) char *json = schema_write_json(seen, 0);
			CLEANUP(freep) char *yaml = schema_write_yaml(seen);
			assert_int_equal(json[0], '{');
			assert_true(strlen(yaml) > 0);
			CLEANUP(schema_message_freep)
			ProtobufCMessage *copy = schema_message_copy(seen);
			assert_true(schema_message_equal(copy, seen));
		}
	}
	assert_true(refused > SEEDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged_text),
		cmocka_unit_test(test_damaged_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
