/* WebAssembly spaces (IO, DATA, CHAT, CALL): one module, translated to native code. */
#include "zhost/space/space_runtime.h"

#include "base/memory.h"
#include "zhost/space/process_space.h"

static void keep_module(struct resident *r, const char *path)
{
	free(r->module_path);
	r->module_path = mem_strdup(path);
}

static void get_module(struct resident *r, artifact_done_fn *done)
{
	struct artifact_wait *wait =
		artifact_fetch_module(resident_parts(r)->artifacts, r->spec, done, r);
	/* Without a wait `done` was called already, and r may be gone. */
	if (wait != NULL)
		r->wait = wait;
}

static void on_deployed(void *data, const char *path, const struct error *error)
{
	struct resident *r = data;
	r->wait = NULL;
	if (path == NULL) {
		resident_failed(r, error->message);
		return;
	}
	keep_module(r, path);
	resident_done(r);
}

static void deploy(struct resident *r)
{
	get_module(r, on_deployed);
}

/* Programs of WASI see who they are, and their exports, in their environment. */
static int launch(struct resident *r, struct error **err)
{
	variable_vector environment = {0};
	variables_identity(&environment, r->key, r->spec, resident_parts(r)->zhost);
	variables_exports(&environment, r->exports, r->n_exports);
	struct launch_request q = {.module_path = r->module_path,
				   .environment = variables_for_launch(&environment),
				   .environment_count = environment.count};
	int result = process_space_launch(r, &q, err);
	variables_done(&environment);
	return result;
}

static void on_module(void *data, const char *path, const struct error *error)
{
	struct resident *r = data;
	CLEANUP(error_freep) struct error *err = NULL;
	r->wait = NULL;
	if (path == NULL) {
		resident_failed(r, error->message);
		return;
	}
	keep_module(r, path);
	resident_join_mesh(r);
	if (launch(r, &err) < 0)
		resident_failed(r, err->message);
}

/* The module may have been trimmed from the cache since the deploy. */
static void start(struct resident *r)
{
	get_module(r, on_module);
}

static void undeploy(struct resident *r)
{
	resident_done(r);
}

const struct space_runtime space_runtime_wasm = {
	.kind = &space_kind_wasm,
	.imports = imports_for_guest,
	.deploy = deploy,
	.start = start,
	.update = process_space_update,
	.stop = process_space_stop,
	.undeploy = undeploy,
	.kill = process_space_kill,
	.renew = process_space_renew,
	.find = process_space_find,
	.probe = process_space_probe,
	.usage = process_space_usage,
};
