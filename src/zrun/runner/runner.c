#include "zrun/runner/runner.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#include "adapter/wasm2c/imports.h"
#include "zrun/native/native.h"

/* Private writable memory beside the guest's: buffers of the link, stacks, libraries. */
#define DATA_OVERHEAD (16ull * 1024 * 1024)

_Static_assert((int)IMPORT_CAP_DATA_WRITE == (int)ZRUN_CAP_DATA_WRITE &&
		       (int)IMPORT_CAP_SYS_LOG == (int)ZRUN_CAP_SYS_LOG &&
		       (int)IMPORT_CAP_NET_EMIT == (int)ZRUN_CAP_NET_EMIT &&
		       (int)IMPORT_CAP_NET_RECV == (int)ZRUN_CAP_NET_RECV &&
		       (int)IMPORT_CAP_DATA_READ == (int)ZRUN_CAP_DATA_READ,
	       "one set of capability bits");
_Static_assert((int)CONFINE_SECCOMP == (int)ZRUN_SANDBOX_SECCOMP &&
		       (int)CONFINE_LANDLOCK == (int)ZRUN_SANDBOX_LANDLOCK &&
		       (int)CONFINE_UNPRIVILEGED == (int)ZRUN_SANDBOX_UNPRIVILEGED &&
		       (int)CONFINE_MOUNT == (int)ZRUN_SANDBOX_MOUNT,
	       "one set of sandbox bits");

static struct runner instance = {.stop_cause = NOT_STOPPING, .running = "zrun"};
struct runner *the_runner = &instance;

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
	i->host.functions = host_functions;
}

/* ---- stopping ------------------------------------------------------------------------- */

void runner_stop(struct runner *i, enum zrun_stopped_cause cause, uint64_t grace_ms)
{
	uint64_t at = mono_ms() + grace_ms;
	bool first = !runner_stopping(i);

	if (!first && at >= i->stop_deadline_ms)
		return;
	if (first)
		i->stop_cause = (int)cause;
	i->stop_deadline_ms = at;
	/* While it starts, the deadline of the start holds; then this one is set. */
	if (i->phase != ZRUN_PHASE_STARTING && i->native == NULL)
		termination_deadline(i, at, ZRUN_FAILED_GRACE);
}

void runner_check_clocks(struct runner *i)
{
	if (runner_stopping(i))
		return;
	if (i->connection.fd < 0 &&
	    mono_ms() - i->connection.lost_ms >= i->request->orphan_ms) {
		connection_note(i, ZRUN_LEVEL_WARN, "stops: no zhost for %u ms",
				i->request->orphan_ms);
		runner_stop(i, ZRUN_STOPPED_ORPHAN, i->request->grace_ms);
	} else if (i->stop_at_boot_ms != 0 && boot_ms() >= i->stop_at_boot_ms) {
		uint64_t now = boot_ms();

		connection_note(i, ZRUN_LEVEL_WARN, "stops: exclusive and not renewed in time");
		runner_stop(i, ZRUN_STOPPED_NOT_RENEWED,
			    i->end_at_boot_ms > now ? i->end_at_boot_ms - now : 0);
	}
}

__attribute__((noreturn)) static void end(struct runner *i)
{
	wasi_flush(i);
	connection_poll(i);
	end_stopped(i);
}

void runner_finish(struct runner *i, int32_t result)
{
	if (i->phase == ZRUN_PHASE_STARTING)
		die(ZRUN_FAILED_EXIT, result, "exited in %s", i->running);
	if (!runner_stopping(i)) {
		i->stop_cause = ZRUN_STOPPED_FINISHED;
		i->finish_result = result;
	}
	end(i);
}

/* ---- the guest's life ------------------------------------------------------------------ */

static void enter(struct runner *i, const char *what)
{
	i->running = what;
	i->host_calls++;
	i->in_host = false;
}

static void leave(struct runner *i)
{
	i->in_host = true;
	i->host_calls++;
	termination_overdue(i);
}

static int32_t call(struct runner *i, const char *what, uint32_t (*function)(void *))
{
	uint32_t result;

	enter(i, what);
	result = function(i->guest);
	leave(i);
	return (int32_t)result;
}

static void call_void(struct runner *i, const char *what, void (*function)(void *))
{
	enter(i, what);
	function(i->guest);
	leave(i);
}

static void start(struct runner *i)
{
	int32_t result;

	termination_deadline(i, mono_ms() + i->request->init_ms, ZRUN_FAILED_DEADLINE);
	enter(i, "the start function");
	i->module->init();
	i->module->instantiate(i->guest, &i->host);
	leave(i);
	if (i->module->initialize != NULL)
		call_void(i, "_initialize", i->module->initialize);
	if (i->module->on_init != NULL) {
		result = call(i, "on_init", i->module->on_init);
		if (result != 0)
			die(ZRUN_FAILED_INIT, result, "on_init returned %d", result);
	}
	/* A STOP that came meanwhile had to wait; now its deadline holds (0: none came). */
	i->phase = ZRUN_PHASE_STARTED;
	termination_deadline(i, i->stop_deadline_ms, ZRUN_FAILED_GRACE);
	(void)connection_send(i, ZRUN_STARTED, 0, NULL, 0, NULL, 0);
}

static void update(struct runner *i)
{
	struct zrun_updated updated;

	i->imports_changed = false;
	updated.result = call(i, "on_update", i->module->on_update);
	for (; i->updates_owed > 0; i->updates_owed--)
		if (!connection_send(i, ZRUN_UPDATED, 0, &updated, sizeof(updated), NULL, 0))
			break;
}

static void process(struct runner *i)
{
	int32_t result = 0;

	while (result == 0) {
		connection_poll(i);
		if (runner_stopping(i))
			return;
		if (i->imports_changed) {
			update(i);
			continue;
		}
		if (i->module->on_process == NULL) {
			call_void(i, "_start", i->module->start);
			break;
		}
		result = call(i, "on_process", i->module->on_process);
	}
	if (!runner_stopping(i)) {
		i->finish_result = result;
		runner_stop(i, ZRUN_STOPPED_FINISHED, i->request->grace_ms);
	}
}

/* On the guest's own stack, from the first instruction of the guest to the end. */
static void live(void)
{
	struct runner *i = the_runner;

	start(i);
	process(i);
	i->phase = ZRUN_PHASE_STOPPING;
	if (i->module->on_close != NULL)
		(void)call(i, "on_close", i->module->on_close);
	end(i);
}

/* ---- from the fork to the guest --------------------------------------------------------- */

static void note(void *data, const char *text)
{
	connection_note(data, ZRUN_LEVEL_WARN, "sandbox: %s", text);
}

static int open_module(const struct runner *i)
{
	int fd = open(i->module_path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(ZRUN_FAILED_LOAD, errno, "cannot open the module %s: %s", i->module_path,
		    strerror(errno));
	return fd;
}

/* By its descriptor, because the directories above it may be closed to us by now: root that has
 * entered a user namespace may search only what belongs to root. */
static void load(struct runner *i, int module_fd)
{
	char path[40];
	void *handle;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", module_fd);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		die(ZRUN_FAILED_LOAD, 0, "cannot load the module %s: %s", i->module_path,
		    dlerror());
	i->module = dlsym(handle, "samoza_guest_module");
	if (i->module == NULL || i->module->magic != GUEST_MODULE_MAGIC)
		die(ZRUN_FAILED_LOAD, 0, "%s is no translated module", i->module_path);
	if (i->module->imports != imports_fingerprint())
		die(ZRUN_FAILED_LOAD, 0, "%s was translated for another version of zrun",
		    i->module_path);
	i->guest = calloc(1, i->module->instance_size);
	if (i->guest == NULL)
		die(ZRUN_FAILED_MEMORY, errno, "no memory for the module's globals");
}

static void guest_stack(struct runner *i)
{
	uint8_t *base = mmap(NULL, GUEST_STACK_GUARD + GUEST_STACK_SIZE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (base == MAP_FAILED ||
	    mprotect(base + GUEST_STACK_GUARD, GUEST_STACK_SIZE, PROT_READ | PROT_WRITE) < 0)
		die(ZRUN_FAILED_MEMORY, errno, "no memory for the guest's stack: %s",
		    strerror(errno));
	i->stack_base = base;
}

static void set_name(const char *path)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "zrun:%s", path);
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

static void confine_and_load(struct runner *i, const struct confine_shared *shared)
{
	struct confine c = {.shared = shared, .note = note, .data = i, .done = i->sandbox};
	int module_fd = open_module(i);

	confine_begin(&c, i->request->memory_bytes + DATA_OVERHEAD);
	confine_enter(&c);
	confine_landlock(&c, module_fd);
	load(i, module_fd);
	close(module_fd);
	guest_stack(i);
	if (confine_finish(&c) < 0)
		die(ZRUN_FAILED_SANDBOX, errno, "cannot give up root: %s", strerror(errno));
	if (shared->user_fd >= 0)
		close(shared->user_fd);
	if (shared->network_fd >= 0)
		close(shared->network_fd);
	if (shared->root_fd >= 0)
		close(shared->root_fd);
	termination_install(i);
	confine_seccomp(&c, i->request->filter_size > 0 ? i->filter : NULL,
			i->request->filter_size);
	i->sandbox = c.done;
}

void runner_run(const struct spawn_request *request, const int *fds,
		const struct confine_shared *shared)
{
	struct runner *i = the_runner;
	static ucontext_t context;

	i->in_host = true;
	take_request(i, request);
	set_name(i->path);
	if (dup2(fds[1], STDERR_FILENO) < 0 || close(fds[1]) < 0)
		_exit(ZRUN_EXIT_FAILED + ZRUN_FAILED_SANDBOX);
	/* The zygote's session, or our own after exec: no controlling terminal in either. */
	i->sandbox = ZRUN_SANDBOX_SESSION;
	connection_open(i, fds[0], (request->flags & SPAWN_HAS_STATUS) != 0 ? fds[2] : -1);
	if (request->settings_count > 0)
		native_run(i, shared);
	confine_and_load(i, shared);
	connection_accept(i);
	if (getcontext(&context) < 0)
		die(ZRUN_FAILED_SANDBOX, errno, "getcontext: %s", strerror(errno));
	context.uc_stack.ss_sp = i->stack_base + GUEST_STACK_GUARD;
	context.uc_stack.ss_size = GUEST_STACK_SIZE;
	makecontext(&context, live, 0);
	(void)setcontext(&context);
	die(ZRUN_FAILED_SANDBOX, errno, "setcontext: %s", strerror(errno));
}
