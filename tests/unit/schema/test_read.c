/*
 * Every kind of mistake in a file is found, all at once, with its line and column.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/str.h"
#include "proto/model.pb-c.h"
#include "proto/record.pb-c.h"
#include "proto/scenario.pb-c.h"
#include "proto/view.pb-c.h"
#include "schema/json.h"
#include "schema/message.h"
#include "schema/yaml.h"

#define TOPOLOGY &samoza__v1__topology__descriptor
#define SPACE	 &samoza__v1__space__descriptor
#define MANIFEST &samoza__v1__manifest__descriptor
#define ZHOSTS	 &samoza__v1__zhost_list__descriptor
#define SCENARIO &samoza__v1__scenario__descriptor
#define HEAD	 "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: a}\n"
#define ONE	 HEAD "spaces:\n  - {name: a, type: CALL}\n"

struct bad {
	const char *what;
	const ProtobufCMessageDescriptor *type;
	const char *text;
	const char *findings; /* one line each; "" when it is fine */
};

static const struct bad bads[] = {
	{"a fine one", TOPOLOGY, ONE, ""},
	{"a key where none can stand", TOPOLOGY, ONE "    capabilites: [sys.log]\n",
	 "f:6:5: not valid YAML: while parsing a block collection, did not find expected '-' "
	 "indicator\n"},
	{"misspelt", TOPOLOGY,
	 HEAD "spaces:\n  - name: a\n    type: CALL\n    capabilites: [sys.log]\n",
	 "f:7:5: unknown key 'capabilites' in space; did you mean 'capabilities'?\n"},
	{"unknown with nothing near, few known", SPACE, "stop: {after: 3s}\n",
	 "f:1:8: unknown key 'after' in stop; known: grace\n"},
	{"unknown with nothing near, many known", SPACE, "colour: red\n",
	 "f:1:1: unknown key 'colour' in space\n"},
	{"wrong case", SPACE, "Name: a\n",
	 "f:1:1: unknown key 'Name' in space; did you mean 'name'?\n"},
	{"dash for underscore", SPACE, "placement: {anti-affinity: []}\n",
	 "f:1:13: unknown key 'anti-affinity' in placement; did you mean 'anti_affinity'?\n"},
	{"duplicate key", SPACE, "name: a\ntype: UI\nname: b\n",
	 "f:3:1: duplicate key 'name' in space; the first one is on line 1\n"},
	{"duplicate key of a map", SPACE, "exports:\n  ip: \"\"\n  port: 1\n  ip: x\n",
	 "f:4:3: duplicate key 'ip' in exports; the first one is on line 2\n"},
	{"bad key of a map", SPACE, "exports: {a b: c}\n",
	 "f:1:11: key 'a b' in exports must match ^[A-Za-z_][A-Za-z0-9_-]{0,62}$\n"},
	{"list as a key", SPACE, "exports: {[a]: c}\n? [x]\n: y\n",
	 "f:1:11: a key in exports must be text\nf:2:3: a key in space must be text\n"},
	{"text for a number", SPACE, "count: many\n",
	 "f:1:8: 'count': expected a whole number, or each, found 'many'\n"},
	{"quoted number", SPACE, "count: \"3\"\n",
	 "f:1:8: 'count': expected a whole number, or each, found the text \"3\"\n"},
	{"octal or decimal", SPACE, "count: 010\nresources: {cpu: 010, memory: 041.5Gi}\n",
	 "f:1:8: 'count': '010' begins with a zero, which some YAML parsers read as an "
	 "octal "
	 "number: write 10\n"
	 "f:2:18: 'cpu': '010' begins with a zero, which some YAML parsers read as an "
	 "octal "
	 "number: write 10\n"},
	{"octal or decimal, zero", SPACE, "count: 000\n",
	 "f:1:8: 'count': '000' begins with a zero, which some YAML parsers read as an "
	 "octal "
	 "number: write 0\n"},
	{"a quote that is not closed", SPACE, "name: \"a\ncount: 3\n",
	 "f:1:7: not valid YAML: the quote that begins here is not closed\n"},
	{"a quote that is closed by the next", SPACE, "name: \"a\ntype: UI\ninside: \"b\"\n",
	 "f:1:7: not valid YAML: the quote that begins here is closed only on line 3: is one "
	 "missing?\n"},
	{"a quote in a list that is closed by the next", SPACE,
	 "provides: [a, 'b]\nmin: 2\ninside: 'x'\n",
	 "f:1:15: not valid YAML: the quote that begins here is closed only on line 3: is one "
	 "missing?\n"},
	{"fraction for a whole number", SPACE, "count: 1.5\n",
	 "f:1:8: 'count': expected a whole number, or each, found '1.5'\n"},
	{"below the range", SPACE, "count: 0\n",
	 "f:1:8: 'count' must be from 1 to 100000, not '0'\n"},
	{"negative", SPACE, "count: -1\n",
	 "f:1:8: 'count' must be from 1 to 100000, not '-1'\n"},
	{"overflow", SPACE, "count: 99999999999999999999999\n",
	 "f:1:8: 'count' must be from 1 to 100000, not '99999999999999999999999'\n"},
	{"double out of range", ZHOSTS, "zhosts: [{name: a, latitude: 91, longitude: 1e999}]\n",
	 "f:1:30: 'latitude' must be from -90 to 90, not '91'\n"
	 "f:1:45: 'longitude' must be from -180 to 180, not '1e999'\n"},
	{"not a number", ZHOSTS, "zhosts: [{name: a, latitude: .nan}]\n",
	 "f:1:30: 'latitude': expected a number, found '.nan'\n"},
	{"yes is no boolean", SPACE, "exclusive: yes\n",
	 "f:1:12: 'exclusive': expected true or false, found 'yes'\n"},
	{"quoted boolean", SPACE, "exclusive: \"true\"\n",
	 "f:1:12: 'exclusive': expected true or false, found the text \"true\"\n"},
	{"unknown enum value", SPACE, "type: WEB\n",
	 "f:1:7: 'type' must be one of UI, IO, DATA, CHAT, CALL, NATIVE, not 'WEB'\n"},
	{"the only enum value", MANIFEST,
	 "apiVersion: samoza/v1\nkind: MEX\nmetadata: {name: a, version: 1.0.0}\nspec: {}\n"
	 "integrity: {algorithm: md5}\n",
	 "f:5:24: 'algorithm' must be sha256, not 'md5'\n"},
	{"scalar for a list", SPACE, "imports: cache\n",
	 "f:1:10: 'imports': expected a list, found 'cache'\n"},
	{"scalar for a mapping", SPACE, "resources: 3\n",
	 "f:1:12: 'resources': expected a mapping, found '3'\n"},
	{"list for text", SPACE, "name: [a]\n", "f:1:7: 'name': expected text, found a list\n"},
	{"mapping for text", SPACE, "name: {a: b}\n",
	 "f:1:7: 'name': expected text, found a mapping\n"},
	{"mapping for a number", SPACE, "count: {a: b}\n",
	 "f:1:8: 'count': expected a whole number, or each, found a mapping\n"},
	{"nothing", SPACE, "name:\nresources: ~\nprovides:\n",
	 "f:1:6: 'name': expected text (\"\" for an empty one), found nothing\n"
	 "f:2:12: 'resources': expected a mapping, found nothing\n"
	 "f:3:10: 'provides': expected a list, found nothing\n"},
	{"nothing in a list", SPACE, "provides: [a, , b]\n",
	 "f:1:15: not valid YAML: while parsing a flow node, did not find expected node "
	 "content\n"},
	{"pattern of an element", SPACE, "provides: [ok, Not Ok]\n",
	 "f:1:16: 'provides[1]': expected 1 to 63 characters of a-z, 0-9 and -, found 'Not "
	 "Ok'\n"},
	{"dashes at the ends of a name", TOPOLOGY,
	 "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: a-}\nspaces:\n"
	 "  - {name: -x, type: UI}\n  - {name: \"-\", type: UI}\n  - {name: a-b--c, type: "
	 "UI}\n",
	 "f:3:18: 'name': expected 1 to 63 characters of a-z, 0-9 and -, with no - at either "
	 "end, found 'a-'\n"
	 "f:5:12: 'name': expected 1 to 63 characters of a-z, 0-9 and -, with no - at either "
	 "end, found '-x'\n"
	 "f:6:12: 'name': expected 1 to 63 characters of a-z, 0-9 and -, with no - at either "
	 "end, found '-'\n"},
	{"amounts", SPACE, "resources: {cpu: fast, memory: -1MiB}\n",
	 "f:1:18: 'cpu': expected an amount of cpu such as 100m or 2: cores, or m for "
	 "thousandths, found 'fast'\n"
	 "f:1:32: 'memory': expected an amount of memory such as 32MiB, with B, KiB, MiB, GiB, "
	 "TiB, kB, MB, GB or TB, found '-1MiB'\n"},
	{"duration", SPACE, "stop: {grace: 10}\n",
	 "f:1:15: 'grace': expected a duration such as 10s, with ms, s, m, h or d, found "
	 "'10'\n"},
	{"too long", TOPOLOGY,
	 "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: "
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n"
	 "spaces: [{name: a, type: UI}]\n",
	 "f:3:18: 'name': expected 1 to 63 characters of a-z, 0-9 and -, with no - at either "
	 "end, found "
	 "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'\n"},
	{"constant", TOPOLOGY,
	 "apiVersion: samoza/v2\nkind: Topologie\nmetadata: {name: a}\n"
	 "spaces: [{name: a, type: UI}]\n",
	 "f:1:13: 'apiVersion' must be 'samoza/v1', not 'samoza/v2'\n"
	 "f:2:7: 'kind' must be 'Topology', not 'Topologie'\n"},
	{"missing at the top", TOPOLOGY, "spaces: [{name: a, type: UI}]\n",
	 "f:1:1: missing 'apiVersion' in topology\nf:1:1: missing 'kind' in topology\n"
	 "f:1:1: missing 'metadata' in topology\n"},
	{"missing below", TOPOLOGY, HEAD "spaces:\n  - {name: a}\n  - type: UI\n",
	 "f:5:5: missing 'type' in space\nf:6:5: missing 'name' in space\n"},
	{"no spaces", TOPOLOGY, HEAD "spaces: []\n",
	 "f:4:9: 'spaces' has 0 elements, at least 1 is needed\n"},
	{"two of a oneof", SPACE, "ready: {tcp: 80, http: x}\n",
	 "f:1:18: 'http' cannot be combined with 'tcp' in ready\n"},
	{"none of a oneof", SPACE, "health: {interval: 3s}\n",
	 "f:1:9: missing one of 'tcp', 'http', 'command' in health\n"},
	{"empty file", SPACE, "", "f:1:1: the file is empty\n"},
	{"only a comment", SPACE, "# nothing\n", "f:1:1: the file is empty\n"},
	{"a scalar as the file", SPACE, "hello\n",
	 "f:1:1: expected a mapping with the keys of a space, found 'hello'\n"},
	{"a list as the file", SPACE, "- a\n",
	 "f:1:1: expected a mapping with the keys of a space, found a list\n"},
	{"anchor and alias", SPACE, "provides: &p [a]\ncapabilities: *p\n",
	 "f:1:11: anchors are not allowed: write the value out where it is needed\n"
	 "f:2:15: aliases are not allowed: write the value out where it is needed\n"},
	{"tag", SPACE, "name: !!str a\n", "f:1:7: tags are not allowed\n"},
	{"merge key", SPACE, "<<: {name: b}\n", "f:1:1: unknown key '<<' in space\n"},
	{"two documents", SPACE, "name: a\n---\nname: b\n",
	 "f:2:1: a second document: only one is allowed\n"},
	{"tab", SPACE, "stop:\n\tgrace: 3s\n",
	 "f:2:1: a tab is not allowed here: indent YAML with spaces\n"},
	{"errors before an error of syntax", SPACE, "nmae: a\ncount: 0\nprovides: [a\n: 3\n",
	 "f:1:1: unknown key 'nmae' in space; did you mean 'name'?\n"
	 "f:2:8: 'count' must be from 1 to 100000, not '0'\n"
	 "f:4:1: not valid YAML: while parsing a flow sequence, did not find expected ',' or "
	 "']'\n"},
	{"invalid UTF-8", SPACE, "name: a\nowner: \xff\n",
	 "f:2:8: byte 0xff is not valid UTF-8\n"},
	{"overlong UTF-8", SPACE, "name: \xc0\xaf\n", "f:1:7: byte 0xc0 is not valid UTF-8\n"},
	{"escaped NUL", SPACE, "name: \"a\\0b\"\n", "f:1:7: text with a NUL character\n"},
	{"columns count characters", SPACE, "exports: {a: \"äöü\", b c: d}\n",
	 "f:1:21: key 'b c' in exports must match ^[A-Za-z_][A-Za-z0-9_-]{0,62}$\n"},
	{"what a person sees is clean", SPACE, "\"\\e[31m\\u202e\": x\n",
	 "f:1:1: unknown key '\\x1b[31m\\u{202e}' in space\n"},
	{"all at once", TOPOLOGY,
	 "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: A}\nspaces:\n"
	 "  - {name: a, type: X, count: 0}\n  - {nam: b, type: UI}\npath: []\n",
	 "f:3:18: 'name': expected 1 to 63 characters of a-z, 0-9 and -, with no - at either "
	 "end, found 'A'\n"
	 "f:5:21: 'type' must be one of UI, IO, DATA, CHAT, CALL, NATIVE, not 'X'\n"
	 "f:5:31: 'count' must be from 1 to 100000, not '0'\n"
	 "f:6:5: missing 'name' in space\n"
	 "f:6:6: unknown key 'nam' in space; did you mean 'name'?\n"
	 "f:7:1: unknown key 'path' in topology; did you mean 'paths'?\n"},
	{"bytes that are not base64", &samoza__v1__file_digest__descriptor,
	 "path: a\nhash: ABC\n",
	 "f:2:7: 'hash': expected 64 lower-case hexadecimal digits, found 'ABC'\n"},
	{"a list for a shorthand that is none", SCENARIO,
	 "scenario: a\nsteps:\n- submit: [a]\n",
	 "f:3:11: 'submit': expected a mapping, found a list\n"},
	{"a scalar for a shorthand that is a list", SCENARIO,
	 "scenario: a\nsteps:\n- live: {n1: a}\n",
	 "f:3:14: 'spaces': expected a list, found 'a'\n"},
	{"partial is not for what lies deeper", SCENARIO,
	 "scenario: a\ntopologies:\n- metadata: {}\n  spaces: [{type: UI}]\n",
	 "f:3:13: missing 'name' in metadata\nf:4:12: missing 'name' in space\n"},
	{"JSON in YAML's place", SPACE, "{\"name\":\t\"a\", \"nam\": 3,\n \"count\":\"x\"}",
	 "f:1:15: unknown key 'nam' in space; did you mean 'name'?\n"
	 "f:2:10: 'count': expected a whole number, or each, found 'x'\n"},
	{"JSON with duplicates", SPACE, "{\"count\": 1, \"count\": 2}",
	 "f:1:14: duplicate key 'count' in space; the first one is on line 1\n"},
	{"JSON null", SPACE, "{\"count\": null}",
	 "f:1:11: 'count': expected a whole number, or each, found nothing\n"},
	{"a flow mapping that is no JSON", SPACE, "{count: 0}",
	 "f:1:9: 'count' must be from 1 to 100000, not '0'\n"},
};

static const struct bad bad_jsons[] = {
	{"fine", SPACE, " {\"name\": \"a\", \"exports\": {\"x\": \"\\ud83d\\ude00\\/\"}} ", ""},
	{"YAML", SPACE, "name: a", "f:1:1: not valid JSON: expected a value\n"},
	{"empty", SPACE, "", "f:1:1: not valid JSON: unexpected end of the text\n"},
	{"cut off", SPACE, "{\"name\": \"a\"",
	 "f:1:13: not valid JSON: expected ',' or '}' after "
	 "a value\n"},
	{"trailing comma", SPACE, "{\"name\": \"a\",}",
	 "f:1:14: not valid JSON: expected a key in double quotes\n"},
	{"no colon", SPACE, "{\"name\" \"a\"}",
	 "f:1:9: not valid JSON: expected ':' after a key\n"},
	{"leading zero", SPACE, "{\"count\": 01}",
	 "f:1:11: not valid JSON: expected a value\n"},
	{"lone surrogate", SPACE, "{\"name\": \"\\ud83d\"}",
	 "f:1:17: not valid JSON: the first half of a surrogate pair alone\n"},
	{"half a surrogate pair and something else", SPACE, "{\"name\": \"\\ud83d\\u0041\"}",
	 "f:1:23: not valid JSON: the first half of a surrogate pair alone\n"},
	{"negative for an unsigned one", &samoza__v1__amount_view__descriptor,
	 "{\"total\": -5, \"reserved\": -0}", "f:1:11: 'total' must be at least 0, not '-5'\n"},
	{"too large for 64 bits", &samoza__v1__amount_view__descriptor,
	 "{\"total\": 18446744073709551616, \"reserved\": 18446744073709551615}",
	 "f:1:11: 'total' is out of range: '18446744073709551616'\n"},
	{"NUL", SPACE, "{\"name\": \"\\u0000\"}",
	 "f:1:17: not valid JSON: a NUL character in a string\n"},
	{"bad escape", SPACE, "{\"name\": \"\\x\"}",
	 "f:1:12: not valid JSON: an unknown escape sequence in a string\n"},
	{"line end in a text", SPACE, "{\"name\": \"a\nb\"}",
	 "f:1:12: not valid JSON: a control character in a string (write \\n, \\t, ...)\n"},
	{"no end of text", SPACE, "{\"name\": \"a",
	 "f:1:12: not valid JSON: a string without a closing "
	 "quote\n"},
	{"two values", SPACE, "{} {}",
	 "f:1:4: not valid JSON: unexpected text after the value\n"},
	{"comment", SPACE, "{} // no",
	 "f:1:4: not valid JSON: unexpected text after the value\n"},
};

static char *findings_text(const struct diagnostics *d)
{
	struct buffer text = BUFFER_INIT(1024 * 1024);
	for (size_t i = 0; i < d->list.count; i++) {
		CLEANUP(freep) char *line = diagnostic_text(&d->list.items[i]);
		assert_int_equal(buffer_printf(&text, "%s\n", line), 0);
	}
	return buffer_steal(&text);
}

static unsigned flags_for(const struct bad *b)
{
	return b->type == SPACE ? SCHEMA_PARTIAL : 0;
}

static int compare(const struct bad *b, int r, const struct diagnostics *d,
		   const struct error *err, ProtobufCMessage *message)
{
	CLEANUP(freep) char *seen = findings_text(d);
	int failed = strcmp(seen, b->findings) != 0;
	if (failed)
		print_error("%s\n--- expected\n%s--- seen\n%s", b->what, b->findings, seen);
	bool fine = b->findings[0] == '\0';
	assert_int_equal(r, fine ? 0 : ERR_INVALID);
	assert_int_equal(message != NULL, fine);
	assert_int_equal(err == NULL, fine);
	return failed;
}

static void test_bad_yaml(void **state)
{
	int failed = 0;
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++) {
		const struct bad *b = &bads[i];
		CLEANUP(diagnostics_done) struct diagnostics d = {0};
		CLEANUP(error_freep) struct error *err = NULL;
		CLEANUP(schema_message_freep) ProtobufCMessage *m = NULL;
		int r = schema_read_yaml(b->type, "f", b->text, strlen(b->text), flags_for(b),
					 &d, &m, NULL, &err);
		failed += compare(b, r, &d, err, m);
	}
	assert_int_equal(failed, 0);
}

static void test_bad_json(void **state)
{
	int failed = 0;
	for (size_t i = 0; i < ARRAY_SIZE(bad_jsons); i++) {
		const struct bad *b = &bad_jsons[i];
		CLEANUP(diagnostics_done) struct diagnostics d = {0};
		CLEANUP(error_freep) struct error *err = NULL;
		CLEANUP(schema_message_freep) ProtobufCMessage *m = NULL;
		int r = schema_read_json(b->type, "f", b->text, strlen(b->text), flags_for(b),
					 &d, &m, &err);
		failed += compare(b, r, &d, err, m);
	}
	assert_int_equal(failed, 0);
}

/* ------------------------------------------------------------------------ limits */

static void expect_finding(const char *text, size_t size, const char *part)
{
	CLEANUP(diagnostics_done) struct diagnostics d = {0};
	ProtobufCMessage *m = NULL;
	assert_int_equal(
		schema_read_yaml(SPACE, "f", text, size, SCHEMA_PARTIAL, &d, &m, NULL, NULL),
		ERR_INVALID);
	CLEANUP(freep) char *seen = findings_text(&d);
	if (strstr(seen, part) == NULL)
		fail_msg("expected '%s' in '%s'", part, seen);
}

static char *repeated(const char *part, size_t count, size_t *ret_size)
{
	struct buffer b = BUFFER_INIT(SIZE_MAX / 2);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(buffer_add_string(&b, part), 0);
	*ret_size = b.size;
	return buffer_steal(&b);
}

static void test_limits(void **state)
{
	static const struct {
		const char *part;
		size_t count;
		const char *finding;
	} limits[] = {
		{"#", SCHEMA_TEXT_MAX + 1, "4194305 bytes are too many"},
		{"[", 65, "nested deeper than 64 levels"},
		{"[", 500000, "nested deeper than 64 levels"},
		{"{a: ", 500000, "nested deeper than 64 levels"},
		{"- ", 500000, "nested deeper than 64 levels"},
		{"? ", 500000, "nested deeper than 64 levels"},
		{"- a\n", 1000001, "more than 1000000 values"},
		{"{\"a\":", 100, "nested deeper than 64 levels"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		size_t size;
		CLEANUP(freep) char *text = repeated(limits[i].part, limits[i].count, &size);
		expect_finding(text, size, limits[i].finding);
	}
}

static void test_alias_bomb(void **state)
{
	static const char bomb[] =
		"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
		"c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n";
	expect_finding(bomb, strlen(bomb), "anchors are not allowed");
}

static void test_nul_byte(void **state)
{
	expect_finding("name: a\0b\n", 10, "a NUL byte");
}

static void test_number_of_findings_is_bounded(void **state)
{
	size_t size;
	CLEANUP(freep) char *text = repeated("a: &x b\n", 100000, &size);
	CLEANUP(diagnostics_done) struct diagnostics d = {0};
	ProtobufCMessage *m = NULL;
	assert_int_equal(
		schema_read_yaml(SPACE, "f", text, size, SCHEMA_PARTIAL, &d, &m, NULL, NULL),
		ERR_INVALID);
	assert_int_equal(d.list.count, SCHEMA_FINDINGS_MAX);
	assert_string_equal(d.list.items[SCHEMA_FINDINGS_MAX - 1].message,
			    "too many errors: the rest are not listed");
}

/* --------------------------------------------------------------- what is accepted */

static ProtobufCMessage *must_parse(const ProtobufCMessageDescriptor *type, const char *text,
				    unsigned flags, struct schema_positions **positions)
{
	CLEANUP(error_freep) struct error *err = NULL;
	ProtobufCMessage *m = NULL;
	if (schema_read_yaml(type, "f", text, strlen(text), flags, NULL, &m, positions, &err) <
	    0)
		fail_msg("%s", err->message);
	return m;
}

/* The example of [formats.topology]. */
static const char example[] =
	"apiVersion: samoza/v1\n"
	"kind: Topology\n"
	"metadata:\n"
	"  name: my-app\n"
	"  owner: ops@example.com\n"
	"spaces:\n"
	"  - name: store\n"
	"    type: DATA\n"
	"    count: 1\n"
	"    inside: \"\"\n"
	"    provides: [database]\n"
	"    capabilities: [sys.log, net.emit, data.read, data.write]\n"
	"    resources:\n"
	"      cpu: 2\n"
	"      memory: 32MiB\n"
	"      devices:\n"
	"        - {kind: gpu, count: 1, share: 500m, model: [T4, V100]}\n"
	"        - {kind: gpu, share: 1, model: T4}\n"
	"    placement:\n"
	"      region: eu-west\n"
	"      kind: edge\n"
	"      constraints: [\"rack in (a, b)\", \"ssd exists\", \"cores > 8\"]\n"
	"      near: {latitude: 48.85, longitude: 2, within: 50km}\n"
	"      affinity:      [{with: api, scope: zhost, required: false, weight: 50}]\n"
	"      anti_affinity: [{with: self, scope: zhost, required: true}]\n"
	"      spread:        [{over: region, max_skew: 1, required: false}]\n"
	"      strategy: pack\n"
	"    exports: {port: 5432, ip: , flag: true, zero: 007}\n"
	"    imports:\n"
	"      - {from: cache, variables: [ip, port], optional: true}\n"
	"    exclusive: false\n"
	"    storage: local\n"
	"    restart: {attempts: 5, window: 10m}\n"
	"    stop: {grace: 10s}\n"
	"    recipes: {timeout: 60s}\n"
	"    run: {mode: foreground}\n"
	"    ready:  {tcp: port}\n"
	"    health: {http: \"http://127.0.0.1:${port}/\", interval: 10s, timeout: 5s, "
	"failures: 3}\n"
	"paths:\n"
	"  - {from: dashboard, to: api, name: queries}\n";

static void test_example(void **state)
{
	Samoza__V1__Topology *t =
		(Samoza__V1__Topology *)must_parse(TOPOLOGY, example, 0, NULL);
	assert_int_equal(t->n_spaces, 1);
	const Samoza__V1__Space *s = t->spaces[0];
	assert_string_equal(s->name, "store");
	assert_int_equal(s->type, SAMOZA__V1__SPACE_TYPE__DATA);
	assert_string_equal(s->inside, "");
	assert_string_equal(s->resources->cpu, "2");
	assert_int_equal(s->resources->n_devices, 2);
	assert_string_equal(s->resources->devices[0]->model[1], "V100");
	assert_string_equal(s->resources->devices[1]->model[0], "T4");
	assert_string_equal(s->resources->devices[1]->share, "1");
	assert_int_equal(s->resources->devices[1]->count, 1); /* by default */
	assert_int_equal(s->resources->devices[1]->has_count, 0);
	assert_true(s->placement->near->latitude == 48.85);
	assert_true(s->placement->near->longitude == 2.0);
	assert_int_equal(s->placement->strategy, SAMOZA__V1__PLACEMENT_STRATEGY__STRATEGY_PACK);
	assert_int_equal(s->n_exports, 4);
	assert_string_equal(s->exports[0]->value, "5432");
	assert_string_equal(s->exports[1]->value, "");
	assert_string_equal(s->exports[2]->value, "true");
	assert_string_equal(s->exports[3]->value, "007");
	assert_int_equal(s->ready->check_case, SAMOZA__V1__READY_PROBE__CHECK_TCP);
	assert_string_equal(s->ready->tcp, "port");
	assert_int_equal(s->health->check_case, SAMOZA__V1__HEALTH_PROBE__CHECK_HTTP);
	assert_int_equal(s->run->mode, SAMOZA__V1__RUN_MODE__RUN_FOREGROUND);
	assert_string_equal(t->paths[0]->name, "queries");
	schema_message_free(t);
}

static void test_defaults(void **state)
{
	Samoza__V1__Space *s = (Samoza__V1__Space *)must_parse(
		SPACE, "resources: {}\nhealth: {tcp: 80}\n", SCHEMA_PARTIAL, NULL);
	assert_null(s->name);
	assert_int_equal(s->has_type, 0);
	assert_int_equal(s->count, 1);
	assert_string_equal(s->resources->cpu, "50m");
	assert_false(schema_message_has(&s->resources->base, "cpu"));
	assert_string_equal(s->health->interval, "10s");
	assert_string_equal(s->health->tcp, "80");
	schema_message_free(s);
}

static void expect_position(const struct schema_positions *p, const char *path, unsigned line,
			    unsigned column)
{
	struct schema_position at = schema_position_of(p, "%s", path);
	if (at.line != line || at.column != column)
		fail_msg("%s: expected %u:%u, seen %u:%u", path, line, column, at.line,
			 at.column);
	assert_string_equal(at.file, "f");
}

/* Shorthands, partial messages, maps of messages: as in [scenario.steps]. */
static void test_scenario(void **state)
{
	static const char text[] =
		"scenario: s\n"
		"topologies:\n"
		"  - metadata: {name: shop}\n"
		"    spaces: [{name: db, type: DATA}]\n"
		"steps:\n"
		"  - submit: shop\n"
		"  - submit: {name: shop, start: false}\n"
		"  - expect:\n"
		"      spaces: {shop/db: deployed-started, shop/w: {zhost: n1}, "
		"x: {zhost: [n1, n2]}}\n"
		"  - trace: {shop/web: [not-deployed, deploying]}\n"
		"  - live: {n1: [shop/web], n2: []}\n"
		"  - zrms: crash\n";
	struct schema_positions *p = NULL;
	Samoza__V1__Scenario *s = (Samoza__V1__Scenario *)must_parse(SCENARIO, text, 0, &p);
	assert_null(s->topologies[0]->kind);
	assert_string_equal(s->steps[0]->submit->name, "shop");
	assert_true(s->steps[0]->submit->start);
	assert_false(s->steps[1]->submit->start);
	const Samoza__V1__ExpectStep *expect = s->steps[2]->expect;
	assert_string_equal(expect->spaces[0]->key, "shop/db");
	assert_string_equal(expect->spaces[0]->value->state, "deployed-started");
	assert_string_equal(expect->spaces[1]->value->zhost[0], "n1");
	assert_int_equal(expect->spaces[2]->value->n_zhost, 2);
	assert_int_equal(s->steps[3]->trace[0]->value->n_states, 2);
	assert_string_equal(s->steps[4]->live[0]->value->spaces[0], "shop/web");
	assert_int_equal(s->steps[4]->live[1]->value->n_spaces, 0);
	assert_int_equal(s->steps[5]->zrms, SAMOZA__V1__ZRMS_EVENT__ZRMS_CRASH);
	expect_position(p, "steps[0].submit.name", 6, 13);
	expect_position(p, "steps[3].trace.shop/web.states[1]", 10, 23);
	schema_positions_free(p);
	schema_message_free(s);
}

static void test_partial_applies_to_the_file_only(void **state)
{
	CLEANUP(error_freep) struct error *err = NULL;
	static const char text[] = "metadata: {name: a}\nspaces: [{name: b}]\n";
	ProtobufCMessage *m = NULL;
	assert_int_equal(schema_read_yaml(TOPOLOGY, "f", text, strlen(text), SCHEMA_PARTIAL,
					  NULL, &m, NULL, &err),
			 ERR_INVALID);
	assert_string_equal(err->message, "missing 'type' in space");
	assert_int_equal(err->line, 2);
	assert_int_equal(err->column, 10);
}

static void test_enum_spelling(void **state)
{
	int value;
	assert_string_equal(schema_enum_spelling(&samoza__v1__state__descriptor,
						 SAMOZA__V1__STATE__STATE_DEPLOYED_STARTED),
			    "deployed-started");
	assert_int_equal(schema_enum_value(&samoza__v1__state__descriptor,
					   "waiting-for-ancestor", &value),
			 0);
	assert_int_equal(value, SAMOZA__V1__STATE__STATE_WAITING_FOR_ANCESTOR);
	assert_int_equal(schema_enum_value(&samoza__v1__state__descriptor, "runing", &value),
			 -1);
	assert_null(schema_enum_spelling(&samoza__v1__state__descriptor, 99));
}

/* --------------------------------------------------------------------- positions */

static void test_positions(void **state)
{
	struct schema_positions *p = NULL;
	ProtobufCMessage *t = must_parse(TOPOLOGY, example, 0, &p);
	expect_position(p, "", 1, 1);
	expect_position(p, "metadata.name", 4, 9);
	expect_position(p, "spaces[0].name", 7, 11);
	expect_position(p, "spaces[0].placement.constraints[1]", 22, 39);
	expect_position(p, "spaces[0].exports.port", 28, 21);
	expect_position(p, "spaces[0].resources.devices[1].model[0]", 18, 40);
	expect_position(p, "paths[0].to", 40, 27);
	/* Nothing there: what is around it. */
	expect_position(p, "spaces[0].stop.nothing.at[3].all", 34, 11);
	expect_position(p, "spaces[7].name", 7, 3);
	expect_position(p, "nonsense", 1, 1);
	expect_position(p, "[[..x", 1, 1);
	assert_null(schema_position_of(NULL, "a").file);
	schema_positions_free(p);
	schema_message_free(t);
}

static void test_positions_of_keys_with_dots(void **state)
{
	struct schema_positions *p = NULL;
	ProtobufCMessage *z = must_parse(ZHOSTS,
					 "zhosts:\n  - name: a\n    labels:\n      a: 1\n"
					 "      a.b: 2\n      a.b.c: 3\n",
					 0, &p);
	expect_position(p, "zhosts[0].labels.a", 4, 10);
	expect_position(p, "zhosts[0].labels.a.b", 5, 12);
	expect_position(p, "zhosts[0].labels.a.b.c", 6, 14);
	schema_positions_free(p);
	schema_message_free(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_yaml),
		cmocka_unit_test(test_bad_json),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_alias_bomb),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_number_of_findings_is_bounded),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_partial_applies_to_the_file_only),
		cmocka_unit_test(test_scenario),
		cmocka_unit_test(test_enum_spelling),
		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_positions_of_keys_with_dots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
