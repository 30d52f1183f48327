/* Parameters of a topology: texts of topology.yaml and values in, messages and findings with their places out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/str.h"
#include "model/compile.h"
#include "model/parameter/parameters.h"
#include "schema/message.h"

#define HEAD "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: t}\n"
#define SHOP                                                                              \
	HEAD "parameters:\n"                                                              \
	     "  - {name: region, default: eu-west, pattern: \"[a-z-]+\"}\n"               \
	     "  - {name: replicas, type: integer, default: 2, minimum: 1, maximum: 20}\n" \
	     "  - {name: alone, type: boolean, default: false}\n"                         \
	     "spaces:\n"                                                                  \
	     "  - {name: api, type: CALL, count: \"${param.replicas}\"}\n"                \
	     "  - name: web\n"                                                            \
	     "    type: CALL\n"                                                           \
	     "    exclusive: ${param.alone}\n"                                            \
	     "    placement: {region: \"${param.region}\"}\n"                             \
	     "    exports: {url: \"http://${param.region}:${PORT}/${param.replicas}\"}\n"

struct reading {
	Samoza__V1__Topology *message; /* NULL: refused */
	struct topology *topology;
	struct parameters *parameters;
	char *findings;
};

static void read_with(struct reading *r, const char *text, const char *const *sets,
		      const char *file, bool allows_unset)
{
	struct values values = {0};
	struct diagnostics findings = {0};
	struct schema_positions *positions = NULL;
	ProtobufCMessage *message = NULL;
	struct buffer all = BUFFER_INIT(1 << 20);
	for (; sets != NULL && *sets != NULL; sets++)
		values_add_set(&values, *sets, &findings);
	if (file != NULL)
		values_add_file(&values, "v.yaml", file, strlen(file), &findings);
	*r = (struct reading){.parameters = parameters_new(&values, allows_unset, "")};
	if (schema_read_template(&samoza__v1__topology__descriptor, "t.yaml", text,
				 strlen(text), 0, parameters_substitution(r->parameters),
				 &findings, &message, &positions, NULL) == 0 &&
	    !diagnostics_any(&findings)) {
		r->message = (Samoza__V1__Topology *)message;
		(void)!topology_compile(r->message,
					&(struct topology_source){.positions = positions}, NULL,
					&findings, &r->topology, NULL);
	} else {
		schema_message_free(message);
	}
	vector_for_each (&findings.list, d) {
		CLEANUP(freep) char *line = diagnostic_text(d);
		(void)buffer_printf(&all, "%s\n", line);
	}
	r->findings = buffer_steal(&all);
	schema_positions_free(positions);
	diagnostics_done(&findings);
	values_done(&values);
}

static void reading_done(struct reading *r)
{
	schema_message_free(r->message);
	topology_unref(r->topology);
	parameters_free(r->parameters);
	free(r->findings);
}

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void without_values_the_defaults_hold(void **state)
{
	(void)state;
	struct reading r;
	read_with(&r, SHOP, NULL, NULL, false);
	assert_string_equal(r.findings, "");
	assert_int_equal(r.message->spaces[0]->count, 2);
	assert_string_equal(r.message->spaces[1]->placement->region, "eu-west");
	assert_false(r.message->spaces[1]->exclusive);
	assert_string_equal(r.message->spaces[1]->exports[0]->value,
			    "http://eu-west:${PORT}/2");
	assert_false(parameters_at(r.parameters, 0)->is_given);
	reading_done(&r);
}

static void a_value_that_is_set_wins_over_that_of_a_file(void **state)
{
	(void)state;
	struct reading r;
	read_with(&r, SHOP, SETS("replicas=3"), "replicas: 4\nregion: us\nalone: true\n",
		  false);
	assert_string_equal(r.findings, "");
	assert_int_equal(r.message->spaces[0]->count, 3);
	assert_true(r.message->spaces[1]->exclusive);
	assert_string_equal(r.message->spaces[1]->exports[0]->value, "http://us:${PORT}/3");
	assert_true(parameters_at(r.parameters, 1)->is_given);
	reading_done(&r);
}

static void what_is_put_in_is_not_looked_at_again(void **state)
{
	(void)state;
	struct reading r;
	read_with(&r,
		  HEAD "parameters: [{name: a, default: x}, {name: b, default: y}]\n"
		       "spaces: [{name: s, type: CALL, exports: {v: \"${param.a}\"}}]\n",
		  SETS("a=${param.b}"), NULL, false);
	assert_string_equal(r.findings, "");
	assert_string_equal(r.message->spaces[0]->exports[0]->value, "${param.b}");
	reading_done(&r);
}

/* [workloads.configuration] What is filled in later is written by the author, not by who gives a value. */
static void a_value_in_env_is_text_of_env(void **state)
{
	(void)state;
	struct reading r;
	read_with(&r,
		  HEAD "parameters: [{name: a}, {name: n, type: integer, default: 3}]\n"
		       "spaces: [{name: s, type: CALL, exports: {port: \"\"}, env: {V: "
		       "\"<${param.a}>${port}\", W: \"$${param.a}\", X: \"${param.a}\", N: "
		       "\"${param.n}\"}}]\n",
		  SETS("a=${nope}$"), NULL, false);
	assert_string_equal(r.findings, "");
	const Samoza__V1__Space *s = r.message->spaces[0];
	assert_string_equal(s->env[0]->value, "<${$}{nope}${$}>${port}");
	assert_string_equal(s->env[1]->value, "$${param.a}");
	assert_string_equal(s->env[2]->value, "${$}{nope}${$}");
	assert_string_equal(s->env[3]->value, "3");
	reading_done(&r);
}

static void an_author_sees_what_has_to_be_set(void **state)
{
	(void)state;
	struct reading r;
	const char *text =
		HEAD "parameters: [{name: a}, {name: n, type: integer}]\n"
		     "spaces:\n"
		     "  - {name: s, type: CALL, count: \"${param.n}\", provides: "
		     "[\"${param.a}\", f], exports: {v: \"${param.a}\", w: x}}\n"
		     "  - {name: u, type: CALL, imports: [{from: \"${param.a}\"}]}\n";
	read_with(&r, text, NULL, NULL, true);
	assert_string_equal(r.findings, "");
	assert_non_null(r.topology);
	assert_int_equal(r.message->spaces[0]->n_exports, 1);
	assert_int_equal(r.message->spaces[0]->n_provides, 1);
	assert_int_equal(r.message->spaces[1]->n_imports, 0);
	assert_null(parameters_at(r.parameters, 0)->value);
	reading_done(&r);
	read_with(&r, text, NULL, NULL, false);
	assert_string_equal(r.findings,
			    "t.yaml:4:14: parameter 'a' has no default and must be set: --set "
			    "a=VALUE, or a: "
			    "VALUE in a file of --values; expected a value of type string\n"
			    "t.yaml:4:25: parameter 'n' has no default and must be set: --set "
			    "n=VALUE, or n: "
			    "VALUE in a file of --values; expected a value of type integer\n");
	reading_done(&r);
}

static const struct {
	const char *text;
	const char *const *sets;
	const char *file;
	const char *findings;
} refusals[] = {
	{SHOP, SETS("replica=3", "colour=red"), NULL,
	 "--set colour: there is no such parameter; known: region, replicas, alone\n"
	 "--set replica: there is no such parameter; did you mean 'replicas'?\n"},
	{SHOP, NULL, "region: us\nreplica: 3\n",
	 "v.yaml:2:10: replica: there is no such parameter; did you mean 'replicas'?\n"},
	{SHOP, SETS("replicas=50"), NULL,
	 "--set replicas: expected a value of type integer from 1 to 20, found '50'\n"},
	{SHOP, SETS("replicas=two", "alone=yes", "region=EU"), NULL,
	 "--set alone: expected a value of type boolean: true or false, found 'yes'\n"
	 "--set region: expected a value of type string that matches [a-z-]+, found 'EU'\n"
	 "--set replicas: expected a value of type integer from 1 to 20, found 'two'\n"},
	{SHOP, SETS("replicas=3", "replicas=3"), NULL,
	 "--set replicas: it is given twice; give it once\n"},
	{SHOP, SETS("replicas"), NULL, "--set 'replicas' sets nothing: expected NAME=VALUE\n"},
	{SHOP, SETS("replicas=010"), NULL,
	 "--set replicas: '010' begins with a zero, which some read as an octal number: write "
	 "10\n"},
	{SHOP, NULL, "replicas: 010\n",
	 "v.yaml:1:11: replicas: '010' begins with a zero, which some read as an octal number: "
	 "write 10\n"},
	{SHOP, NULL, "replicas: \"3\"\nalone: yes\nregion:\n",
	 "v.yaml:1:11: replicas: expected a value of type integer from 1 to 20, found the text "
	 "\"3\"\n"
	 "v.yaml:2:8: alone: expected a value of type boolean: true or false, found 'yes'\n"
	 "v.yaml:3:8: region: it has no value; write \"\" for an empty text\n"},
	{SHOP, NULL, "- replicas\n",
	 "v.yaml:1:1: expected a mapping of names to values (NAME: VALUE), found a list\n"},
	{SHOP, NULL, "replicas: 3\nreplicas: 4\nregion: [a]\n",
	 "v.yaml:2:1: duplicate key 'replicas'; the first one is on line 1\n"
	 "v.yaml:3:9: 'region': expected one value, found a list\n"},
	{SHOP, NULL, "", "v.yaml:1:1: the file is empty\n"},
	/* What a package says */
	{HEAD
	 "parameters: [{name: a, default: x}]\n"
	 "spaces:\n- {name: s, type: CALL, inside: \"${param.b}\", exports: {u: \"${param.\", "
	 "v: \"${param.}\"}}\n",
	 NULL, NULL,
	 "t.yaml:6:33: there is no parameter 'b'; known: a\n"
	 "t.yaml:6:60: '${param.' is not closed: expected ${param.NAME}\n"
	 "t.yaml:6:75: '${param.}' names no parameter: expected ${param.NAME}\n"},
	{HEAD "spaces: [{name: s, type: CALL, inside: \"${param.b}\"}]\n", NULL, NULL,
	 "t.yaml:4:40: there is no parameter 'b'; the topology declares none\n"},
	{HEAD "parameters:\n"
	      "- {name: a, type: integer, default: x}\n"
	      "- {name: a, default: x}\n"
	      "- {name: b, type: integer, pattern: x, default: 1}\n"
	      "- {name: c, minimum: 3, default: x}\n"
	      "- {name: d, type: number, minimum: 3, maximum: 2, default: 1}\n"
	      "- {name: e, pattern: \"a.b\", default: x}\n"
	      "- {name: f, default: \"${param.e}\"}\n"
	      "- {name: g, type: integer, default: 11, maximum: 10}\n"
	      "spaces: [{name: s, type: CALL}]\n",
	 NULL, NULL,
	 "t.yaml:5:37: the default of parameter 'a': expected a value of type integer, found "
	 "'x'\n"
	 "t.yaml:6:10: there are two parameters named 'a'\n"
	 "t.yaml:7:37: parameter 'b': a pattern is for type string alone\n"
	 "t.yaml:8:22: parameter 'c': a minimum is for types integer and number alone\n"
	 "t.yaml:9:36: parameter 'd': the minimum is above the maximum\n"
	 "t.yaml:10:22: parameter 'e': expected a pattern of characters, [sets], groups ( | ) "
	 "and ? * + {m,n}, such as [a-z-]+; there is no '.' and no '\\'\n"
	 "t.yaml:11:22: parameter 'f': a default cannot depend on another parameter\n"
	 "t.yaml:12:37: the default of parameter 'g': expected a value of type integer of at "
	 "most 10, found '11'\n"},
	/* What the values make of it */
	{HEAD "parameters: [{name: n, type: integer, default: 0}, {name: m, default: 1}]\n"
	      "spaces:\n- {name: s, type: CALL, count: \"${param.n}\"}\n"
	      "- {name: u, type: CALL, count: \"${param.m}\", resources: {memory: "
	      "\"${param.m}x\"}}\n",
	 NULL, NULL,
	 "t.yaml:6:32: 'count' must be from 1 to 100000, not '0' (with ${param.n})\n"
	 "t.yaml:7:32: 'count': expected a whole number, or each, found the text \"1\" (with "
	 "${param.m})\n"
	 "t.yaml:7:66: 'memory': expected an amount of memory such as 32MiB, with B, KiB, MiB, "
	 "GiB, TiB, kB, MB, GB or TB, found '1x' (with ${param.m})\n"},
	{HEAD "parameters: [{name: a, default: x}]\n"
	      "spaces:\n- {name: x, type: CALL}\n- {name: \"${param.a}\", type: CALL}\n",
	 NULL, NULL, "t.yaml:7:10: there are two spaces named 'x'\n"},
};

static void what_is_wrong_is_found_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct reading r;
		read_with(&r, refusals[i].text, refusals[i].sets, refusals[i].file, false);
		assert_string_equal(r.findings, refusals[i].findings);
		assert_null(r.topology);
		reading_done(&r);
	}
}

static void a_value_has_an_end(void **state)
{
	(void)state;
	struct reading r;
	CLEANUP(freep) char *set = mem_calloc(1, (1 << 20) + 9);
	memset(set, 'x', (1 << 20) + 7);
	memcpy(set, "region=", 7);
	read_with(&r, SHOP, SETS(set), NULL, false);
	assert_string_equal(
		r.findings,
		"--set region: the value has 1048576 bytes, at most 4095 are allowed\n");
	reading_done(&r);
}

static void what_is_kept_yields_to_what_is_given(void **state)
{
	(void)state;
	struct values values = {0};
	struct diagnostics findings = {0};
	values_add_kept(&values, "a", "1");
	values_add_kept(&values, "b", "1");
	values_add_set(&values, "a=2", &findings);
	assert_string_equal(values_find(&values, "a")->text, "2");
	assert_string_equal(values_find(&values, "b")->text, "1");
	assert_null(values_find(&values, "c"));
	assert_false(diagnostics_any(&findings));
	values_done(&values);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_values_the_defaults_hold),
		cmocka_unit_test(a_value_that_is_set_wins_over_that_of_a_file),
		cmocka_unit_test(what_is_put_in_is_not_looked_at_again),
		cmocka_unit_test(a_value_in_env_is_text_of_env),
		cmocka_unit_test(an_author_sees_what_has_to_be_set),
		cmocka_unit_test(what_is_wrong_is_found_with_its_place),
		cmocka_unit_test(a_value_has_an_end),
		cmocka_unit_test(what_is_kept_yields_to_what_is_given),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
