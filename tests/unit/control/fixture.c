#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "model/compile.h"
#include "schema/message.h"
#include "schema/yaml.h"

#define MAX_TEXT (1024 * 1024)

void fixture_init(struct fixture *f)
{
	*f = (struct fixture){.protocol = 4,
			      .now = {.mono_ms = 1000, .wall_ms = INT64_C(1800000000000)}};
	outbox_init(&f->outbox);
}

static void free_record(struct stored_record *r)
{
	free(r->id);
	free(r->data);
}

void fixture_done(struct fixture *f)
{
	control_free(f->control);
	outbox_done(&f->outbox);
	vector_for_each (&f->records, r)
		free_record(r);
	vector_done(&f->records);
	fixture_clear_events(f);
	vector_done(&f->events);
}

/* ---- the store ---- */

static struct stored_record *find_record(const struct fixture *f, enum record_kind kind,
					 const char *id)
{
	vector_for_each (&f->records, r)
		if (r->kind == kind && str_equal(r->id, id))
			return r;
	return NULL;
}

const struct stored_record *fixture_record(const struct fixture *f, enum record_kind kind,
					   const char *id)
{
	return find_record(f, kind, id);
}

void fixture_put(struct fixture *f, enum record_kind kind, const char *id, const void *data,
		 size_t size)
{
	struct stored_record *r = find_record(f, kind, id);
	if (r == NULL) {
		r = vector_add(&f->records);
		r->kind = kind;
		r->id = mem_strdup(id);
	}
	free(r->data);
	r->data = mem_memdup(data, size);
	r->size = size;
}

static void remove_record(struct fixture *f, enum record_kind kind, const char *id)
{
	struct stored_record *r = find_record(f, kind, id);
	if (r == NULL)
		return;
	free_record(r);
	vector_remove_at(&f->records, (size_t)(r - f->records.items));
}

static void commit(struct fixture *f)
{
	vector_for_each (&f->outbox.records, r) {
		if (r->data != NULL)
			fixture_put(f, r->kind, r->id, r->data, r->size);
		else
			remove_record(f, r->kind, r->id);
	}
	vector_for_each (&f->outbox.events, e)
		vector_push(&f->events, *e);
	vector_clear(&f->outbox.events);
}

/* ---- zrms ---- */

static void load_all(struct fixture *f)
{
	CLEANUP(error_freep) struct error *err = NULL;
	outbox_clear(&f->outbox);
	f->control = control_new(&CONTROL_CONFIG_DEFAULT, "test-cluster");
	vector_for_each (&f->records, r)
		if (control_load(f->control, r->kind, r->data, r->size, &err) < 0)
			fail_msg("record %s: %s", r->id, err->message);
}

static void start_loaded(struct fixture *f)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (control_start(f->control, f->now, &f->outbox, &err) < 0)
		fail_msg("%s", err->message);
	control_flush(f->control, f->now, &f->outbox);
	commit(f);
}

void fixture_start(struct fixture *f)
{
	load_all(f);
	start_loaded(f);
}

void fixture_start_without(struct fixture *f, enum record_kind kind, const char *id)
{
	CLEANUP(error_freep) struct error *err = NULL;
	for (size_t k = 0; k < f->records.count; k++) {
		struct stored_record *r = &f->records.items[k];
		if (r->kind != kind || !str_equal(r->id, id))
			continue;
		free(r->id);
		free(r->data);
		vector_remove_at(&f->records, k);
		break;
	}
	load_all(f);
	if (control_load_without(f->control, kind, id, &err) < 0)
		fail_msg("%s", err->message);
	control_load_gap(f->control);
	start_loaded(f);
}

void fixture_start_restored(struct fixture *f, int64_t after_ms, int64_t until_ms)
{
	load_all(f);
	control_load_gap(f->control);
	control_load_restored(f->control, after_ms, until_ms);
	start_loaded(f);
}

void fixture_stop(struct fixture *f)
{
	control_free(f->control);
	f->control = NULL;
}

void fixture_restart(struct fixture *f)
{
	fixture_stop(f);
	fixture_start(f);
}

void fixture_take(struct fixture *f, const struct control_input *input)
{
	control_handle(f->control, f->now, input, &f->outbox);
}

void fixture_flush(struct fixture *f)
{
	control_flush(f->control, f->now, &f->outbox);
	commit(f);
}

const struct reply *fixture_handle(struct fixture *f, struct control_input *input)
{
	outbox_clear(&f->outbox);
	input->request = ++f->next_request;
	if (input->principal == NULL)
		input->principal = f->principal;
	fixture_take(f, input);
	fixture_flush(f);
	vector_for_each (&f->outbox.replies, r)
		if (r->request == input->request)
			return r;
	return NULL;
}

void fixture_advance(struct fixture *f, int64_t ms)
{
	int64_t end = f->now.mono_ms + ms;
	outbox_clear(&f->outbox);
	for (int64_t next; (next = control_next_ms(f->control)) <= end;) {
		if (next > f->now.mono_ms) {
			f->now.wall_ms += next - f->now.mono_ms;
			f->now.mono_ms = next;
		}
		fixture_take(f, &(struct control_input){.type = CONTROL_TICK});
		fixture_flush(f);
	}
	f->now.wall_ms += end - f->now.mono_ms;
	f->now.mono_ms = end;
}

/* ---- what people ask ---- */

/* `name` may be one that only an earlier version accepted. */
static Samoza__V1__Topology *read_topology(const char *name, const char *spaces)
{
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(buffer_done) struct buffer yaml = BUFFER_INIT(MAX_TEXT);
	ProtobufCMessage *message = NULL;
	Samoza__V1__Topology *topology;
	struct diagnostics findings = {0};
	assert_int_equal(buffer_printf(&yaml,
				       "apiVersion: samoza/v1\nkind: Topology\n"
				       "metadata: {name: any}\nspaces:\n%s",
				       spaces),
			 0);
	int r = schema_read_yaml(&samoza__v1__topology__descriptor, "t.yaml", yaml.data,
				 yaml.size, 0, &findings, &message, NULL, &err);
	if (r < 0)
		fail_msg("%s", err->message);
	diagnostics_done(&findings);
	topology = (Samoza__V1__Topology *)message;
	free(topology->metadata->name);
	topology->metadata->name = mem_strdup(name);
	return topology;
}

int fixture_try_submit(struct fixture *f, const char *id, const char *name, const char *spaces,
		       bool start)
{
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(topology_unrefp) struct topology *topology = NULL;
	Samoza__V1__Topology *message = read_topology(name, spaces);
	if (topology_compile(message, NULL, NULL, NULL, &topology, &err) < 0)
		fail_msg("%s", err->message);
	Samoza__V1__RevisionRecord record = SAMOZA__V1__REVISION_RECORD__INIT;
	record.application = (char *)"";
	/* Each submission is of a package of its own. */
	CLEANUP(freep) char *digest = str_printf("package %u", ++f->packages);
	record.package_digest = digest;
	record.topology = message;
	record.version = (char *)(uintptr_t)f->version;
	record.rollout = f->rollout;
	Samoza__V1__AssetFile file = SAMOZA__V1__ASSET_FILE__INIT, *files[] = {&file};
	Samoza__V1__SpaceArtifacts web = SAMOZA__V1__SPACE_ARTIFACTS__INIT, *all[] = {&web};
	file.name = "index.html";
	file.digest = (char *)(uintptr_t)f->web_file;
	web.space = "web";
	web.assets = files;
	web.n_assets = 1;
	record.artifacts = all;
	record.n_artifacts = f->web_file != NULL ? 1 : 0;
	struct control_input input = {
		.type = CONTROL_SUBMIT,
		.submit = {.id = id,
			   .topology = topology,
			   .record = &record,
			   .options = {.start = start}},
	};
	const struct reply *reply = fixture_handle(f, &input);
	assert_non_null(reply);
	schema_message_free(message);
	return reply->code;
}

void fixture_submit(struct fixture *f, const char *id, const char *name, const char *spaces)
{
	if (fixture_try_submit(f, id, name, spaces, true) < 0)
		fail_msg("%s", f->outbox.replies.items[0].message);
}

int fixture_topology(struct fixture *f, const char *id, enum topology_action action)
{
	struct control_input input = {.type = CONTROL_TOPOLOGY,
				      .topology = {.id = id, .action = action}};
	const struct reply *reply = fixture_handle(f, &input);
	assert_non_null(reply);
	return reply->code;
}

int fixture_goal(struct fixture *f, const char *id, const char *path, const char *goal)
{
	struct control_input input = {.type = CONTROL_GOAL,
				      .goal = {.id = id, .path = path, .goal = goal}};
	const struct reply *reply = fixture_handle(f, &input);
	assert_non_null(reply);
	return reply->code;
}

/* ---- what zhosts report ---- */

static Samoza__V1__InstanceReport *report_new(const struct reported *from)
{
	Samoza__V1__InstanceReport *r = (Samoza__V1__InstanceReport *)schema_message_new(
		&samoza__v1__instance_report__descriptor);
	r->key = (Samoza__V1__InstanceKey *)schema_message_new(
		&samoza__v1__instance_key__descriptor);
	r->key->topology = mem_strdup(from->topology);
	r->key->path = mem_strdup(from->path);
	r->key->epoch = from->epoch;
	r->phase = from->phase;
	r->observed_generation = UINT64_MAX; /* it has heard of all that was asked */
	r->error = mem_strdup(from->error);
	r->has_failed_action = from->failed_action != SAMOZA__V1__FAILED_ACTION__FAILED_NONE;
	r->failed_action = from->failed_action;
	r->has_failures = from->failures > 0;
	r->failures = from->failures;
	r->has_exhausted = r->exhausted = from->exhausted;
	if (from->port != NULL) {
		r->exports = mem_new_array(Samoza__V1__Variable *, 1);
		r->exports[r->n_exports++] = (Samoza__V1__Variable *)schema_message_new(
			&samoza__v1__variable__descriptor);
		r->exports[0]->name = mem_strdup("port");
		r->exports[0]->value = mem_strdup(from->port);
	}
	return r;
}

/* Drawn from the name, so that the same zhost comes back after a restart. */
static uint64_t incarnation(const char *zhost)
{
	(void)zhost;
	return 1;
}

void fixture_hello(struct fixture *f, const char *zhost, uint64_t link_id,
		   const struct reported *instances, size_t count)
{
	Samoza__V1__Hello *hello =
		(Samoza__V1__Hello *)schema_message_new(&samoza__v1__hello__descriptor);
	hello->protocol = f->protocol;
	hello->spec = (Samoza__V1__ZhostSpec *)schema_message_new(
		&samoza__v1__zhost_spec__descriptor);
	hello->spec->name = mem_strdup(zhost);
	hello->spec->cpu = mem_strdup("4");
	hello->spec->memory = mem_strdup("8GiB");
	hello->identity = f->identity != NULL ? mem_strdup(f->identity)
					      : str_printf("identity of %s", zhost);
	hello->machine = mem_strdup(f->machine);
	if (f->limits != NULL)
		hello->limits = (Samoza__V1__Limits *)schema_message_copy(&f->limits->base);
	hello->has_api_token = hello->api_token = f->api_token;
	hello->has_secrets = hello->secrets = f->secrets;
	hello->has_settings = hello->settings = f->secrets;
	hello->incarnation = f->incarnation != 0 ? f->incarnation : incarnation(zhost);
	hello->instances = mem_new_array(Samoza__V1__InstanceReport *, count);
	for (size_t k = 0; k < count; k++)
		hello->instances[hello->n_instances++] = report_new(&instances[k]);
	if (f->mesh_sums != NULL) {
		hello->n_mesh_sums = MESH_PARTS;
		hello->mesh_sums = mem_memdup(f->mesh_sums, MESH_PARTS * sizeof(uint64_t));
	}
	(void)fixture_handle(
		f, &(struct control_input){.type = CONTROL_HELLO, .hello = {link_id, hello}});
	schema_message_free(hello);
}

void fixture_report_all(struct fixture *f, uint64_t link_id, const struct reported *instances,
			size_t count)
{
	Samoza__V1__Report *report =
		(Samoza__V1__Report *)schema_message_new(&samoza__v1__report__descriptor);
	report->instances = mem_new_array(Samoza__V1__InstanceReport *, count);
	for (size_t k = 0; k < count; k++)
		report->instances[report->n_instances++] = report_new(&instances[k]);
	(void)fixture_handle(f, &(struct control_input){.type = CONTROL_REPORT,
							.report = {link_id, report}});
	schema_message_free(report);
}

void fixture_report(struct fixture *f, uint64_t link_id, const struct reported *instance)
{
	fixture_report_all(f, link_id, instance, 1);
}

void fixture_heartbeat(struct fixture *f, const char *zhost, uint64_t link_id)
{
	CLEANUP(freep) char *identity = str_printf("identity of %s", zhost);
	Samoza__V1__Heartbeat heartbeat = SAMOZA__V1__HEARTBEAT__INIT;
	heartbeat.identity = identity;
	heartbeat.incarnation = incarnation(zhost);
	heartbeat.counter = ++f->next_request;
	heartbeat.usage = (Samoza__V1__Usage *)(uintptr_t)f->usage;
	(void)fixture_handle(f, &(struct control_input){.type = CONTROL_HEARTBEAT,
							.heartbeat = {link_id, &heartbeat}});
}

/* ---- looking ---- */

const ProtobufCMessage *fixture_message(const struct fixture *f, uint64_t link_id,
					Samoza__V1__FrameType type)
{
	const ProtobufCMessage *found = NULL;
	vector_for_each (&f->outbox.messages, m)
		if (m->link_id == link_id && m->type == type)
			found = m->message;
	return found;
}

const Samoza__V1__DesiredInstance *fixture_desired(const struct fixture *f, uint64_t link_id,
						   const char *path)
{
	const Samoza__V1__Desired *set = (const Samoza__V1__Desired *)fixture_message(
		f, link_id, SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED);
	const Samoza__V1__DesiredInstance *newest = NULL;
	for (size_t k = 0; set != NULL && k < set->n_instances; k++)
		if (str_equal(set->instances[k]->key->path, path) &&
		    (newest == NULL || set->instances[k]->key->epoch > newest->key->epoch))
			newest = set->instances[k];
	return newest;
}

char *fixture_topology_state(const struct fixture *f, const char *id)
{
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__TopologyView *view = NULL;
	if (control_view_topology(f->control, id, &view, &err) < 0)
		fail_msg("%s", err->message);
	char *state = mem_strdup(view->state);
	schema_message_free(view);
	return state;
}

char *fixture_space(const struct fixture *f, const char *id, const char *path)
{
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__SpaceView *view = NULL;
	if (control_view_space(f->control, id, path, &view, &err) < 0)
		fail_msg("%s", err->message);
	char *text = view->zhost != NULL ? str_printf("%s on %s", view->state, view->zhost)
					 : mem_strdup(view->state);
	schema_message_free(view);
	return text;
}

char *fixture_events(const struct fixture *f, const char *kind)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(MAX_TEXT);
	assert_int_equal(buffer_add_string(&b, ""), 0);
	vector_for_each (&f->events, event) {
		const Samoza__V1__EventRecord *e = *event;
		if (str_equal(e->kind, kind))
			assert_int_equal(
				buffer_printf(&b, "%s: %s -> %s\n", e->subject, e->from, e->to),
				0);
	}
	return buffer_steal(&b);
}

void fixture_clear_events(struct fixture *f)
{
	vector_for_each (&f->events, e)
		samoza__v1__event_record__free_unpacked(*e, NULL);
	vector_clear(&f->events);
}
