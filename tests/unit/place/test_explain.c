/* Explanations for people: every failed rule with figures, groups, the smallest change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "fixture.h"

static char *explain(const struct app *app, uint32_t instance)
{
	struct place_unit_request request = {.unit = app->units[instance]};
	struct place_explanation e;
	place_explain(app->place, &request, &e);
	char *text = place_explanation_text(app->place, &e);
	place_explanation_done(&e);
	return text;
}

static void expect_text(char *got, const char *expected)
{
	if (strcmp(got, expected) != 0) {
		print_error("expected\n%s\ngot\n%s", expected, got);
		fail();
	}
	free(got);
}

static void every_rule_gives_its_figures(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	(void)add_zhost(p,
			"{name: n1, cpu: 1500m, memory: 128MiB, region: us, latitude: 52.52, "
			"longitude: 13.4, devices: [{kind: gpu, model: T4}]}");
	uint32_t n2 = add_zhost(p, "{name: n2, cpu: 4, memory: 4GiB}");
	place_zhost_flags(p, n2, false, true);
	struct app t = app_add(p, "app",
			       "- {name: a, type: IO, capabilities: [sensors.camera], "
			       "resources: {cpu: 2, memory: "
			       "512MiB, devices: [{kind: gpu, count: 2, model: [T4, "
			       "V100]}]}, placement: {region: "
			       "eu, near: {latitude: 48.86, longitude: 2.35, within: 50km}, "
			       "affinity: [{with: b, "
			       "required: true}], spread: [{over: zone, required: true}]}}\n"
			       "- {name: b, type: DATA}\n");
	expect_text(
		explain(&t, 0),
		"a has no place\n"
		"  because no zhost satisfies capability requirement 'sensors.camera': needed "
		"by "
		"a, none of 1 zhost that remains\n"
		"  smallest change: capability sensors.camera and label region=eu and a "
		"position "
		"that satisfies constraint 'near 48.86, 2.35 within 50km' and an instance that "
		"satisfies "
		"affinity with 'b' on zhost and label zone and 0.5 cpu more and 384 MiB more "
		"and 1 gpu more on n1\n"
		"  no      n1                   capability 'sensors.camera', not offered; "
		"constraint 'region == eu', region is us; constraint 'near 48.86, 2.35 within "
		"50km', 877 km away; affinity with 'b' on zhost, none there; spread over "
		"zone "
		"with max_skew 1, no label zone; cpu, needs 2, 1.5 free; memory, needs 512 "
		"MiB, "
		"128 MiB free; devices, needs 2 gpu (T4, V100), 1 free\n"
		"  no      n2                   not running; cordoned; capability "
		"'sensors.camera', not offered; constraint 'region == eu', no label region; "
		"constraint 'near 48.86, 2.35 within 50km', position unknown; affinity with "
		"'b' on "
		"zhost, none there; spread over zone with max_skew 1, no label zone; devices, "
		"needs 2 gpu (T4, V100), 0 free\n");
	app_done(&t);
	place_free(p);
}

static void a_label_that_no_zhost_has_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *placement, *expected;
	} cases[] = {
		{"constraints: [rack == a]",
		 "no zhost satisfies constraint 'rack == a': needed by a, none of 2 zhosts has "
		 "the "
		 "label 'rack'\n  smallest change: label rack=a on one zhost"},
		{"spread: [{over: rack, required: true}]",
		 "no zhost satisfies spread over rack with max_skew 1: needed by a, none of 2 "
		 "zhosts "
		 "has the label 'rack'\n  smallest change: label rack on one zhost"},
		{"affinity: [{with: b, scope: rack, required: true}]",
		 "no zhost satisfies affinity with 'b' on rack: needed by a, none of 2 zhosts "
		 "has "
		 "the label 'rack'\n  smallest change: label rack on one zhost"},
		/* Another value than the one that is there. */
		{"constraints: [region == us]", "no zhost satisfies constraint 'region == us': "
						"needed by a, none of 2 zhosts\n"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct place *p = place_new(NULL);
		(void)add_zhost(p, "{name: n1, cpu: 4, memory: 4GiB, region: eu}");
		(void)add_zhost(p, "{name: n2, cpu: 4, memory: 4GiB}");
		CLEANUP(freep)
		char *spaces = str_printf("- {name: a, type: DATA, placement: {%s}}\n"
					  "- {name: b, type: DATA}\n",
					  cases[i].placement);
		struct app t = app_add(p, "app", spaces);
		char *text = explain(&t, 0);
		if (strstr(text, cases[i].expected) == NULL)
			print_error("%s", text);
		assert_non_null(strstr(text, cases[i].expected));
		free(text);
		app_done(&t);
		place_free(p);
	}
}

static void identical_zhosts_are_grouped(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	for (int i = 0; i < 212; i++) {
		CLEANUP(freep)
		char *text =
			str_printf("{name: n%03d, cpu: %d, memory: 1GiB}", i, i == 100 ? 2 : 1);
		(void)add_zhost(p, text);
	}
	(void)add_zhost(p, "{name: big, cpu: 8, memory: 8GiB}");
	struct app t = app_add(p, "app", "- {name: a, type: DATA, resources: {cpu: 2500m}}\n");
	free(place_all(&t));
	expect_text(explain(&t, 0),
		    "a is on big\n"
		    "  chosen  big                  preference +0, neighbours 0, load 31.25 %\n"
		    "  no      212 zhosts           cpu, needs 2.5, at most 2 free\n");
	place_remove(p, t.units[0]);
	place_zhost_flags(p, place_zhost_find(p, "big"), true, true);
	char *text = explain(&t, 0);
	assert_non_null(strstr(text, "smallest change: uncordon big\n"));
	free(text);
	place_zhost_flags(p, place_zhost_find(p, "big"), false, false);
	text = explain(&t, 0);
	assert_non_null(strstr(text,
			       "insufficient capacity on remaining zhosts: a needs cpu 2.5, "
			       "memory 32 MiB; at most cpu 2 (n100), memory 1 GiB (n000) free "
			       "on 212 zhosts that pass the other rules\n"));
	assert_non_null(strstr(text, "smallest change: 0.5 cpu more on n100\n"));
	free(text);
	app_done(&t);
	place_free(p);
}

struct change {
	const char *zhosts[4];
	const char *spaces;
	const char *expected;
};

/* The fewest rules; then the least amount. */
static const struct change changes[] = {
	{{"{name: n1, cpu: 4, memory: 100MiB}", "{name: edge-node-7, cpu: 4, memory: 384MiB}"},
	 "- {name: a, type: DATA, resources: {memory: 512MiB}}\n",
	 "128 MiB more on edge-node-7"},
	{{"{name: n1, cpu: 4, memory: 1GiB}", "{name: n2, cpu: 4, memory: 1GiB}"},
	 "- {name: a, type: DATA, placement: {region: eu-west}}\n",
	 "label region=eu-west on one zhost"},
	{{"{name: n1, cpu: 4, memory: 1GiB}", "{name: n2, cpu: 1, memory: 1GiB, region: eu}"},
	 "- {name: a, type: DATA, placement: {region: eu}, resources: {cpu: 2}, capabilities: "
	 "[gpu.cuda]}\n",
	 "capability gpu.cuda and 1 cpu more on n2"},
	{{"{name: n1, cpu: 4, memory: 1GiB}",
	  "{name: n2, cpu: 1, memory: 1GiB, region: eu, capabilities: [gpu.cuda]}"},
	 "- {name: a, type: DATA, placement: {region: eu}, resources: {cpu: 2}, capabilities: "
	 "[gpu.cuda]}\n",
	 "1 cpu more on n2"},
	{{"{name: n1, cpu: 4, memory: 1GiB}", "{name: n2, cpu: 1, memory: 1MiB}"},
	 "- {name: a, type: UI, access: token, resources: {cpu: 2}}\n",
	 "a version that checks access to pages on n1"},
};

static void the_smallest_change_that_fits_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct place *p = place_new(NULL);
		for (int k = 0; k < 4 && changes[i].zhosts[k] != NULL; k++)
			(void)add_zhost(p, changes[i].zhosts[k]);
		struct app t = app_add(p, "app", changes[i].spaces);
		struct attempt a;
		attempt_init(&a, &t);
		place_try(p, &a.request, &a.result);
		assert_false(a.result.complete);
		assert_string_equal(a.result.reason.change, changes[i].expected);
		attempt_done(&a);
		app_done(&t);
		place_free(p);
	}
}

static void together_names_the_unit_without_a_place(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	(void)add_zhost(p, "{name: n1, cpu: 1, memory: 1GiB}");
	struct app t = app_add(p, "app",
			       "- {name: a, type: DATA, count: 3, resources: {cpu: 400m}}\n");
	struct attempt a;
	attempt_init(&a, &t);
	place_try(p, &a.request, &a.result);
	CLEANUP(freep) char *text = place_reason_text(&a.result.reason);
	assert_string_equal(
		text,
		"insufficient capacity on remaining zhosts: each of 3 fits alone but not all "
		"together; with 2 placed there is no place for a-3; a-3 needs cpu 0.4, memory "
		"32 MiB; at most cpu 0.2 (n1), memory 960 MiB (n1) free on 1 zhost that passes "
		"the other rules");
	assert_string_equal(a.result.reason.change, "0.2 cpu more on n1");
	attempt_done(&a);
	app_done(&t);
	place_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_gives_its_figures),
		cmocka_unit_test(a_label_that_no_zhost_has_is_named),
		cmocka_unit_test(identical_zhosts_are_grouped),
		cmocka_unit_test(the_smallest_change_that_fits_is_named),
		cmocka_unit_test(together_names_the_unit_without_a_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
