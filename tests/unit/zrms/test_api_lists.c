/*
 * Lists of the REST interface: pages, parts of them, and what names things.
 */
#include "api_stage.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The text of a member of the answer; NULL: there is none. */
static char *member(struct stage *s, const char *name)
{
	CLEANUP(freep) char *begin = str_printf("\"%s\":\"", name);
	const char *found = strstr(body(s), begin);
	if (found == NULL)
		return NULL;
	char *text = mem_strdup(found + strlen(begin));
	*strchr(text, '"') = '\0';
	return text;
}

/* Gets one page after the other, and counts what is in them. */
static size_t read_pages(struct stage *s, const char *list, const char *mark)
{
	CLEANUP(freep) char *after = mem_strdup("");
	size_t count = 0;
	while (after != NULL) {
		CLEANUP(freep)
		char *request = str_printf("GET %s%climit=3%s", list,
					   strchr(list, '?') != NULL ? '&' : '?', after);
		assert_int_equal(get(s, request), 200);
		size_t found = 0;
		for (const char *at = body(s); (at = strstr(at, mark)) != NULL; at++)
			found++;
		count += found;
		CLEANUP(freep) char *next = member(s, "next");
		assert_true(found == 3 || next == NULL);
		free(after);
		after = next != NULL ? str_printf("&after=%s", next) : NULL;
	}
	return count;
}

static void a_list_is_read_by_pages(void **state)
{
	struct stage *s = *state;
	for (unsigned k = 0; k < 7; k++) {
		CLEANUP(freep) char *name = str_printf("more-%u", k);
		stage_submit(s, name, "- {name: web, type: CALL, count: 4}\n");
		CLEANUP(freep) char *zhost = str_printf("n%u", k);
		stage_join(s, zhost);
	}
	assert_int_equal(read_pages(s, "/v1/topologies", "\"created\""), 8);
	assert_int_equal(read_pages(s, "/v1/spaces", "\"topology_id\""), 29);
	assert_int_equal(read_pages(s, "/v1/topologies/more-3/spaces", "\"topology_id\""), 4);
	assert_int_equal(read_pages(s, "/v1/zhosts", "\"cordoned\""), 7);
}

/* How many entries a list has, by a word that each has once. */
static size_t count_of(struct stage *s, const char *request, const char *mark)
{
	size_t count = 0;
	assert_int_equal(get(s, request), 200);
	for (const char *at = s->received.data; (at = strstr(at, mark)) != NULL; at++)
		count++;
	return count;
}

static void a_list_may_be_a_part(void **state)
{
	struct stage *s = *state;
	stage_join(s, "n1");
	stage_join(s, "n2");
	stage_submit(s, "more", "- {name: web, type: CALL, count: 4}\n");
	assert_int_equal(count_of(s, "GET /v1/topologies?state=pending,failed", "\"created\""),
			 2);
	assert_int_equal(count_of(s, "GET /v1/topologies?state=running", "\"created\""), 0);
	assert_int_equal(count_of(s, "GET /v1/spaces?topology=more", "\"topology_id\""), 4);
	assert_int_equal(count_of(s, "GET /v1/spaces?state=deploying", "\"topology_id\""), 5);
	assert_int_equal(count_of(s, "GET /v1/spaces?state=failed", "\"topology_id\""), 0);
	size_t n1 = count_of(s, "GET /v1/spaces?zhost=n1", "\"topology_id\"");
	size_t n2 = count_of(s, "GET /v1/spaces?zhost=n2", "\"topology_id\"");
	assert_int_equal(n1 + n2, 5);
	assert_in_range(n1, 1, 4);
	assert_int_equal(count_of(s, "GET /v1/topologies/more/spaces?zhost=n1&state=deploying",
				  "\"topology_id\""),
			 2);
	assert_int_equal(count_of(s, "GET /v1/zhosts?state=deployed-started", "\"cordoned\""),
			 2);
	assert_int_equal(count_of(s, "GET /v1/zhosts?state=problem", "\"cordoned\""), 0);
	assert_int_equal(count_of(s, "GET /v1/zhosts?label=region=n1", "\"cordoned\""), 1);
	assert_int_equal(count_of(s, "GET /v1/zhosts?label=region=n1,rack=a", "\"cordoned\""),
			 0);
}

/* Pages count only what is in the list. */
static void a_part_is_read_by_pages(void **state)
{
	struct stage *s = *state;
	stage_join(s, "n1");
	stage_submit(s, "more", "- {name: web, type: CALL, count: 4}\n");
	assert_int_equal(count_of(s, "GET /v1/spaces?topology=more&limit=3", "\"topology_id\""),
			 3);
	assert_non_null(strstr(s->received.data, "\"next\""));
	assert_int_equal(
		count_of(s, "GET /v1/spaces?state=deployed-started&limit=3", "\"topology_id\""),
		0);
	assert_null(strstr(s->received.data, "\"next\""));
}

/* Longer than a slice: it is written in several turns, and still one JSON text. */
static void a_long_list_is_one_text(void **state)
{
	struct stage *s = *state;
	stage_submit(s, "long", "- {name: web, type: CALL, count: 900}\n");
	assert_int_equal(get(s, "GET /v1/spaces"), 200);
	assert_non_null(strstr(s->received.data, "Transfer-Encoding: chunked"));
	CLEANUP(freep) char *text = stage_unchunk(s);
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	assert_int_equal(json_array_size(json_object_get(json, "spaces")), 901);
	assert_null(json_object_get(json, "next"));
	json_decref(json);
}

static bool has_begun(struct stage *s)
{
	return s->received.size > 0;
}

static bool has_no_stream(struct stage *s)
{
	return http_server_counters(s->zrms.http).streams == 0;
}

static void a_client_may_leave_in_the_middle_of_a_list(void **state)
{
	struct stage *s = *state;
	stage_submit(s, "long", "- {name: web, type: CALL, count: 1000}\n");
	stage_submit(s, "longer", "- {name: web, type: CALL, count: 1000}\n");
	ask(s, "GET /v1/spaces", "", NULL);
	run_until(s, has_begun);
	assert_false(s->is_complete);
	stream_close(steal_ptr(&s->stream));
	run_until(s, has_no_stream);
	assert_int_equal(get(s, "GET /v1/spaces?limit=1"), 200);
}

/* Whether a list has one entry, which has this in it. */
static bool is_only(struct stage *s, const char *request, const char *mark, const char *what)
{
	return count_of(s, request, mark) == 1 && strstr(s->received.data, what) != NULL;
}

/* Topologies "shop", "more-0" to "more-9" and "moreover". */
static void stage_names(struct stage *s)
{
	for (unsigned k = 0; k < 10; k++) {
		CLEANUP(freep) char *name = str_printf("more-%u", k);
		stage_submit(s, name, "- {name: web, type: CALL, count: 2}\n");
	}
	stage_submit(s, "moreover", "- {name: worker, type: CALL}\n");
}

static void a_topology_is_found_by_what_names_it(void **state)
{
	struct stage *s = *state;
	stage_names(s);
	assert_true(is_only(s, "GET /v1/topologies?named=shop", "\"created\"", SHOP_ID));
	assert_true(is_only(s, "GET /v1/topologies?named=" SHOP_ID, "\"created\"", SHOP_ID));
	assert_true(is_only(s, "GET /v1/topologies?named=5f0c", "\"created\"", SHOP_ID));
	/* Not by the beginning of a name, nor by three characters of an id. */
	assert_int_equal(count_of(s, "GET /v1/topologies?named=more", "\"created\""), 0);
	assert_int_equal(count_of(s, "GET /v1/topologies?named=5f0", "\"created\""), 0);
	assert_int_equal(count_of(s, "GET /v1/topologies?named=", "\"created\""), 0);
	assert_true(is_only(s, "GET /v1/topologies?named=more-7&limit=1", "\"created\"",
			    "\"more-7\""));
	CLEANUP(freep) char *next = member(s, "next");
	CLEANUP(freep)
	char *rest = str_printf("GET /v1/topologies?named=more-7&after=%s", next);
	assert_int_equal(count_of(s, rest, "\"created\""), 0);
	assert_int_equal(
		count_of(s, "GET /v1/topologies?named=shop&state=stopped", "\"created\""), 0);
}

static void names_are_found_by_their_beginning(void **state)
{
	struct stage *s = *state;
	stage_names(s);
	stage_join(s, "n1");
	stage_join(s, "m1");
	assert_int_equal(count_of(s, "GET /v1/topologies?prefix=more", "\"created\""), 11);
	assert_int_equal(count_of(s, "GET /v1/topologies?prefix=more-", "\"created\""), 10);
	assert_int_equal(count_of(s, "GET /v1/topologies?prefix=", "\"created\""), 12);
	assert_true(is_only(s, "GET /v1/topologies?prefix=5f0c7", "\"created\"", SHOP_ID));
	assert_int_equal(count_of(s, "GET /v1/topologies?prefix=more-&limit=3", "\"created\""),
			 3);
	assert_int_equal(count_of(s, "GET /v1/spaces?prefix=more", "\"topology_id\""), 21);
	assert_int_equal(count_of(s, "GET /v1/spaces?prefix=more-3/", "\"topology_id\""), 2);
	assert_true(is_only(s, "GET /v1/spaces?prefix=more-3/web-2", "\"topology_id\"",
			    "\"more-3/web-2\""));
	assert_int_equal(count_of(s, "GET /v1/spaces?prefix=more/", "\"topology_id\""), 0);
	assert_true(is_only(s, "GET /v1/zhosts?prefix=m", "\"cordoned\"", "\"m1\""));
	assert_int_equal(read_pages(s, "/v1/spaces?prefix=more-", "\"topology_id\""), 20);
}

static void instances_are_found_by_their_path(void **state)
{
	struct stage *s = *state;
	stage_names(s);
	assert_int_equal(count_of(s, "GET /v1/spaces?path=web-2", "\"topology_id\""), 10);
	assert_int_equal(count_of(s, "GET /v1/spaces?path=web-2&limit=6", "\"topology_id\""),
			 6);
	assert_int_equal(read_pages(s, "/v1/spaces?path=web-2", "\"topology_id\""), 10);
	assert_true(is_only(s, "GET /v1/spaces?path=worker", "\"topology_id\"",
			    "\"moreover/worker\""));
	assert_true(is_only(s, "GET /v1/spaces?path=web-2&topology=more-4", "\"topology_id\"",
			    "\"more-4/web-2\""));
	assert_true(is_only(s, "GET /v1/topologies/more-4/spaces?path=web-1", "\"topology_id\"",
			    "\"more-4/web-1\""));
	assert_int_equal(count_of(s, "GET /v1/spaces?path=web-3", "\"topology_id\""), 0);
	/* Of topologies in some states. */
	assert_int_equal(get(s, "POST /v1/topologies/more-4/stop"), 200);
	assert_true(is_only(s, "GET /v1/spaces?path=web-2&topology_state=stopped",
			    "\"topology_id\"", "\"more-4/web-2\""));
	assert_int_equal(count_of(s, "GET /v1/spaces?path=web-2&topology_state=pending,running",
				  "\"topology_id\""),
			 9);
	assert_int_equal(get(s, "GET /v1/spaces?topology_state=asleep"), 400);
	assert_non_null(strstr(body(s), "unknown state 'asleep'"));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_list_is_read_by_pages),
		TEST(a_list_may_be_a_part),
		TEST(a_part_is_read_by_pages),
		TEST(a_long_list_is_one_text),
		TEST(a_client_may_leave_in_the_middle_of_a_list),
		TEST(a_topology_is_found_by_what_names_it),
		TEST(names_are_found_by_their_beginning),
		TEST(instances_are_found_by_their_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
