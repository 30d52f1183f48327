/*
 * What a new version changes. Every field of a topology that has all fields is changed in turn, and
 * the verdict is compared with a list that is written by hand, so that an option that was copied
 * with its neighbour in proto/model.proto is noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/str.h"
#include "model/change_table.h"
#include "model/diff.h"
#include "schema/field.h"
#include "schema/message.h"
#include "schema/tables.h"
#include "schema/yaml.h"

/* No value in it is a default. */
static const char sample[] =
	"apiVersion: samoza/v1\n"
	"kind: Topology\n"
	"metadata: {name: shop, owner: ops}\n"
	"spaces:\n"
	"- {name: host, type: NATIVE}\n"
	"- name: api\n"
	"  type: NATIVE\n"
	"  count: 3\n"
	"  inside: host\n"
	"  provides: [rows]\n"
	"  capabilities: [sensors.camera]\n"
	"  resources:\n"
	"    cpu: 200m\n"
	"    memory: 64MiB\n"
	"    devices: [{kind: gpu, count: 2, share: 500m, model: T4}]\n"
	"  placement:\n"
	"    region: eu\n"
	"    kind: edge\n"
	"    constraints: ['ssd exists']\n"
	"    near: {latitude: 1, longitude: 2, within: 5km}\n"
	"    affinity: [{with: host, scope: region, required: true, weight: 7}]\n"
	"    anti_affinity: [{with: self, scope: rack, required: true, weight: 8}]\n"
	"    spread: [{over: region, max_skew: 2, required: true}]\n"
	"    strategy: pack\n"
	"  exports: {port: '5432'}\n"
	"  imports: [{from: host, variables: [ip], optional: true}]\n"
	"  exclusive: true\n"
	"  storage: local\n"
	"  restart: {attempts: 2, window: 3m}\n"
	"  stop: {grace: 4s}\n"
	"  recipes: {timeout: 5s}\n"
	"  run: {mode: foreground}\n"
	"  ready: {tcp: port}\n"
	"  health: {http: 'http://127.0.0.1/', interval: 6s, timeout: 7s, failures: 8}\n"
	"paths:\n"
	"- {from: api, to: host, name: rows}\n";

/* The second list, written from the specification of changes. */
static const struct {
	const char *field;
	enum change change;
} expected[] = {
	{"apiVersion", CHANGE_KEY},
	{"kind", CHANGE_KEY},
	{"metadata.name", CHANGE_KEY},
	{"metadata.owner", CHANGE_ADJUST},
	{"spaces.name", CHANGE_KEY},
	{"spaces.type", CHANGE_REPLACE},
	{"spaces.count", CHANGE_COUNT},
	{"spaces.inside", CHANGE_KEY},
	{"spaces.provides", CHANGE_REPLACE},
	{"spaces.capabilities", CHANGE_REPLACE},
	{"spaces.resources.cpu", CHANGE_REPLACE},
	{"spaces.resources.memory", CHANGE_REPLACE},
	{"spaces.resources.devices.kind", CHANGE_REPLACE},
	{"spaces.resources.devices.count", CHANGE_REPLACE},
	{"spaces.resources.devices.share", CHANGE_REPLACE},
	{"spaces.resources.devices.model", CHANGE_REPLACE},
	{"spaces.placement.region", CHANGE_PLACE},
	{"spaces.placement.kind", CHANGE_PLACE},
	{"spaces.placement.constraints", CHANGE_PLACE},
	{"spaces.placement.near.latitude", CHANGE_PLACE},
	{"spaces.placement.near.longitude", CHANGE_PLACE},
	{"spaces.placement.near.within", CHANGE_PLACE},
	{"spaces.placement.affinity.with", CHANGE_PLACE},
	{"spaces.placement.affinity.scope", CHANGE_PLACE},
	{"spaces.placement.affinity.required", CHANGE_PLACE},
	{"spaces.placement.affinity.weight", CHANGE_PLACE},
	{"spaces.placement.anti_affinity.with", CHANGE_PLACE},
	{"spaces.placement.anti_affinity.scope", CHANGE_PLACE},
	{"spaces.placement.anti_affinity.required", CHANGE_PLACE},
	{"spaces.placement.anti_affinity.weight", CHANGE_PLACE},
	{"spaces.placement.spread.over", CHANGE_PLACE},
	{"spaces.placement.spread.max_skew", CHANGE_PLACE},
	{"spaces.placement.spread.required", CHANGE_PLACE},
	{"spaces.placement.strategy", CHANGE_PLACE},
	{"spaces.exports", CHANGE_REPLACE},
	{"spaces.imports.from", CHANGE_REPLACE},
	{"spaces.imports.variables", CHANGE_REPLACE},
	{"spaces.imports.optional", CHANGE_REPLACE},
	{"spaces.exclusive", CHANGE_REPLACE},
	{"spaces.storage", CHANGE_REPLACE},
	{"spaces.restart.attempts", CHANGE_ADJUST},
	{"spaces.restart.window", CHANGE_ADJUST},
	{"spaces.stop.grace", CHANGE_ADJUST},
	{"spaces.recipes.timeout", CHANGE_REPLACE},
	{"spaces.run.mode", CHANGE_REPLACE},
	{"spaces.ready.tcp", CHANGE_REPLACE},
	{"spaces.ready.http", CHANGE_REPLACE},
	{"spaces.ready.command", CHANGE_REPLACE},
	{"spaces.health.tcp", CHANGE_ADJUST},
	{"spaces.health.http", CHANGE_ADJUST},
	{"spaces.health.command", CHANGE_ADJUST},
	{"spaces.health.interval", CHANGE_ADJUST},
	{"spaces.health.timeout", CHANGE_ADJUST},
	{"spaces.health.failures", CHANGE_ADJUST},
	{"paths.from", CHANGE_ADJUST},
	{"paths.to", CHANGE_ADJUST},
	{"paths.name", CHANGE_ADJUST},
};

static Samoza__V1__Topology *read_text(const char *text)
{
	ProtobufCMessage *message = NULL;
	struct error *err = NULL;
	if (schema_read_yaml(&samoza__v1__topology__descriptor, "t.yaml", text, strlen(text), 0,
			     NULL, &message, NULL, &err) < 0)
		fail_msg("%s\n%s", err->message, text);
	return (Samoza__V1__Topology *)message;
}

static void compare_messages(const Samoza__V1__Topology *from, const Samoza__V1__Topology *to,
			     struct topology_diff *ret_diff)
{
	topology_diff(&(struct topology_version){from, NULL},
		      &(struct topology_version){to, NULL}, ret_diff);
}

/* "+" added, "-" removed, "!" replaced, "~" adjusted; "p" place, "c" count, "n" names; fields. */
static char *words_of(const struct topology_diff *diff)
{
	static const char marks[] = {[SPACE_UNCHANGED] = '=',
				     [SPACE_ADJUSTED] = '~',
				     [SPACE_REPLACED] = '!',
				     [SPACE_ADDED] = '+',
				     [SPACE_REMOVED] = '-'};
	struct buffer out = BUFFER_INIT(10000);
	vector_for_each (&diff->spaces, s) {
		(void)buffer_printf(&out, "%s%c%s%s%s%s", out.size > 0 ? " " : "",
				    marks[s->verdict], s->place_differs ? "p" : "",
				    s->count_differs ? "c" : "", s->names_differ ? "n" : "",
				    s->name);
		vector_for_each (&s->fields, field)
			(void)buffer_printf(&out, ":%s", *field);
	}
	vector_for_each (&diff->fields, field)
		(void)buffer_printf(&out, " %s", *field);
	return buffer_steal(&out);
}

static void expect(const char *from_text, const char *to_text, const char *words)
{
	CLEANUP(schema_message_freep) Samoza__V1__Topology *from = read_text(from_text);
	CLEANUP(schema_message_freep) Samoza__V1__Topology *to = read_text(to_text);
	CLEANUP(topology_diff_done) struct topology_diff diff = {0};
	compare_messages(from, to, &diff);
	CLEANUP(freep) char *found = words_of(&diff);
	assert_string_equal(found, words);
}

/* ---- every field in turn ---- */

enum edit { EDIT_CHANGE, EDIT_UNSET };

struct visit {
	unsigned wanted, seen; /* number of the leaf that is edited */
	enum edit edit;
	bool done; /* it was edited */
	enum change change;
	char path[200];
};

static void set_string(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		       char **member, const char *suffix)
{
	bool was_set = field_count(message, field) > 0;
	const char *old = was_set ? *member : "";
	char *new = str_printf("%s%s", old, suffix);
	if (field_in_oneof(field)) {
		const ProtobufCFieldDescriptor *set = field_oneof_set(message, field);
		if (set != NULL)
			free(*(char **)field_member(message, set));
	} else if (was_set) {
		free(*member);
	}
	*member = new;
	field_mark(message, field);
}

static int other_value(const ProtobufCEnumDescriptor *type, int value)
{
	for (unsigned i = 0; i < type->n_values; i++) {
		if (type->values[i].value != value)
			return type->values[i].value;
	}
	fail_msg("%s has only one value", type->name);
	return value;
}

static void change_value(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	void *member = field_element(message, field, 0);
	switch ((int)field->type) {
	case PROTOBUF_C_TYPE_STRING:
		set_string(message, field, member, "x");
		return;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)member = !*(protobuf_c_boolean *)member;
		break;
	case PROTOBUF_C_TYPE_ENUM:
		*(int *)member = other_value(field->descriptor, *(int *)member);
		break;
	case PROTOBUF_C_TYPE_UINT32:
		*(uint32_t *)member += 1;
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		*(double *)member += 0.5;
		break;
	case PROTOBUF_C_TYPE_MESSAGE: { /* a map: the value of its first entry */
		ProtobufCMessage *entry = *(ProtobufCMessage **)member;
		change_value(entry, &entry->descriptor->fields[1]);
		return;
	}
	default:
		fail_msg("%s: a type that the test does not know", field->name);
	}
	field_mark(message, field);
}

/* To its default; false where that is not possible. */
static bool unset_value(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (field->label != PROTOBUF_C_LABEL_OPTIONAL || field_in_oneof(field) ||
	    field_count(message, field) == 0 || strcmp(field->name, "name") == 0)
		return false; /* a space without a name does not compile */
	if (field->type == PROTOBUF_C_TYPE_STRING)
		schema_set_string(field_member(message, field), field->default_value, NULL);
	else
		*(protobuf_c_boolean *)((char *)message + field->quantifier_offset) = 0;
	return true;
}

static void visit_leaf(struct visit *v, ProtobufCMessage *message,
		       const ProtobufCFieldDescriptor *field, enum change change)
{
	if (v->seen++ != v->wanted)
		return;
	if (field_count(message, field) == 0 && !field_in_oneof(field))
		fail_msg("%s is missing in the sample", v->path);
	v->change = change;
	v->done = true;
	if (v->edit == EDIT_CHANGE)
		change_value(message, field);
	else
		v->done = unset_value(message, field);
}

static void visit_message(struct visit *v, const struct change_table *table,
			  ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	const struct schema_message *schema = schema_message_table(type);
	assert_int_equal(table->field_count, type->n_fields);
	for (unsigned i = 0; i < type->n_fields && v->seen <= v->wanted; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		size_t size = strlen(v->path);
		snprintf(v->path + size, sizeof(v->path) - size, "%s%s", size > 0 ? "." : "",
			 schema->fields[i].key);
		if (table->fields[i].below == NULL) {
			visit_leaf(v, message, field, table->fields[i].change);
		} else {
			size_t count = field_count(message, field);
			if (count == 0)
				fail_msg("%s is missing in the sample", v->path);
			/* The last space of the sample has everything. */
			visit_message(
				v, table->fields[i].below,
				*(ProtobufCMessage **)field_element(message, field, count - 1));
		}
		if (v->seen <= v->wanted)
			v->path[size] = '\0';
	}
}

static size_t index_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		if (strcmp(expected[i].field, path) == 0)
			return i;
	}
	fail_msg("%s is not in the list of this test: what does a change of it do?", path);
	return 0;
}

/* What the diff must say of a change of the field. */
static void check_diff(const struct visit *v, const struct topology_diff *diff)
{
	CLEANUP(freep) char *words = words_of(diff);
	const char *wanted = "";
	const char *field = strncmp(v->path, "spaces.", 7) == 0 ? v->path + 7 : v->path;
	switch (v->change) {
	case CHANGE_REPLACE:
		wanted = "=host !api:";
		break;
	case CHANGE_ADJUST:
		wanted = strncmp(v->path, "paths", 5) == 0 ? ""
			 : field == v->path		   ? "=host =api "
							   : "=host ~api:";
		break;
	case CHANGE_PLACE:
		wanted = "=host ~papi:";
		break;
	case CHANGE_COUNT:
		wanted = v->edit == EDIT_UNSET ? "=host !cnapi:" : "=host ~capi:";
		break;
	case CHANGE_KEY:
		wanted = "=host +api";
		break;
	case CHANGE_NONE:
		fail_msg("%s: no change", v->path);
	}
	if (strncmp(words, wanted, strlen(wanted)) != 0)
		fail_msg("%s: '%s' does not begin with '%s'", v->path, words, wanted);
	/* The field is named as it is written in the file. */
	const char *last = strrchr(field, '.');
	if (v->change != CHANGE_KEY && wanted[0] != '\0' &&
	    strstr(words, last != NULL ? last + 1 : field) == NULL)
		fail_msg("%s is not named in '%s'", field, words);
}

static void edit_all(enum edit edit, bool used[])
{
	CLEANUP(schema_message_freep) Samoza__V1__Topology *from = read_text(sample);
	uint64_t content = space_content(from->spaces[1], NULL);
	for (unsigned n = 0;; n++) {
		CLEANUP(schema_message_freep)
		Samoza__V1__Topology *to =
			(Samoza__V1__Topology *)schema_message_copy(&from->base);
		struct visit v = {.wanted = n, .edit = edit};
		visit_message(&v, change_of_topology, &to->base);
		if (v.seen <= n)
			break;
		size_t index = index_of(v.path);
		used[index] = true;
		if (v.change != expected[index].change)
			fail_msg("%s: change %d in proto/model.proto, %d in the list", v.path,
				 v.change, expected[index].change);
		if (!v.done || strncmp(v.path, "kind", 4) == 0 ||
		    strncmp(v.path, "apiVersion", 4) == 0 ||
		    strcmp(v.path, "metadata.name") == 0)
			continue;
		CLEANUP(topology_diff_done) struct topology_diff diff = {0};
		compare_messages(from, to, &diff);
		assert_false(topology_diff_is_empty(&diff));
		check_diff(&v, &diff);
		/* The content hash follows what reaches the process, and nothing else. */
		bool same = space_content(to->spaces[1], NULL) == content;
		if (same == (v.change == CHANGE_REPLACE))
			fail_msg("%s: the content hash is %s", v.path,
				 same ? "the same" : "another");
	}
}

static void each_field_has_the_verdict_of_the_specification(void **state)
{
	(void)state;
	bool used[ARRAY_SIZE(expected)] = {0};
	edit_all(EDIT_CHANGE, used);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		if (!used[i])
			fail_msg("there is no field %s", expected[i].field);
	}
	edit_all(EDIT_UNSET, used);
}

/* ---- what is the same ---- */

#define HEAD "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: t}\nspaces:\n"

static void a_version_equals_itself(void **state)
{
	(void)state;
	expect(sample, sample, "=host =api");
	CLEANUP(schema_message_freep) Samoza__V1__Topology *t = read_text(sample);
	CLEANUP(topology_diff_done) struct topology_diff diff = {0};
	compare_messages(t, t, &diff);
	assert_true(topology_diff_is_empty(&diff));
}

static void defaults_that_are_written_out_change_nothing(void **state)
{
	(void)state;
	expect(HEAD "- {name: a, type: CALL}\n",
	       HEAD "- {name: a, type: CALL, inside: '', provides: [], exclusive: false,\n"
		    "   storage: cluster, resources: {cpu: 50m, memory: 32MiB, devices: []},\n"
		    "   placement: {strategy: spread, region: '', constraints: []},\n"
		    "   restart: {attempts: 5, window: 10m}, stop: {grace: 10s},\n"
		    "   exports: {}, imports: [], recipes: {}, run: {mode: service}}\n"
		    "paths: []\n",
	       "=a");
	expect(HEAD "- {name: a, type: CALL, resources: {}}\n",
	       HEAD "- {name: a, type: CALL}\n", "=a");
}

static void the_order_of_keys_spaces_and_paths_does_not_matter(void **state)
{
	(void)state;
	expect(HEAD
	       "- {name: a, type: CALL, exports: {x: '1', y: '2'}}\n- {name: b, type: CALL}\n"
	       "paths: [{from: a, to: b}, {from: b, to: a, name: z}]\n",
	       HEAD
	       "- {name: b, type: CALL}\n- {name: a, type: CALL, exports: {y: '2', x: '1'}}\n"
	       "paths: [{from: b, to: a, name: z}, {from: a, to: b, name: a-b}]\n",
	       "=b =a");
}

/* ---- what differs ---- */

static void spaces_come_and_go(void **state)
{
	(void)state;
	expect(HEAD "- {name: a, type: CALL}\n- {name: b, type: CALL}\n- {name: c, type: UI}\n",
	       HEAD "- {name: d, type: CALL}\n- {name: b, type: CALL}\n", "+d =b -a -c");
}

static void another_parent_makes_another_space(void **state)
{
	(void)state;
	expect(HEAD "- {name: a, type: CALL}\n- {name: b, type: CALL, inside: a}\n",
	       HEAD "- {name: a, type: CALL}\n- {name: b, type: CALL}\n", "=a +b -b");
}

static void elements_of_lists_are_named_once(void **state)
{
	(void)state;
	expect(HEAD "- {name: a, type: CALL, imports: [{from: b}]}\n- {name: b, type: CALL}\n",
	       HEAD "- {name: a, type: CALL, imports: [{from: b}, {from: c, optional: true}]}\n"
		    "- {name: b, type: CALL}\n",
	       "!a:imports[1] =b");
	expect(HEAD "- {name: a, type: CALL, imports: [{from: b}, {from: c}]}\n",
	       HEAD "- {name: a, type: CALL, imports: [{from: c}, {from: b}]}\n",
	       "!a:imports[0].from:imports[1].from");
	expect(HEAD "- {name: a, type: CALL, exports: {x: '1', y: ''}}\n",
	       HEAD "- {name: a, type: CALL, exports: {x: '1'}}\n", "!a:exports.y");
	expect(HEAD "- {name: a, type: CALL, provides: [ab, c]}\n",
	       HEAD "- {name: a, type: CALL, provides: [a, bc]}\n", "!a:provides");
}

static void the_strongest_change_decides(void **state)
{
	(void)state;
	expect(HEAD "- {name: a, type: CALL, count: 2, stop: {grace: 1s}}\n",
	       HEAD "- {name: a, type: CALL, count: 3, stop: {grace: 2s}, storage: local,\n"
		    "   placement: {region: eu}}\n",
	       "!pca:count:placement.region:stop.grace:storage");
}

static void a_written_count_of_one_gives_other_names(void **state)
{
	(void)state;
	expect(HEAD "- {name: a, type: CALL}\n", HEAD "- {name: a, type: CALL, count: 1}\n",
	       "!cna:count");
	expect(HEAD "- {name: a, type: CALL, count: 1}\n",
	       HEAD "- {name: a, type: CALL, count: 2}\n", "~ca:count");
}

static void a_changed_path_adjusts_both_ends(void **state)
{
	(void)state;
	static const char spaces[] = HEAD "- {name: a, type: CALL}\n- {name: b, type: CALL}\n"
					  "- {name: c, type: CALL}\n";
	CLEANUP(freep) char *ab = str_printf("%spaths: [{from: a, to: b}]\n", spaces);
	CLEANUP(freep) char *ac = str_printf("%spaths: [{from: a, to: c}]\n", spaces);
	CLEANUP(freep)
	char *named = str_printf("%spaths: [{from: a, to: b, name: x}]\n", spaces);
	expect(spaces, ab, "~a:paths ~b:paths =c");
	expect(ab, spaces, "~a:paths ~b:paths =c");
	expect(ab, ac, "~a:paths ~b:paths ~c:paths");
	expect(ab, named, "~a:paths ~b:paths =c");
	/* An end that is new is added, not adjusted. */
	expect(HEAD "- {name: a, type: CALL}\n",
	       HEAD "- {name: a, type: CALL}\n"
		    "- {name: b, type: CALL}\n"
		    "paths: [{from: b, to: a}]\n",
	       "~a:paths +b");
}

static void the_owner_belongs_to_the_topology(void **state)
{
	(void)state;
	expect("apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: t}\n"
	       "spaces: [{name: a, type: UI}]\n",
	       "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: t, owner: ops}\n"
	       "spaces: [{name: a, type: UI}]\n",
	       "=a metadata.owner");
}

/* ---- artifacts ---- */

static Samoza__V1__AssetFile page = SAMOZA__V1__ASSET_FILE__INIT;
static Samoza__V1__AssetFile script = SAMOZA__V1__ASSET_FILE__INIT;

static void artifacts_differ(const Samoza__V1__SpaceArtifacts *from,
			     const Samoza__V1__SpaceArtifacts *to, const char *words)
{
	CLEANUP(schema_message_freep)
	Samoza__V1__Topology *t = read_text(HEAD "- {name: a, type: CALL}\n");
	CLEANUP(topology_diff_done) struct topology_diff diff = {0};
	Samoza__V1__SpaceArtifacts *before = (Samoza__V1__SpaceArtifacts *)from;
	Samoza__V1__SpaceArtifacts *after = (Samoza__V1__SpaceArtifacts *)to;
	topology_diff(&(struct topology_version){t, &before},
		      &(struct topology_version){t, &after}, &diff);
	CLEANUP(freep) char *found = words_of(&diff);
	assert_string_equal(found, words);
	assert_int_equal(space_content(t->spaces[0], from) == space_content(t->spaces[0], to),
			 topology_diff_is_empty(&diff));
}

static void other_artifacts_replace(void **state)
{
	(void)state;
	Samoza__V1__AssetFile *both[] = {&page, &script}, *reversed[] = {&script, &page};
	page.name = "index.html", page.digest = "aa";
	script.name = "a.js", script.digest = "bb";
	Samoza__V1__SpaceArtifacts a = SAMOZA__V1__SPACE_ARTIFACTS__INIT;
	a.space = "a", a.module_digest = "11", a.native_digest = "22", a.assets = both,
	a.n_assets = 2;
	Samoza__V1__SpaceArtifacts b = a;
	artifacts_differ(&a, &b, "=a");
	b.native_digest = "33",
	b.native_platform = "other"; /* translated by another compiler */
	b.assets = reversed;
	artifacts_differ(&a, &b, "=a");
	b.module_digest = "12";
	artifacts_differ(&a, &b, "!a:artifacts");
	b = a, b.n_assets = 1;
	artifacts_differ(&a, &b, "!a:artifacts");
	b = a, b.assets = NULL, b.n_assets = 0, b.recipes = both, b.n_recipes = 2;
	artifacts_differ(&a, &b, "!a:artifacts");
	artifacts_differ(NULL, &a, "!a:artifacts");
	artifacts_differ(NULL, NULL, "=a");
	Samoza__V1__AssetFile executable = page, *one[] = {&executable, &script};
	executable.has_executable = executable.executable = true;
	b = a, b.assets = one;
	artifacts_differ(&a, &b, "!a:artifacts");
}

/* Records hold it: with another value every space would be replaced by an update of zrms. */
static void the_content_hash_is_stable(void **state)
{
	(void)state;
	CLEANUP(schema_message_freep) Samoza__V1__Topology *t = read_text(sample);
	Samoza__V1__SpaceArtifacts a = SAMOZA__V1__SPACE_ARTIFACTS__INIT;
	a.space = "api", a.module_digest = "00ff";
	assert_int_equal(space_content(t->spaces[0], NULL), 0x1b6cbe71adcb0a37);
	assert_int_equal(space_content(t->spaces[1], NULL), 0xdabb05133e0c2522);
	assert_int_equal(space_content(t->spaces[1], &a), 0x6775a55b6f0fcfff);
}

static void verdicts_have_names(void **state)
{
	(void)state;
	assert_string_equal(space_verdict_name(SPACE_UNCHANGED), "unchanged");
	assert_string_equal(space_verdict_name(SPACE_ADJUSTED), "adjusted");
	assert_string_equal(space_verdict_name(SPACE_REPLACED), "replaced");
	assert_string_equal(space_verdict_name(SPACE_ADDED), "added");
	assert_string_equal(space_verdict_name(SPACE_REMOVED), "removed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_has_the_verdict_of_the_specification),
		cmocka_unit_test(a_version_equals_itself),
		cmocka_unit_test(defaults_that_are_written_out_change_nothing),
		cmocka_unit_test(the_order_of_keys_spaces_and_paths_does_not_matter),
		cmocka_unit_test(spaces_come_and_go),
		cmocka_unit_test(another_parent_makes_another_space),
		cmocka_unit_test(elements_of_lists_are_named_once),
		cmocka_unit_test(the_strongest_change_decides),
		cmocka_unit_test(a_written_count_of_one_gives_other_names),
		cmocka_unit_test(a_changed_path_adjusts_both_ends),
		cmocka_unit_test(the_owner_belongs_to_the_topology),
		cmocka_unit_test(other_artifacts_replace),
		cmocka_unit_test(the_content_hash_is_stable),
		cmocka_unit_test(verdicts_have_names),
	};
	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
