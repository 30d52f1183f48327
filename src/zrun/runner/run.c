#include "zrun/runner/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "adapter/sandbox/confine.h"
#include "zrun/runner/clocks.h"
#include "zrun/runner/secret_set.h"
#include "zrun/runner/termination.h"

_Static_assert((int)CONFINE_SECCOMP == (int)ZRUN_SANDBOX_SECCOMP &&
		       (int)CONFINE_LANDLOCK == (int)ZRUN_SANDBOX_LANDLOCK &&
		       (int)CONFINE_UNPRIVILEGED == (int)ZRUN_SANDBOX_UNPRIVILEGED &&
		       (int)CONFINE_MOUNT == (int)ZRUN_SANDBOX_MOUNT,
	       "one set of sandbox bits");

/* ---- the request ---------------------------------------------------------------------- */

static bool strings_valid(const char *at, uint32_t size, uint32_t count)
{
	uint32_t seen = 0;

	if (size > 0 && at[size - 1] != '\0')
		return false;
	for (uint32_t n = 0; n < size; n++)
		seen += at[n] == '\0';
	return seen == count;
}

bool spawn_request_valid(const struct spawn_request *r, size_t size)
{
	const char *at = (const char *)(r + 1);
	uint64_t total = sizeof(*r);

	if (size < sizeof(*r) || r->magic != SPAWN_MAGIC || r->size != size)
		return false;
	total += (uint64_t)r->topology_size + r->instance_size + r->module_size +
		 r->environment_size + r->imports_size + r->settings_size + r->filter_size;
	if (total != size || r->filter_size % 8 != 0)
		return false;
	if (!strings_valid(at, r->topology_size, 1))
		return false;
	at += r->topology_size;
	if (!strings_valid(at, r->instance_size, 1))
		return false;
	at += r->instance_size;
	if (!strings_valid(at, r->module_size, 1))
		return false;
	at += r->module_size;
	if (!strings_valid(at, r->environment_size, r->environment_count))
		return false;
	at += r->environment_size;
	if (!strings_valid(at, r->imports_size, 2 * r->imports_count))
		return false;
	at += r->imports_size;
	return strings_valid(at, r->settings_size, r->settings_count);
}

static void take_request(struct runner *i, const struct spawn_request *r)
{
	const char *at = (const char *)(r + 1);

	i->request = r;
	i->topology = at;
	at += r->topology_size;
	i->path = at;
	at += r->instance_size;
	i->module_path = at;
	at += r->module_size;
	i->environment = at;
	at += r->environment_size;
	/* Its own block, because an UPDATE frees it. */
	i->imports = (struct import_set){malloc(r->imports_size + 1), r->imports_size,
					 r->imports_count};
	if (i->imports.data != NULL)
		memcpy(i->imports.data, at, r->imports_size);
	at += r->imports_size;
	i->settings = at;
	at += r->settings_size;
	i->filter = at;
	i->stop_at_boot_ms = r->stop_at_ms;
	i->end_at_boot_ms = r->end_at_ms;
	i->started_wall_ms = wall_ms();
}

/* ---- the run ---- */

static void set_name(const char *path)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "zrun:%s", path);
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

/* Before anything of it runs. */
static void take_secrets(const struct runner *i, const int *fds)
{
	const struct spawn_request *r = i->request;
	bool ok = true;

	secrets_open();
	for (uint32_t n = 0; n < r->secrets_count; n++)
		ok &= secrets_read(fds[spawn_fds(r) + n]);
	if (!ok || !secrets_settle(&i->imports))
		die(ZRUN_FAILED_LOAD, 0, "its secrets did not come whole: start it again");
}

void runner_run(const struct spawn_request *request, const int *fds,
		const struct confine_shared *shared, const struct runner_kind *const *kinds)
{
	struct runner *i = the_runner;

	while (*kinds != NULL && !(*kinds)->takes(request))
		kinds++;
	if (*kinds == NULL)
		_exit(ZRUN_EXIT_FAILED + ZRUN_FAILED_LOAD);
	i->kind = *kinds;
	i->in_host = true;
	take_request(i, request);
	set_name(i->path);
	if (dup2(fds[1], STDERR_FILENO) < 0 || close(fds[1]) < 0)
		_exit(ZRUN_EXIT_FAILED + ZRUN_FAILED_SANDBOX);
	/* The zygote's session, or our own after exec: no controlling terminal in either. */
	i->sandbox = ZRUN_SANDBOX_SESSION;
	connection_open(i, fds[0], (request->flags & SPAWN_HAS_STATUS) != 0 ? fds[2] : -1);
	take_secrets(i, fds);
	i->kind->run(i, shared);
}
