/*
 * What the audit has of requests over REST, and what ends with a token.
 */
#include "api_stage.h"

#include <stdlib.h>
#include <string.h>

static void show(struct stage *s, char *take_token)
{
	token_free(s->token);
	s->token = take_token;
}

static char *make_user(struct stage *s, const char *name, const char *role, const char *more)
{
	static const char begin_text[] = "\"token\":\"";
	CLEANUP(freep)
	char *text = str_printf("{\"name\":\"%s\",\"role\":\"%s\"%s}", name, role, more);
	ask(s, "POST /v1/users", "Content-Type: application/json\r\n", text);
	run_until(s, is_complete);
	assert_int_equal(status(s), 201);
	const char *at = strstr(body(s), begin_text);
	assert_non_null(at);
	return mem_strndup(at + strlen(begin_text), 48);
}

/* Whether one line has all of these. */
static bool has_line(struct stage *s, const char *const *words, size_t count)
{
	CLEANUP(freep) char *lines = mem_strdup(body(s));
	char *rest = NULL;
	for (char *line = strtok_r(lines, "{", &rest); line != NULL;
	     line = strtok_r(NULL, "{", &rest)) {
		size_t found = 0;
		for (size_t k = 0; k < count; k++)
			found += strstr(line, words[k]) != NULL;
		if (found == count)
			return true;
	}
	return false;
}

#define assert_line(s, ...)                                         \
	assert_true(has_line(s, (const char *const[]){__VA_ARGS__}, \
			     sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))

/* [machines.people.audit] */
static void each_change_leaves_a_line_with_who_from_where_and_what_became_of_it(void **state)
{
	struct stage *s = *state;
	CLEANUP(token_freep) char *admin = mem_strdup(s->token);
	stage_submit(s, "bank", "- {name: vault, type: CALL}\n");
	CLEANUP(token_freep)
	char *ann = make_user(s, "ann", "operator", ",\"topologies\":[\"shop*\"]");
	CLEANUP(token_freep) char *viewer = make_user(s, "vic", "viewer", "");
	assert_int_equal(get(s, "POST /v1/topologies/bank/stop"), 200);
	show(s, mem_strdup(ann));
	assert_int_equal(get(s, "POST /v1/topologies/bank/start"), 404); /* by its names */
	assert_int_equal(get(s, "POST /v1/zhosts/n1/cordon"), 403);	 /* by its role */
	show(s, mem_strdup(viewer));
	assert_int_equal(get(s, "DELETE /v1/topologies/bank"), 403);
	show(s, mem_strdup(admin));
	ask(s, "POST /v1/users", "Content-Type: application/json\r\n", "{\"name\":");
	run_until(s, is_complete);
	assert_int_equal(status(s), 400);
	assert_int_equal(get(s, "GET /v1/audit"), 200);
	assert_line(s, "\"user\":\"operator\"", "127.0.0.1", "POST /v1/users",
		    "create user ann as operator", "\"outcome\":\"done\"");
	assert_line(s, "\"user\":\"operator\"", "\"action\":\"stop bank\"", "\"revision\":1",
		    "done");
	assert_line(s, "\"user\":\"ann\"", "/v1/topologies/bank/start", "not-found",
		    "no topology 'bank'");
	assert_line(s, "\"user\":\"ann\"", "/v1/zhosts/n1/cordon", "denied", "has the role");
	assert_line(s, "\"user\":\"vic\"", "DELETE /v1/topologies/bank", "denied");
	assert_line(s, "POST /v1/users", "\"outcome\":\"invalid\"");
	/* No secret is in it. */
	assert_null(strstr(body(s), "smzu_"));
	assert_null(strstr(body(s), ann + 5));
}

/* Of [machines.people.audit]: it hands out all keys. */
static void a_backup_leaves_a_line_before_it_is_made(void **state)
{
	struct stage *s = *state;
	CLEANUP(token_freep) char *admin = mem_strdup(s->token);
	CLEANUP(token_freep) char *ops = make_user(s, "ops", "operator", "");
	/* This store has none to give: it was asked for all the same. */
	assert_int_not_equal(get(s, "GET /v1/backup"), 200);
	assert_int_not_equal(get(s, "GET /v1/backup?keys=0"), 200);
	show(s, mem_strdup(ops));
	assert_int_equal(get(s, "GET /v1/backup"), 403);
	show(s, mem_strdup(admin));
	assert_int_equal(get(s, "GET /v1/audit"), 200);
	assert_line(s, "\"user\":\"operator\"", "127.0.0.1", "\"request\":\"GET /v1/backup",
		    "make a backup with the keys of the cluster", "\"outcome\":\"done\"");
	assert_line(s, "\"user\":\"operator\"", "127.0.0.1", "\"request\":\"GET /v1/backup",
		    "make a backup without the keys of the cluster");
	assert_line(s, "\"user\":\"ops\"", "GET /v1/backup", "denied", "has the role");
	assert_null(strstr(body(s), "\"seq\":5")); /* one for each */
}

static void reads_and_what_only_computes_leave_no_line(void **state)
{
	struct stage *s = *state;
	assert_int_equal(get(s, "GET /v1/topologies"), 200);
	assert_int_equal(get(s, "GET /v1/topologies/none"), 404);
	assert_int_equal(get(s, "GET /v1/audit"), 200);
	assert_null(strstr(body(s), "topologies"));
}

static void the_audit_is_read_by_pages_by_user_and_by_time(void **state)
{
	struct stage *s = *state;
	for (unsigned k = 0; k < 5; k++)
		assert_int_equal(get(s, "DELETE /v1/users/nobody"), 404);
	CLEANUP(token_freep) char *ann = make_user(s, "ann", "admin", "");
	assert_int_equal(get(s, "GET /v1/audit?limit=2"), 200);
	assert_line(s, "\"seq\":2");
	assert_null(strstr(body(s), "\"seq\":3,"));
	assert_non_null(strstr(body(s), "\"next\":2"));
	assert_int_equal(get(s, "GET /v1/audit?after=5&limit=10"), 200);
	assert_line(s, "\"seq\":6", "create user ann");
	assert_null(strstr(body(s), "\"next\""));
	show(s, steal_ptr(&ann));
	assert_int_equal(get(s, "DELETE /v1/users/bob"), 404);
	assert_int_equal(get(s, "GET /v1/audit?user=ann"), 200);
	assert_line(s, "\"seq\":7", "no user bob");
	assert_null(strstr(body(s), "nobody"));
	assert_int_equal(get(s, "GET /v1/audit?since=9000000000000000"), 200);
	assert_null(strstr(body(s), "seq"));
	assert_int_equal(get(s, "GET /v1/audit?limit=0"), 400);
	assert_int_equal(get(s, "GET /v1/audit?since=yesterday"), 400);
}

static bool has_first_bytes(struct stage *s)
{
	return s->received.size > 0 && strstr(s->received.data, ":\n\n") != NULL;
}

/* A stream that was opened with a token, while that is removed by another connection. */
static void check_stream_ends(struct stage *s, const char *path)
{
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	CLEANUP(token_freep) char *admin = mem_strdup(s->token);
	show(s, make_user(s, "ann", "admin", ""));
	ask(s, path, "", NULL);
	run_until(s, has_first_bytes);
	assert_false(s->is_complete);
	record.name = (char *)(uintptr_t) "ann";
	record.role = ACCESS_VIEWER;
	const struct control_input remove = {
		.type = CONTROL_CREDENTIAL,
		.credential = {.action = CREDENTIAL_REMOVE, .record = &record}};
	commit_driver_input(s->zrms.commits, &remove);
	run_until(s, is_complete);
	show(s, mem_strdup(admin));
}

/* [machines.people.users] */
static void what_is_open_ends_with_its_token(void **state)
{
	struct stage *s = *state;
	check_stream_ends(s, "GET /v1/events");
	check_stream_ends(s, "GET /v1/audit?follow=1");
}

static bool has_followed(struct stage *s)
{
	return s->received.size > 0 && strstr(s->received.data, "asked later") != NULL;
}

static void a_follower_gets_what_there_was_and_what_comes(void **state)
{
	struct stage *s = *state;
	assert_int_equal(get(s, "DELETE /v1/users/nobody"), 404);
	ask(s, "GET /v1/audit?follow=1", "", NULL);
	run_until(s, has_first_bytes);
	const struct control_input later = {
		.type = CONTROL_REFUSED,
		.origin = {.address = "192.0.2.7", .request = "asked later"},
		.refused = {.code = "denied", .message = "no"}};
	commit_driver_input(s->zrms.commits, &later);
	run_until(s, has_followed);
	assert_non_null(strstr(s->received.data, "id: 1\n"));
	assert_non_null(strstr(s->received.data, "id: 2\n"));
	assert_non_null(strstr(s->received.data, "192.0.2.7"));
}

static int64_t ask_with_wrong_token(struct stage *s)
{
	int64_t began = loop_now(&s->zrms.loop).mono_ms;
	show(s, token_new(TOKEN_OF_PERSON));
	assert_int_equal(get(s, "GET /v1/cluster"), 401);
	return loop_now(&s->zrms.loop).mono_ms - began;
}

/* [machines.people.guess] */
static void who_guesses_waits_and_others_at_that_address_do_not(void **state)
{
	struct stage *s = *state;
	CLEANUP(token_freep) char *admin = mem_strdup(s->token);
	CLEANUP(token_freep) char *ann = make_user(s, "ann", "viewer", "");
	for (unsigned k = 0; k < 5; k++)
		(void)ask_with_wrong_token(s);
	assert_true(ask_with_wrong_token(s) >= 400);
	/* The guess before it leaves no turn without a delay, and grows it. Soon once is enough: a loaded machine is
	 * late now and then. */
	bool is_soon = false;
	for (uint32_t count = 7; count < 12 && !is_soon; count++) {
		assert_true(ask_with_wrong_token(s) >= attempt_delay_ms(count));
		int64_t began = loop_now(&s->zrms.loop).mono_ms;
		show(s, mem_strdup(ann));
		assert_int_equal(get(s, "GET /v1/cluster"), 200);
		is_soon = loop_now(&s->zrms.loop).mono_ms - began < attempt_delay_ms(count) / 2;
	}
	assert_true(is_soon);
	show(s, mem_strdup(admin));
	assert_int_equal(get(s, "GET /v1/audit"), 200);
	assert_line(s, "\"user\":\"\"", "127.0.0.1", "GET /v1/cluster", "denied");
	assert_int_equal(get(s, "GET /v1/users"), 200);
	assert_non_null(strstr(body(s), "last_used"));
}

/* With a body, which is read and dropped. */
static void a_guess_with_a_body_waits_too(void **state)
{
	struct stage *s = *state;
	for (unsigned k = 0; k < 4; k++)
		(void)ask_with_wrong_token(s);
	int64_t began = loop_now(&s->zrms.loop).mono_ms;
	ask(s, "POST /v1/users", "Content-Type: application/json\r\n", "{\"name\":\"x\"}");
	run_until(s, is_complete);
	assert_int_equal(status(s), 401);
	assert_true(loop_now(&s->zrms.loop).mono_ms - began >= 200);
}

static void who_is_refused_too_often_fills_no_audit(void **state)
{
	struct stage *s = *state;
	CLEANUP(token_freep) char *admin = mem_strdup(s->token);
	show(s, make_user(s, "vic", "viewer", ""));
	for (unsigned k = 0; k < 130; k++)
		assert_int_equal(get(s, "DELETE /v1/zhosts/n1"), 403);
	show(s, mem_strdup(admin));
	assert_int_equal(get(s, "GET /v1/audit?user=vic"), 200);
	assert_line(s, "\"seq\":102,", "refused 128 times within an hour");
	assert_null(strstr(body(s), "\"seq\":103,"));
}

static void attempts_are_bounded_and_forgotten_after_an_hour(void **state)
{
	struct attempts all = {0};
	(void)state;
	assert_int_equal(attempts_add(&all, "at a", 0), 1);
	assert_int_equal(attempts_add(&all, "at a", 1000), 2);
	assert_int_equal(attempts_add(&all, "at a", 3600 * 1000), 1);
	for (unsigned k = 0; k < ATTEMPTS_KEPT; k++) {
		CLEANUP(freep) char *key = str_printf("at %u", k);
		assert_int_equal(attempts_add(&all, key, 3600 * 1000), 1);
	}
	assert_int_equal(attempts_add(&all, "at a", 3600 * 1000), 1); /* it was pushed out */
	assert_int_equal(attempt_delay_ms(3), 0);
	assert_int_equal(attempt_delay_ms(4), 100);
	assert_int_equal(attempt_delay_ms(6), 400);
	assert_int_equal(attempt_delay_ms(1000000), 5000);
	assert_true(attempt_is_told(100, ATTEMPTS_TOLD));
	assert_false(attempt_is_told(101, ATTEMPTS_TOLD));
	assert_true(attempt_is_told(1024, ATTEMPTS_TOLD));
	attempts_done(&all);
}

static void an_origin_is_what_one_machine_has_many_addresses_of(void **state)
{
	static const char *const origins[][2] = {
		{"127.0.0.1", "loopback"},
		{"127.0.255.254", "loopback"},
		{"::1", "loopback"},
		{"::ffff:127.3.2.1", "loopback"},
		{"192.0.2.7", "192.0.2.7"},
		{"::ffff:192.0.2.7", "192.0.2.7"},
		{"2001:db8:1:2::7", "2001:db8:1:2::/64"},
		{"2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"},
		{"2001:db8:1:3::7", "2001:db8:1:3::/64"},
		{"fe80::1%eth0", "fe80::/64"},
		{"a name", "a name"},
	};
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(origins); k++) {
		CLEANUP(freep) char *origin = attempt_origin(origins[k][0]);
		assert_string_equal(origin, origins[k][1]);
	}
	CLEANUP(freep) char *unknown = attempt_origin(NULL);
	assert_string_equal(unknown, "");
}

/* As if others had been refused before, from other addresses. */
static void strangers_are_refused(struct stage *s, unsigned count)
{
	for (unsigned k = 0; k < count; k++)
		(void)attempts_add(&s->zrms.access.attempts, "strangers",
				   loop_now(&s->zrms.loop).mono_ms);
}

static bool is_told(struct stage *s, const char *path)
{
	CLEANUP(token_freep) char *admin = mem_strdup(s->token);
	show(s, NULL);
	CLEANUP(freep) char *request = str_printf("DELETE /v1/users/%s", path);
	assert_int_equal(get(s, request), 401);
	show(s, mem_strdup(admin));
	assert_int_equal(get(s, "GET /v1/audit"), 200);
	return strstr(body(s), request) != NULL;
}

static void strangers_with_many_addresses_fill_no_audit(void **state)
{
	struct stage *s = *state;
	strangers_are_refused(s, ATTEMPTS_TOLD_STRANGERS - 1);
	assert_true(is_told(s, "last"));
	assert_false(is_told(s, "late")); /* 1001 */
	strangers_are_refused(s, 1024 - ATTEMPTS_TOLD_STRANGERS - 2);
	assert_true(is_told(s, "later")); /* 1024 */
	assert_line(s, "users/later", "line 1024 of strangers within an hour");
	/* Who is known is told of as before. */
	assert_int_equal(get(s, "DELETE /v1/users/known"), 404);
	assert_int_equal(get(s, "GET /v1/audit"), 200);
	assert_line(s, "users/known", "\"user\":\"operator\"");
}

static void refusals_from_all_of_loopback_count_together(void **state)
{
	struct stage *s = *state;
	for (unsigned k = 0; k < ATTEMPTS_TOLD; k++)
		(void)attempts_add(&s->zrms.access.attempts, "at loopback",
				   loop_now(&s->zrms.loop).mono_ms);
	assert_false(is_told(s, "any"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_change_leaves_a_line_with_who_from_where_and_what_became_of_it),
		TEST(a_backup_leaves_a_line_before_it_is_made),
		TEST(reads_and_what_only_computes_leave_no_line),
		TEST(the_audit_is_read_by_pages_by_user_and_by_time),
		TEST(what_is_open_ends_with_its_token),
		TEST(who_guesses_waits_and_others_at_that_address_do_not),
		TEST(a_guess_with_a_body_waits_too),
		TEST(who_is_refused_too_often_fills_no_audit),
		TEST(attempts_are_bounded_and_forgotten_after_an_hour),
		TEST(an_origin_is_what_one_machine_has_many_addresses_of),
		TEST(strangers_with_many_addresses_fill_no_audit),
		TEST(refusals_from_all_of_loopback_count_together),
		TEST(a_follower_gets_what_there_was_and_what_comes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
