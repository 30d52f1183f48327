/* adapter/http/target.h: URLs and patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "adapter/http/target.h"

static const char *param(const struct http_match *match, const char *name)
{
	vector_for_each (&match->params, pair)
		if (strcmp(pair->name, name) == 0)
			return pair->value;
	return NULL;
}

/* The value of `name` when the pattern matches, "" when it matches without it, NULL otherwise.
 */
static char *match(const char *pattern, const char *url, const char *name)
{
	struct http_target target;
	struct http_match m = {0};
	assert_int_equal(http_target_parse(&target, url, NULL), 0);
	char *value = NULL;
	if (http_pattern_match(pattern, &target, &m)) {
		const char *found = param(&m, name);
		value = mem_strdup(found != NULL ? found : "");
	}
	http_match_done(&m);
	http_target_done(&target);
	return value;
}

#define assert_match(pattern, url, name, value)                       \
	do {                                                          \
		CLEANUP(freep) char *got = match(pattern, url, name); \
		assert_non_null(got);                                 \
		assert_string_equal(got, value);                      \
	} while (0)
#define assert_no_match(pattern, url) assert_null(match(pattern, url, ""))

static void patterns_match_whole_segments(void **state)
{
	assert_match("/healthz", "/healthz", "", "");
	assert_no_match("/healthz", "/healthz/");
	assert_no_match("/healthz", "/health");
	assert_no_match("/healthz", "/healthzz");
	assert_match("/v1/topologies/{id}", "/v1/topologies/my-app", "id", "my-app");
	assert_no_match("/v1/topologies/{id}", "/v1/topologies/");
	assert_no_match("/v1/topologies/{id}", "/v1/topologies/a/b");
	assert_match("/{topology}/{space}/", "/shop/page/", "space", "page");
}

static void a_parameter_of_several_segments_may_be_in_the_middle(void **state)
{
	const char *goal = "/t/{id}/spaces/{path*}/goal";
	assert_match(goal, "/t/a/spaces/api-2/cache/goal", "path", "api-2/cache");
	assert_match(goal, "/t/a/spaces/api/goal", "path", "api");
	assert_match(goal, "/t/a/spaces/api-2%2Fcache/goal", "path", "api-2/cache");
	assert_match(goal, "/t/a/spaces/goal/goal", "path", "goal");
	assert_no_match(goal, "/t/a/spaces/goal");
	assert_match("/t/{path*}", "/t/a/b/c", "path", "a/b/c");
	assert_no_match("/t/{path*}", "/t/");
}

static void queries_are_decoded(void **state)
{
	struct http_target target;
	assert_int_equal(http_target_parse(&target, "/a?x=1%202+3&y&z=%C3%A9", NULL), 0);
	assert_string_equal(target.raw_path, "/a");
	assert_int_equal(target.query.count, 3);
	assert_string_equal(target.query.items[0].value, "1 2 3");
	assert_string_equal(target.query.items[1].name, "y");
	assert_string_equal(target.query.items[1].value, "");
	assert_string_equal(target.query.items[2].value, "\xc3\xa9");
	http_target_done(&target);
	/* Whether it may have lines is up to the route. */
	assert_int_equal(http_target_parse(&target, "/a?x=1%0a%092", NULL), 0);
	assert_string_equal(target.query.items[0].value, "1\n\t2");
	http_target_done(&target);
}

static void bad_targets_are_refused(void **state)
{
	static const char *const bad[] = {
		"",	     "a",	  "*",	       "http://x/", "/%",	  "/%4",
		"/%zz",	     "/%00",	  "/a%0ab",    "/..",	    "/a/../b",	  "/a/%2e%2E/b",
		"/.",	     "/%ff",	  "/\xc3\x28", "/a?b=%00",  "/a?b=1&b=2", "/a?%zz",
		"/a?x%0a=1", "/a?x=1%0d", "/a?x=%1b",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct http_target target;
		CLEANUP(error_freep) struct error *err = NULL;
		int r = http_target_parse(&target, bad[i], &err);
		if (r != ERR_INVALID)
			fail_msg("'%s' gives %d", bad[i], r);
		assert_non_null(err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_whole_segments),
		cmocka_unit_test(a_parameter_of_several_segments_may_be_in_the_middle),
		cmocka_unit_test(queries_are_decoded),
		cmocka_unit_test(bad_targets_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
