/* UI spaces: pages in the cache, served by zedge; no process. */
#include "zhost/space/space_runtime.h"

#include "zhost/space/farewell.h"
#include "zhost/space/resident.h"

static void on_files(void *user, const char *error)
{
	struct resident *r = user;
	r->files = NULL;
	if (error != NULL)
		resident_failed(r, error);
	else
		resident_done(r);
}

static void deploy(struct resident *r)
{
	struct package_fetch *files =
		package_fetch_new(resident_parts(r)->artifacts, r->spec, on_files, r);
	/* Without one `on_files` was called already, and r may be gone. */
	if (files != NULL)
		r->files = files;
}

static void start(struct resident *r)
{
	resident_join_mesh(r);
	resident_done(r);
}

/* Pages have no on_update. */
static void update(struct resident *r, const import_vector *imports)
{
	(void)imports;
	resident_done(r);
}

static void stop(struct resident *r, int64_t grace_ms)
{
	(void)grace_ms;
	resident_done(r);
}

static void undeploy(struct resident *r)
{
	resident_done(r);
}

/* What has handed over stays no longer; or files that did not arrive. */
static void end_wait(struct resident *r, bool is_update)
{
	(void)is_update;
	if (r->state == RESIDENT_STOPPING) {
		farewell_end(r);
		resident_done(r);
		return;
	}
	resident_abort_fetch(r);
}

static bool probe(const struct resident *r)
{
	(void)r;
	return true;
}

const struct space_runtime space_runtime_ui = {
	.kind = &space_kind_ui,
	.deploy = deploy,
	.start = start,
	.update = update,
	.stop = stop,
	.undeploy = undeploy,
	.kill = end_wait,
	.probe = probe,
};
