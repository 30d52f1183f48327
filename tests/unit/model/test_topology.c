/* topology_compile(): texts of topology.yaml in, findings with their places out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "compile_text.h"
#include "model/compile.h"
#include "schema/message.h"

struct refusal {
	const char *spaces;   /* following HEAD: the first line is line 5 */
	const char *findings; /* all of them */
};

static const struct refusal refusals[] = {
	/* Names */
	{"- {name: a, type: CALL}\n- {name: a, type: UI}\n",
	 "t.yaml:6:10: there are two spaces named 'a'\n"},
	/* Nothing follows about references: it is not known which of the two they mean. */
	{"- {name: a, type: CALL, imports: [{from: b}]}\n- {name: b, type: CALL}\n"
	 "- {name: b, type: CALL, inside: a}\n- {name: c, type: CALL, inside: nothing}\n",
	 "t.yaml:7:10: there are two spaces named 'b'\n"},
	{"- {name: self, type: CALL}\n",
	 "t.yaml:5:10: 'self' is reserved and cannot be a space's name\n"},
	{"- {name: api, type: CALL, count: 3}\n- {name: api-2, type: CALL}\n",
	 "t.yaml:6:10: space 'api-2' has the name of an instance of 'api' (count 3)\n"},
	{"- {name: a, type: CALL, provides: [b]}\n- {name: b, type: CALL}\n",
	 "t.yaml:5:36: facet 'b' has the name of a space\n"},
	{"- {name: a, type: CALL, count: 2, provides: [a-1]}\n",
	 "t.yaml:5:46: facet 'a-1' has the name of an instance of 'a' (count 2)\n"},
	{"- {name: a, type: CALL, provides: [f, f]}\n",
	 "t.yaml:5:39: facet 'f' is listed twice\n"},
	/* What instances may do with zrms */
	{"- {name: a, type: CALL, capabilities: [cluster.api]}\n",
	 "t.yaml:5:39: cluster.api is for programs with recipes, and a space of type CALL has "
	 "none; remove it, or make the space NATIVE\n"},
	{"- {name: a, type: NATIVE, api: {role: operator}}\n",
	 "t.yaml:5:32: api says what an instance may do with zrms, which it does not reach; "
	 "remove it, or add cluster.api to the capabilities\n"},
	{"- {name: a, type: NATIVE, capabilities: [cluster.api], api: {topologies: [b, b]}}\n",
	 "t.yaml:5:74: 'b' is listed twice\n"},
	/* Containment */
	{"- {name: a, type: CALL, inside: bb}\n- {name: b, type: CALL}\n",
	 "t.yaml:5:33: there is no space 'bb' (did you mean 'b'?)\n"},
	{"- {name: a, type: CALL, inside: b}\n- {name: b, type: CALL, inside: c}\n"
	 "- {name: c, type: CALL, inside: a}\n",
	 "t.yaml:5:33: containment has a cycle: a is inside b, which is inside c, which is "
	 "inside a\n"},
	{"- {name: a, type: CALL, inside: a}\n",
	 "t.yaml:5:33: containment has a cycle: a is inside a\n"},
	/* Imports */
	{"- {name: a, type: CALL, imports: [{from: nobody}]}\n",
	 "t.yaml:5:42: there is no space or facet 'nobody'\n"},
	{"- {name: a, type: CALL, imports: [{from: b-2}]}\n- {name: b, type: CALL, count: 2}\n",
	 "t.yaml:5:42: there is no space or facet 'b-2' (that is an instance: name the "
	 "space 'b')\n"},
	{"- {name: a, type: CALL, imports: [{from: b}, {from: b, optional: true}]}\n"
	 "- {name: b, type: CALL}\n",
	 "t.yaml:5:53: 'b' is imported twice: put the variables into one import\n"},
	{"- {name: a, type: CALL, imports: [{from: b, variables: [ip, prot]}]}\n"
	 "- {name: b, type: CALL, exports: {port: \"\"}}\n",
	 "t.yaml:5:61: 'b' does not export 'prot'\n"},
	{"- {name: a, type: CALL, imports: [{from: b, patience: 25h}]}\n"
	 "- {name: b, type: CALL}\n",
	 "t.yaml:5:55: 25h is out of range: 0ms to 1d\n"},
	/* Of other topologies: what those declare is not known */
	{"- {name: a, type: CALL, imports: [{from: t/b}]}\n- {name: b, type: CALL}\n",
	 "t.yaml:5:42: 't/b' is of this topology: name it 'b'\n"},
	{"- {name: a, type: CALL, imports: [{from: shop/b}, {from: shop/b}]}\n",
	 "t.yaml:5:58: 'shop/b' is imported twice: put the variables into one import\n"},
	{"- {name: a, type: CALL, imports: [{from: shop/b}, {from: shop-b}]}\n"
	 "- {name: shop-b, type: CALL}\n",
	 "t.yaml:5:58: 'shop/b' and 'shop-b' cannot both be imported: recipes would know them "
	 "under the same names\n"},
	/* Who can never start */
	{"- {name: a, type: CALL, imports: [{from: b}]}\n"
	 "- {name: b, type: CALL, imports: [{from: a}]}\n",
	 "t.yaml:5:35: 'a' can never start: a needs 'b', which needs 'a'\n"},
	{"- {name: a, type: CALL, count: 2, imports: [{from: a}]}\n",
	 "t.yaml:5:45: 'a' can never start: a needs 'a' alone, and never counts as its own "
	 "provider\n"},
	{"- {name: a, type: CALL, imports: [{from: f}], provides: [f]}\n",
	 "t.yaml:5:35: 'a' can never start: a needs 'f', provided by 'a' alone, and never "
	 "counts "
	 "as its own provider\n"},
	{"- {name: p, type: CALL, imports: [{from: c}]}\n"
	 "- {name: c, type: CALL, inside: p}\n- {name: user, type: CALL, imports: [{from: "
	 "p}]}\n",
	 "t.yaml:5:35: 'p' can never start: p needs 'c', which is inside 'p'\n"},
	/* Amounts */
	{"- {name: a, type: CALL, resources: {cpu: 0, memory: 0B}}\n",
	 "t.yaml:5:42: cpu must be more than 0\nt.yaml:5:53: memory must be more than 0\n"},
	{"- {name: a, type: CALL, resources: {cpu: 2000000, memory: 9999TiB}}\n",
	 "t.yaml:5:42: '2000000' is too large: at most 1000000 cores\n"
	 "t.yaml:5:59: '9999TiB' is too large: at most 1024TiB\n"},
	{"- {name: a, type: CALL, resources: {devices: [{kind: gpu, share: 1500m}]}}\n",
	 "t.yaml:5:66: a share of a device is more than 0 and at most 1, not 1500m\n"},
	{"- {name: a, type: CALL, stop: {grace: 2d}, restart: {window: 0s}}\n",
	 "t.yaml:5:39: 2d is out of range: 0ms to 1d\n"
	 "t.yaml:5:62: 0s is out of range: 1ms to 30d\n"},
	/* Placement */
	{"- {name: a, type: CALL, placement: {constraints: [\"rack = a\"]}}\n",
	 "t.yaml:5:51: constraint 'rack = a': expected one of ==, !=, in, not in, exists, <, > "
	 "after the label\n"},
	{"- {name: a, type: CALL, placement: {affinity: [{with: b}, {with: t/c}]}}\n",
	 "t.yaml:5:55: there is no space 'b'\nt.yaml:5:66: there is no space 'c'\n"},
	{"- {name: a, type: CALL, placement: {affinity: [{with: f}]}, provides: [f]}\n",
	 "t.yaml:5:55: there is no space 'f' (that is a facet)\n"},
	{"- {name: a, type: CALL, placement: {affinity: [{with: other/self}]}}\n",
	 "t.yaml:5:55: 'self' is this space; it cannot follow a '/'\n"},
	/* What no cluster can satisfy */
	{"- name: a\n  type: CALL\n  placement:\n"
	 "    affinity: [{with: b, required: true}]\n"
	 "    anti_affinity: [{with: b, required: true}]\n- {name: b, type: CALL}\n",
	 "t.yaml:9:21: 'a' requires both affinity and anti-affinity with 'b' on zhost\n"},
	{"- name: a\n  type: CALL\n  placement:\n"
	 "    affinity: [{with: b, required: true, scope: region}]\n"
	 "- name: b\n  type: CALL\n  placement:\n"
	 "    anti_affinity: [{with: a, required: true, scope: region}]\n",
	 "t.yaml:12:21: 'b' requires anti-affinity with 'a' on region, but 'a' requires "
	 "affinity "
	 "with 'b' there\n"},
	{"- name: a\n  type: CALL\n  placement:\n"
	 "    affinity: [{with: x/y, required: true}]\n"
	 "    anti_affinity: [{with: x/y, required: true}]\n",
	 "t.yaml:9:21: 'a' requires both affinity and anti-affinity with 'x/y' on zhost\n"},
	{"- {name: p, type: CALL}\n- {name: a, type: CALL, inside: p}\n"
	 "- {name: b, type: CALL, inside: p, placement: {anti_affinity: [{with: a, required: "
	 "true}]}}\n",
	 "t.yaml:7:64: 'b' requires anti-affinity with 'a' on zhost, but both are 'p' or "
	 "inside "
	 "it, and therefore always on one zhost\n"},
	{"- {name: p, type: CALL}\n- {name: a, type: CALL, inside: p, count: 2, placement: "
	 "{anti_affinity: [{with: self, required: true}]}}\n",
	 "t.yaml:6:74: 'a' requires anti-affinity with itself on zhost, but several of its "
	 "instances are inside one 'p', and therefore on one zhost\n"},
	{"- {name: a, type: CALL, placement: {region: eu, constraints: [region == us]}}\n",
	 "t.yaml:5:63: constraints 'region == eu' and 'region == us' of 'a' exclude each "
	 "other\n"},
	{"- {name: a, type: CALL, placement: {constraints: [cores > 8, cores < 8]}}\n",
	 "t.yaml:5:62: constraints 'cores > 8' and 'cores < 8' of 'a' exclude each other\n"},
	{"- {name: p, type: CALL, placement: {kind: edge}}\n"
	 "- {name: a, type: CALL, inside: p, placement: {constraints: [kind != edge]}}\n",
	 "t.yaml:6:62: constraint 'kind == edge' of 'p' and 'kind != edge' of 'a' exclude each "
	 "other, and both are always on one zhost\n"},
	/* Probes */
	{"- {name: a, type: NATIVE, ready: {tcp: port}, health: {http: \"https://x/${y}\"}}\n",
	 "t.yaml:5:40: 'port' is neither a port (1 to 65535) nor an export of 'a'\n"
	 "t.yaml:5:62: 'a' has no export 'y'\n"
	 "t.yaml:5:62: expected an address that begins with http://\n"},
	{"- {name: a, type: NATIVE, ready: {http: \"http://db.example.com/\"}}\n",
	 "t.yaml:5:41: cannot probe 'http://db.example.com/': expected "
	 "http://ADDRESS:PORT/PATH "
	 "with an address in numbers, or localhost; names are not resolved\n"},
	{"- {name: a, type: NATIVE, ready: {tcp: \"65536\"}}\n",
	 "t.yaml:5:40: '65536' is neither a port (1 to 65535) nor an export of 'a'\n"},
	/* Paths */
	{"- {name: a, type: CALL}\npaths:\n- {from: a, to: b, name: x}\n- {from: a, to: a, "
	 "name: y}\n",
	 "t.yaml:7:17: there is no space 'b'\n"
	 "t.yaml:8:17: a path connects two spaces; both ends are 'a'\n"},
	{"- {name: a, type: CALL}\n- {name: b, type: CALL}\n- {name: c, type: CALL}\npaths:\n"
	 "- {from: a, to: b, name: x}\n- {from: c, to: a, name: x}\n",
	 "t.yaml:10:3: space 'a' has two paths named 'x'\n"},
	/* Counts */
	{"- {name: a, type: CALL, count: 1000}\n- {name: b, type: CALL, inside: a, count: "
	 "1000}\n",
	 "t.yaml:6:43: the topology has more than 100000 instances; most of them are of 'b'\n"},
};

static void invalid_topologies_are_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		CLEANUP(freep) char *text = str_printf(HEAD "%s", refusals[i].spaces);
		CLEANUP(freep) char *findings = NULL;
		CLEANUP(topology_unrefp) struct topology *t = compile_text(text, &findings);

		if (t != NULL)
			fail_msg("case %zu accepted:\n%s", i, refusals[i].spaces);
		if (strcmp(findings, refusals[i].findings) != 0)
			fail_msg("case %zu:\n%s\nfound:\n%sexpected:\n%s", i,
				 refusals[i].spaces, findings, refusals[i].findings);
	}
}

/* s0 contains s1 contains s2 ... */
static char *chain(unsigned count)
{
	struct buffer b = BUFFER_INIT(1 << 20);

	(void)buffer_add_string(&b, HEAD "- {name: s0, type: CALL}\n");
	for (unsigned i = 1; i < count; i++)
		(void)buffer_printf(&b, "- {name: s%u, type: CALL, inside: s%u}\n", i, i - 1);
	return buffer_steal(&b);
}

static void depth_is_limited(void **state)
{
	CLEANUP(freep) char *fine = chain(TOPOLOGY_MAX_DEPTH);
	CLEANUP(freep) char *deep = chain(TOPOLOGY_MAX_DEPTH + 20);
	CLEANUP(freep) char *none = NULL;
	CLEANUP(freep) char *findings = NULL;
	CLEANUP(topology_unrefp) struct topology *t = compile_text(fine, &none);

	assert_non_null(t);
	assert_int_equal(t->spaces[TOPOLOGY_MAX_DEPTH - 1].depth, TOPOLOGY_MAX_DEPTH - 1);
	assert_null(compile_text(deep, &findings));
	assert_string_equal(findings,
			    "t.yaml:37:35: 's32' is contained more than 32 levels deep\n");
}

static void what_is_inside_of_an_optional_space_is_optional(void **state)
{
	CLEANUP(freep) char *none = NULL;
	CLEANUP(freep) char *findings = NULL;
	CLEANUP(topology_unrefp)
	struct topology *t =
		compile_text(HEAD "- {name: c, type: CALL, inside: b}\n"
				  "- {name: b, type: CALL, inside: a, optional: true}\n"
				  "- {name: a, type: CALL}\n",
			     &none);

	assert_non_null(t);
	assert_true(t->spaces[0].optional && t->spaces[1].optional && !t->spaces[2].optional);
	assert_null(compile_text(HEAD "- {name: b, type: CALL, inside: a}\n"
				      "- {name: a, type: CALL, optional: true}\n",
				 &findings));
	assert_string_equal(
		findings,
		"t.yaml:5:1: every space is optional: at least one must not be, since "
		"the state of the topology is derived from those\n");
}

/* [change.loss.alone] */
static void only_what_is_never_placed_elsewhere_starts_without_zrms(void **state)
{
	CLEANUP(freep) char *none = NULL, *findings = NULL;
	CLEANUP(topology_unrefp)
	struct topology *t = compile_text(
		HEAD "- {name: a, type: CALL}\n"
		     "- {name: b, type: CALL, loss: {replace_after: never}}\n"
		     "- {name: c, type: CALL, inside: b}\n"
		     "- {name: d, type: CALL, inside: b, loss: {offline_start: false}}\n"
		     "- {name: e, type: CALL, inside: b, exclusive: true}\n",
		&none);

	assert_non_null(t);
	assert_false(t->spaces[0].offline_start);
	assert_true(t->spaces[1].offline_start);
	assert_true(t->spaces[2].offline_start); /* it stays with b */
	assert_false(t->spaces[3].offline_start);
	assert_false(t->spaces[4].offline_start);
	assert_null(compile_text(
		HEAD "- {name: a, type: CALL, loss: {offline_start: true}}\n"
		     "- {name: b, type: CALL, exclusive: true, loss: {replace_after: never, "
		     "offline_start: true}}\n",
		&findings));
	assert_string_equal(
		findings,
		"t.yaml:5:47: offline_start needs replace_after: never, or count: each; "
		"otherwise zrms may start the space on another zhost meanwhile\n"
		"t.yaml:6:86: an exclusive space cannot start without zrms, which "
		"alone knows that it runs nowhere else\n");
}

/* [workloads.configuration.secrets] */
static void secrets_are_named_once_and_given_in_one_way(void **state)
{
	static const struct {
		const char *secrets, *finding;
	} wrong[] = {
		{"{name: a}", "missing one of 'as', 'file' in secrets"},
		{"{name: a, as: A, file: a}", "'file' cannot be combined with 'as' in secrets"},
		{"{name: A, as: A}", "expected 1 to 63 characters of a-z, 0-9 and '-'"},
		{"{name: a, as: SAMOZA_A}", "zhost sets SAMOZA_A"},
		{"{name: a, as: LEVEL}", "'web' has two variables LEVEL"},
		{"{name: a, as: A}, {name: b, as: A}", "'web' has two variables A"},
		{"{name: a, file: a.conf}", "'web' has two files a.conf"},
		{"{name: a, file: f}, {name: b, file: f}", "'web' has two files f"},
	};
	CLEANUP(freep) char *none = NULL, *ui = NULL, *alone = NULL;
	CLEANUP(topology_unrefp)
	struct topology *t = compile_text(
		HEAD
		"- {name: web, type: CALL, loss: {replace_after: never}, secrets: [{name: b, "
		"as: B}, {name: a, file: a2}, {name: a, file: a1}]}\n",
		&none);

	assert_non_null(t);
	assert_true(t->has_settings);
	assert_int_equal(t->spaces[0].secret_count, 3);
	assert_string_equal(t->spaces[0].secrets[0].file, "a1");
	assert_string_equal(t->spaces[0].secrets[2].variable, "B");
	assert_int_equal(t->spaces[0].secret_reference_count, 2);
	assert_string_equal(t->spaces[0].secret_references[0], "secret:a");
	assert_string_equal(t->spaces[0].secret_references[1], "secret:b");
	assert_false(t->spaces[0].offline_start);
	for (size_t k = 0; k < ARRAY_SIZE(wrong); k++) {
		CLEANUP(freep) char *findings = NULL;
		CLEANUP(freep)
		char *text =
			str_printf(HEAD "- {name: web, type: NATIVE, env: {LEVEL: x}, config: "
					"[{file: a.conf, template: t}], secrets: [%s]}\n",
				   wrong[k].secrets);
		assert_null(compile_text(text, &findings));
		if (strstr(findings, wrong[k].finding) == NULL)
			fail_msg("%s: %s", wrong[k].secrets, findings);
	}
	assert_null(compile_text(HEAD "- {name: web, type: UI, secrets: [{name: a, as: A}]}\n",
				 &ui));
	assert_non_null(strstr(ui, "a space of type UI runs no program that could read it"));
	assert_null(compile_text(HEAD
				 "- {name: web, type: CALL, secrets: [{name: a, as: A}], loss: "
				 "{replace_after: never, offline_start: true}}\n",
				 &alone));
	assert_non_null(strstr(alone, "a space with secrets cannot start without zrms"));
}

/* Findings past the limit are counted, and the first ones stand first. */
static void findings_are_limited(void **state)
{
	struct buffer b = BUFFER_INIT(1 << 20);
	CLEANUP(freep) char *findings = NULL;

	(void)buffer_add_string(&b, HEAD);
	for (unsigned i = 0; i < 150; i++)
		(void)buffer_printf(&b, "- {name: s%u, type: CALL, inside: nobody}\n", i);
	assert_null(compile_text(b.data, &findings));
	assert_true(str_has_prefix(findings, "t.yaml:5:34: there is no space 'nobody'\n"));
	assert_true(str_has_suffix(findings, "\n50 more findings are not shown\n"));
	buffer_done(&b);
}

/* What looks suspicious and is fine. */
static void valid_topologies_are_accepted(void **state)
{
	static const char *const cases[] = {
		/* a count of 1 has no numbered instances */
		"- {name: a, type: CALL}\n- {name: a-1, type: CALL}\n",
		"- {name: a, type: CALL, count: 3}\n- {name: a-4, type: CALL}\n"
		"- {name: a-02, type: CALL}\n",
		/* an optional import makes no cycle */
		"- {name: a, type: CALL, imports: [{from: b}]}\n"
		"- {name: b, type: CALL, imports: [{from: a, optional: true}]}\n",
		/* one startable provider is enough */
		"- {name: a, type: CALL, provides: [f], imports: [{from: f}]}\n"
		"- {name: b, type: CALL, provides: [f]}\n",
		/* preferences never conflict */
		"- {name: a, type: CALL, placement: {affinity: [{with: b}], anti_affinity: "
		"[{with: b, required: true}]}}\n- {name: b, type: CALL}\n",
		/* other scopes */
		"- {name: a, type: CALL, placement: {affinity: [{with: b, required: true, "
		"scope: "
		"region}], anti_affinity: [{with: b, required: true}]}}\n- {name: b, type: "
		"CALL}\n",
		/* each parent instance has one */
		"- {name: p, type: CALL, count: 2}\n- {name: a, type: CALL, inside: p, "
		"placement: "
		"{anti_affinity: [{with: self, required: true}]}}\n",
		"- {name: a, type: CALL, placement: {constraints: [cores > 8, cores < 9, "
		"\"rack in "
		"(a, b)\", rack != c]}}\n"
		"- {name: b, type: CALL}\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		topology_unref(compile_good(cases[i]));
}

static void what_does_not_go_with_each_is_refused(void **state)
{
	CLEANUP(freep) char *findings = NULL;
	assert_null(compile_text(
		HEAD "- {name: web, type: CALL}\n"
		     "- {name: a, type: CALL, count: each, inside: web}\n"
		     "- {name: b, type: CALL, count: each, loss: {replace_after: 5m}}\n"
		     "- {name: c, type: CALL, count: each, placement: {spread: [{over: rack, "
		     "required: true}]}}\n"
		     "- {name: d, type: CALL, count: each, placement: {anti_affinity: [{with: "
		     "self, scope: rack, required: true}]}}\n",
		&findings));
	assert_non_null(strstr(findings, "count: each does not go with inside"));
	assert_non_null(strstr(findings, "an instance of 'b' belongs to its zhost"));
	assert_non_null(strstr(findings, "there is nothing to spread"));
	assert_non_null(strstr(findings, "where others of 'd' are"));
}

/* Without a position a finding names its subject. */
static void findings_are_reported_without_positions(void **state)
{
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	struct topology *t = NULL;
	const char *text = HEAD "- {name: a, type: CALL, inside: b}\n";

	assert_int_equal(schema_read_yaml(&samoza__v1__topology__descriptor, NULL, text,
					  strlen(text), 0, NULL, &message, NULL, NULL),
			 0);
	assert_int_equal(topology_compile((const Samoza__V1__Topology *)message, NULL, NULL,
					  NULL, &t, &err),
			 ERR_INVALID);
	assert_string_equal(err->message, "spaces[0].inside: there is no space 'b'");
}

/* [formats.topology.probe-host] */
static void a_probe_that_could_not_be_asked_is_refused(void **state)
{
	static const struct {
		const char *url;
		bool fine;
	} cases[] = {
		{"http://127.0.0.1/", true},
		{"http://localhost", true},
		{"http://localhost:80?a", true},
		{"http://10.0.0.255:65535/x", true},
		{"http://[::1]/", true},
		{"http://[2001:db8::1]:80", true},
		{"http://${ip}:8080/", true},
		{"http://${ip}", true},
		{"http://[${ip}]:80/", true},
		{"http://", false},
		{"http:///path", false},
		{"http://host", false},
		{"http://host:80/", false},
		{"http://localhosts/", false},
		{"http://10.0.0/", false},
		{"http://10.0.0.256/", false},
		{"http://10.0.0.1.1/", false},
		{"http://10.0.0.1.", false},
		{"http://10.0.0.1:0/", false},
		{"http://10.0.0.1:65536/", false},
		{"http://10.0.0.1:/", false},
		{"http://10.0.0.1:8o/", false},
		{"http://user@10.0.0.1/", false},
		{"http://[::1/", false},
		{"http://[::1]x/", false},
		{"http://[host]/", false},
		{"http://db.example:${ip}/", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(freep)
		char *text =
			str_printf(HEAD "- {name: a, type: NATIVE, health: {http: \"%s\"}}\n",
				   cases[i].url);
		CLEANUP(freep) char *findings = NULL;
		struct topology *t = compile_text(text, &findings);

		if ((t != NULL) != cases[i].fine)
			fail_msg("%s: %s", cases[i].url, t != NULL ? "accepted" : findings);
		topology_unref(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invalid_topologies_are_refused),
		cmocka_unit_test(a_probe_that_could_not_be_asked_is_refused),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(what_is_inside_of_an_optional_space_is_optional),
		cmocka_unit_test(only_what_is_never_placed_elsewhere_starts_without_zrms),
		cmocka_unit_test(findings_are_limited),
		cmocka_unit_test(valid_topologies_are_accepted),
		cmocka_unit_test(what_does_not_go_with_each_is_refused),
		cmocka_unit_test(findings_are_reported_without_positions),
		cmocka_unit_test(secrets_are_named_once_and_given_in_one_way),
	};
	return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
