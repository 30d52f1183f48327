#include "api_stage.h"
#include "zrms/api_answer.h"
#include "zrms/api_reads.h"
#include "zrms/drivers.h"
#include "zrms/secret_keeper.h"
#include "zrms/topology_logs.h"
#include "zrms/usage_sampler.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- parts ---- */

static void on_record(void *user, const struct record_change *change)
{
	struct stage *s = user;
	assert_int_equal(artifacts_record(s->zrms.artifacts, change->kind, change->id,
					  change->data, change->size, NULL),
			 0);
	if (change->kind == RECORD_AUTHORITIES)
		authorities_committed(&s->zrms, change);
	if (change->kind == RECORD_CREDENTIAL)
		access_watches_look(&s->zrms.access.open);
}

static void on_event(void *user, const Samoza__V1__EventRecord *event)
{
	struct stage *s = user;
	subscribers_event(s->zrms.subscribers, event);
}

static void on_audit(void *user, const Samoza__V1__AuditRecord *line)
{
	struct stage *s = user;
	(void)line;
	audit_feed_line(s->zrms.audit);
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

static void on_decided(void *user, const struct reply *reply)
{
	struct stage *s = user;
	api_decided(s->zrms.api, reply);
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

static void on_call(void *user, const struct driver_call *call)
{
	struct stage *s = user;
	drivers_call(s->zrms.drivers, call);
}

static const struct control_loop_listener commit_listener = {
	.on_record = on_record,
	.on_event = on_event,
	.on_message = on_message,
	.on_answer = on_answer,
	.on_reply = on_reply,
	.on_stopped = on_stopped,
	.on_step = on_step,
	.on_audit = on_audit,
	.on_call = on_call,
	.on_decided = on_decided,
};

const char *stage_drivers;

void answer_all(void *user)
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
				       .admit = access_admit,
				       .refused = access_refused,
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
	struct control_config config = CONTROL_CONFIG_DEFAULT;
	if (stage_drivers != NULL) {
		z->settings.dir = s->directory;
		assert_int_equal(
			drivers_new(z, stage_drivers, STAGE_DRIVER_MS, &z->drivers, NULL), 0);
		config.drivers = drivers_names(z->drivers);
	}
	z->control = control_new(&config, "cluster");
	assert_int_equal(artifact_directory_open(&directory, &z->artifact_store, NULL), 0);
	z->artifacts = artifacts_new(z->artifact_store);
	z->looks = looks_new(&z->loop, z->artifacts);
	z->commits = commit_driver_new(&z->loop, z->control, z->store, &commit_listener, s);
	z->links = links_new(&z->loop, 1000, &links_listener, s);
	z->hub = hub_new(&z->loop, z->links, NULL, NULL);
	z->logs = logs_new(&z->loop, z->links, &z->access.open);
	z->topology_logs = topology_logs_new(z);
	z->mesh_queries = mesh_queries_new(&z->loop, z->links);
	z->usage = usage_sampler_new(&z->loop, z->control);
	z->subscribers = subscribers_new(z->store, &z->access.open, api_event_view, z);
	z->audit = audit_feed_new(z->store, &z->access.open);
	z->api = api_new(z);
	const struct backups_options backups = {
		.loop = &z->loop, .store = z->store, .dir = s->directory};
	z->backups = backups_new(&backups);
	assert_int_equal(notices_new(z, &z->notices, NULL), 0);
	z->committed = committed_new(&z->loop, z->store, &CONTROL_CONFIG_DEFAULT,
				     api_reads_continue, z);
	assert_int_equal(submissions_new(&z->loop, z->artifacts, NULL, NULL, "no compiler",
					 &submit, &api_submit_listener, z, &z->submissions,
					 NULL),
			 0);
	CLEANUP(freep) char *token = str_printf("%s/credentials/local-admin", s->directory);
	assert_int_equal(access_open(&z->access, z, s->directory, NULL), 0);
	z->settings.dir = s->directory;
	assert_int_equal(secret_keeper_open(z, NULL), 0);
	assert_int_equal(token_read(token, &s->token, NULL), 0);
	make_http(s);
	assert_int_equal(commit_driver_start(z->commits, NULL), 0);
	secret_keeper_start(z->secret_keeper);
	api_register_metrics(z);
}

static bool is_idle(struct stage *s)
{
	return commit_driver_is_idle(s->zrms.commits);
}

static void submit(struct stage *s, const char *id, const char *text)
{
	struct diagnostics findings = {0};
	ProtobufCMessage *message = NULL;
	struct topology *topology = NULL;
	assert_int_equal(schema_read_yaml(&samoza__v1__topology__descriptor, "t.yaml", text,
					  strlen(text), 0, &findings, &message, NULL, NULL),
			 0);
	diagnostics_done(&findings);
	assert_int_equal(topology_compile((Samoza__V1__Topology *)message, NULL, NULL, NULL,
					  &topology, NULL),
			 0);
	Samoza__V1__RevisionRecord record = SAMOZA__V1__REVISION_RECORD__INIT;
	record.application = (char *)(uintptr_t)id;
	record.number = 1;
	record.package_digest = (char *)"";
	record.topology = (Samoza__V1__Topology *)message;
	const struct control_input input = {.type = CONTROL_SUBMIT,
					    .submit = {.id = id,
						       .topology = topology,
						       .record = &record,
						       .options = {.start = true}}};
	commit_driver_input(s->zrms.commits, &input);
	topology_unref(topology);
	schema_message_free(message);
	run_until(s, is_idle);
}

void stage_submit(struct stage *s, const char *name, const char *spaces)
{
	static unsigned number;
	CLEANUP(freep)
	char *id = str_printf("00000000-0000-4000-8000-%012u", ++number);
	CLEANUP(freep)
	char *text = str_printf("apiVersion: samoza/v1\nkind: Topology\n"
				"metadata: {name: %s}\nspaces:\n%s",
				name, spaces);
	submit(s, id, text);
}

void stage_join(struct stage *s, const char *name)
{
	static uint64_t link_id = 1000;
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	Samoza__V1__Hello hello = SAMOZA__V1__HELLO__INIT;
	spec.name = (char *)(uintptr_t)name;
	spec.region = (char *)(uintptr_t)name;
	spec.cpu = (char[]){"8"};
	spec.memory = (char[]){"8GiB"};
	hello.protocol = 2;
	hello.spec = &spec;
	hello.identity = (char *)(uintptr_t)name;
	hello.incarnation = 1;
	const struct control_input input = {.type = CONTROL_HELLO,
					    .hello = {++link_id, &hello}};
	commit_driver_input(s->zrms.commits, &input);
	run_until(s, is_idle);
}

static void too_late(void *user)
{
	(void)user;
	fail_msg("nothing happened within ten seconds");
}

void run_until(struct stage *s, bool (*is_true)(struct stage *s))
{
	struct loop_timer *limit = loop_timer_new(&s->zrms.loop, too_late, NULL);
	loop_timer_at(limit, loop_now(&s->zrms.loop).mono_ms + 10000);
	while (!is_true(s))
		(void)uv_run(loop_uv(&s->zrms.loop), UV_RUN_ONCE);
	loop_timer_free(limit);
}

int begin(void **state)
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
	submit(s, SHOP_ID, TOPOLOGY);
	return 0;
}

int end(void **state)
{
	struct stage *s = *state;
	struct zrms *z = &s->zrms;
	stream_close(s->stream);
	s->holds = false;
	answer_all(s);
	run_until(s, is_idle);
	commit_driver_end(z->commits);
	drivers_free(z->drivers);
	z->drivers = NULL;
	subscribers_end_all(z->subscribers);
	audit_feed_end_all(z->audit);
	topology_logs_end_all(z->topology_logs);
	logs_end_all(z->logs);
	mesh_queries_end_all(z->mesh_queries);
	http_server_free(z->http);
	api_reads_end(z);
	answer_all(s);
	loop_defer_cancel(&z->loop, &s->answer);
	metric_registry_done(&z->metrics);
	secret_keeper_free(z->secret_keeper);
	secret_vault_free(z->vault);
	commit_driver_free(z->commits);
	submissions_free(z->submissions);
	subscribers_free(z->subscribers);
	audit_feed_free(z->audit);
	access_close(&z->access);
	topology_logs_free(z->topology_logs);
	logs_free(z->logs);
	mesh_queries_free(z->mesh_queries);
	usage_sampler_free(z->usage);
	hub_free(z->hub);
	links_free(z->links);
	api_free(z->api);
	notices_free(z->notices);
	backups_free(z->backups);
	committed_free(z->committed);
	control_free(z->control);
	token_free(s->token);
	looks_free(z->looks);
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

void ask(struct stage *s, const char *request, const char *header, const char *body)
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
	if (s->token != NULL)
		assert_int_equal(
			buffer_printf(&s->to_send, "Authorization: Bearer %s\r\n", s->token),
			0);
	if (body != NULL)
		assert_int_equal(buffer_printf(&s->to_send, "Content-Length: %zu\r\n\r\n%s",
					       strlen(body), body),
				 0);
	else
		assert_int_equal(buffer_add_string(&s->to_send, "\r\n"), 0);
	s->stream = stream_connect(s->transport, &to, &handler, s);
}

bool is_complete(struct stage *s)
{
	return s->is_complete;
}

int status(const struct stage *s)
{
	assert_non_null(s->received.data);
	return atoi(strchr(s->received.data, ' ') + 1);
}

const char *body(const struct stage *s)
{
	return strstr(s->received.data, "\r\n\r\n") + 4;
}

int get(struct stage *s, const char *request)
{
	ask(s, request, "", NULL);
	run_until(s, is_complete);
	return status(s);
}

char *stage_unchunk(const struct stage *s)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(ANSWER_MAX);
	char *end = NULL;
	size_t size;
	for (const char *at = body(s); (size = strtoul(at, &end, 16)) > 0; at = end + 4 + size)
		assert_int_equal(buffer_add(&text, end + 2, size), 0);
	assert_int_equal(buffer_add_string(&text, ""), 0);
	return buffer_steal(&text);
}
