#include "zhost/space/resident.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"
#include "schema/message.h"
#include "zhost/artifact/artifact.h"
#include "zhost/data/data_service.h"
#include "zhost/mesh/mesh.h"
#include "zhost/native/native_runtime.h"
#include "zhost/process/zrun_process.h"
#include "zhost/reconcile/reconcile.h"

#define UI SAMOZA__V1__SPACE_TYPE__UI

static void start_launch(struct resident *r);

/* ---- residents ---- */

struct resident *resident_find(struct zhost *z, const char *topology, const char *path)
{
	char id[1024];
	struct resident *r;

	if (snprintf(id, sizeof(id), "%s/%s", topology, path) >= (int)sizeof(id))
		return NULL;
	HASH_FIND_STR(z->residents, id, r);
	return r;
}

static void resident_describe(struct resident *r, const Samoza__V1__InstanceKey *key,
			      const Samoza__V1__InstanceSpec *spec)
{
	samoza__v1__instance_key__free_unpacked(r->key, NULL);
	samoza__v1__instance_spec__free_unpacked(r->spec, NULL);
	r->key = (Samoza__V1__InstanceKey *)schema_message_copy(&key->base);
	r->spec = (Samoza__V1__InstanceSpec *)schema_message_copy(&spec->base);
	r->capabilities = 0;
	for (size_t i = 0; i < spec->n_capabilities; i++)
		r->capabilities |= zrun_capability_bit(spec->capabilities[i]);
	r->data.key = r->key;
	r->data.topology_name = r->spec->topology_name;
	r->data.capabilities = r->capabilities;
	r->data.is_local = spec->has_local_storage && spec->local_storage;
	instance_file_name(key->topology, key->path, key->epoch, r->run_name);
}

static int on_message(struct mesh_receiver *receiver, const char *path_name, const char *sender,
		      const char *sender_suffix, size_t sender_suffix_size, const void *payload,
		      size_t size)
{
	struct resident *r = container_of(receiver, struct resident, receiver);

	return r->process != NULL
		       ? process_deliver(r->process, path_name, sender, sender_suffix,
					 sender_suffix_size, payload, size)
		       : -EHOSTUNREACH;
}

static void on_data_answer(struct data_client *client, uint32_t correlation, int32_t status,
			   const void *content, size_t size)
{
	struct resident *r = container_of(client, struct resident, data);

	if (r->process != NULL)
		process_data_result(r->process, correlation, status, content, size);
}

static struct resident *resident_get(struct zhost *z, const Samoza__V1__InstanceKey *key,
				     const Samoza__V1__InstanceSpec *spec)
{
	struct resident *r = resident_find(z, key->topology, key->path);

	if (r == NULL) {
		char log_name[INSTANCE_FILE_NAME_SIZE];

		r = mem_new(struct resident);
		r->zhost = z;
		r->id = str_printf("%s/%s", key->topology, key->path);
		r->deadline_ms = NEVER_MS;
		instance_file_name(key->topology, key->path, 0, log_name);
		r->log = spacelog_new(z->logs, log_name);
		r->receiver.deliver = on_message;
		r->data.answer = on_data_answer;
		data_client_add(z->data, &r->data);
		HASH_ADD_KEYPTR(hh, z->residents, r->id, strlen(r->id), r);
		z->resident_count++;
	}
	resident_describe(r, key, spec);
	return r;
}

struct resident *resident_load(struct zhost *z, const Samoza__V1__DesiredInstance *desired)
{
	return resident_get(z, desired->key, desired->spec);
}

static void exports_drop(struct resident *r)
{
	ports_exports_free(r->exports, r->n_exports);
	r->exports = NULL;
	r->n_exports = 0;
}

static void resident_free(struct resident *r)
{
	struct zhost *z = r->zhost;

	INVARIANT(!r->start_waits);
	if (r->wait != NULL)
		artifact_cancel(r->wait);
	if (r->process != NULL)
		process_release(r->process);
	data_client_remove(&r->data);
	mesh_table_leave(mesh_table(z->mesh), r->peer);
	spacelog_free(r->log);
	exports_drop(r);
	imports_done(&r->imports);
	samoza__v1__instance_key__free_unpacked(r->key, NULL);
	samoza__v1__instance_spec__free_unpacked(r->spec, NULL);
	HASH_DEL(z->residents, r);
	z->resident_count--;
	free(r->module_path);
	free(r->page_error);
	free(r->id);
	free(r);
}

void residents_free(struct zhost *z)
{
	struct resident *r, *next;

	HASH_ITER (hh, z->residents, r, next) {
		r->start_waits = false;
		resident_free(r);
	}
}

void resident_say(struct resident *r, const char *level, const char *format, ...)
{
	CLEANUP(freep) char *text = NULL;
	va_list args;

	va_start(args, format);
	text = str_vprintf(format, args);
	va_end(args);
	spacelog_add(r->log, loop_now(&r->zhost->loop).wall_ms, level, text, strlen(text));
}

static bool is_ui(const struct resident *r)
{
	return r->spec->type == UI;
}

/* Ends the action under way. `error` NULL: well. */
static void action_end(struct resident *r, const char *error, bool is_finished)
{
	uint64_t action = r->action;

	INVARIANT(action != 0);
	r->action = 0;
	if (error != NULL)
		log_warn("spaces", "action.failed", LOG_S("action", agent_action_name(r->kind)),
			 LOG_S("topology", r->spec->topology_name), LOG_S("path", r->key->path),
			 LOG_S("error", error));
	else
		log_info("spaces", "action.done", LOG_S("action", agent_action_name(r->kind)),
			 LOG_S("topology", r->spec->topology_name), LOG_S("path", r->key->path),
			 LOG_U("epoch", r->key->epoch),
			 LOG_MS("took", loop_now(&r->zhost->loop).mono_ms - r->begun_ms));
	reconcile_done(r->zhost->reconcile, action, error, is_finished, r->exports,
		       error == NULL && r->kind == ACTION_START ? r->n_exports : 0);
}

/* ---- deploy ---- */

/* Nothing is here then, and the core may forget it without another order. */
static void deploy_failed(struct resident *r, const char *error)
{
	resident_say(r, "error", "deploy: %s", error);
	action_end(r, error, false);
	resident_free(r);
}

static void deploy_got(void *data, const char *path, const struct error *error)
{
	struct resident *r = data;

	r->wait = NULL;
	if (path == NULL) {
		deploy_failed(r, error->message);
		return;
	}
	free(r->module_path);
	r->module_path = mem_strdup(path);
	action_end(r, NULL, false);
}

static void pages_get(struct resident *r);

static void pages_got(void *data, const char *path, const struct error *error)
{
	struct resident *r = data;

	r->wait = NULL;
	if (path == NULL)
		r->page_error = mem_strdup(error->message);
	if (!r->is_walking)
		pages_get(r);
}

/* The zrun that makes the folder and runs the recipe; resident_ended() tells how it went. */
static void deploy_launch(struct resident *r)
{
	CLEANUP(error_freep) struct error *err = NULL;

	if (native_list(r, &err) < 0 || process_start(r, &err) < 0)
		deploy_failed(r, err->message);
}

/* The files of a UI or NATIVE space, one after the other; what is in the cache costs nothing.
 */
static void pages_get(struct resident *r)
{
	const Samoza__V1__AssetFile *a;

	r->is_walking = true;
	while (r->page_error == NULL && (a = native_file(r->spec, r->next_page)) != NULL) {
		r->next_page++;
		r->wait = artifact_get(r->zhost->artifacts, a->digest, a->size_bytes, pages_got,
				       r);
		if (r->wait != NULL)
			break;
	}
	r->is_walking = false;
	if (r->page_error != NULL) {
		CLEANUP(freep) char *error = steal_ptr(&r->page_error);

		deploy_failed(r, error);
	} else if (r->wait == NULL && native_is(r->spec)) {
		deploy_launch(r);
	} else if (r->wait == NULL) {
		action_end(r, NULL, false);
	}
}

static void deploy(struct resident *r)
{
	struct zhost *z = r->zhost;

	if (is_ui(r) || native_is(r->spec)) {
		r->next_page = 0;
		pages_get(r);
	} else {
		struct artifact_wait *wait =
			artifact_get_module(z->artifacts, r->spec, deploy_got, r);

		/* Without a wait it is answered already, and r may be gone. */
		if (wait != NULL)
			r->wait = wait;
	}
}

/* ---- start ---- */

static void start_failed(struct resident *r, const char *error)
{
	r->zhost->counters.start_failures++;
	resident_say(r, "error", "start: %s", error);
	mesh_table_leave(mesh_table(r->zhost->mesh), r->peer);
	r->peer = NULL;
	action_end(r, error, false);
	exports_drop(r);
	resident_start_counted(r);
}

static void start_got(void *data, const char *path, const struct error *error)
{
	struct resident *r = data;
	CLEANUP(error_freep) struct error *err = NULL;

	r->wait = NULL;
	if (path == NULL) {
		start_failed(r, error->message);
		return;
	}
	free(r->module_path);
	r->module_path = mem_strdup(path);
	r->peer = mesh_table_join(mesh_table(r->zhost->mesh), r->key, r->spec, &r->receiver);
	if (process_start(r, &err) < 0)
		start_failed(r, err->message);
	imports_done(&r->imports);
}

static void start_launch(struct resident *r)
{
	CLEANUP(error_freep) struct error *err = NULL;
	struct zhost *z = r->zhost;
	bool changed;

	r->start_counts = true;
	z->starting++;
	if (ports_fill(z->ports, r->id, r->spec->exports, r->spec->n_exports, &r->exports,
		       &changed, &err) < 0) {
		start_failed(r, err->message);
		return;
	}
	r->n_exports = r->spec->n_exports;
	if (changed)
		reconcile_ports(z->reconcile, r->id);
	if (is_ui(r)) {
		r->peer = mesh_table_join(mesh_table(z->mesh), r->key, r->spec, &r->receiver);
		resident_started(r);
		resident_start_counted(r);
		return;
	}
	if (native_is(r->spec)) {
		/* Not in the mesh: its processes serve ports, they take no messages. */
		if (process_start(r, &err) < 0)
			start_failed(r, err->message);
		imports_done(&r->imports);
		return;
	}
	r->wait = artifact_get_module(z->artifacts, r->spec, start_got, r);
}

static void start_dequeue(struct resident *r)
{
	struct zhost *z = r->zhost;
	struct resident *before = NULL;

	for (struct resident *i = z->start_first; i != r; i = i->start_next)
		before = i;
	if (before != NULL)
		before->start_next = r->start_next;
	else
		z->start_first = r->start_next;
	if (z->start_last == r)
		z->start_last = before;
	r->start_next = NULL;
	r->start_waits = false;
}

void resident_start_counted(struct resident *r)
{
	struct zhost *z = r->zhost;

	if (!r->start_counts)
		return;
	r->start_counts = false;
	z->starting--;
	while (!z->ending && z->start_first != NULL &&
	       z->starting < z->settings.starts_at_once) {
		struct resident *next = z->start_first;

		start_dequeue(next);
		start_launch(next);
	}
}

static void start(struct resident *r)
{
	struct zhost *z = r->zhost;

	INVARIANT(r->process == NULL && r->peer == NULL);
	z->counters.starts++;
	exports_drop(r);
	if (z->starting < z->settings.starts_at_once) {
		start_launch(r);
		return;
	}
	r->start_waits = true;
	if (z->start_last != NULL)
		z->start_last->start_next = r;
	else
		z->start_first = r;
	z->start_last = r;
}

void resident_started(struct resident *r)
{
	mesh_table_open(mesh_table(r->zhost->mesh), r->peer, true);
	if (r->action != 0 && r->kind == ACTION_START)
		action_end(r, NULL, false);
	exports_drop(r);
}

void resident_found(struct resident *r)
{
	if (native_is(r->spec))
		return;
	r->peer = mesh_table_join(mesh_table(r->zhost->mesh), r->key, r->spec, &r->receiver);
	mesh_table_open(mesh_table(r->zhost->mesh), r->peer, true);
}

/* ---- update, stop, end ---- */

void resident_updated(struct resident *r, int32_t result, const char *text, size_t size)
{
	CLEANUP(freep) char *error = NULL;

	if (r->action == 0 || r->kind != ACTION_UPDATE)
		return;
	if (result != 0) {
		error = size > 0 ? mem_strndup(text, size)
				 : str_printf("on_update returned %d", (int)result);
		resident_say(r, "error", "update: %s", error);
	}
	action_end(r, error, false);
}

static void undeployed(struct resident *r)
{
	struct zhost *z = r->zhost;

	if (ports_release(z->ports, r->id))
		reconcile_ports(z->reconcile, r->id);
	process_forget_files(r);
	action_end(r, NULL, false);
	resident_free(r);
}

/* The zrun of a deploy or undeploy is gone. */
static void folder_ended(struct resident *r, bool is_finished, const char *error)
{
	if (!is_finished && error[0] == '\0')
		error = "it was interrupted";
	exports_drop(r);
	if (is_finished && r->kind == ACTION_DEPLOY) {
		action_end(r, NULL, false);
	} else if (is_finished) {
		undeployed(r);
	} else if (r->kind == ACTION_DEPLOY) {
		deploy_failed(r, error);
	} else {
		resident_say(r, "error", "undeploy: %s", error);
		action_end(r, error, false);
	}
}

void resident_ended(struct resident *r, bool is_finished, const char *error)
{
	struct zhost *z = r->zhost;
	bool is_stop = r->action != 0 && r->kind == ACTION_STOP;
	bool is_start = r->action != 0 && r->kind == ACTION_START;

	if (native_is(r->spec))
		native_ended(r);
	if (r->action != 0 && (r->kind == ACTION_DEPLOY || r->kind == ACTION_UNDEPLOY)) {
		folder_ended(r, is_finished, error);
		return;
	}
	data_client_drop(&r->data);
	mesh_table_leave(mesh_table(z->mesh), r->peer);
	r->peer = NULL;
	if (error[0] != '\0')
		resident_say(r, "error", "%s: %s",
			     is_start  ? "start"
			     : is_stop ? "stop"
				       : "process",
			     error);
	if (is_start) {
		if (is_finished) {
			action_end(r, NULL, true);
		} else {
			z->counters.start_failures++;
			action_end(r, error[0] != '\0' ? error : "ended before it had started",
				   false);
		}
	} else if (is_stop) {
		action_end(r, error[0] != '\0' ? error : NULL, false);
	} else {
		z->counters.deaths++;
		if (is_finished)
			log_info("spaces", "process.finished",
				 LOG_S("topology", r->spec->topology_name),
				 LOG_S("path", r->key->path));
		else
			log_warn("spaces", "process.ended",
				 LOG_S("topology", r->spec->topology_name),
				 LOG_S("path", r->key->path), LOG_S("error", error));
		if (r->action != 0 && r->kind == ACTION_UPDATE)
			action_end(r, error[0] != '\0' ? error : "the process ended", false);
		reconcile_ended(z->reconcile, r->key, is_finished,
				error[0] != '\0' ? error : "ended by itself");
	}
	exports_drop(r);
	resident_start_counted(r);
}

static void stop(struct resident *r, int64_t grace_ms)
{
	/* Whoever still writes to it is told that nobody is there; it may send to the end. */
	mesh_table_open(mesh_table(r->zhost->mesh), r->peer, false);
	if (r->process != NULL) {
		process_stop(r->process, grace_ms);
		return;
	}
	mesh_table_leave(mesh_table(r->zhost->mesh), r->peer);
	r->peer = NULL;
	action_end(r, NULL, false);
	exports_drop(r);
}

static void undeploy(struct resident *r)
{
	CLEANUP(error_freep) struct error *err = NULL;

	if (!native_is(r->spec)) {
		undeployed(r);
	} else if (process_start(r, &err) < 0) {
		resident_say(r, "error", "undeploy: %s", err->message);
		action_end(r, err->message, false);
	}
}

/* ---- orders ---- */

static void action_begin(struct zhost *z, struct task *t)
{
	struct resident *r = t->kind == ACTION_DEPLOY
				     ? resident_get(z, t->key, t->spec)
				     : resident_find(z, t->key->topology, t->key->path);

	if (r == NULL)
		IMPOSSIBLE("an action for an instance that is not here");
	INVARIANT(r->action == 0);
	r->action = t->action;
	r->kind = t->kind;
	r->begun_ms = loop_now(&r->zhost->loop).mono_ms;
	log_debug("spaces", "action.begin", LOG_S("action", agent_action_name(t->kind)),
		  LOG_S("topology", r->spec->topology_name), LOG_S("path", r->key->path),
		  LOG_U("epoch", r->key->epoch));
	switch (t->kind) {
	case ACTION_DEPLOY:
		deploy(r);
		return;
	case ACTION_START:
		imports_done(&r->imports);
		r->imports = t->imports;
		t->imports = (import_vector){0};
		r->deadline_ms = t->deadline_ms;
		start(r);
		return;
	case ACTION_UPDATE:
		if (r->process != NULL)
			process_update(r->process, &t->imports);
		else /* pages have no on_update */
			action_end(r, NULL, false);
		return;
	case ACTION_STOP:
		stop(r, t->grace_ms);
		return;
	case ACTION_UNDEPLOY:
		undeploy(r);
		return;
	}
	IMPOSSIBLE("no such action");
}

static void kill_now(struct zhost *z, struct task *t)
{
	struct resident *r = resident_find(z, t->key->topology, t->key->path);

	if (r == NULL || r->key->epoch != t->key->epoch)
		return;
	log_warn("spaces", "process.kill", LOG_S("topology", r->spec->topology_name),
		 LOG_S("path", r->key->path));
	if (r->process != NULL && t->action != 0 && t->kind == ACTION_UPDATE &&
	    native_is(r->spec)) {
		process_cancel(r->process);
		return;
	}
	if (r->process != NULL) {
		process_kill(r->process);
		return;
	}
	if (r->wait != NULL) {
		artifact_abort(r->wait, "the artifact did not arrive in time");
	} else if (r->start_waits) {
		start_dequeue(r);
		start_failed(r, "it waited too long behind other starts");
	}
}

static void renew(struct zhost *z, struct task *t)
{
	struct resident *r = resident_find(z, t->key->topology, t->key->path);

	if (r == NULL || r->key->epoch != t->key->epoch)
		return;
	r->deadline_ms = t->deadline_ms;
	if (r->process != NULL)
		process_renew(r->process);
}

void resident_task(struct zhost *z, struct task *t)
{
	switch (t->type) {
	case ORDER_ACTION:
		action_begin(z, t);
		return;
	case ORDER_KILL:
		kill_now(z, t);
		return;
	case ORDER_RENEW:
		renew(z, t);
		return;
	case ORDER_END:
		log_info("zhost", "removed", LOG_S("zhost", z->settings.name),
			 LOG_S("why", "removed from the cluster; all its spaces are stopped"));
		zhost_end(z, 0);
		return;
	}
	IMPOSSIBLE("no such order");
}
