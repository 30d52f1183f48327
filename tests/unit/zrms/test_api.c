/*
 * The REST interface of zrms without a zrms: its handlers, the core and the HTTP server on one loop, with
 * a store that answers when the test lets it. Above all what is asked wrongly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/artifact/directory.h"
#include "adapter/sim/sim_store.h"
#include "adapter/uv/stream_kinds.h"
#include "base/str.h"
#include "model/compile.h"
#include "schema/message.h"
#include "schema/yaml.h"
#include "zrms/api.h"
#include "zrms/api_metrics.h"
#include "zrms/api_routes.h"

#define TOPOLOGY                                                                   \
	"apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: shop}\nspaces:\n" \
	"- {name: web, type: CALL}\n"
#define SHOP_ID "5f0c7e34-8a1b-4f3e-9d5a-0123456789ab"
/* A digest that nothing refers to. */
#define UNKNOWN_DIGEST "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

enum { ANSWER_MAX = 1 << 20 };

struct stage {
	struct zrms zrms;
	struct sim_disk disk;
	struct loop_task answer; /* of a store that answers by itself */
	bool holds;		 /* the store waits for the test */
	char directory[64], trust[80], artifacts[80], files[96], spool[80];
	struct stream_transport *transport;
	/* one request */
	struct stream *stream;
	struct buffer to_send, received;
	bool is_complete;
};

/* ---- parts ---- */

static void on_record(void *user, const struct record_change *change)
{
	struct stage *s = user;
	assert_int_equal(artifacts_record(s->zrms.artifacts, change->kind, change->id,
					  change->data, change->size, NULL),
			 0);
}

static void on_event(void *user, const Samoza__V1__EventRecord *event)
{
	struct stage *s = user;
	subscribers_event(s->zrms.subscribers, event);
}

static void on_message(void *user, const struct link_message *message)
{
	struct stage *s = user;
	links_send(s->zrms.links, message);
}

static void on_answer(void *user, const struct data_change *change, struct data_answer *answer)
{
	(void)user;
	(void)change;
	(void)answer;
	fail_msg("no space asks for data");
}

static void on_reply(void *user, const struct reply *reply)
{
	struct stage *s = user;
	api_reply(s->zrms.api, reply);
}

static void on_stopped(void *user, enum commit_outcome outcome, const struct error *why)
{
	(void)user;
	(void)outcome;
	fail_msg("the store failed: %s", why->message);
}

static void on_step(void *user, enum commit_step step)
{
	struct stage *s = user;
	commit_driver_step(s->zrms.commits, step);
}

static const struct control_loop_listener commit_listener = {
	.on_record = on_record,
	.on_event = on_event,
	.on_message = on_message,
	.on_answer = on_answer,
	.on_reply = on_reply,
	.on_stopped = on_stopped,
	.on_step = on_step,
};

static void answer_all(void *user)
{
	struct stage *s = user;
	while (sim_store_waiting(s->zrms.store) > 0)
		sim_store_answer(s->zrms.store, COMMIT_DURABLE, true);
}

static void on_asked(void *user)
{
	struct stage *s = user;
	if (!s->holds)
		loop_defer(&s->zrms.loop, &s->answer);
}

static const struct links_listener links_listener = {0};

static void make_directories(struct stage *s)
{
	(void)snprintf(s->directory, sizeof(s->directory), "/tmp/samoza-api-XXXXXX");
	assert_non_null(mkdtemp(s->directory));
	(void)snprintf(s->trust, sizeof(s->trust), "%s/trust", s->directory);
	(void)snprintf(s->spool, sizeof(s->spool), "%s/spool", s->directory);
	(void)snprintf(s->artifacts, sizeof(s->artifacts), "%s/artifacts", s->directory);
	(void)snprintf(s->files, sizeof(s->files), "%s/sha256", s->artifacts);
	CLEANUP(freep) char *command = str_printf("mkdir %s %s", s->trust, s->spool);
	assert_int_equal(system(command), 0);
}

static void make_http(struct stage *s)
{
	struct http_options options = {.address = "127.0.0.1",
				       .context = &s->zrms,
				       .error_body = api_error_body,
				       .spool_dir = s->spool,
				       .loopback_only = true,
				       .memory_max = 4096,
				       .spool_max = 8192};
	options.routes = api_routes(&options.route_count);
	assert_int_equal(http_server_new(&s->zrms.loop, &options, &s->zrms.http, NULL), 0);
}

static void make_parts(struct stage *s)
{
	struct zrms *z = &s->zrms;
	const struct sim_store_hooks hooks = {.asked = on_asked, .user = s};
	const struct artifact_directory_options directory = {
		.files = s->files, .temporary = s->artifacts, .prefix = "tmp-", .mode = 0644};
	const struct submit_options submit = {.trust_directory = s->trust,
					      .allow_unsigned = true};
	z->store = sim_store_new(&s->disk, &hooks);
	z->control = control_new(&CONTROL_CONFIG_DEFAULT, "cluster");
	assert_int_equal(artifact_directory_open(&directory, &z->artifact_store, NULL), 0);
	z->artifacts = artifacts_new(z->artifact_store);
	z->commits = commit_driver_new(&z->loop, z->control, z->store, &commit_listener, s);
	z->links = links_new(&z->loop, &links_listener, s);
	z->hub = hub_new(&z->loop, z->links, NULL, NULL);
	z->logs = logs_new(&z->loop, z->links);
	z->subscribers = subscribers_new(z->store);
	z->api = api_new(z);
	assert_int_equal(submissions_new(&z->loop, z->artifacts, NULL, NULL, "no compiler",
					 &submit, &api_submit_listener, z, &z->submissions,
					 NULL),
			 0);
	make_http(s);
	assert_int_equal(commit_driver_start(z->commits, NULL), 0);
	api_register_metrics(z);
}

static void submit_shop(struct stage *s)
{
	struct diagnostics findings = {0};
	ProtobufCMessage *message = NULL;
	struct topology *topology = NULL;
	assert_int_equal(schema_read_yaml(&samoza__v1__topology__descriptor, "t.yaml", TOPOLOGY,
					  strlen(TOPOLOGY), 0, &findings, &message, NULL, NULL),
			 0);
	diagnostics_done(&findings);
	assert_int_equal(topology_compile((Samoza__V1__Topology *)message, NULL, NULL, NULL,
					  &topology, NULL),
			 0);
	Samoza__V1__RevisionRecord record = SAMOZA__V1__REVISION_RECORD__INIT;
	record.application = (char *)SHOP_ID;
	record.number = 1;
	record.package_digest = (char *)"";
	record.topology = (Samoza__V1__Topology *)message;
	const struct control_input input = {
		.type = CONTROL_SUBMIT,
		.submit = {
			.id = SHOP_ID, .topology = topology, .record = &record, .start = true}};
	commit_driver_input(s->zrms.commits, &input);
	topology_unref(topology);
	schema_message_free(message);
}

static void too_late(void *user)
{
	(void)user;
	fail_msg("nothing happened within ten seconds");
}

static void run_until(struct stage *s, bool (*is_true)(struct stage *s))
{
	struct loop_timer *limit = loop_timer_new(&s->zrms.loop, too_late, NULL);
	loop_timer_at(limit, loop_now(&s->zrms.loop).mono_ms + 10000);
	while (!is_true(s))
		(void)uv_run(loop_uv(&s->zrms.loop), UV_RUN_ONCE);
	loop_timer_free(limit);
}

static bool is_idle(struct stage *s)
{
	return commit_driver_is_idle(s->zrms.commits);
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	*state = s;
	if (sodium_init() < 0)
		return -1;
	s->answer = (struct loop_task){.fn = answer_all, .user = s};
	s->to_send = s->received = BUFFER_INIT(ANSWER_MAX);
	make_directories(s);
	assert_int_equal(loop_init(&s->zrms.loop, NULL), 0);
	make_parts(s);
	assert_int_equal(
		stream_transport_open(&s->zrms.loop, "plain", NULL, &s->transport, NULL), 0);
	submit_shop(s);
	run_until(s, is_idle);
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	struct zrms *z = &s->zrms;
	stream_close(s->stream);
	s->holds = false;
	answer_all(s);
	run_until(s, is_idle);
	commit_driver_end(z->commits);
	subscribers_end_all(z->subscribers);
	logs_end_all(z->logs);
	http_server_free(z->http);
	loop_defer_cancel(&z->loop, &s->answer);
	metric_registry_done(&z->metrics);
	commit_driver_free(z->commits);
	submissions_free(z->submissions);
	subscribers_free(z->subscribers);
	logs_free(z->logs);
	hub_free(z->hub);
	links_free(z->links);
	api_free(z->api);
	control_free(z->control);
	artifacts_free(z->artifacts);
	artifact_store_free(z->artifact_store);
	sim_store_crash(z->store, 0);
	stream_transport_free(s->transport);
	(void)uv_run(loop_uv(&z->loop), UV_RUN_NOWAIT);
	loop_done(&z->loop);
	sim_disk_done(&s->disk);
	buffer_done(&s->to_send);
	buffer_done(&s->received);
	CLEANUP(freep) char *command = str_printf("rm -rf %s", s->directory);
	int r = system(command);
	free(s);
	return r;
}

/* ---- one request ---- */

static void on_connected(void *user, struct stream *stream, const struct error *why)
{
	(void)user;
	assert_null(why);
	stream_want(stream, STREAM_READ | STREAM_WRITE);
}

static void on_writable(struct stage *s)
{
	size_t n = 0;
	if (stream_write(s->stream, s->to_send.data, s->to_send.size, &n, NULL) == 0)
		buffer_consume(&s->to_send, n);
	if (s->to_send.size == 0)
		stream_want(s->stream, STREAM_READ);
}

static bool has_whole_body(const struct stage *s)
{
	const char *length = strstr(s->received.data, "Content-Length: ");
	const char *end = strstr(s->received.data, "\r\n\r\n");
	return length != NULL && end != NULL &&
	       strlen(end + 4) >= strtoull(length + strlen("Content-Length: "), NULL, 10);
}

static void on_ready(void *user, struct stream *stream, unsigned events)
{
	struct stage *s = user;
	char chunk[4096];
	size_t n = 0;
	if ((events & STREAM_WRITE) != 0)
		on_writable(s);
	if ((events & STREAM_READ) == 0)
		return;
	if (stream_read(stream, chunk, sizeof(chunk), &n, NULL) == 1) {
		assert_int_equal(buffer_add(&s->received, chunk, n), 0);
		s->is_complete = has_whole_body(s); /* a refused upgrade stays open */
		return;
	}
	s->is_complete = true;
	stream_want(stream, 0);
}

static const struct stream_handler handler = {.connected = on_connected, .ready = on_ready};

static void ask(struct stage *s, const char *request, const char *header, const char *body)
{
	const struct stream_connect_options to = {
		.to = {"127.0.0.1", http_server_port(s->zrms.http)}, .timeout_ms = 10000};
	stream_close(s->stream);
	buffer_clear(&s->received);
	buffer_clear(&s->to_send);
	s->is_complete = false;
	assert_int_equal(buffer_printf(&s->to_send,
				       "%s HTTP/1.1\r\nHost: localhost\r\nConnection: %s\r\n",
				       request,
				       strstr(header, "Upgrade") != NULL ? "Upgrade" : "close"),
			 0);
	assert_int_equal(buffer_printf(&s->to_send, "%s", header), 0);
	if (body != NULL)
		assert_int_equal(buffer_printf(&s->to_send, "Content-Length: %zu\r\n\r\n%s",
					       strlen(body), body),
				 0);
	else
		assert_int_equal(buffer_add_string(&s->to_send, "\r\n"), 0);
	s->stream = stream_connect(s->transport, &to, &handler, s);
}

static bool is_complete(struct stage *s)
{
	return s->is_complete;
}

static int status(const struct stage *s)
{
	assert_non_null(s->received.data);
	return atoi(strchr(s->received.data, ' ') + 1);
}

static const char *body(const struct stage *s)
{
	return strstr(s->received.data, "\r\n\r\n") + 4;
}

static int get(struct stage *s, const char *request)
{
	ask(s, request, "", NULL);
	run_until(s, is_complete);
	return status(s);
}

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
	{"GET /v1/topologies/%ff", NULL, NULL, 400, "invalid", "control characters or invalid UTF-8 in the URL"},
	{"GET /v1/zhosts/%00", NULL, NULL, 400, "invalid", "control characters or invalid UTF-8 in the URL"},
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
	{"GET /v1/topologies/shop/logs", NULL, NULL, 400, "invalid", "missing query parameter 'path', for example ?path=api"},
	{"GET /v1/topologies/shop/logs?path=", NULL, NULL, 400, "invalid", "missing query parameter 'path', for example ?path=api"},
	{"GET /v1/topologies/shop/logs?path=web&lines=many", NULL, NULL, 400, "invalid", "invalid value 'many' for lines: expected a number up to 10000"},
	{"GET /v1/topologies/shop/logs?path=web&lines=10001", NULL, NULL, 400, "invalid", "invalid value '10001' for lines: expected a number up to 10000"},
	{"GET /v1/topologies/shop/logs?path=web&follow=ever", NULL, NULL, 400, "invalid", "invalid value 'ever' for follow: expected 0, 1, true or false"},
	{"GET /v1/topologies/shop/logs?path=none", NULL, NULL, 404, "not-found", "no instance shop/none"},
	{"GET /v1/topologies/shop/logs?path=web", NULL, NULL, 409, "conflict", "shop/web has not been on any zhost: there is no log of it"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, NULL, 400, "invalid", "not valid JSON: it ends too early"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, "", 400, "invalid", "not valid JSON: it ends too early"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, "goal", 400, "invalid", "not valid JSON: expected a value"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, "{}", 400, "invalid", "missing 'goal' in goal request"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, "[]", 400, "invalid", "expected a mapping with the keys of a goal request, found a list"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, "{\"goal\":7}", 422, "invalid", "'7' cannot be a goal: ask for deployed-started, deployed-stopped or not-deployed"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, "{\"goal\":\"deployed-started\",\"x\":1}", 400, "invalid", "unknown key 'x' in goal request; known: goal, command"},
	{"PUT /v1/topologies/shop/spaces/web/goal", JSON, "{\"goal\":\"asleep\"}", 422, "invalid", "'asleep' cannot be a goal: ask for deployed-started, deployed-stopped or not-deployed"},
	{"PUT /v1/topologies/shop/spaces/none/goal", JSON, "{\"goal\":\"not-deployed\"}", 404, "not-found", "no instance shop/none"},
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
	{"GET /v1/zhosts/none", NULL, NULL, 404, "not-found", "no zhost none"},
	{"POST /v1/zhosts/none/cordon", NULL, NULL, 404, "not-found", "no zhost none"},
	{"POST /v1/zhosts/none/uncordon", NULL, NULL, 404, "not-found", "no zhost none"},
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
		assert_int_equal(buffer_add_string(&b, at[1] == 'i' ? "shop" : "web"), 0);
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
		TEST(an_upload_that_is_too_large_is_refused),
		TEST(a_large_upload_that_is_not_a_package_is_refused),
		TEST(every_route_that_shows_a_view_answers_with_one),
		TEST(a_change_is_answered_when_it_is_durable),
		TEST(a_view_is_sent_when_what_it_shows_is_durable),
		TEST(a_removed_topology_is_gone_but_for_its_events),
		TEST(an_artifact_is_served_by_its_digest),
		TEST(while_zrms_ends_no_zhost_gets_a_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
