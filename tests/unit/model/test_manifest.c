/* Versions, paths, manifests, zhosts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "model/manifest.h"
#include "model/zhost.h"
#include "schema/message.h"

static void versions_are_ordered(void **state)
{
	/* semver.org, 11 */
	static const char *const order[] = {
		"0.9.10",     "1.0.0-alpha",  "1.0.0-alpha.1", "1.0.0-alpha.beta",
		"1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
		"1.0.0",      "1.0.1",	      "1.2.0",	       "1.10.0",
		"2.0.0-0",    "2.0.0",
	};
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(order); k++) {
			CLEANUP(version_done) struct version a = {0}, b = {0};

			assert_int_equal(version_parse(order[i], &a, NULL), 0);
			assert_int_equal(version_parse(order[k], &b, NULL), 0);
			int c = version_compare(&a, &b);
			if ((c > 0) - (c < 0) != (i > k) - (i < k))
				fail_msg("%s against %s: %d", order[i], order[k], c);
			version_done(&b);
		}
	}
	CLEANUP(version_done) struct version a = {0};
	struct version b;
	assert_int_equal(version_parse("1.0.0+x", &a, NULL), 0);
	assert_int_equal(version_parse("1.0.0+y", &b, NULL), 0);
	assert_int_equal(version_compare(&a, &b), 0);
	version_done(&b);
}

static void invalid_versions_are_refused(void **state)
{
	static const char *const bad[] = {
		"",	  "1",	    "1.2",	 "1.2.3.4",
		"01.2.3", "1.02.3", "1.2.x",	 "-1.2.3",
		"1.2.3-", "1.2.3+", "1.2.3-01",	 "1.2.3-a..b",
		"1.2.3 ", "v1.2.3", "1.2.3-a_b", "9999999999999999999.0.0",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct version v;
		if (version_parse(bad[i], &v, NULL) >= 0)
			fail_msg("'%s' accepted", bad[i]);
	}
}

static void archive_paths_are_checked(void **state)
{
	static const struct {
		const char *path, *fault;
	} cases[] = {
		{"topology.yaml", NULL},
		{"spaces/a/b.c", NULL},
		{"caf\xc3\xa9.html", NULL},
		{"..a/b..", NULL},
		{"", "an empty path"},
		{"/etc/passwd", "an absolute path"},
		{"../x", "'..' in a path"},
		{"a/../b", "'..' in a path"},
		{"a/..", "'..' in a path"},
		{"./a", "'.' in a path"},
		{"a//b", "an empty part"},
		{"a/", "an empty part"},
		{"a\\b", "a backslash"},
		{"c:x", "a ':'"},
		{"a\nb", "a control character"},
		{"a\x7f", "a control character"},
		{"a\xff", "not UTF-8"},
		{"a\xc0\xaf", "not UTF-8"},
		{"a\xed\xa0\x80", "not UTF-8"},
		{"a\xc3", "not UTF-8"},
		{"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/"
		 "29/"
		 "30/31/32/33",
		 "more than 32 parts"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(error_freep) struct error *err = NULL;
		int r = package_path_check(cases[i].path, &err);

		if ((r == 0) != (cases[i].fault == NULL))
			fail_msg("'%s': %s", cases[i].path,
				 err != NULL ? err->message : "accepted");
		if (r < 0 && strstr(err->message, cases[i].fault) == NULL)
			fail_msg("'%s': '%s' lacks '%s'", cases[i].path, err->message,
				 cases[i].fault);
	}
}

static char *compile_manifest(const char *text, struct manifest *ret)
{
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(schema_positions_freep) struct schema_positions *positions = NULL;
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	struct buffer all = BUFFER_INIT(1 << 16);

	if (schema_read_yaml(&samoza__v1__manifest__descriptor, "m.yaml", text, strlen(text), 0,
			     &findings, &message, &positions, NULL) == 0)
		(void)!manifest_compile((const Samoza__V1__Manifest *)message, positions,
					&findings, ret, NULL);
	vector_for_each (&findings.list, d) {
		CLEANUP(freep) char *line = diagnostic_text(d);
		(void)buffer_printf(&all, "%s\n", line);
	}
	return buffer_steal(&all);
}

#define HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void a_valid_manifest_is_accepted(void **state)
{
	CLEANUP(manifest_done) struct manifest m = {0};
	CLEANUP(freep)
	char *findings = compile_manifest(
		"apiVersion: samoza/v1\nkind: MEX\n"
		"metadata: {name: my-app, version: 1.2.0, publisher: example.com, created: "
		"2024-02-29T10:30:00Z}\n"
		"spec: {topology: topology.yaml, spaces: [b, a]}\nrollout: {policy: replace}\n"
		"integrity:\n  algorithm: sha256\n  files: [{path: z, hash: " HASH
		"}, {path: a/b, hash: " HASH "}]\n",
		&m);

	assert_string_equal(findings, "");
	assert_string_equal(m.name, "my-app");
	assert_int_equal(m.version.minor, 2);
	assert_int_equal(m.space_count, 2);
	assert_string_equal(m.spaces[0], "b");
	assert_int_equal(m.file_count, 2);
	assert_string_equal(m.files[0].path, "a/b");
	assert_non_null(manifest_find_file(&m, "z"));
	assert_null(manifest_find_file(&m, "y"));
	assert_false(m.has_signature);
}

static void an_invalid_manifest_is_refused(void **state)
{
	CLEANUP(manifest_done) struct manifest m = {0};
	CLEANUP(freep)
	char *findings = compile_manifest(
		"apiVersion: samoza/v1\nkind: MEX\n"
		"metadata: {name: a, version: 1.0.0-01, created: 2023-02-29T10:30:00Z}\n"
		"spec: {topology: ../t.yaml, spaces: [a, a]}\n"
		"integrity:\n  algorithm: sha256\n  files:\n"
		"  - {path: x, hash: " HASH "}\n  - {path: manifest.yaml, hash: " HASH "}\n"
		"  - {path: x, hash: " HASH "}\n",
		&m);

	assert_string_equal(findings,
			    "m.yaml:3:30: '1.0.0-01' is not a semantic version such as 1.2.0\n"
			    "m.yaml:3:49: '2023-02-29T10:30:00Z' is not a valid time\n"
			    "m.yaml:4:18: '..' in a path: '../t.yaml'\n"
			    "m.yaml:4:37: space 'a' is listed twice\n"
			    "m.yaml:9:12: the manifest cannot be in its own list\n"
			    "m.yaml:10:12: file 'x' is listed twice\n");
}

static void the_signed_part_ends_before_the_signature(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *fault;
	} cases[] = {
		{"a: b\nsignature:\n  x: y\n", 5, NULL},
		{"a: b\nsignature: {x: y}\n", 5, NULL},
		{"a: b\nsignature:", 5, NULL},
		{"a: b\n", 5, NULL},
		{"a:\n  signature: x\n", 18, NULL},
		{"# signature:\n", 13, NULL},
		{"signature:\n  x\nsignature:\n", 0, "two lines"},
		{"signature:\n  x: y\nb: c\n", 0, "something follows"},
		{"signature:\n  x: y\n# c\n", 0, "something follows"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(error_freep) struct error *err = NULL;
		size_t size = 99;
		int r = manifest_signed_size(cases[i].text, strlen(cases[i].text), &size, &err);

		if (cases[i].fault == NULL) {
			assert_int_equal(r, 0);
			assert_int_equal(size, cases[i].size);
		} else {
			assert_int_equal(r, ERR_INVALID);
			assert_non_null(strstr(err->message, cases[i].fault));
		}
	}
}

static void a_zhost_description_is_compiled(void **state)
{
	static const char text[] =
		"zhosts:\n- {name: n1, cpu: 4, memory: 8GiB, region: eu, kind: edge, labels: "
		"{rack: a, arch: x}, capabilities: [sensors.camera, sys.log, gpu.cuda], "
		"devices: "
		"[{kind: gpu, count: 2, model: T4}], latitude: 48.85, longitude: 2.35}\n"
		"- {name: n2, region: eu, labels: {region: us}, latitude: 1}\n";
	CLEANUP(schema_positions_freep) struct schema_positions *positions = NULL;
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	struct zhost_spec z;

	assert_int_equal(schema_read_yaml(&samoza__v1__zhost_list__descriptor, "z.yaml", text,
					  strlen(text), 0, NULL, &message, &positions, NULL),
			 0);
	const Samoza__V1__ZhostList *list = (const Samoza__V1__ZhostList *)message;
	assert_int_equal(
		zhost_spec_compile(list->zhosts[0], "zhosts[0]", positions, NULL, &z, NULL), 0);
	assert_int_equal(z.cpu_millicores, 4000);
	assert_int_equal(z.memory_bytes, UINT64_C(8) << 30);
	assert_int_equal(z.labels.count, 5);
	assert_string_equal(label_set_find(&z.labels, "zhost"), "n1");
	assert_string_equal(label_set_find(&z.labels, "region"), "eu");
	assert_string_equal(label_set_find(&z.labels, "arch"), "x");
	assert_null(label_set_find(&z.labels, "zone"));
	assert_int_equal(z.capability_count, 2);
	assert_true(zhost_spec_offers(&z, "sensors.camera"));
	assert_true(zhost_spec_offers(&z, "data.write"));
	assert_false(zhost_spec_offers(&z, "actuators.arm"));
	assert_string_equal(z.devices[0].model, "T4");
	assert_true(z.has_position);
	zhost_spec_done(&z);
	assert_int_equal(zhost_spec_compile(list->zhosts[1], "zhosts[1]", positions, &findings,
					    &z, NULL),
			 ERR_INVALID);
	assert_int_equal(findings.list.count, 2);
	CLEANUP(freep) char *first = diagnostic_text(&findings.list.items[0]);
	CLEANUP(freep) char *second = diagnostic_text(&findings.list.items[1]);
	assert_string_equal(first, "z.yaml:3:34: label 'region' has two values: 'eu' and 'us'");
	assert_string_equal(second, "z.yaml:3:58: latitude and longitude belong together");
}

static void a_zhost_name_from_outside_is_checked(void **state)
{
	static const struct {
		const char *name;
		bool is_valid;
	} cases[] = {
		{"edge-node_1.eu", true},
		{"0123456789012345678901234567890123456789012345678901234567890ab", true},
		{"0123456789012345678901234567890123456789012345678901234567890abc", false},
		{"", false},
		{"bad name!", false},
		{"line\nfeed", false},
		{"a/b", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		Samoza__V1__ZhostSpec in = SAMOZA__V1__ZHOST_SPEC__INIT;
		CLEANUP(error_freep) struct error *err = NULL;
		struct zhost_spec z;

		in.name = (char *)cases[i].name;
		int r = zhost_spec_compile(&in, NULL, NULL, NULL, &z, &err);
		if ((r == 0) != cases[i].is_valid)
			fail_msg("'%s': %d, expected %s", in.name, r,
				 cases[i].is_valid ? "valid" : "refused");
		if (r == 0)
			zhost_spec_done(&z);
		else
			assert_non_null(strstr(err->message, "invalid zhost name"));
	}
}

static void distances_are_computed_on_the_sphere(void **state)
{
	/* Paris to London: 343.5 km */
	double m = distance_m(48.8566, 2.3522, 51.5074, -0.1278);

	if (fabs(m - 343500) > 1000)
		fail_msg("Paris to London: %f m, expected 343500", m);
	assert_true(distance_m(10, 20, 10, 20) == 0);
	m = distance_m(0, 0, 0, 180);
	if (fabs(m - 20015115) > 100)
		fail_msg("half around: %f m", m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_ordered),
		cmocka_unit_test(invalid_versions_are_refused),
		cmocka_unit_test(archive_paths_are_checked),
		cmocka_unit_test(a_valid_manifest_is_accepted),
		cmocka_unit_test(an_invalid_manifest_is_refused),
		cmocka_unit_test(the_signed_part_ends_before_the_signature),
		cmocka_unit_test(a_zhost_description_is_compiled),
		cmocka_unit_test(a_zhost_name_from_outside_is_checked),
		cmocka_unit_test(distances_are_computed_on_the_sphere),
	};
	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
