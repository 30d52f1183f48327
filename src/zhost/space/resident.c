#include "zhost/space/resident.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"
#include "core/agent/import_set.h"
#include "core/settings/settings.h"
#include "model/space_defaults.h"
#include "schema/message.h"
#include "zhost/space/log_budget.h"
#include "zhost/space/resident_machine.h"
#include "zhost/space/residents_private.h"
#include "zhost/space/settings.h"

/* ---- the object ---- */

const struct residents_parts *resident_parts(const struct resident *r)
{
	return &r->owner->parts;
}

int64_t resident_now_ms(const struct resident *r)
{
	return loop_now(r->owner->parts.loop).mono_ms;
}

static int on_message(struct mesh_receiver *receiver, const char *path_name, const char *sender,
		      const char *sender_suffix, size_t sender_suffix_size, const void *payload,
		      size_t size)
{
	struct resident *r = container_of(receiver, struct resident, receiver);
	int result =
		r->process != NULL
			? zrun_process_deliver(r->process, path_name, sender, sender_suffix,
					       sender_suffix_size, payload, size)
			: -EHOSTUNREACH;
	if (result == 0)
		farewell_got(r, path_name, sender, sender_suffix, sender_suffix_size);
	return result;
}

static void on_data_answer(struct data_client *client, uint32_t correlation, int32_t status,
			   const void *content, size_t size)
{
	struct resident *r = container_of(client, struct resident, data);
	if (r->process != NULL)
		zrun_process_data_result(r->process, correlation, status, content, size);
}

static void describe_instance(struct resident *r, const Samoza__V1__InstanceKey *key,
			      const Samoza__V1__InstanceSpec *spec)
{
	r->id = agent_copy_id(key);
	r->slot_id = str_printf("%s/%s", key->topology, key->path);
	r->key = (Samoza__V1__InstanceKey *)schema_message_copy(&key->base);
	r->spec = (Samoza__V1__InstanceSpec *)schema_message_copy(&spec->base);
	for (size_t i = 0; i < spec->n_capabilities; i++)
		r->capabilities |= zrun_capability_bit(spec->capabilities[i]);
	instance_file_name(key->topology, key->path, key->epoch, r->file_name);
	r->receiver.deliver = on_message;
	r->data =
		(struct data_client){.key = r->key,
				     .topology_name = r->spec->topology_name,
				     .capabilities = r->capabilities,
				     .owner = r->spec->data_owner,
				     .is_local = spec->has_local_storage && spec->local_storage,
				     .quota_bytes = spec->has_data_bytes ? spec->data_bytes : 0,
				     .may_write = true,
				     .answer = on_data_answer};
}

struct resident *resident_new(struct residents *owner, const struct space_runtime *runtime,
			      const Samoza__V1__InstanceKey *key,
			      const Samoza__V1__InstanceSpec *spec, const struct task *deploy)
{
	struct resident *r = mem_new(struct resident);
	char log_name[INSTANCE_FILE_NAME_SIZE];
	r->owner = owner;
	r->runtime = runtime;
	r->stop_ms = r->deadline_ms = NEVER_MS;
	describe_instance(r, key, spec);
	instance_file_name(key->topology, key->path, 0, log_name);
	r->log = spacelog_open(owner->parts.logs, log_name);
	spacelog_describe(r->log,
			  &(struct spacelog_source){.topology = key->topology,
						    .topology_name = r->spec->topology_name,
						    .space = r->spec->space,
						    .path = key->path});
	log_budget_take(r->log, &r->log_revision, spec);
	data_client_add(owner->parts.data, &r->data);
	const struct api_token_of token = {.loop = owner->parts.loop,
					   .upstream = owner->parts.upstream,
					   .run_fd = owner->parts.run_fd,
					   .key = r->key,
					   .file_name = r->file_name,
					   .spec = r->spec,
					   .process = &r->process};
	api_token_init(&r->api, &token);
	if (deploy == NULL && api_token_is_wanted(&r->api))
		api_token_load(&r->api);
	HASH_ADD_KEYPTR(hh, owner->by_id, r->id, strlen(r->id), r);
	r->action = deploy != NULL ? deploy->action : 0;
	state_machine_begin(&resident_machine, r, &r->state,
			    deploy != NULL ? RESIDENT_DEPLOYING : RESIDENT_DEPLOYED);
	return r;
}

static void drop_exports(struct resident *r)
{
	ports_exports_free(r->exports, r->n_exports);
	r->exports = NULL;
	r->n_exports = 0;
}

/* What a start or an update waits for, or has ready for its process. */
static void settings_forget(struct resident *r)
{
	config_fetch_cancel(steal_ptr(&r->config));
	secret_fetch_cancel(steal_ptr(&r->secret_fetch));
	if (r->templates != NULL)
		config_texts_free(steal_ptr(&r->templates), r->asked->n_config);
	secret_values_done(&r->secrets);
}

void resident_free(struct resident *r)
{
	if (r->wait != NULL)
		artifact_cancel(r->wait);
	package_fetch_cancel(r->files);
	settings_forget(r);
	start_queue_leave(r->owner->starts, &r->slot);
	farewell_end(r);
	api_token_done(&r->api);
	zrun_process_release(r->process);
	data_client_remove(&r->data);
	resident_leave_mesh(r);
	spacelog_close(r->log);
	drop_exports(r);
	imports_done(&r->imports);
	samoza__v1__instance_spec__free_unpacked(r->asked, NULL);
	import_set_unref(r->providers);
	free(r->settings_error);
	HASH_DEL(r->owner->by_id, r);
	samoza__v1__instance_key__free_unpacked(r->key, NULL);
	samoza__v1__instance_spec__free_unpacked(r->spec, NULL);
	free(r->last_report.error);
	free(r->module_path);
	free(r->id);
	free(r->slot_id);
	free(r);
}

struct resident *resident_find(const struct residents *owner,
			       const Samoza__V1__InstanceKey *key)
{
	CLEANUP(freep) char *id = agent_copy_id(key);
	struct resident *r;
	HASH_FIND_STR(owner->by_id, id, r);
	return r;
}

struct resident *resident_parent(const struct resident *r)
{
	struct resident *found = NULL;
	if (str_is_empty(r->spec->parent))
		return NULL;
	for (struct resident *p = r->owner->by_id; p != NULL; p = p->hh.next) {
		if (!str_equal(p->key->path, r->spec->parent) ||
		    !str_equal(p->key->topology, r->key->topology))
			continue;
		if (p->spec->placement == r->spec->placement)
			return p;
		if (found == NULL || found->key->epoch < p->key->epoch)
			found = p;
	}
	return found;
}

/* ---- what kinds need ---- */

void resident_log(struct resident *r, const char *level, const char *format, ...)
{
	CLEANUP(freep) char *text = NULL;
	va_list args;
	va_start(args, format);
	text = str_vprintf(format, args);
	va_end(args);
	spacelog_add(r->log, loop_now(r->owner->parts.loop).wall_ms, level, text, strlen(text));
}

void resident_join_mesh(struct resident *r)
{
	r->peer = mesh_table_join(mesh_table(r->owner->parts.mesh), r->key, r->spec,
				  &r->receiver);
	mesh_table_serve(mesh_table(r->owner->parts.mesh), r->peer, r->serves);
}

void resident_leave_mesh(struct resident *r)
{
	mesh_table_leave(mesh_table(r->owner->parts.mesh), r->peer);
	r->peer = NULL;
}

void resident_set_rights(struct resident *r, bool writes, bool serves)
{
	r->data.may_write = writes;
	r->serves = serves;
	mesh_table_serve(mesh_table(r->owner->parts.mesh), r->peer, serves);
}

static void open_in_mesh(struct resident *r, bool is_open)
{
	mesh_table_open(mesh_table(r->owner->parts.mesh), r->peer, is_open);
}

int resident_exports(struct resident *r, Samoza__V1__Variable ***ret_exports,
		     struct error **err)
{
	bool changed;
	int result = ports_fill(r->owner->parts.ports, r->id, r->spec->exports,
				r->spec->n_exports, ret_exports, &changed, err);
	if (result == 0 && changed)
		r->owner->listener->ports_changed(r->owner->user, r->id);
	return result;
}

int resident_fill_exports(struct resident *r, struct error **err)
{
	if (r->exports != NULL)
		return 0;
	int result = resident_exports(r, &r->exports, err);
	if (result == 0)
		r->n_exports = r->spec->n_exports;
	return result;
}

uint64_t resident_grace_ms(const struct resident *r)
{
	return r->spec->has_stop_grace_ms ? r->spec->stop_grace_ms
					  : space_defaults().stop_grace_ms;
}

static uint64_t boottime_ms(const struct resident *r, int64_t mono_ms)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	int64_t at = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + mono_ms -
		     resident_now_ms(r);
	return at > 1 ? (uint64_t)at : 1;
}

struct zrun_lease resident_lease(const struct resident *r)
{
	if (r->deadline_ms == NEVER_MS)
		return (struct zrun_lease){0};
	return (struct zrun_lease){.stop_at_ms = boottime_ms(r, r->stop_ms),
				   .end_at_ms = boottime_ms(r, r->deadline_ms)};
}

static void launch(struct resident *r);

/* Launches queued starts as long as slots are free. */
static void start_next(struct residents *owner)
{
	struct start_slot *slot;
	if (owner->is_starting)
		return; /* the loop below continues */
	owner->is_starting = true;
	while (!owner->is_closing && (slot = start_queue_next(owner->starts)) != NULL)
		launch(container_of(slot, struct resident, slot));
	owner->is_starting = false;
}

void resident_leave_slot(struct resident *r)
{
	start_queue_leave(r->owner->starts, &r->slot);
	start_next(r->owner);
}

void resident_abort_fetch(struct resident *r)
{
	static const char why[] = "the artifact did not arrive in time";
	if (r->wait != NULL)
		artifact_abort(r->wait, why);
	else if (r->files != NULL)
		package_fetch_abort(r->files, why);
	else if (r->config != NULL)
		config_fetch_abort(r->config, why);
	else if (r->secret_fetch != NULL)
		secret_fetch_abort(r->secret_fetch);
}

/* ---- the end of an action ---- */

static void log_completion(const struct resident *r, const char *error)
{
	if (error != NULL)
		log_warn("spaces", "action.failed",
			 LOG_S("action", agent_action_name(r->action_kind)),
			 LOG_S("topology", r->spec->topology_name), LOG_S("path", r->key->path),
			 LOG_S("error", error));
	else
		log_info("spaces", "action.done",
			 LOG_S("action", agent_action_name(r->action_kind)),
			 LOG_S("topology", r->spec->topology_name), LOG_S("path", r->key->path),
			 LOG_U("epoch", r->key->epoch),
			 LOG_MS("took", resident_now_ms(r) - r->begun_ms));
}

/* Completes the action under way in the state that it leads to. Removed: `r` is gone. */
static void complete_as(struct resident *r, enum resident_state to,
			const struct action_end *end)
{
	struct residents *owner = r->owner;
	settings_forget(r);	   /* its process has ended meanwhile */
	imports_done(&r->imports); /* what follows has others, or none */
	free(steal_ptr(&r->settings_error));
	uint64_t action = r->action;
	INVARIANT(action != 0);
	log_completion(r, end->error);
	bool has_exports = end->error == NULL && r->action_kind == ACTION_START;
	if (has_exports)
		histogram_add(&owner->counters.start_time,
			      (resident_now_ms(r) - r->begun_ms) * 1000);
	r->action = 0;
	start_queue_leave(owner->starts, &r->slot);
	if (to != RESIDENT_STARTED)
		resident_leave_mesh(r);
	if (to != r->state)
		resident_enter(r, to);
	owner->listener->action_done(owner->user, action, end, r->exports,
				     has_exports ? r->n_exports : 0);
	if (to == RESIDENT_REMOVED)
		resident_free(r);
	else
		drop_exports(r);
	start_next(owner);
}

static void complete(struct resident *r, enum resident_state to, const char *error)
{
	complete_as(r, to, &(struct action_end){.error = error});
}

static void undeployed(struct resident *r)
{
	struct residents *owner = r->owner;
	if (ports_release(owner->parts.ports, r->id))
		owner->listener->ports_changed(owner->user, r->id);
	zrun_process_remove_files(owner->parts.processes, r->file_name);
	complete(r, RESIDENT_REMOVED, NULL);
}

/* The process has answered it. */
static void update_ended(struct resident *r, const char *error)
{
	CLEANUP(freep) char *settings_error = steal_ptr(&r->settings_error);
	CLEANUP(freep) char *both = NULL;
	if (error != NULL && settings_error != NULL)
		both = str_printf("%s; %s", error, settings_error);
	complete_as(r, RESIDENT_STARTED,
		    &(struct action_end){.error = both != NULL	  ? both
						  : error != NULL ? error
								  : settings_error,
					 .settings_failed = settings_error != NULL});
}

void resident_done(struct resident *r)
{
	switch (r->state) {
	case RESIDENT_DEPLOYING:
	case RESIDENT_STOPPING:
		complete(r, RESIDENT_DEPLOYED, NULL);
		return;
	case RESIDENT_STARTING:
		open_in_mesh(r, true);
		complete(r, RESIDENT_STARTED, NULL);
		api_token_started(&r->api);
		return;
	case RESIDENT_UPDATING:
		update_ended(r, NULL);
		return;
	case RESIDENT_UNDEPLOYING:
		undeployed(r);
		return;
	case RESIDENT_DEPLOYED:
	case RESIDENT_QUEUED:
	case RESIDENT_STARTED:
	case RESIDENT_REMOVED:
		break;
	}
	IMPOSSIBLE("an action that is not under way is done");
}

static void start_failed(struct resident *r, const char *error)
{
	r->owner->counters.start_failures++;
	resident_log(r, "error", "start: %s", error);
	complete(r, RESIDENT_DEPLOYED, error);
}

void resident_failed(struct resident *r, const char *error)
{
	switch (r->state) {
	case RESIDENT_DEPLOYING: /* nothing is here, and the core may forget it */
		resident_log(r, "error", "deploy: %s", error);
		complete(r, RESIDENT_REMOVED, error);
		return;
	case RESIDENT_QUEUED:
	case RESIDENT_STARTING:
		start_failed(r, error);
		return;
	case RESIDENT_UPDATING:
		resident_log(r, "error", "update: %s; it is tried again", error);
		complete_as(r, RESIDENT_STARTED,
			    &(struct action_end){.error = error, .is_unreached = true});
		return;
	case RESIDENT_UNDEPLOYING:
		resident_log(r, "error", "undeploy: %s", error);
		complete(r, RESIDENT_DEPLOYED, error);
		return;
	case RESIDENT_DEPLOYED:
	case RESIDENT_STARTED:
	case RESIDENT_STOPPING:
	case RESIDENT_REMOVED:
		break;
	}
	IMPOSSIBLE("an action that is not under way has failed");
}

void resident_started(struct resident *r)
{
	if (r->state != RESIDENT_STARTING)
		return; /* a new connection to a process that runs already */
	if (r->action != 0) {
		resident_done(r);
	} else { /* adopted */
		open_in_mesh(r, true);
		resident_enter(r, RESIDENT_STARTED);
	}
}

void resident_updated(struct resident *r, int32_t result, const char *text, size_t size)
{
	if (r->state != RESIDENT_UPDATING)
		return;
	if (result == 0) {
		resident_done(r);
		return;
	}
	CLEANUP(freep)
	char *error = size > 0 ? mem_strndup(text, size)
			       : str_printf("on_update returned %d", (int)result);
	if (result == ZRUN_UPDATED_UNTAKEN) {
		resident_log(r, "error", "update: %s; it is tried again", error);
		free(r->settings_error);
		r->settings_error = steal_ptr(&error);
		update_ended(r, NULL);
		return;
	}
	resident_log(r, "error", "update: %s", error);
	update_ended(r, error);
}

void resident_health(struct resident *r, bool is_healthy)
{
	r->owner->listener->health(r->owner->user, r->key, is_healthy);
}

/* ---- the end of the process ---- */

/* The process of a deploy or undeploy. */
static void recipe_ended(struct resident *r, bool is_finished, const char *error)
{
	if (is_finished)
		resident_done(r);
	else
		resident_failed(r, error[0] != '\0' ? error : "it was interrupted");
}

static void start_ended(struct resident *r, bool is_finished, bool is_ended, const char *error)
{
	if (is_finished) {
		complete_as(r, RESIDENT_DEPLOYED, &(struct action_end){.is_finished = true});
		return;
	}
	r->owner->counters.start_failures++;
	complete_as(r, RESIDENT_DEPLOYED,
		    &(struct action_end){
			    .error = error[0] != '\0' ? error : "ended before it was started",
			    .is_ended = is_ended});
}

/* A started instance, without being asked. */
static void ended_by_itself(struct resident *r, bool is_finished,
			    const struct exit_report *report, const char *error)
{
	struct residents *owner = r->owner;
	owner->counters.deaths++;
	if (is_finished)
		log_info("spaces", "process.finished",
			 LOG_S("topology", r->spec->topology_name),
			 LOG_S("path", r->key->path));
	else
		log_warn("spaces", "process.ended", LOG_S("topology", r->spec->topology_name),
			 LOG_S("path", r->key->path), LOG_S("error", error));
	if (r->state == RESIDENT_UPDATING)
		complete(r, RESIDENT_DEPLOYED, error[0] != '\0' ? error : "the process ended");
	else
		resident_enter(r, RESIDENT_DEPLOYED);
	owner->listener->ended(owner->user, r->key, is_finished, report->is_ended,
			       report->not_renewed,
			       error[0] != '\0' ? error : "ended by itself");
}

static const char *log_prefix(const struct resident *r)
{
	if (r->state == RESIDENT_STOPPING)
		return "stop";
	return r->state == RESIDENT_STARTING && r->action != 0 ? "start" : "process";
}

void resident_ended(struct resident *r, const struct exit_report *report)
{
	/* It may have begun to stop by itself just before it was asked to. */
	bool was_asked = report->is_asked && r->state == RESIDENT_STOPPING;
	const char *error = was_asked ? "" : report->error;
	bool is_finished = report->is_known && report->is_finished;
	if (r->runtime->ended != NULL)
		r->runtime->ended(r);
	if (r->state == RESIDENT_DEPLOYING || r->state == RESIDENT_UNDEPLOYING) {
		recipe_ended(r, is_finished, error);
		return;
	}
	data_client_drop(&r->data);
	farewell_end(r);
	resident_leave_mesh(r);
	if (error[0] != '\0')
		resident_log(r, "error", "%s: %s", log_prefix(r), error);
	if (r->state == RESIDENT_STARTING && r->action != 0)
		start_ended(r, is_finished, report->is_ended, error);
	else if (r->state == RESIDENT_STOPPING)
		complete(r, RESIDENT_DEPLOYED, error[0] != '\0' ? error : NULL);
	else
		ended_by_itself(r, is_finished, report, error);
}

/* ---- the beginning of an action ---- */

/* The order to start it took longer than its lease: a disk that is slow, many starts before it. Another
 * one may live elsewhere already [topology.exclusive.zrms]. */
static bool lease_has_ended(const struct resident *r)
{
	return r->deadline_ms <= resident_now_ms(r);
}

/* What a start, or an update, waits for is there: it begins. */
static void go_on(struct resident *r)
{
	if (r->state == RESIDENT_STARTING)
		r->runtime->start(r);
	else
		r->runtime->update(r, &r->imports);
}

/* An update: its imports do not wait for a value that cannot be filled in, and it keeps what it has of env and config. One whose
 * time is over has none left for them. */
static void settings_failed(struct resident *r, const char *error)
{
	if (r->state != RESIDENT_UPDATING || r->is_late) {
		resident_failed(r, error);
		return;
	}
	resident_log(r, "error", "update: %s; it is tried again", error);
	settings_forget(r);
	r->settings_error = mem_strdup(error);
	settings_keep(&r->imports);
	go_on(r);
}

/* What zrms does not give now is no fault of the instance: it is tried again, for as long as it takes. */
static void secrets_failed(struct resident *r, const char *error)
{
	if (r->state != RESIDENT_STARTING || settings_missing_secret(r->asked) != NULL) {
		settings_failed(r, error);
		return;
	}
	r->owner->counters.start_failures++;
	resident_log(r, "error", "start: %s", error);
	complete_as(r, RESIDENT_DEPLOYED,
		    &(struct action_end){.error = error, .is_unreached = true});
}

static void on_secrets(void *user, struct secret_values *take_values, const char *error)
{
	struct resident *r = user;
	CLEANUP(error_freep) struct error *err = NULL;
	r->secret_fetch = NULL;
	if (error != NULL) {
		secrets_failed(r, error);
		return;
	}
	r->secrets = *take_values;
	*take_values = (struct secret_values){0};
	if (settings_add(r, steal_ptr(&r->templates), &r->imports, &err) < 0)
		settings_failed(r, err->message);
	else if (r->state == RESIDENT_STARTING && lease_has_ended(r))
		resident_failed(r, "its lease ended before it could start");
	else
		go_on(r);
}

static void on_config(void *user, char **take_texts, const char *error)
{
	struct resident *r = user;
	r->config = NULL;
	if (error != NULL) {
		settings_failed(r, error);
		return;
	}
	r->templates = take_texts;
	struct secret_fetch *fetch =
		secret_fetch_new(resident_parts(r)->secrets, r->key, r->asked, on_secrets, r);
	/* Without one `on_secrets` was called already, and r may be gone. */
	if (fetch != NULL)
		r->secret_fetch = fetch;
}

/* With its settings. PRE: its exports are filled in. */
static void begin_with_settings(struct resident *r)
{
	struct config_fetch *fetch =
		config_fetch_new(r->owner->parts.artifacts, r->asked, on_config, r);
	/* Without one `on_config` was called already, and r may be gone. */
	if (fetch != NULL)
		r->config = fetch;
}

static void launch(struct resident *r)
{
	CLEANUP(error_freep) struct error *err = NULL;
	resident_enter(r, RESIDENT_STARTING);
	farewell_unused(r);
	/* Nothing of it runs: who listens on a port of its is another program. */
	ports_drop_taken(r->owner->parts.ports, r->id, ports_is_taken);
	if (lease_has_ended(r))
		resident_failed(r, "its lease ended before it could start");
	else if (resident_fill_exports(r, &err) < 0)
		resident_failed(r, err->message);
	else
		begin_with_settings(r);
}

/* What the action asks for is what its settings are made of from now on. */
static void take_asked(struct resident *r, struct task *t)
{
	samoza__v1__instance_spec__free_unpacked(r->asked, NULL);
	import_set_unref(r->providers);
	r->asked = steal_ptr(&t->spec);
	r->providers = steal_ptr(&t->providers);
	imports_done(&r->imports);
	r->imports = t->imports;
	t->imports = (import_vector){0};
}

static void start(struct resident *r, struct task *t)
{
	r->owner->counters.starts++;
	r->starts++;
	take_asked(r, t);
	r->stop_ms = t->stop_ms;
	r->deadline_ms = t->deadline_ms;
	if (start_queue_take(r->owner->starts, &r->slot))
		launch(r);
	else
		resident_enter(r, RESIDENT_QUEUED);
}

/* Its process may have ended since the core decided: then there is nothing to update or stop. */
static void update(struct resident *r, struct task *t)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (r->state != RESIDENT_STARTED) {
		complete(r, r->state, NULL);
		return;
	}
	resident_enter(r, RESIDENT_UPDATING);
	take_asked(r, t);
	r->is_late = false;
	if (t->drops_settings)
		settings_drop(&r->imports);
	if (t->keeps_settings && settings_any(r->asked)) {
		settings_keep(&r->imports);
		go_on(r);
	} else if (!settings_any(r->asked) && settings_have_no_files(r)) {
		go_on(r);
	} else if (resident_fill_exports(r, &err) < 0) {
		settings_failed(r, err->message);
	} else {
		begin_with_settings(r);
	}
}

static void stop_now(struct resident *r, int64_t grace_ms)
{
	/* Nothing reaches it from now on; it may send until it ends. */
	open_in_mesh(r, false);
	r->runtime->stop(r, grace_ms);
}

static void stop(struct resident *r, int64_t grace_ms)
{
	if (r->state == RESIDENT_DEPLOYED) {
		complete(r, RESIDENT_DEPLOYED, NULL);
		return;
	}
	resident_enter(r, RESIDENT_STOPPING);
	if (!farewell_begin(r, grace_ms, stop_now))
		stop_now(r, grace_ms);
}

void resident_begin(struct resident *r, struct task *t)
{
	INVARIANT(r->action == 0 || t->kind == ACTION_DEPLOY);
	r->action = t->action;
	r->action_kind = t->kind;
	r->begun_ms = resident_now_ms(r);
	log_debug("spaces", "action.begin", LOG_S("action", agent_action_name(t->kind)),
		  LOG_S("topology", r->spec->topology_name), LOG_S("path", r->key->path),
		  LOG_U("epoch", r->key->epoch));
	switch (t->kind) {
	case ACTION_DEPLOY:
		r->runtime->deploy(r);
		return;
	case ACTION_START:
		start(r, t);
		return;
	case ACTION_UPDATE:
		update(r, t);
		return;
	case ACTION_STOP:
		stop(r, t->grace_ms);
		return;
	case ACTION_UNDEPLOY:
		resident_enter(r, RESIDENT_UNDEPLOYING);
		r->runtime->undeploy(r);
		return;
	}
	IMPOSSIBLE("an action of an unknown kind");
}

/* An update that waits for its settings. */
static void end_waiting(struct resident *r)
{
	r->is_late = true;
	resident_abort_fetch(r);
}

void resident_kill(struct resident *r, bool is_update)
{
	log_warn("spaces", "process.kill", LOG_S("topology", r->spec->topology_name),
		 LOG_S("path", r->key->path));
	if (r->state == RESIDENT_QUEUED)
		resident_failed(r, "timed out waiting for a start slot (--starts-at-once)");
	else if (r->state == RESIDENT_UPDATING &&
		 (r->config != NULL || r->secret_fetch != NULL))
		end_waiting(r);
	else
		r->runtime->kill(r, is_update);
}

/* ---- after a restart of zhost ---- */

void resident_adopt(struct resident *r, bool is_started)
{
	farewell_unknown(r);
	r->starts++;
	if (!is_started) {
		resident_enter(r, RESIDENT_STARTING);
		return;
	}
	if (r->runtime->kind->is_in_mesh)
		resident_join_mesh(r);
	state_machine_adopt(&resident_machine, r, &r->state, RESIDENT_STARTED);
	open_in_mesh(r, true);
}
