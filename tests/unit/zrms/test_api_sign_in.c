/* Signing in over REST: codes, cookies, and what changes show besides. */
#include "api_stage.h"

#include <stdlib.h>
#include <string.h>

#include "zrms/api_handlers.h"
#include "zrms/session_cookie.h"

/* The text between `before` and `end` in the answer; the caller frees. */
static char *told(struct stage *s, const char *before, char end)
{
	const char *at = strstr(s->received.data, before);
	assert_non_null(at);
	at += strlen(before);
	return mem_strndup(at, strcspn(at, (char[]){end, '\0'}));
}

static int ask_json(struct stage *s, const char *request, const char *header, const char *json)
{
	CLEANUP(freep) char *all = str_printf("Content-Type: application/json\r\n%s", header);
	ask(s, request, all, json);
	run_until(s, is_complete);
	return status(s);
}

static int ask_with(struct stage *s, const char *request, const char *header)
{
	ask(s, request, header, NULL);
	run_until(s, is_complete);
	return status(s);
}

static char *new_code(struct stage *s)
{
	assert_int_equal(ask_with(s, "POST /v1/sign-in-codes", ""), 201);
	return told(s, "\"code\":\"", '"');
}

static int sign_in(struct stage *s, const char *what, const char *secret)
{
	CLEANUP(freep) char *json = str_printf("{\"%s\":\"%s\"}", what, secret);
	char *token = steal_ptr(&s->token);
	int answer = ask_json(s, "POST /v1/sign-in", "", json);
	s->token = token;
	return answer;
}

/* Of the answer to a sign-in: the header that shows its cookie, and the one with its word. */
static char *cookie_of(struct stage *s)
{
	CLEANUP(freep) char *cookie = told(s, "Set-Cookie: ", ';');
	return str_printf("Cookie: other=1; %s; more=2\r\n", cookie);
}

static char *word_of(struct stage *s)
{
	CLEANUP(freep) char *word = told(s, "\"word\":\"", '"');
	return str_printf(SESSION_WORD_HEADER ": %s\r\n", word);
}

static void a_code_becomes_a_cookie_once(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *code = new_code(s);
	assert_int_equal(sign_in(s, "code", code), 200);
	assert_non_null(strstr(s->received.data, "HttpOnly; SameSite=Strict"));
	assert_null(strstr(s->received.data, "Secure"));
	assert_non_null(strstr(s->received.data, "Max-Age=43200"));
	CLEANUP(freep) char *cookie = cookie_of(s);
	assert_int_equal(sign_in(s, "code", code), 401);
	token_free(steal_ptr(&s->token));
	assert_int_equal(ask_with(s, "GET /v1/topologies", cookie), 200);
	assert_int_equal(ask_with(s, "GET /v1/session", cookie), 200);
	assert_non_null(strstr(body(s), "\"user\":\"operator\",\"role\":\"admin\""));
	assert_null(strstr(body(s), "word"));
	assert_int_equal(ask_with(s, "GET /v1/topologies", ""), 401);
	/* What is read is not in the audit, also when its session is over. */
	CLEANUP(freep)
	char *wrong = mem_strdup(cookie);
	char *secret = strstr(wrong, "smzs_") + strlen("smzs_");
	*secret = *secret == 'x' ? 'y' : 'x';
	assert_int_equal(ask_with(s, "GET /v1/topologies", wrong), 401);
	assert_non_null(strstr(s->received.data, "Max-Age=0"));
}

static void changes_by_a_session_show_its_word(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *code = new_code(s);
	assert_int_equal(sign_in(s, "code", code), 200);
	CLEANUP(freep) char *cookie = cookie_of(s);
	CLEANUP(freep) char *word = word_of(s);
	CLEANUP(freep) char *both = str_printf("%s%s", cookie, word);
	CLEANUP(freep) char *other_code = new_code(s);
	assert_int_equal(sign_in(s, "code", other_code), 200);
	CLEANUP(freep) char *other_word = word_of(s);
	CLEANUP(freep) char *mixed = str_printf("%s%s", cookie, other_word);
	token_free(steal_ptr(&s->token));
	static const char user[] = "{\"name\":\"ann\",\"role\":\"viewer\"}";
	assert_int_equal(ask_json(s, "POST /v1/users", cookie, user), 403);
	assert_int_equal(ask_json(s, "POST /v1/users", mixed, user), 403);
	assert_int_equal(ask_with(s, "GET /v1/backup", cookie), 403);
	assert_int_equal(ask_with(s, "DELETE /v1/session", cookie), 403);
	assert_int_equal(ask_json(s, "POST /v1/users", both, user), 201);
	/* And no page of another origin. */
	CLEANUP(freep) char *foreign = str_printf("%sOrigin: http://127.0.0.1:9\r\n", both);
	assert_int_equal(ask_json(s, "POST /v1/users", foreign, user), 403);
	/* A session makes no further ones. */
	assert_int_equal(ask_with(s, "POST /v1/sign-in-codes", both), 403);
	assert_int_equal(ask_with(s, "DELETE /v1/session", both), 204);
	assert_non_null(strstr(s->received.data, "Max-Age=0"));
	assert_int_equal(ask_with(s, "GET /v1/topologies", cookie), 401);
}

static void a_session_is_worth_what_its_token_is(void **state)
{
	struct stage *s = *state;
	assert_int_equal(
		ask_json(s, "POST /v1/users", "",
			 "{\"name\":\"ann\",\"role\":\"viewer\",\"topologies\":[\"shop\"]}"),
		201);
	CLEANUP(freep) char *ann = told(s, "\"token\":\"", '"');
	assert_int_equal(sign_in(s, "token", ann), 200);
	assert_non_null(strstr(body(s), "\"user\":\"ann\",\"role\":\"viewer\""));
	CLEANUP(freep) char *cookie = cookie_of(s);
	assert_int_equal(get(s, "GET /v1/sessions"), 200);
	assert_non_null(strstr(body(s), "\"user\":\"ann\""));
	CLEANUP(freep) char *id = told(s, "\"id\":\"", '"');
	char *token = steal_ptr(&s->token);
	assert_int_equal(ask_with(s, "GET /v1/topologies", cookie), 200);
	assert_int_equal(ask_with(s, "GET /v1/users", cookie), 403);
	s->token = token;
	CLEANUP(freep) char *end_it = str_printf("DELETE /v1/sessions/%s", id);
	assert_int_equal(get(s, end_it), 204);
	assert_int_equal(get(s, end_it), 404);
	assert_int_equal(ask_with(s, "GET /v1/topologies", cookie),
			 200); /* the token goes before it */
	assert_int_equal(sign_in(s, "token", ann), 200);
	CLEANUP(freep) char *again = cookie_of(s);
	assert_int_equal(get(s, "POST /v1/users/ann/token"), 200);
	token = steal_ptr(&s->token);
	assert_int_equal(ask_with(s, "GET /v1/topologies", cookie), 401);
	assert_int_equal(ask_with(s, "GET /v1/topologies", again), 401);
	s->token = token;
	assert_int_equal(sign_in(s, "token", ann), 401);
}

static void what_proves_nothing_is_refused_and_in_the_audit(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *code = new_code(s);
	static const char *const wrong[] = {"{}", "{\"code\":\"x\",\"token\":\"y\"}", "[]",
					    "{"};
	for (size_t k = 0; k < ARRAY_SIZE(wrong); k++)
		assert_in_range(ask_json(s, "POST /v1/sign-in", "", wrong[k]), 400, 422);
	assert_int_equal(sign_in(s, "code", "smzc_short"), 401);
	assert_int_equal(sign_in(s, "token", code), 401); /* each is for its own */
	CLEANUP(freep) char *as_token = str_printf("Authorization: Bearer %s\r\n", code);
	char *token = steal_ptr(&s->token);
	assert_int_equal(ask_with(s, "GET /v1/topologies", as_token), 401);
	s->token = token;
	assert_int_equal(sign_in(s, "code", code), 200);
	assert_int_equal(get(s, "GET /v1/audit"), 200);
	assert_non_null(
		strstr(body(s), "\"action\":\"sign in with a code\",\"outcome\":\"done\""));
	assert_non_null(strstr(body(s), "the code or token is not known here"));
	assert_null(strstr(body(s), "smzc_"));
	assert_int_equal(get(s, "POST /v1/zhosts/n1/token"), 200);
	CLEANUP(freep) char *zhost = told(s, "\"token\":\"", '"');
	assert_int_equal(sign_in(s, "token", zhost), 403);
}

/* As with tokens: the fourth wrong one of an address within an hour waits. */
static void wrong_codes_are_answered_later_and_later(void **state)
{
	struct stage *s = *state;
	int64_t before_ms = 0;
	for (unsigned k = 0; k < 5; k++) {
		before_ms = loop_now(&s->zrms.loop).mono_ms;
		assert_int_equal(sign_in(s, "code", "smzc_wrong"), 401);
	}
	assert_true(loop_now(&s->zrms.loop).mono_ms - before_ms >= 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_code_becomes_a_cookie_once),
		TEST(changes_by_a_session_show_its_word),
		TEST(a_session_is_worth_what_its_token_is),
		TEST(what_proves_nothing_is_refused_and_in_the_audit),
		TEST(wrong_codes_are_answered_later_and_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
