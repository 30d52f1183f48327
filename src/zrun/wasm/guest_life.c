/*
 * The life of a WebAssembly guest: sandbox, loading, on_init ... on_close.
 */
#include "zrun/wasm/guest_life.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "adapter/sandbox/confine.h"
#include "adapter/wasm2c/imports.h"
#include "zrun/runner/clocks.h"
#include "zrun/runner/priority.h"
#include "zrun/runner/stopping.h"
#include "zrun/runner/termination.h"
#include "zrun/runner/zhost_wait.h"
#include "zrun/wasm/guest.h"
#include "zrun/wasm/guest_image.h"
#include "zrun/wasm/host_table.h"
#include "zrun/wasm/host_wasi.h"

/* Private writable memory beside the guest's: buffers of the connection, stacks, libraries. */
#define DATA_OVERHEAD (16ull * 1024 * 1024)

_Static_assert((int)IMPORT_CAP_DATA_WRITE == (int)ZRUN_CAP_DATA_WRITE &&
		       (int)IMPORT_CAP_SYS_LOG == (int)ZRUN_CAP_SYS_LOG &&
		       (int)IMPORT_CAP_NET_EMIT == (int)ZRUN_CAP_NET_EMIT &&
		       (int)IMPORT_CAP_NET_RECV == (int)ZRUN_CAP_NET_RECV &&
		       (int)IMPORT_CAP_DATA_READ == (int)ZRUN_CAP_DATA_READ,
	       "one set of capability bits");
/* ---- the guest's functions ---- */

static void enter(struct guest *g, const char *what)
{
	struct runner *i = g->runner;

	i->running = what;
	i->host_calls++;
	i->in_host = false;
}

static void leave(struct guest *g)
{
	struct runner *i = g->runner;

	i->in_host = true;
	i->host_calls++;
	termination_overdue(i);
}

static int32_t call(struct guest *g, const char *what, uint32_t (*function)(void *))
{
	uint32_t result;

	enter(g, what);
	result = function(g->instance);
	leave(g);
	return (int32_t)result;
}

static void call_void(struct guest *g, const char *what, void (*function)(void *))
{
	enter(g, what);
	function(g->instance);
	leave(g);
}

static void start(struct guest *g)
{
	struct runner *i = g->runner;
	int32_t result;

	termination_deadline(i, mono_ms() + i->request->init_ms, ZRUN_FAILED_DEADLINE);
	enter(g, "the start function");
	g->module->init();
	g->module->instantiate(g->instance, &g->host);
	leave(g);
	if (g->module->initialize != NULL)
		call_void(g, "_initialize", g->module->initialize);
	if (g->module->on_init != NULL) {
		result = call(g, "on_init", g->module->on_init);
		if (result != 0)
			die(ZRUN_FAILED_INIT, result, "on_init returned %d", result);
	}
	/* A STOP that came meanwhile had to wait; now its deadline holds (0: none came). */
	i->phase = ZRUN_PHASE_STARTED;
	termination_deadline(i, i->stop_deadline_ms, ZRUN_FAILED_GRACE);
	(void)connection_send(i, ZRUN_STARTED, 0, NULL, 0, NULL, 0);
}

static void update(struct guest *g)
{
	struct runner *i = g->runner;
	struct zrun_updated updated;

	i->imports_changed = false;
	updated.result = call(g, "on_update", g->module->on_update);
	for (; i->updates_owed > 0; i->updates_owed--)
		if (!connection_send(i, ZRUN_UPDATED, 0, &updated, sizeof(updated), NULL, 0))
			break;
}

static void process(struct guest *g)
{
	struct runner *i = g->runner;
	int32_t result = 0;

	while (result == 0) {
		connection_poll(i);
		if (runner_stopping(i))
			return;
		if (i->imports_changed) {
			update(g);
			continue;
		}
		if (g->module->on_process == NULL) {
			call_void(g, "_start", g->module->start);
			break;
		}
		result = call(g, "on_process", g->module->on_process);
	}
	if (!runner_stopping(i)) {
		i->finish_result = result;
		runner_stop(i, ZRUN_STOPPED_FINISHED, i->request->grace_ms);
	}
}

/* On the guest's own stack, from the first instruction of the guest to the end. */
static void live(void)
{
	struct guest *g = &the_guest;
	struct runner *i = g->runner;

	start(g);
	process(g);
	i->phase = ZRUN_PHASE_STOPPING;
	if (g->module->on_close != NULL)
		(void)call(g, "on_close", g->module->on_close);
	wasi_flush(i);
	guest_end(g);
}

/* ---- sandbox and module ---- */

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

/* By its descriptor, because the directories above it may be closed to zrun by now: root that
 * has entered a user namespace may search only what belongs to root. */
static void load(struct guest *g, int module_fd)
{
	const struct runner *i = g->runner;
	char path[40];
	void *handle;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", module_fd);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		die(ZRUN_FAILED_LOAD, 0, "cannot load the module %s: %s", i->module_path,
		    dlerror());
	g->module = dlsym(handle, "samoza_guest_module");
	if (g->module == NULL || (g->module->magic != GUEST_MODULE_MAGIC &&
				  g->module->magic != GUEST_MODULE_MAGIC_1))
		die(ZRUN_FAILED_LOAD, 0, "%s is not a translated module", i->module_path);
	if (g->module->imports != imports_fingerprint())
		die(ZRUN_FAILED_LOAD, 0, "%s was translated for another version of zrun",
		    i->module_path);
	guest_image_map(g, module_fd);
	g->instance = calloc(1, g->module->instance_size);
	if (g->instance == NULL)
		die(ZRUN_FAILED_MEMORY, errno, "no memory for the module's globals");
}

static void guest_stack(struct guest *g)
{
	uint8_t *base = mmap(NULL, GUEST_STACK_GUARD + GUEST_STACK_SIZE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (base == MAP_FAILED ||
	    mprotect(base + GUEST_STACK_GUARD, GUEST_STACK_SIZE, PROT_READ | PROT_WRITE) < 0)
		die(ZRUN_FAILED_MEMORY, errno, "no memory for the guest's stack: %s",
		    strerror(errno));
	g->stack_base = base;
}

static void confine_and_load(struct guest *g, const struct confine_shared *shared)
{
	struct runner *i = g->runner;
	struct confine c = {.shared = shared, .note = note, .data = i, .done = i->sandbox};
	int module_fd = open_module(i);

	priority_set(i->request->cpu_millicores);
	priority_set_session();
	priority_limit(i->request->cpu_limit_millicores);
	confine_begin(&c, i->request->memory_bytes + DATA_OVERHEAD);
	confine_enter(&c);
	confine_landlock(&c, module_fd);
	load(g, module_fd);
	close(module_fd);
	guest_stack(g);
	if (confine_finish(&c) < 0)
		die(ZRUN_FAILED_SANDBOX, errno, "cannot drop root privileges: %s",
		    strerror(errno));
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

/* ---- the kind ---- */

static bool takes(const struct spawn_request *request)
{
	return request->settings_count == 0;
}

__attribute__((noreturn)) static void run(struct runner *i, const struct confine_shared *shared)
{
	static ucontext_t context;
	struct guest *g = &the_guest;

	i->kind_state = g;
	g->runner = i;
	g->host.functions = host_functions;
	confine_and_load(g, shared);
	connection_accept(i);
	if (getcontext(&context) < 0)
		die(ZRUN_FAILED_SANDBOX, errno, "getcontext: %s", strerror(errno));
	context.uc_stack.ss_sp = g->stack_base + GUEST_STACK_GUARD;
	context.uc_stack.ss_size = GUEST_STACK_SIZE;
	makecontext(&context, live, 0);
	(void)setcontext(&context);
	die(ZRUN_FAILED_SANDBOX, errno, "setcontext: %s", strerror(errno));
}

/* on_update follows between two calls of the guest; without one there is nothing to wait for. */
static void take_update(struct runner *i, bool is_same)
{
	const struct guest *g = i->kind_state;
	const struct zrun_updated nothing = {0};

	if (!is_same)
		i->imports_changed = g->module != NULL && g->module->on_update != NULL;
	if (i->imports_changed)
		i->updates_owed++;
	else
		(void)connection_send(i, ZRUN_UPDATED, 0, &nothing, sizeof(nothing), NULL, 0);
}

/* While it starts, the deadline of the start holds; then this one is set. */
static void stop(struct runner *i)
{
	if (i->phase != ZRUN_PHASE_STARTING)
		termination_deadline(i, i->stop_deadline_ms, ZRUN_FAILED_GRACE);
}

/* A fault in the guest's memory or at the end of its stack is a trap. */
static void fault(struct runner *i, const void *address)
{
	const struct guest *g = i->kind_state;
	const uint8_t *at = address;

	if (g == NULL)
		return;
	if (g->memory_base != NULL && at >= g->memory_base &&
	    at < g->memory_base + GUEST_RESERVE_SIZE)
		die(ZRUN_FAILED_TRAP, WASM_RT_TRAP_OOB, "trap: %s in %s",
		    trap_text(WASM_RT_TRAP_OOB), i->running);
	if (g->stack_base != NULL && at >= g->stack_base &&
	    at < g->stack_base + GUEST_STACK_GUARD)
		die(ZRUN_FAILED_TRAP, WASM_RT_TRAP_EXHAUSTION, "trap: %s in %s",
		    trap_text(WASM_RT_TRAP_EXHAUSTION), i->running);
}

const struct runner_kind runner_kind_wasm = {
	.takes = takes,
	.run = run,
	.update = take_update,
	.stop = stop,
	.fault = fault,
};
