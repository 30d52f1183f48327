/* What a new version changes: spaces, lists, counts, paths, artifacts. Field by field:
 * test_diff_fields.c. */
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
#include "model/diff.h"
#include "schema/message.h"
#include "versions.h"

static void expect(const char *from_text, const char *to_text, const char *words)
{
	CLEANUP(schema_message_freep) Samoza__V1__Topology *from = read_text(from_text);
	CLEANUP(schema_message_freep) Samoza__V1__Topology *to = read_text(to_text);
	CLEANUP(topology_diff_done) struct topology_diff diff = {0};
	compare_messages(from, to, &diff);
	CLEANUP(freep) char *found = words_of(&diff);
	assert_string_equal(found, words);
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

static void other_artifacts_replace_the_instance(void **state)
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
	CLEANUP(freep) char *text = mem_strdup(sample);
	char *settings = strstr(text, "  env:"),
	     *after = strstr(text, "  recipes:"); /* fields that came later, as below */
	memmove(settings, after, strlen(after) + 1);
	CLEANUP(schema_message_freep) Samoza__V1__Topology *t = read_text(text);
	Samoza__V1__SpaceArtifacts a = SAMOZA__V1__SPACE_ARTIFACTS__INIT;
	a.space = "api", a.module_digest = "00ff";
	schema_set_string(&t->spaces[1]->build, NULL, NULL); /* of scenarios only */
	for (size_t i = 0; i < t->n_spaces; i++) {	     /* fields that came later */
		t->spaces[i]->has_access = false;
		schema_message_free(t->spaces[i]->api);
		t->spaces[i]->api = NULL;
	}
	assert_int_equal(space_content(t->spaces[0], NULL), 0x1b6cbe71adcb0a37);
	assert_int_equal(space_content(t->spaces[1], NULL), 0xe914b308c04165ac);
	assert_int_equal(space_content(t->spaces[1], &a), 0xf5a990a2da287a37);
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
		cmocka_unit_test(other_artifacts_replace_the_instance),
		cmocka_unit_test(the_content_hash_is_stable),
		cmocka_unit_test(verdicts_have_names),
	};
	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
