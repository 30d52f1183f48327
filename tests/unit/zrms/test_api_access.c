/*
 * Who may do what over REST: every route of the table, asked by everybody.
 */
#include "api_stage.h"

#include <stdlib.h>
#include <string.h>

#include "zrms/api_handlers.h"
#include "zrms/mask.h"

/* The route's pattern, with something in the place of each {name}. */
static char *path_of(const struct http_route *route)
{
	CLEANUP(buffer_done) struct buffer path = BUFFER_INIT(1024);
	for (const char *at = route->pattern; *at != '\0'; at++) {
		if (*at == '{') {
			assert_int_equal(buffer_add_string(&path, "x"), 0);
			at += strcspn(at, "}");
		} else {
			assert_int_equal(buffer_add(&path, at, 1), 0);
		}
	}
	return buffer_steal(&path);
}

static int ask_route(struct stage *s, const struct http_route *route)
{
	CLEANUP(freep) char *path = path_of(route);
	CLEANUP(freep) char *request = str_printf("%s %s", route->method, path);
	bool is_stream = strcmp(route->pattern, "/v1/events") == 0;
	CLEANUP(freep) char *stored = str_printf("%s?stream=0", request);
	ask(s, is_stream ? stored : request, "", route->body != HTTP_BODY_NONE ? "{}" : NULL);
	run_until(s, is_complete);
	return status(s);
}

/* Shows this token from now on; NULL: none. Takes it over. */
static void show(struct stage *s, char *take_token)
{
	token_free(s->token);
	s->token = take_token;
}

/* What the member `token` of the answer says; the caller frees. */
static char *told_token(struct stage *s)
{
	static const char begin_text[] = "\"token\":\"";
	const char *at = strstr(body(s), begin_text);
	assert_non_null(at);
	return mem_strndup(at + strlen(begin_text), 48);
}

static char *make_user(struct stage *s, const char *name, const char *role, const char *more)
{
	CLEANUP(freep)
	char *text = str_printf("{\"name\":\"%s\",\"role\":\"%s\"%s}", name, role, more);
	ask(s, "POST /v1/users", "Content-Type: application/json\r\n", text);
	run_until(s, is_complete);
	assert_int_equal(status(s), 201);
	return told_token(s);
}

static char *make_zhost(struct stage *s, const char *name)
{
	CLEANUP(freep) char *request = str_printf("POST /v1/zhosts/%s/token", name);
	assert_int_equal(get(s, request), 200);
	return told_token(s);
}

static void nobody_gets_anything_that_is_not_open(void **state)
{
	struct stage *s = *state;
	size_t count = 0, open = 0;
	const struct http_route *routes = api_routes(&count);
	for (size_t k = 0; k < count; k++) {
		bool is_open = routes[k].needs == ACCESS_NOBODY;
		open += is_open;
		attempts_done(&s->zrms.access.attempts); /* otherwise it waits */
		show(s, NULL);
		assert_int_equal(ask_route(s, &routes[k]) == 401, !is_open);
		show(s, token_new(TOKEN_OF_PERSON)); /* of another cluster, or made up */
		assert_int_equal(ask_route(s, &routes[k]) == 401, !is_open);
		show(s, mem_strdup("secret"));
		assert_int_equal(ask_route(s, &routes[k]) == 401, !is_open);
	}
	/* /, the console's files, the manual (three), health, the description of the interface, joining, signing in */
	assert_int_equal(open, 9);
}

static void a_role_gets_what_it_covers_and_nothing_else(void **state)
{
	struct stage *s = *state;
	size_t count = 0;
	const struct http_route *routes = api_routes(&count);
	char *tokens[] = {make_user(s, "ann", "viewer", ""),
			  make_user(s, "bob", "operator", ""), make_zhost(s, "edge-1")};
	static const enum access_role roles[] = {ACCESS_VIEWER, ACCESS_OPERATOR, ACCESS_ZHOST};
	for (size_t who = 0; who < ARRAY_SIZE(roles); who++) {
		show(s, tokens[who]);
		for (size_t k = 0; k < count; k++) {
			bool may = access_covers(roles[who], (enum access_role)routes[k].needs);
			int answer = ask_route(s, &routes[k]);
			assert_int_not_equal(answer, 401);
			assert_int_equal(answer == 403, !may);
		}
	}
}

static void what_belongs_to_no_topology_needs_an_administrator_to_change(void **state)
{
	size_t count = 0;
	const struct http_route *routes = api_routes(&count);
	(void)state;
	for (size_t k = 0; k < count; k++) {
		/* Secrets are of topologies, too; the key of them is not. */
		bool is_of_topology = str_has_prefix(routes[k].pattern, "/v1/topologies") ||
				      strcmp(routes[k].pattern, "/v1/secrets") == 0 ||
				      strcmp(routes[k].pattern, "/v1/secrets/{name}") == 0;
		if (strcmp(routes[k].pattern, "/v1/join") == 0 ||
		    strcmp(routes[k].pattern, "/v1/sign-in") == 0 ||
		    strcmp(routes[k].pattern, "/v1/sign-in-codes") == 0 ||
		    strcmp(routes[k].pattern, "/v1/session") == 0)
			continue; /* what is shown is the proof; of oneself */
		if (strcmp(routes[k].method, "GET") != 0)
			assert_int_equal(routes[k].needs,
					 is_of_topology ? ACCESS_OPERATOR : ACCESS_ADMIN);
		else if (str_has_prefix(routes[k].pattern, "/v1/users"))
			assert_int_equal(routes[k].needs, ACCESS_ADMIN);
	}
}

static void names_hide_what_they_do_not_match(void **state)
{
	struct stage *s = *state;
	stage_submit(
		s, "shop",
		"- {name: web, type: CALL, placement: {constraints: [\"zhost == n1\"]}}\n");
	stage_submit(s, "bank", "- {name: vault, type: CALL}\n");
	stage_join(s, "n1");
	show(s, make_user(s, "ann", "viewer", ",\"topologies\":[\"shop*\"]"));
	static const char *const lists[] = {"GET /v1/topologies",
					    "GET /v1/spaces",
					    "GET /v1/mesh/spaces",
					    "GET /v1/events?stream=0",
					    "GET /v1/topologies/shop",
					    "GET /v1/zhosts",
					    "GET /v1/topologies/shop/explain"};
	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		assert_int_equal(get(s, lists[k]), 200);
		assert_null(strstr(body(s), "bank"));
		assert_null(strstr(body(s), "vault"));
	}
	assert_int_equal(get(s, "GET /v1/topologies/bank"), 404);
	assert_non_null(strstr(body(s), "no topology 'bank'"));
	assert_int_equal(get(s, "GET /v1/topologies/bank/spaces"), 404);
	assert_int_equal(get(s, "GET /v1/topologies/bank/spaces/vault"), 404);
	assert_int_equal(get(s, "GET /v1/spaces?topology=bank"), 404);
	assert_int_equal(get(s, "GET /v1/events?stream=0&topology=bank"), 404);
}

static void an_operator_of_some_names_changes_nothing_else(void **state)
{
	struct stage *s = *state;
	stage_submit(s, "bank", "- {name: vault, type: CALL}\n");
	show(s, make_user(s, "bob", "operator", ",\"topologies\":[\"shop*\"]"));
	assert_int_equal(get(s, "POST /v1/topologies/bank/stop"), 404);
	assert_int_equal(get(s, "DELETE /v1/topologies/bank"), 404);
	assert_int_equal(get(s, "GET /v1/topologies/bank/logs?path=vault"), 404);
}

static void a_viewer_sees_no_values(void **state)
{
	struct stage *s = *state;
	stage_submit(s, "shop", "- {name: web, type: CALL, exports: {greeting: hello}}\n");
	stage_join(s, "n1");
	show(s, make_user(s, "ann", "viewer", ""));
	assert_int_equal(get(s, "GET /v1/spaces"), 200);
	assert_null(strstr(body(s), "hello"));
}

static void a_token_that_was_replaced_or_removed_opens_nothing(void **state)
{
	struct stage *s = *state;
	CLEANUP(token_freep) char *admin = mem_strdup(s->token);
	CLEANUP(token_freep) char *first = make_user(s, "ann", "viewer", "");
	assert_int_equal(get(s, "POST /v1/users/ann/token"), 200);
	CLEANUP(token_freep) char *second = told_token(s);
	show(s, mem_strdup(first));
	assert_int_equal(get(s, "GET /v1/cluster"), 401);
	show(s, mem_strdup(second));
	assert_int_equal(get(s, "GET /v1/cluster"), 200);
	show(s, mem_strdup(admin));
	assert_int_equal(get(s, "DELETE /v1/users/ann"), 204);
	show(s, mem_strdup(second));
	assert_int_equal(get(s, "GET /v1/cluster"), 401);
}

static void what_is_asked_wrongly_of_users_is_refused(void **state)
{
	struct stage *s = *state;
	static const struct {
		const char *body;
		int status;
		const char *message;
	} wrongs[] = {
		{"{\"name\":\"ann\",\"role\":\"king\"}", 422,
		 "the role is unknown: expected viewer, operator or admin"},
		{"{\"name\":\"Ann!\",\"role\":\"viewer\"}", 422, "'Ann!' is no name"},
		{"{\"name\":\"operator\",\"role\":\"admin\"}", 422,
		 "is taken by the administrator"},
		{"{\"name\":\"ann\",\"role\":\"admin\",\"topologies\":[\"shop\"]}", 422,
		 "names of topologies limit viewers and operators"},
		{"{\"name\":\"ann\",\"role\":\"viewer\",\"topologies\":[\"SHOP\"]}", 422,
		 "'SHOP' is no pattern of names"},
		{"{\"name\":\"ann\",\"role\":\"viewer\",\"ttl\":\"soon\"}", 422,
		 "ttl is no duration"},
		{"{\"name\":\"bob\",\"role\":\"viewer\"}", 409, "there is a user bob"},
	};
	token_free(make_user(s, "bob", "viewer", ""));
	for (size_t k = 0; k < ARRAY_SIZE(wrongs); k++) {
		ask(s, "POST /v1/users", "Content-Type: application/json\r\n", wrongs[k].body);
		run_until(s, is_complete);
		assert_int_equal(status(s), wrongs[k].status);
		assert_non_null(strstr(body(s), wrongs[k].message));
	}
	assert_int_equal(get(s, "DELETE /v1/users/nobody"), 404);
	assert_int_equal(get(s, "POST /v1/users/nobody/token"), 404);
	assert_int_equal(get(s, "GET /v1/users"), 200);
	assert_non_null(strstr(body(s), "\"bob\""));
	assert_null(strstr(body(s), "token"));
}

static void move_to(struct stage *s, const char *text)
{
	ask(s, "POST /v1/topologies/shop/spaces/web/move", "Content-Type: application/json\r\n",
	    text);
	run_until(s, is_complete);
	assert_true(status(s) >= 400);
}

/* Neither is a name told that they have not written, nor that one that they have written is there. */
static void refusals_tell_of_no_hidden_names(void **state)
{
	struct stage *s = *state;
	stage_submit(s, "bank", "- {name: vault, type: CALL}\n");
	stage_submit(s, "shop", "- {name: web, type: CALL}\n");
	stage_join(s, "n1");
	show(s, make_user(s, "bob", "operator", ",\"topologies\":[\"shop*\"]"));
	assert_int_equal(get(s, "GET /v1/topologies/bank"), 404);
	assert_non_null(strstr(body(s), "no topology 'bank'"));
	assert_int_equal(get(s, "GET /v1/topologies/bonk"), 404);
	assert_non_null(strstr(body(s), "no topology 'bonk'"));
	move_to(s, "{\"zhost\":\"bank\"}");
	assert_non_null(strstr(body(s), "bank"));
	assert_null(strstr(body(s), "another topology"));
	move_to(s, "{\"zhost\":\"\\u0062ank\"}");
	assert_null(strstr(body(s), "bank"));
	assert_null(strstr(body(s), "another topology"));
}

static void what_is_refused_because_of_others_does_not_name_them(void **state)
{
	struct stage *s = *state;
	char *names[] = {(char[]){"shop*"}};
	const struct principal bob = {.name = names[0],
				      .role = ACCESS_OPERATOR,
				      .topologies = names,
				      .topology_count = 1};
	stage_submit(s, "bank", "- {name: vault, type: CALL}\n");
	CLEANUP(freep)
	char *other = mask_text(s->zrms.control, &bob, "n1 is held by bank/vault-1", "n1 web");
	assert_string_equal(other, "n1 is held by another topology");
	assert_null(
		mask_text(s->zrms.control, &bob, "no zhost bank", "web\n{\"zhost\":\"bank\"}"));
	CLEANUP(freep) char *part = mask_text(s->zrms.control, &bob, "no bank", "bank-2 xbank");
	assert_string_equal(part, "no another topology");
}

/* A topology that bears the name of a code hides no code. */
static void codes_of_reasons_are_no_names(void **state)
{
	struct stage *s = *state;
	char *names[] = {(char[]){"shop*"}};
	const struct principal bob = {.name = names[0],
				      .role = ACCESS_OPERATOR,
				      .topologies = names,
				      .topology_count = 1};
	stage_submit(s, "no-place", "- {name: vault, type: CALL}\n");
	Samoza__V1__PlacementView *view = (Samoza__V1__PlacementView *)schema_message_new(
		&samoza__v1__placement_view__descriptor);
	view->why = mem_strdup("api waits for no-place");
	view->failure_code = mem_strdup("no-place");
	mask_message(s->zrms.control, &bob, &view->base);
	assert_string_equal(view->why, "api waits for another topology");
	assert_string_equal(view->failure_code, "no-place");
	schema_message_free(&view->base);
}

static void metrics_are_open_where_the_settings_say_so(void **state)
{
	struct stage *s = *state;
	show(s, NULL);
	assert_int_equal(get(s, "GET /metrics"), 401);
	s->zrms.settings.metrics = (char[]){"public"};
	assert_int_equal(get(s, "GET /metrics"), 200);
	assert_int_equal(get(s, "GET /v1/cluster"), 401);
	s->zrms.settings.metrics = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_gets_anything_that_is_not_open),
		TEST(a_role_gets_what_it_covers_and_nothing_else),
		TEST(what_belongs_to_no_topology_needs_an_administrator_to_change),
		TEST(names_hide_what_they_do_not_match),
		TEST(an_operator_of_some_names_changes_nothing_else),
		TEST(refusals_tell_of_no_hidden_names),
		TEST(what_is_refused_because_of_others_does_not_name_them),
		TEST(codes_of_reasons_are_no_names),
		TEST(metrics_are_open_where_the_settings_say_so),
		TEST(a_viewer_sees_no_values),
		TEST(a_token_that_was_replaced_or_removed_opens_nothing),
		TEST(what_is_asked_wrongly_of_users_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
