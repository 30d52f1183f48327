/*
 * NATIVE spaces: recipes of the package, run by a zrun (zrun/native/native.h).
 *
 *   deploy    files into the cache, then a zrun that makes the directory and runs `deploy`
 *   start     a zrun that runs `start` and stays
 *   update, stop   frames to it
 *   undeploy  a zrun that runs `undeploy` and removes the directory
 */
#include "zhost/space/space_runtime.h"

#include <string.h>

#include "zhost/native/native_config.h"
#include "zhost/space/process_space.h"

/* The exports of the instances that it is inside of. */
static void add_ancestors(variable_vector *to, struct resident *r)
{
	size_t length = strlen(r->key->path);
	/* Each parent's path is shorter than its child's: this ends. */
	for (struct resident *a = resident_parent(r);
	     a != NULL && strlen(a->key->path) < length; a = resident_parent(a)) {
		Samoza__V1__Variable **exports;
		length = strlen(a->key->path);
		if (resident_exports(a, &exports, NULL) == 0) {
			variables_ancestor(to, a->spec->space, a->key->path, exports,
					   a->spec->n_exports);
			ports_exports_free(exports, a->spec->n_exports);
		}
	}
}

/* Launches the zrun of the action under way. A process that an earlier zhost left at the same
 * task is killed: deploy and undeploy are repeated after a restart. */
static int launch(struct resident *r, struct error **err)
{
	struct zrun_identity identity = process_space_identity(r);
	int result = zrun_process_evict(resident_parts(r)->processes, &identity, err);
	if (result == 0)
		result = resident_fill_exports(r, err);
	if (result < 0)
		return result;
	variable_vector ancestors = {0};
	add_ancestors(&ancestors, r);
	struct native_action action = {
		.action = r->action_kind,
		.key = r->key,
		.spec = r->spec,
		.slot_id = r->slot_id,
		.file_name = r->file_name,
		.exports = r->exports,
		.n_exports = r->n_exports,
		.ancestors = &ancestors,
		.spent_ms = resident_now_ms(r) - r->begun_ms,
		.has_api = api_token_is_wanted(&r->api),
		.api_token = r->api.secret,
	};
	struct native_launch launch;
	struct launch_request q = {0};
	result = native_launch_init(&launch, resident_parts(r)->native, &action, &q, err);
	if (result == 0) {
		result = process_space_launch(r, &q, err);
		native_launch_done(&launch);
		api_token_handed(&r->api);
	}
	variables_done(&ancestors);
	return result;
}

static int config(struct resident *r, const struct native_config_file *files, size_t count,
		  struct error **err)
{
	return native_config_write(resident_parts(r)->native, r->file_name, files, count, err);
}

static void launch_or_fail(struct resident *r)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (launch(r, &err) < 0)
		resident_failed(r, err->message);
}

static void on_files(void *user, const char *error)
{
	struct resident *r = user;
	CLEANUP(error_freep) struct error *err = NULL;
	r->files = NULL;
	if (error != NULL)
		resident_failed(r, error);
	else if (native_write_list(resident_parts(r)->native, r->file_name, r->spec, &err) < 0)
		resident_failed(r, err->message);
	else
		launch_or_fail(r);
}

static void deploy(struct resident *r)
{
	struct package_fetch *files =
		package_fetch_new(resident_parts(r)->artifacts, r->spec, on_files, r);
	/* Without one `on_files` was called already, and r may be gone. */
	if (files != NULL)
		r->files = files;
}

static void on_token(void *user, const char *note)
{
	struct resident *r = user;
	if (note != NULL)
		resident_log(r, "warn", "start: %s", note);
	launch_or_fail(r);
}

/* Its processes serve ports; they are not in the mesh. */
static void start(struct resident *r)
{
	if (api_token_is_wanted(&r->api))
		api_token_begin(&r->api, on_token, r);
	else
		launch_or_fail(r);
}

static void undeploy(struct resident *r)
{
	launch_or_fail(r);
}

/* Of an update, only the recipe is ended. */
static void kill_process(struct resident *r, bool is_update)
{
	if (api_token_abort(&r->api))
		resident_failed(r, "it was ended while it waited for zrms to take its token");
	else if (is_update && r->process != NULL)
		zrun_process_cancel(r->process);
	else
		process_space_kill(r, is_update);
}

static void ended(struct resident *r)
{
	native_ended(r->file_name);
}

const struct space_runtime space_runtime_native = {
	.kind = &space_kind_native,
	.imports = imports_for_recipes,
	.config = config,
	.deploy = deploy,
	.start = start,
	.update = process_space_update,
	.stop = process_space_stop,
	.undeploy = undeploy,
	.kill = kill_process,
	.renew = process_space_renew,
	.find = process_space_find,
	.probe = process_space_probe,
	.usage = process_space_usage,
	.ended = ended,
};
