/*
 * The REST interface of zrms without a zrms: its handlers, the core and the HTTP server on one loop, with
 * a store that answers when the test lets it. Above all what is asked wrongly.
 */
#include "api_stage.h"

#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/artifact/directory.h"

/* ---- requests that are wrong ---- */

struct wrong {
	const char *request, *header, *body;
	int status;
	const char *code, *message;
};

#define JSON "Content-Type: application/json\r\n"

/* clang-format off */
static const struct wrong wrongs[] = {
	{"GET /v1/nothing", NULL, NULL, 404, "not-found", "nothing at /v1/nothing"},
	{"POST /v1/cluster", NULL, NULL, 405, "invalid", "method POST not allowed: expected GET"},
	{"GET /v1/topologies/none", NULL, NULL, 404, "not-found", "no topology 'none'"},
	{"GET /v1/topologies/shop?color=red", NULL, NULL, 400, "invalid", "unknown query parameter 'color': expected none"},
	{"GET /v1/topologies?state=asleep", NULL, NULL, 400, "invalid", "unknown state 'asleep': expected one of pending, running, degraded, stopped, failed"},
	{"GET /v1/topologies?state=running,", NULL, NULL, 400, "invalid", "unknown state '': expected one of pending, running, degraded, stopped, failed"},
	{"GET /v1/spaces?state=running", NULL, NULL, 400, "invalid", "unknown state 'running': expected one of not-deployed, deploying, deployed-stopped, unresolved, waiting-for-ancestor, starting, deployed-started, stopping, undeploying, failed"},
	{"GET /v1/spaces?zhost=nowhere", NULL, NULL, 404, "not-found", "no zhost nowhere"},
	{"GET /v1/spaces?topology=none", NULL, NULL, 404, "not-found", "no topology 'none'"},
	{"GET /v1/zhosts?state=failed", NULL, NULL, 400, "invalid", "unknown state 'failed': expected one of not-deployed, deploying, deployed-started, undeploying, problem"},
	{"GET /v1/zhosts?label=region", NULL, NULL, 400, "invalid", "invalid label 'region': expected NAME=VALUE, such as region=eu"},
	{"GET /v1/topologies/%ff", NULL, NULL, 400, "invalid", "control characters or invalid UTF-8 in the URL"},
	{"GET /v1/zhosts/%00", NULL, NULL, 400, "invalid", "control characters or invalid UTF-8 in the URL"},
	{"GET /v1/topologies?name=a%0Ab", NULL, NULL, 400, "invalid", "control characters or invalid UTF-8 in the URL"},
	{"POST /v1/topologies?start=maybe", NULL, "", 400, "invalid", "invalid value 'maybe' for start: expected 0, 1, true or false"},
	{"POST /v1/topologies?dry_run=2", NULL, "", 400, "invalid", "invalid value '2' for dry_run: expected 0, 1, true or false"},
	{"POST /v1/topologies?start=", NULL, "", 400, "invalid", "invalid value '' for start: expected 0, 1, true or false"},
	{"POST /v1/topologies", NULL, "", 422, "invalid", "not a ZIP archive: only 0 bytes"},
	{"POST /v1/topologies", NULL, "not a package", 422, "invalid", "not a ZIP archive: only 13 bytes"},
	{"DELETE /v1/topologies/shop?data=yes", NULL, NULL, 400, "invalid", "invalid value 'yes' for data: expected 0, 1, true or false"},
	{"DELETE /v1/topologies/shop", NULL, NULL, 409, "conflict", "cannot remove shop: it is pending with 1 instance not unloaded; stop it first"},
	{"DELETE /v1/topologies/shop", NULL, "body", 400, "invalid", "unexpected body: expected none"},
	{"POST /v1/topologies/none/stop", NULL, NULL, 404, "not-found", "no topology 'none'"},
	{"POST /v1/topologies/shop/start-all?path=none", NULL, NULL, 404, "not-found", "no instance shop/none"},
	{"GET /v1/topologies/shop/explain?path=none", NULL, NULL, 404, "not-found", "no instance shop/none"},
	{"GET /v1/topologies/shop/spaces/none", NULL, NULL, 404, "not-found", "no instance shop/none"},
	{"GET /v1/topologies/shop/logs?path=web&lines=many", NULL, NULL, 400, "invalid", "invalid value 'many' for lines: expected a number up to 10000"},
	{"GET /v1/topologies/shop/logs?path=web&lines=10001", NULL, NULL, 400, "invalid", "invalid value '10001' for lines: expected a number up to 10000"},
	{"GET /v1/topologies/shop/logs?path=web&follow=ever", NULL, NULL, 400, "invalid", "invalid value 'ever' for follow: expected 0, 1, true or false"},
	{"GET /v1/topologies/shop/logs?path=none", NULL, NULL, 404, "not-found", "no instance shop/none"},
	{"GET /v1/topologies/shop/logs?path=web", NULL, NULL, 409, "conflict", "shop/web has never been placed, so there is no log of it"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, NULL, 400, "invalid", "not valid JSON: unexpected end of the text"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, "", 400, "invalid", "not valid JSON: unexpected end of the text"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, "goal", 400, "invalid", "not valid JSON: expected a value"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, "{}", 400, "invalid", "missing 'goal' in goal request"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, "[]", 400, "invalid", "expected a mapping with the keys of a goal request, found a list"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, "{\"goal\":7}", 422, "invalid", "'7' cannot be a goal: ask for deployed-started, deployed-stopped or not-deployed"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, "{\"goal\":\"deployed-started\",\"x\":1}", 400, "invalid", "unknown key 'x' in goal request; known: goal, command"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, "{\"goal\":\"asleep\"}", 422, "invalid", "'asleep' cannot be a goal: ask for deployed-started, deployed-stopped or not-deployed"},
	{"PUT /v1/topologies/shop/spaces/none/goal", JSON, "{\"goal\":\"not-deployed\"}", 404, "not-found", "no instance shop/none"},
	{"POST /v1/topologies/shop/spaces/web/move", JSON, "", 400, "invalid", "not valid JSON: unexpected end of the text"},
	{"POST /v1/topologies/shop/spaces/web/move", JSON, "{\"to\":\"n1\"}", 400, "invalid", "unknown key 'to' in move request; known: zhost"},
	{"POST /v1/topologies/shop/spaces/none/move", JSON, "{}", 404, "not-found", "no instance shop/none"},
	{"PUT /v1/topologies/none/spaces/web/goal", JSON, "{\"goal\":\"not-deployed\"}", 404, "not-found", "no topology 'none'"},
	{"GET /v1/events?stream=0&after=-1", NULL, NULL, 400, "invalid", "invalid value '-1' for after: expected a number up to 9223372036854775807"},
	{"GET /v1/events?stream=0&after=", NULL, NULL, 400, "invalid", "invalid value '' for after: expected a number up to 9223372036854775807"},
	{"GET /v1/events?stream=0&after=18446744073709551615", NULL, NULL, 400, "invalid", "invalid value '18446744073709551615' for after: expected a number up to 9223372036854775807"},
	{"GET /v1/events?stream=0&limit=10001", NULL, NULL, 400, "invalid", "invalid value '10001' for limit: expected a number up to 10000"},
	{"GET /v1/events?stream=often", NULL, NULL, 400, "invalid", "invalid value 'often' for stream: expected 0, 1, true or false"},
	{"GET /v1/events?stream=0&topology=none", NULL, NULL, 404, "not-found", "no topology 'none'"},
	{"GET /v1/artifacts/sha256/none", NULL, NULL, 404, "not-found", "no artifact 'none'"},
	{"GET /v1/artifacts/sha256/..%2f..%2flock", NULL, NULL, 404, "not-found", "no artifact '../../lock'"},
	{"GET /v1/artifacts/sha256/" UNKNOWN_DIGEST, NULL, NULL, 404, "not-found", "no artifact '" UNKNOWN_DIGEST "'"},
	{"GET /v1/spaces?limit=0", NULL, NULL, 400, "invalid", "invalid value '0' for limit: expected 1 or more"},
	{"GET /v1/spaces?limit=-1", NULL, NULL, 400, "invalid", "invalid value '-1' for limit: expected a number up to 100000"},
	{"GET /v1/spaces?after=web", NULL, NULL, 400, "invalid", "invalid value 'web' for after: expected the 'next' of the previous page"},
	{"GET /v1/topologies?after=1.x", NULL, NULL, 400, "invalid", "invalid value '1.x' for after: expected the 'next' of the previous page"},
	{"GET /v1/zhosts/none", NULL, NULL, 404, "not-found", "no zhost none"},
	{"POST /v1/zhosts/none/cordon", NULL, NULL, 404, "not-found", "no zhost none"},
	{"POST /v1/zhosts/none/uncordon", NULL, NULL, 404, "not-found", "no zhost none"},
	{"POST /v1/zhosts/none/drain", JSON, "{}", 404, "not-found", "no zhost none"},
	{"POST /v1/zhosts/none/drain", JSON, "", 400, "invalid", "not valid JSON: unexpected end of the text"},
	{"POST /v1/zhosts/none/drain", JSON, "{\"deadline\":\"0s\"}", 422, "invalid", "the deadline must be more than 0s, and at most 30d"},
	{"POST /v1/zhosts/none/drain", JSON, "{\"until\":\"9m\"}", 400, "invalid", "unknown key 'until' in drain request; known: deadline, force"},
	{"DELETE /v1/zhosts/none", NULL, NULL, 404, "not-found", "no zhost none"},
	{"GET /v1/link", NULL, NULL, 426, "invalid", "this path is for zhosts: expected the header Upgrade: samoza-link/1"},
	{"GET /v1/link", "Upgrade: websocket\r\n", NULL, 426, "invalid", "this path is for zhosts: expected the header Upgrade: samoza-link/1"},
};
/* clang-format on */

static bool is_refused(struct stage *s, int expected, const char *code, const char *message)
{
	CLEANUP(freep)
	char *error =
		str_printf("{\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"details\":[]}}",
			   code, message);
	return status(s) == expected && strcmp(body(s), error) == 0;
}

/* Whether "/v1/a/{path*}/b" is the pattern of the path, which ends with the text or at '?'. */
static bool is_pattern_of(const char *pattern, const char *path)
{
	while (*pattern != '\0' && *pattern == *path) {
		pattern++;
		path++;
	}
	if (*pattern != '{')
		return *pattern == '\0' && (*path == '\0' || *path == '?');
	return is_pattern_of(strchr(pattern, '}') + 1, path + strcspn(path, "/?"));
}

/* NULL: none is asked for. */
static const struct http_route *route_of(const char *request)
{
	size_t count = 0, method = strcspn(request, " ");
	const struct http_route *routes = api_routes(&count);
	for (size_t i = 0; i < count; i++)
		if (strncmp(request, routes[i].method, method) == 0 &&
		    is_pattern_of(routes[i].pattern, request + method + 1))
			return &routes[i];
	return NULL;
}

/* What a client was told that it may meet. */
static void every_refusal_is_in_the_description(void **state)
{
	static const char *const always[] = {"400", "403", "500", "503"};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrongs); i++) {
		const struct http_route *route = route_of(wrongs[i].request);
		CLEANUP(freep) char *code = str_printf("%d", wrongs[i].status);
		if (route == NULL || route->summary == NULL)
			continue;
		bool is_told = route->refusals != NULL && strstr(route->refusals, code) != NULL;
		for (size_t k = 0; k < ARRAY_SIZE(always); k++)
			is_told = is_told || str_equal(always[k], code);
		if (!is_told)
			fail_msg("%s: %s", wrongs[i].request, code);
	}
}

static void a_wrong_request_is_refused_with_a_reason(void **state)
{
	struct stage *s = *state;
	unsigned failures = 0;
	for (size_t i = 0; i < ARRAY_SIZE(wrongs); i++) {
		const struct wrong *w = &wrongs[i];
		ask(s, w->request, w->header != NULL ? w->header : "", w->body);
		run_until(s, is_complete);
		if (is_refused(s, w->status, w->code, w->message))
			continue;
		print_error("%s %s\n   expected %d %s: %s\n   got      %d %s\n", w->request,
			    w->body != NULL ? w->body : "", w->status, w->code, w->message,
			    status(s), body(s));
		failures++;
	}
	assert_int_equal(failures, 0);
	assert_int_equal(api_waiting(s->zrms.api), 0);
}

/* A body that is too large is refused before it is read. */
static void an_upload_that_is_too_large_is_refused(void **state)
{
	struct stage *s = *state;
	ask(s, "POST /v1/topologies", "Content-Length: 8193\r\n", NULL);
	run_until(s, is_complete);
	assert_int_equal(status(s), 413);
}

/* Larger than options.memory_max: it comes as a file. */
static void a_large_upload_that_is_not_a_package_is_refused(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *junk = mem_calloc(1, 5001);
	memset(junk, 'x', 5000);
	ask(s, "POST /v1/topologies", "", junk);
	run_until(s, is_complete);
	assert_int_equal(status(s), 422);
}

/* ---- requests that are right ---- */

static char *path_of(const struct http_route *route)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(ANSWER_MAX);
	for (const char *at = route->pattern; *at != '\0';) {
		if (*at != '{') {
			assert_int_equal(buffer_add(&b, at++, 1), 0);
			continue;
		}
		const char *value = at[1] == 'i' ? "shop" : at[1] == 'r' ? "1" : "web";
		assert_int_equal(buffer_add_string(&b, value), 0);
		at = strchr(at, '}') + 1;
	}
	return buffer_steal(&b);
}

static void every_route_that_shows_a_view_answers_with_one(void **state)
{
	struct stage *s = *state;
	size_t count = 0, asked = 0;
	const struct http_route *routes = api_routes(&count);
	for (size_t i = 0; i < count; i++) {
		/* A log needs a zhost, as does the zhost itself. */
		if (strcmp(routes[i].method, "GET") != 0 || routes[i].answer_type == NULL ||
		    strstr(routes[i].pattern, "logs") != NULL ||
		    strstr(routes[i].pattern, "ping") != NULL ||
		    strstr(routes[i].pattern, "{name}") != NULL)
			continue;
		CLEANUP(freep) char *path = path_of(&routes[i]);
		const char *query = strcmp(path, "/v1/events") == 0 ? "?stream=0" : "";
		CLEANUP(freep) char *request = str_printf("GET %s%s", path, query);
		if (get(s, request) != 200 || body(s)[0] != '{')
			fail_msg("%s: %s", request, s->received.data);
		assert_non_null(strstr(s->received.data, "Cache-Control: no-store"));
		asked++;
	}
	assert_true(asked >= 9);
}

static bool is_change_waiting(struct stage *s)
{
	return api_waiting(s->zrms.api) == 1 && sim_store_waiting(s->zrms.store) == 1;
}

static void a_change_is_answered_when_it_is_durable(void **state)
{
	struct stage *s = *state;
	s->holds = true;
	ask(s, "PUT /v1/topologies/shop/spaces/web/goal", JSON, "{\"goal\":\"not-deployed\"}");
	run_until(s, is_change_waiting);
	assert_false(s->is_complete);
	answer_all(s);
	run_until(s, is_complete);
	assert_int_equal(status(s), 200);
	assert_non_null(strstr(body(s), "\"goal\":\"not-deployed\""));
	assert_int_equal(api_waiting(s->zrms.api), 0);
}

static bool is_change_handled(struct stage *s)
{
	return api_waiting(s->zrms.api) == 1;
}

/* Both changes are of one batch; of another, the second one is not shown (test_api_answers.c). */
static void a_change_that_another_undid_at_once_is_said_to_be_done(void **state)
{
	struct stage *s = *state;
	Samoza__V1__CredentialRecord ann = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	ann.name = (char[]){"ann"};
	ann.role = ACCESS_VIEWER;
	const struct control_input removal = {
		.type = CONTROL_CREDENTIAL,
		.credential = {.action = CREDENTIAL_REMOVE, .record = &ann}};
	s->holds = true;
	ask(s, "POST /v1/users", "Content-Type: application/json\r\n",
	    "{\"name\":\"ann\",\"role\":\"viewer\"}");
	run_until(s, is_change_handled);
	assert_int_equal(sim_store_waiting(s->zrms.store), 0);
	commit_driver_input(s->zrms.commits, &removal);
	s->holds = false;
	answer_all(s);
	run_until(s, is_complete);
	assert_int_equal(status(s), 409);
	assert_non_null(strstr(body(s), "no user ann: it was done, and removed in the same "
					"moment by another request"));
}

static bool is_read_waiting(struct stage *s)
{
	return http_server_counters(s->zrms.http).waiting == 1;
}

static void a_view_is_sent_when_what_it_shows_is_durable(void **state)
{
	struct stage *s = *state;
	const struct control_input input = {
		.type = CONTROL_GOAL,
		.goal = {.id = SHOP_ID, .path = "web", .goal = "not-deployed"}};
	s->holds = true;
	commit_driver_input(s->zrms.commits, &input);
	ask(s, "GET /v1/topologies/shop/spaces/web", "", NULL);
	run_until(s, is_read_waiting);
	assert_int_equal(sim_store_waiting(s->zrms.store), 1);
	assert_false(s->is_complete);
	answer_all(s);
	run_until(s, is_complete);
	assert_non_null(strstr(body(s), "\"goal\":\"not-deployed\""));
}

static void a_removed_topology_is_gone_but_for_its_events(void **state)
{
	struct stage *s = *state;
	assert_int_equal(get(s, "POST /v1/topologies/shop/stop"), 200);
	assert_int_equal(get(s, "DELETE /v1/topologies/5f0c7e34"), 204);
	assert_string_equal(body(s), "");
	assert_int_equal(get(s, "GET /v1/topologies/shop"), 404);
	assert_int_equal(get(s, "GET /v1/events?stream=0&topology=" SHOP_ID), 200);
	assert_non_null(strstr(body(s), "\"subject\":\"shop\""));
	assert_int_equal(get(s, "GET /v1/events?stream=0&limit=1"), 200);
	assert_null(strstr(strstr(body(s), "\"seq\"") + 1, "\"seq\""));
}

/* [shell.rest.events] */
static void events_are_chosen_among_the_newest(void **state)
{
	struct stage *s = *state;
	assert_int_equal(get(s, "GET /v1/events?stream=0&newest=1"), 200);
	assert_non_null(strstr(body(s), "\"seq\""));
	assert_null(strstr(strstr(body(s), "\"seq\"") + 1, "\"seq\""));
	/* None is a number, too: only what is new. */
	assert_int_equal(get(s, "GET /v1/events?stream=0&newest=0"), 200);
	assert_null(strstr(body(s), "\"seq\""));
}

static void an_artifact_is_served_by_its_digest(void **state)
{
	struct stage *s = *state;
	struct artifact_writer *w = NULL;
	artifact_pin(s->zrms.artifacts, UNKNOWN_DIGEST); /* of "hello" */
	assert_int_equal(artifact_put(s->zrms.artifact_store, UNKNOWN_DIGEST, &w, NULL), 0);
	assert_int_equal(artifact_write(w, "hello", 5, NULL), 0);
	assert_int_equal(artifact_finish(w, NULL), 0);
	assert_int_equal(get(s, "GET /v1/artifacts/sha256/" UNKNOWN_DIGEST), 200);
	assert_string_equal(body(s), "hello");
	assert_non_null(strstr(s->received.data, "ETag: \"" UNKNOWN_DIGEST "\""));
	assert_non_null(strstr(s->received.data, "immutable"));
	artifact_unpin(s->zrms.artifacts, UNKNOWN_DIGEST);
	assert_int_equal(get(s, "GET /v1/artifacts/sha256/" UNKNOWN_DIGEST), 404);
}

static void write_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, strlen(content), file), strlen(content));
	assert_int_equal(fclose(file), 0);
}

static void a_damaged_artifact_is_not_served_until_it_is_stored_again(void **state)
{
	struct stage *s = *state;
	static const char *const contents[] = {"HELLO", "hello"};
	artifact_pin(s->zrms.artifacts, UNKNOWN_DIGEST); /* of "hello" */
	for (size_t k = 0; k < ARRAY_SIZE(contents); k++) {
		CLEANUP(freep)
		char *path = artifact_directory_path(s->zrms.artifact_store, UNKNOWN_DIGEST);
		write_file(path, contents[k]);
		assert_int_equal(get(s, "GET /v1/artifacts/sha256/" UNKNOWN_DIGEST),
				 k == 0 ? 404 : 200);
		if (k == 0)
			assert_non_null(strstr(body(s), "is damaged: submit the package"));
		else
			assert_string_equal(body(s), "hello");
		assert_int_equal(access(path, F_OK), k == 0 ? -1 : 0);
		assert_int_equal(artifact_is_verified(s->zrms.artifacts, UNKNOWN_DIGEST), k);
	}
	/* Once in each run, unless it is touched. */
	assert_false(artifact_look(s->zrms.looks, UNKNOWN_DIGEST, NULL, NULL, NULL));
	artifact_unpin(s->zrms.artifacts, UNKNOWN_DIGEST);
}

/* Of the same size, and with its time as it was. */
static void damage(const char *path)
{
	struct stat before;
	assert_int_equal(stat(path, &before), 0);
	write_file(path, "HELLO");
	const struct timespec times[] = {before.st_atim, before.st_mtim};
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void what_is_damaged_after_a_look_is_not_served(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep)
	char *path = artifact_directory_path(s->zrms.artifact_store, UNKNOWN_DIGEST);
	artifact_pin(s->zrms.artifacts, UNKNOWN_DIGEST);
	write_file(path, "hello");
	assert_int_equal(get(s, "GET /v1/artifacts/sha256/" UNKNOWN_DIGEST), 200);
	assert_true(artifacts_holds(s->zrms.artifacts, UNKNOWN_DIGEST));
	do /* the clock of a file system goes in steps */
		damage(path);
	while (artifact_is_verified(s->zrms.artifacts, UNKNOWN_DIGEST));
	assert_false(artifacts_holds(s->zrms.artifacts, UNKNOWN_DIGEST));
	assert_int_equal(get(s, "GET /v1/artifacts/sha256/" UNKNOWN_DIGEST), 404);
	assert_non_null(strstr(body(s), "is damaged: submit the package"));
	write_file(path, "hello");
	artifact_mark_stored(s->zrms.artifacts, UNKNOWN_DIGEST);
	assert_int_equal(get(s, "GET /v1/artifacts/sha256/" UNKNOWN_DIGEST), 200);
	artifact_unpin(s->zrms.artifacts, UNKNOWN_DIGEST);
}

static bool is_looked;

static void on_looked(void *user, void *waiting, const struct error *damage)
{
	(void)user;
	(void)waiting;
	assert_null(damage);
	is_looked = true;
}

static bool was_looked_at(struct stage *s)
{
	(void)s;
	return is_looked;
}

/* What was read was damaged, but a submission has written it again. */
static void an_artifact_that_is_written_again_during_a_look_is_sound(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep)
	char *path = artifact_directory_path(s->zrms.artifact_store, UNKNOWN_DIGEST);
	write_file(path, "HELLO");
	artifact_pin(s->zrms.artifacts, UNKNOWN_DIGEST);
	is_looked = false;
	assert_true(artifact_look(s->zrms.looks, UNKNOWN_DIGEST, on_looked, NULL, NULL));
	artifact_mark_stored(s->zrms.artifacts, UNKNOWN_DIGEST);
	run_until(s, was_looked_at);
	assert_int_equal(access(path, F_OK), 0);
	artifact_unpin(s->zrms.artifacts, UNKNOWN_DIGEST);
}

static void while_zrms_ends_no_zhost_gets_a_link(void **state)
{
	struct stage *s = *state;
	assert_int_equal(get(s, "GET /healthz"), 200);
	assert_non_null(strstr(body(s), "\"status\":\"ok\""));
	s->zrms.stopping = true;
	assert_int_equal(get(s, "GET /healthz"), 200);
	assert_non_null(strstr(body(s), "\"status\":\"stopping\""));
	ask(s, "GET /v1/link", "Upgrade: samoza-link/1\r\n", NULL);
	run_until(s, is_complete);
	assert_true(is_refused(s, 503, "unavailable", "shutting down"));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_wrong_request_is_refused_with_a_reason),
		cmocka_unit_test(every_refusal_is_in_the_description),
		TEST(an_upload_that_is_too_large_is_refused),
		TEST(a_large_upload_that_is_not_a_package_is_refused),
		TEST(every_route_that_shows_a_view_answers_with_one),
		TEST(a_change_is_answered_when_it_is_durable),
		TEST(a_change_that_another_undid_at_once_is_said_to_be_done),
		TEST(a_view_is_sent_when_what_it_shows_is_durable),
		TEST(a_removed_topology_is_gone_but_for_its_events),
		TEST(events_are_chosen_among_the_newest),
		TEST(an_artifact_is_served_by_its_digest),
		TEST(a_damaged_artifact_is_not_served_until_it_is_stored_again),
		TEST(what_is_damaged_after_a_look_is_not_served),
		TEST(an_artifact_that_is_written_again_during_a_look_is_sound),
		TEST(while_zrms_ends_no_zhost_gets_a_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
