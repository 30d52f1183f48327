/*
 * The summary of the cluster: counts, what needs attention, zhosts in columns, topologies.
 */
#include "api_stage.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The answer; the caller calls json_decref(). */
static json_t *read_summary(struct stage *s)
{
	assert_int_equal(get(s, "GET /v1/summary"), 200);
	bool is_long = strstr(s->received.data, "Transfer-Encoding: chunked") != NULL;
	CLEANUP(freep) char *text = is_long ? stage_unchunk(s) : mem_strdup(body(s));
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	return json;
}

static const char *text_at(json_t *array, size_t k)
{
	return json_string_value(json_array_get(array, k));
}

static const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text != NULL ? text : "";
}

/* How many are in that state; 0: it is not in the list. */
static json_int_t count_in(json_t *states, const char *state)
{
	size_t k;
	json_t *one;
	json_array_foreach(states, k,
			   one) if (strcmp(text_of(one, "state"), state) ==
				    0) return json_integer_value(json_object_get(one, "count"));
	return 0;
}

/* The entry whose `key` is that. */
static json_t *entry(json_t *list, const char *key, const char *text)
{
	size_t k;
	json_t *one;
	json_array_foreach(list, k, one) if (strcmp(text_of(one, key), text) == 0) return one;
	return NULL;
}

static json_int_t newest_event(struct stage *s)
{
	return (json_int_t)control_newest_event(s->zrms.control);
}

static void it_counts_what_there_is(void **state)
{
	struct stage *s = *state;
	stage_join(s, "n1");
	stage_join(s, "n2");
	stage_submit(s, "more",
		     "- {name: web, type: CALL, count: 4}\n- {name: db, type: CALL}\n");
	json_t *json = read_summary(s);
	assert_int_equal(json_integer_value(json_object_get(json, "seq")), newest_event(s));
	assert_int_equal(json_integer_value(json_object_get(json, "open_zhosts")), 2);
	assert_int_equal(count_in(json_object_get(json, "zhost_states"), "deployed-started"),
			 2);
	assert_int_equal(count_in(json_object_get(json, "topology_states"), "pending"), 2);
	assert_int_equal(count_in(json_object_get(json, "space_states"), "deploying"), 6);
	json_t *more = NULL, *one;
	size_t k;
	json_array_foreach(json_object_get(json, "topologies"), k,
			   one) if (strcmp(text_of(json_object_get(one, "topology"), "name"),
					   "more") == 0) more = one;
	assert_int_equal(k, 2);
	assert_int_equal(json_integer_value(json_object_get(more, "seq")), newest_event(s));
	assert_int_equal(count_in(json_object_get(more, "states"), "deploying"), 5);
	json_t *web = entry(json_object_get(more, "spaces"), "space", "web");
	assert_int_equal(count_in(json_object_get(web, "states"), "deploying"), 4);
	json_decref(json);
}

static void zhosts_are_in_columns(void **state)
{
	struct stage *s = *state;
	for (unsigned k = 0; k < 300; k++) {
		CLEANUP(freep) char *name = str_printf("n%03u", k);
		stage_join(s, name);
	}
	assert_int_equal(get(s, "POST /v1/zhosts/n299/cordon"), 200);
	json_t *json = read_summary(s), *part;
	size_t k, count = 0;
	CLEANUP(freep) char *last = mem_strdup("");
	json_array_foreach(json_object_get(json, "zhosts"), k, part)
	{
		static const char *const columns[] = {
			"states",      "cordoned",	"drains",	   "left",
			"since",       "heard",		"instances",	   "cpu_total",
			"cpu_used",    "cpu_reserved",	"memory_total",	   "memory_reserved",
			"memory_used", "devices_total", "devices_reserved"};
		json_t *names = json_object_get(part, "names");
		for (size_t c = 0; c < ARRAY_SIZE(columns); c++)
			assert_int_equal(json_array_size(json_object_get(part, columns[c])),
					 json_array_size(names));
		json_t *region = entry(json_object_get(part, "labels"), "name", "region");
		for (size_t n = 0; n < json_array_size(names); n++) {
			assert_true(strcmp(text_at(names, n), last) > 0);
			free(last);
			last = mem_strdup(text_at(names, n));
			assert_string_equal(text_at(json_object_get(region, "values"), n),
					    last);
		}
		assert_null(entry(json_object_get(part, "labels"), "name", "zhost"));
		count += json_array_size(names);
		bool is_last = strcmp(last, "n299") == 0;
		json_t *cordoned = json_object_get(part, "cordoned");
		assert_int_equal(
			json_is_true(json_array_get(cordoned, json_array_size(names) - 1)),
			is_last);
	}
	assert_int_equal(count, 300);
	assert_int_equal(json_integer_value(json_object_get(json, "open_zhosts")), 299);
	json_decref(json);
}

static void what_has_no_place_needs_attention(void **state)
{
	struct stage *s = *state;
	json_t *json = read_summary(s);
	json_t *shop = entry(json_object_get(json, "attention"), "name", "shop");
	assert_non_null(shop);
	assert_string_equal(text_of(shop, "kind"), "topology");
	assert_string_equal(text_of(shop, "state"), "pending");
	assert_string_equal(text_of(shop, "topology"), SHOP_ID);
	assert_string_equal(text_of(shop, "space"), "web");
	assert_non_null(strstr(text_of(shop, "reason"), "zhost"));
	assert_int_equal(json_integer_value(json_object_get(shop, "count")), 1);
	assert_int_equal(json_integer_value(json_object_get(json, "attention_count")), 1);
	json_decref(json);
	stage_join(s, "n1");
	json = read_summary(s);
	assert_int_equal(json_array_size(json_object_get(json, "attention")), 0);
	json_decref(json);
}

static void the_attention_is_limited_and_its_number_told(void **state)
{
	struct stage *s = *state;
	for (unsigned k = 0; k < 250; k++) {
		CLEANUP(freep) char *name = str_printf("more-%u", k);
		stage_submit(s, name, "- {name: web, type: CALL}\n");
	}
	json_t *json = read_summary(s);
	assert_int_equal(json_array_size(json_object_get(json, "attention")), 200);
	assert_int_equal(json_integer_value(json_object_get(json, "attention_count")), 251);
	/* The one that waits for longest. */
	assert_string_equal(
		text_of(json_array_get(json_object_get(json, "attention"), 0), "name"), "shop");
	assert_int_equal(json_array_size(json_object_get(json, "topologies")), 251);
	json_decref(json);
}

/* Of other names it has no count, no entry and no word. */
static void who_sees_some_names_gets_a_summary_of_those(void **state)
{
	struct stage *s = *state;
	stage_submit(s, "more", "- {name: web, type: CALL, count: 4}\n");
	ask(s, "POST /v1/users", "Content-Type: application/json\r\n",
	    "{\"name\":\"ann\",\"role\":\"viewer\",\"topologies\":[\"shop*\"]}");
	run_until(s, is_complete);
	assert_int_equal(status(s), 201);
	static const char mark[] = "\"token\":\"";
	const char *at = strstr(body(s), mark);
	assert_non_null(at);
	token_free(s->token);
	s->token = mem_strndup(at + strlen(mark), strcspn(at + strlen(mark), "\""));
	json_t *json = read_summary(s);
	assert_null(strstr(s->received.data, "more"));
	assert_int_equal(json_array_size(json_object_get(json, "topologies")), 1);
	assert_int_equal(count_in(json_object_get(json, "topology_states"), "pending"), 1);
	assert_int_equal(count_in(json_object_get(json, "space_states"), "not-deployed"), 1);
	assert_int_equal(json_integer_value(json_object_get(json, "attention_count")), 1);
	json_decref(json);
}

static void it_gives_usage_over_time(void **state)
{
	struct stage *s = *state;
	stage_join(s, "n1");
	assert_int_equal(get(s, "GET /v1/zhosts/n1/usage"), 200);
	json_t *usage = json_loads(body(s), 0, NULL);
	assert_string_equal(text_of(usage, "zhost"), "n1");
	assert_int_equal(json_integer_value(json_object_get(usage, "interval_ms")), 20000);
	json_decref(usage);
	assert_int_equal(get(s, "GET /v1/zhosts/n1/usage?span=7d"), 200);
	assert_non_null(strstr(body(s), "\"interval_ms\":3600000"));
	assert_int_equal(get(s, "GET /v1/zhosts/n1/usage?span=2h"), 400);
	assert_int_equal(get(s, "GET /v1/zhosts/n2/usage"), 404);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(it_counts_what_there_is),
		TEST(zhosts_are_in_columns),
		TEST(what_has_no_place_needs_attention),
		TEST(the_attention_is_limited_and_its_number_told),
		TEST(who_sees_some_names_gets_a_summary_of_those),
		TEST(it_gives_usage_over_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
