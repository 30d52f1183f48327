/* Every field that people may write is explained, and its example is a good file: read by the schema, and, of a topology, by
 * every rule that is about the topology alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "compile_text.h"
#include "model/explain.h"
#include "proto/model.pb-c.h"
#include "schema/message.h"
#include "schema/yaml.h"

/* What examples name. */
#define OTHER_SPACES                    \
	"  - {name: app, type: CALL}\n" \
	"  - {name: db, type: NATIVE, exports: {port: \"5432\"}}\n"

static void visit(const struct explain_path *path,
		  void (*on_field)(const struct explain_path *, unsigned *), unsigned *count)
{
	const ProtobufCMessageDescriptor *type = explain_message(path);
	for (unsigned i = 0; type != NULL && i < type->n_fields; i++) {
		struct explain_path below = explain_below(path, i);
		if (explain_is_hidden(&below))
			continue;
		on_field(&below, count);
		visit(&below, on_field, count);
	}
}

static bool has_line(const char *text, const char *key)
{
	CLEANUP(freep) char *line = str_printf("\n%s:", key);
	return strncmp(text, line + 1, strlen(line) - 1) == 0 || strstr(text, line) != NULL;
}

/* The example as a file of its own. */
static char *whole_file(const struct explain_path *path, const char *example)
{
	if (path->root == &samoza__v1__topology__descriptor)
		return str_printf(
			"%s%s%s%s%s%s",
			has_line(example, "apiVersion") ? "" : "apiVersion: samoza/v1\n",
			has_line(example, "kind") ? "" : "kind: Topology\n",
			has_line(example, "metadata") ? "" : "metadata: {name: shop}\n",
			example,
			has_line(example, "spaces") ? OTHER_SPACES : "spaces:\n" OTHER_SPACES,
			has_line(example, "paths") ? "  - {name: api, type: CALL}\n" : "");
	if (path->root == &samoza__v1__manifest__descriptor)
		return str_printf("%s%s%s%s%s",
				  has_line(example, "apiVersion") ? ""
								  : "apiVersion: samoza/v1\n",
				  has_line(example, "kind") ? "" : "kind: MEX\n",
				  has_line(example, "metadata")
					  ? ""
					  : "metadata: {name: shop, version: 1.2.0}\n",
				  has_line(example, "spec") ? "" : "spec: {}\n", example);
	return mem_strdup(example);
}

static void check_field(const struct explain_path *path, unsigned *count)
{
	CLEANUP(freep) char *name = explain_name(path), *example = explain_example(path);
	CLEANUP(freep) char *text = whole_file(path, example), *type = explain_type(path);
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	struct error *err = NULL;
	const struct schema_field *rule = path->steps[path->depth - 1].rule;

	assert_non_null(type);
	if (explain_doc(path) == NULL)
		fail_msg("%s has no documentation", name);
	if (schema_read_yaml(path->root, NULL, text, strlen(text), 0, &findings, &message, NULL,
			     &err) < 0)
		fail_msg("the example of %s is wrong: %s\n%s", name, err->message, text);
	/* The field itself stands in it, and is not shown by what it contains only. */
	CLEANUP(freep) char *key = str_printf("%s:", rule->key);
	if (strstr(example, key) == NULL)
		fail_msg("the example of %s does not show it:\n%s", name, example);
	if (path->root == &samoza__v1__topology__descriptor &&
	    strncmp(name, "parameters", 10) != 0) {
		CLEANUP(freep) char *wrong = NULL;
		struct topology *t = compile_text(text, &wrong);
		if (t == NULL)
			fail_msg("the example of %s is refused: %s\n%s", name, wrong, text);
		topology_unref(t);
	}
	(*count)++;
}

static void test_every_field_has_a_good_example(void **state)
{
	(void)state;
	unsigned count = 0;
	visit(&(struct explain_path){.root = &samoza__v1__topology__descriptor}, check_field,
	      &count);
	assert_true(count > 80);
	visit(&(struct explain_path){.root = &samoza__v1__manifest__descriptor}, check_field,
	      &count);
	visit(&(struct explain_path){.root = &samoza__v1__zhost_list__descriptor}, check_field,
	      &count);
	assert_true(count > 120);
}

static struct explain_path find(const char *path)
{
	struct explain_path found;
	assert_int_equal(explain_find(&samoza__v1__topology__descriptor, path, &found, NULL),
			 0);
	return found;
}

static void test_a_field_is_found_and_explained(void **state)
{
	(void)state;
	struct explain_path path = find("spaces[3].health.interval");
	CLEANUP(freep) char *name = explain_name(&path), *type = explain_type(&path);
	CLEANUP(freep) char *fallback = explain_default(&path), *change = explain_change(&path);
	CLEANUP(freep) char *example = explain_example(&path);
	assert_string_equal(name, "spaces.health.interval");
	assert_string_equal(type, "a duration such as 10s, with ms, s, m, h or d");
	assert_string_equal(fallback, "10s");
	assert_string_equal(change, "takes effect in place");
	assert_string_equal(example, "spaces:\n"
				     "  - name: api\n"
				     "    type: NATIVE\n"
				     "    health:\n"
				     "      tcp: \"5432\"\n"
				     "      interval: 30s\n");
	path = find("spaces.count");
	CLEANUP(freep) char *count = explain_type(&path);
	assert_string_equal(count, "a whole number from 1 to 100000, or `each`");
	path = find("spaces.exports");
	CLEANUP(freep) char *exports = explain_type(&path);
	assert_string_equal(exports, "a map of names to text of up to 4096 bytes");
	path = find("spaces.placement.region");
	CLEANUP(freep) char *moves = explain_change(&path);
	assert_string_equal(
		moves, "takes effect in place; instances whose zhost does not satisfy it move");
	assert_false(explain_is_required(&path));
	path = find("spaces.name");
	assert_true(explain_is_required(&path));
}

static void assert_unknown(const char *path, const char *message)
{
	struct explain_path found;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(explain_find(&samoza__v1__topology__descriptor, path, &found, &err),
			 ERR_NOT_FOUND);
	assert_string_equal(err->message, message);
}

static void test_an_unknown_field_is_refused_with_what_there_is(void **state)
{
	(void)state;
	assert_unknown("metadata.replics",
		       "there is no field 'replics' in metadata, but name, owner");
	assert_unknown("spaces.coun",
		       "there is no field 'coun' in spaces; did you mean 'count'?");
	assert_unknown("spaces.count.more", "there is nothing below spaces.count");
	/* It is known in scenarios only. */
	assert_unknown("rollout", "there is no field 'rollout' in this file, but apiVersion, "
				  "kind, metadata, spaces, paths, "
				  "parameters");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field_has_a_good_example),
		cmocka_unit_test(test_a_field_is_found_and_explained),
		cmocka_unit_test(test_an_unknown_field_is_refused_with_what_there_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
