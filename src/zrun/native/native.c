#include "zrun/native/native.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/sandbox/confine.h"
#include "zrun/native/native_api.h"
#include "zrun/native/native_exec.h"
#include "zrun/native/native_files.h"
#include "zrun/native/native_health.h"
#include "zrun/native/native_keeper.h"
#include "zrun/native/native_memory.h"
#include "zrun/native/native_programs.h"
#include "zrun/native/native_secrets.h"
#include "zrun/native/native_settings.h"
#include "zrun/native/native_turn.h"
#include "zrun/runner/clocks.h"
#include "zrun/runner/termination.h"
#include "zrun/runner/zhost_wait.h"

#define FOREGROUND_MS	     1000 /* without a readiness probe it counts as started after this */
#define READY_FIRST_MS	     50	  /* between checks: grows to READY_MOST_MS */
#define READY_MOST_MS	     1000
#define NEVER		     UINT64_MAX
#define NATIVE_DEVICES_BYTES ((size_t)64 * 1024)
#define KILL_RESERVE_MS	     400 /* of the grace, for killing and reporting */

/* ---- settings ---- */

static void read_settings(struct native *n)
{
	struct runner *i = n->instance;
	uint64_t left_ms = native_number(n, "left_ms");

	n->action = native_setting(n, "action");
	n->directory = native_setting(n, "folder");
	n->is_foreground = native_setting(n, "foreground")[0] == '1';
	n->is_root = geteuid() == 0;
	n->timeout_ms = native_number(n, "timeout_ms");
	n->deadline_ms = left_ms > 0 ? mono_ms() + left_ms : NEVER;
	n->socket = -1;
	n->group.kill_fd = n->group.events_fd = -1;
	n->ready.fd = n->health.fd = -1;
	for (int job = JOB_MAIN; job < JOB_COUNT; job++)
		n->jobs[job].output.fd = n->jobs[job].errors.fd = -1;
	n->enclosure = (struct enclosure){
		.uid = (uid_t)native_number(n, "uid"),
		.gid = (gid_t)native_number(n, "uid"),
		.filter = i->request->filter_size > 0 ? i->filter : NULL,
		.filter_size = i->request->filter_size,
		.hidden = native_setting(n, "hidden"),
		.without_namespaces = (i->request->flags & SPAWN_WITHOUT_NAMESPACES) != 0,
	};
	if (n->enclosure.uid == 0)
		n->enclosure.uid = n->enclosure.gid = i->request->unprivileged_uid;
}

static void set_directories(struct native *n)
{
	static char package[4200], data[4200], tmp[4200];

	(void)snprintf(package, sizeof(package), "%s/package", n->directory);
	(void)snprintf(data, sizeof(data), "%s/data", n->directory);
	(void)snprintf(tmp, sizeof(tmp), "%s/tmp", n->directory);
	n->enclosure.package = package;
	n->enclosure.data = data;
	n->enclosure.tmp = tmp;
	if (native_setting(n, "kept")[0] != '\0')
		n->enclosure.kept = native_setting(n, "kept");
}

/* ---- ends ---- */

/* Nothing is left, then FAILED. */
__attribute__((noreturn, format(printf, 3, 4))) static void
fail(struct native *n, enum zrun_failed_kind kind, const char *format, ...)
{
	char text[NATIVE_TEXT];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	native_end_all(n);
	die(kind, 0, "%s", text);
}

/* ---- devices ---- */

/* The next word of `text`, with spaces between them; NULL: there is none. One too many ends the instance: zhost passes no more. */
static char *next_word(struct native *n, char *text, char **rest, size_t count)
{
	char *word = strtok_r(text, " ", rest);

	if (word != NULL && count == ZRUN_NATIVE_DEVICES_MAX)
		fail(n, ZRUN_FAILED_SANDBOX,
		     "more than %d device nodes or groups: let the space ask for fewer "
		     "capabilities and devices, or list fewer in the settings of the zhost",
		     ZRUN_NATIVE_DEVICES_MAX);
	return word;
}

static void set_devices(struct native *n)
{
	static char paths[NATIVE_DEVICES_BYTES], groups[NATIVE_DEVICES_BYTES];
	static const char *devices[ZRUN_NATIVE_DEVICES_MAX];
	static gid_t numbers[ZRUN_NATIVE_DEVICES_MAX];
	unsigned *nodes = &n->enclosure.device_count, *given = &n->enclosure.group_count;
	char *word, *rest = NULL;

	native_text(paths, sizeof(paths), "%s", native_setting(n, "devices"));
	for (word = next_word(n, paths, &rest, *nodes); word != NULL;
	     word = next_word(n, NULL, &rest, *nodes))
		devices[(*nodes)++] = word;
	native_text(groups, sizeof(groups), "%s", native_setting(n, "device_groups"));
	for (word = next_word(n, groups, &rest, *given); word != NULL;
	     word = next_word(n, NULL, &rest, *given))
		numbers[(*given)++] = (gid_t)strtoul(word, NULL, 10);
	n->enclosure.devices = devices;
	n->enclosure.groups = numbers;
}

__attribute__((noreturn)) static void finish(struct native *n, enum zrun_stopped_cause cause)
{
	native_end_all(n);
	if (!runner_stopping(n->instance))
		n->instance->stop_cause = (int)cause;
	connection_poll(n->instance);
	end_stopped(n->instance);
}

/* "60 s", "1500 ms". */
static void time_text(uint64_t ms, char *text, size_t size)
{
	bool whole = ms % 1000 == 0;

	native_text(text, size, "%" PRIu64 " %s", whole ? ms / 1000 : ms, whole ? "s" : "ms");
}

/* "timed out after 60 s: last line". */
static void timeout_text(const struct native *n, enum job job, char *text, size_t size)
{
	char last[NATIVE_TEXT], time[40];

	output_last(&n->jobs[job].errors, last, sizeof(last));
	time_text(n->timeout_ms, time, sizeof(time));
	native_text(text, size, "timed out after %s%s", time, last);
}

/* ---- running a recipe to its end ---- */

/* False when time ran out, or (in deploy and undeploy) a stop was asked for. */
static bool wait_for(struct native *n, enum job job, uint64_t until_ms, bool or_stop)
{
	while (n->jobs[job].is_running && mono_ms() < until_ms &&
	       !(or_stop && runner_stopping(n->instance)))
		native_turn(n, until_ms);
	/* What it wrote last may still be in the pipe. */
	if (!n->jobs[job].is_running)
		native_read_outputs(n, job);
	return !n->jobs[job].is_running;
}

/* A recipe of deploy or undeploy, if there is one. "" or an error in text. */
static void run_once(struct native *n, const char *name, char *text, size_t size)
{
	text[0] = '\0';
	if (!native_has_recipe(n, name))
		return;
	if (!native_enclose(n, text, size))
		return;
	(void)native_start_recipe(n, JOB_RECIPE, name);
	if (wait_for(n, JOB_RECIPE, n->deadline_ms, true))
		native_job_error(n, JOB_RECIPE, text, size);
	else if (runner_stopping(n->instance))
		native_text(text, size, "it was interrupted");
	else
		timeout_text(n, JOB_RECIPE, text, size);
	native_end_all(n);
}

__attribute__((noreturn)) static void deploy(struct native *n)
{
	char text[NATIVE_TEXT], why[NATIVE_TEXT];

	if (native_install(n->directory, native_setting(n, "list"), native_setting(n, "cache"),
			   n->enclosure.uid, text, sizeof(text)) == 0)
		run_once(n, "deploy", text, sizeof(text));
	if (text[0] == '\0')
		finish(n, ZRUN_STOPPED_FINISHED);
	if (native_remove(n->directory, why, sizeof(why)) < 0)
		connection_note(n->instance, ZRUN_LEVEL_WARN, "%s", why);
	fail(n, ZRUN_FAILED_RECIPE, "%s", text);
}

__attribute__((noreturn)) static void undeploy(struct native *n)
{
	char text[NATIVE_TEXT];

	/* Without its directory there is nothing that a recipe could undo. */
	if (access(n->enclosure.package, F_OK) == 0)
		run_once(n, "undeploy", text, sizeof(text));
	else
		text[0] = '\0';
	if (text[0] == '\0')
		(void)native_remove(n->directory, text, sizeof(text));
	if (text[0] == '\0')
		finish(n, ZRUN_STOPPED_FINISHED);
	fail(n, ZRUN_FAILED_RECIPE, "%s", text);
}

/* ---- start ---- */

/* The keeper does what needs rights: from here on the supervisor has none but to kill. */
static void become_unprivileged(struct native *n)
{
	const struct runner *i = n->instance;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct kill_only[2] = {
		{.effective = 1u << CAP_KILL, .permitted = 1u << CAP_KILL}, {0}};
	uid_t uid = i->request->unprivileged_uid;

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (geteuid() != 0)
		return;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresgid(uid, uid, uid) < 0 ||
	    setresuid(uid, uid, uid) < 0 || syscall(SYS_capset, &header, kill_only) < 0)
		fail(n, ZRUN_FAILED_SANDBOX, "cannot drop root privileges: %s",
		     strerror(errno));
}

static bool has_ended_well(const struct native *n)
{
	const struct job_state *main = &n->jobs[JOB_MAIN];

	return n->keeper != 0 && n->is_foreground && !main->is_running && !main->is_refused &&
	       WIFEXITED(main->status) && WEXITSTATUS(main->status) == 0;
}

/* The process, or all that `start` left, has gone. "" while it has not. */
static void gone_text(struct native *n, bool had_others, char *text, size_t size)
{
	const struct job_state *main = &n->jobs[JOB_MAIN];
	char last[NATIVE_TEXT];

	text[0] = '\0';
	output_last(&main->errors, last, sizeof(last));
	if (n->keeper == 0)
		native_text(text, size, "%s%s%s", n->keeper_error, native_memory_text(n), last);
	else if (has_ended_well(n)) /* [lifecycle.failure.exit-0] */
		native_text(text, size,
			    "ended with exit status 0; a service is expected to run on%s",
			    last);
	else if (n->is_foreground && !main->is_running)
		native_job_error(n, JOB_MAIN, text, size);
	else if (!n->is_foreground && had_others && n->is_empty)
		native_text(text, size, "it has no process left%s%s", native_memory_text(n),
			    last);
}

__attribute__((noreturn)) static void gone(struct native *n, const char *text)
{
	fail(n, has_ended_well(n) ? ZRUN_FAILED_ENDED : ZRUN_FAILED_RECIPE, "%s", text);
}

/* Before it was ready: perhaps because it could not listen. */
__attribute__((noreturn)) static void gone_early(struct native *n, const char *text)
{
	char with_port[NATIVE_TEXT];

	native_text(with_port, sizeof(with_port), "%.270s%s", text, native_port_text(n));
	gone(n, with_port);
}

/* `start` of a service: returns. */
static void run_service(struct native *n)
{
	char text[NATIVE_TEXT];

	if (!wait_for(n, JOB_MAIN, n->deadline_ms, false)) {
		timeout_text(n, JOB_MAIN, text, sizeof(text));
		fail(n, ZRUN_FAILED_RECIPE, "%s", text);
	}
	native_job_error(n, JOB_MAIN, text, sizeof(text));
	if (text[0] != '\0')
		fail(n, ZRUN_FAILED_RECIPE, "%.270s%s", text, native_port_text(n));
	if (!n->jobs[JOB_MAIN].left)
		connection_note(
			n->instance, ZRUN_LEVEL_INFO,
			"start left no process: it counts as started until it is stopped%s",
			n->health.kind != PROBE_NONE ? " or its health check fails" : "");
}

static void wait_until_ready(struct native *n)
{
	uint64_t until = n->deadline_ms, now = mono_ms();
	bool had_others = n->jobs[JOB_MAIN].left;
	char text[NATIVE_TEXT];

	if (n->ready.kind == PROBE_NONE) {
		if (!n->is_foreground)
			return;
		until = now + FOREGROUND_MS < until ? now + FOREGROUND_MS : until;
	}
	n->ready.interval_ms = READY_FIRST_MS;
	n->probe_next_ms = now;
	n->probe_error[0] = '\0';
	for (;;) {
		gone_text(n, had_others, text, sizeof(text));
		if (text[0] != '\0')
			gone_early(n, text);
		if (n->ready.kind != PROBE_NONE) {
			enum probe_result result = native_probe(n, &n->ready);

			if (result == PROBE_GOOD)
				return;
			if (result == PROBE_BAD && n->ready.interval_ms < READY_MOST_MS)
				n->ready.interval_ms *= 2;
		}
		now = mono_ms();
		if (now >= until)
			break;
		native_turn(n, native_probe_due_ms(n, &n->ready) < until
				       ? native_probe_due_ms(n, &n->ready)
				       : until);
	}
	if (n->ready.kind == PROBE_NONE)
		return;
	native_probe_stop(n, &n->ready);
	timeout_text(n, JOB_MAIN, text, sizeof(text));
	fail(n, ZRUN_FAILED_RECIPE, "not ready: %s (%.220s)", text, n->probe_error);
}

/* ---- started ---- */

static void remember_imports(struct native *n)
{
	const struct import_set *set = &n->instance->imports;

	strings_done(&n->known);
	if (set->size > 0) {
		n->known.data = malloc(set->size);
		if (n->known.data == NULL)
			abort();
		memcpy(n->known.data, set->data, set->size);
	}
	n->known.size = set->size;
}

static void updated_as(struct native *n, int32_t result, const char *error)
{
	struct zrun_updated updated = {.result = result};
	uint32_t generation = n->instance->connection.generation;

	/* A zhost that did not ask gets no answer. */
	if (n->update_generation == generation)
		(void)connection_send(n->instance, ZRUN_UPDATED, 0, &updated, sizeof(updated),
				      error, strlen(error));
}

static void updated(struct native *n, const char *error)
{
	updated_as(n, error[0] != '\0' ? -1 : 0, error);
}

static void take_update(struct runner *i, bool is_same)
{
	struct native *n = i->kind_state;

	n->update_generation = i->connection.generation;
	if (is_same && !n->update_due && !n->secrets.is_due &&
	    !n->jobs[JOB_RECIPE].is_running) {
		updated(n, "");
		return;
	}
	n->update_due = true;
}

/* Ends the recipe that runs beside the started instance. */
static void cancel(struct runner *i)
{
	struct native *n = i->kind_state;

	if (i->phase == ZRUN_PHASE_STARTED && n->jobs[JOB_RECIPE].is_running)
		native_signal(n, JOB_RECIPE, SIGKILL, false);
}

/* [workloads.configuration.reload] Its files are written; it is to read them again. */
static void signal_reload(struct native *n)
{
	if (n->jobs[JOB_MAIN].is_running) {
		native_signal(n, JOB_MAIN, SIGHUP, true);
		connection_note(n->instance, ZRUN_LEVEL_INFO,
				"its env, config or secrets have changed: SIGHUP");
	}
}

static void update(struct native *n)
{
	uint64_t until = mono_ms() + n->timeout_ms;
	char text[NATIVE_TEXT] = "";
	bool signals = strcmp(native_setting(n, "reload"), "signal") == 0 &&
		       environment_settings_differ(n->known.data, n->known.size,
						   n->instance->imports.data,
						   n->instance->imports.size);

	n->update_due = false;
	if (n->known.size == n->instance->imports.size &&
	    (n->known.size == 0 ||
	     memcmp(n->known.data, n->instance->imports.data, n->known.size) == 0)) {
		updated(n, "");
		return;
	}
	if (!native_secrets_write(n, text, sizeof(text)) && !n->update_due) {
		updated_as(n, ZRUN_UPDATED_UNTAKEN, text);
		return;
	}
	if (n->update_due)
		return; /* a newer set has come meanwhile */
	if (native_has_recipe(n, "update")) {
		until -= n->timeout_ms > 4 * KILL_RESERVE_MS ? KILL_RESERVE_MS
							     : n->timeout_ms / 10;
		(void)native_start_recipe(n, JOB_RECIPE, "update");
		remember_imports(n);
		if (wait_for(n, JOB_RECIPE, until, true)) {
			native_job_error(n, JOB_RECIPE, text, sizeof(text));
		} else {
			if (runner_stopping(n->instance))
				native_text(text, sizeof(text), "it was interrupted by a stop");
			else
				timeout_text(n, JOB_RECIPE, text, sizeof(text));
			native_signal(n, JOB_RECIPE, SIGKILL, false);
			(void)wait_for(n, JOB_RECIPE, mono_ms() + KILL_RESERVE_MS, false);
		}
	} else {
		remember_imports(n);
	}
	if (signals && !runner_stopping(n->instance))
		signal_reload(n);
	if (!n->update_due) /* else the answer comes with the newer set */
		updated(n, text);
}

static void die_of_health(struct native *n)
{
	char times[32] = "once";

	if (n->probe_failures > 1)
		(void)snprintf(times, sizeof(times), "%u times", n->probe_failures);
	fail(n, ZRUN_FAILED_HEALTH, "health check failed %s: %.300s", times, n->probe_error);
}

static void look_after_health(struct native *n)
{
	enum probe_result result;

	if (n->health.kind == PROBE_NONE)
		return;
	result = native_probe(n, &n->health);
	if (result == PROBE_GOOD) {
		n->probe_failures = 0;
		connection_health(n->instance, true);
	}
	if (result != PROBE_BAD)
		return;
	n->probe_failures++;
	connection_health(n->instance, false);
	connection_note(n->instance, ZRUN_LEVEL_WARN, "health check failed (%u of %u): %.300s",
			n->probe_failures, n->health.failures, n->probe_error);
	if (n->probe_failures >= n->health.failures)
		die_of_health(n);
}

static void watch(struct native *n)
{
	bool had_others = n->jobs[JOB_MAIN].left;
	char text[NATIVE_TEXT];

	n->probe_next_ms = mono_ms() + n->health.interval_ms;
	while (!runner_stopping(n->instance)) {
		gone_text(n, had_others, text, sizeof(text));
		if (text[0] != '\0')
			gone(n, text);
		if (n->update_due) {
			update(n);
			continue;
		}
		look_after_health(n);
		native_memory_look(n);
		log_budget_report(n->instance, &n->budget, false);
		native_turn(n, native_probe_due_ms(n, &n->health));
	}
	native_probe_stop(n, &n->health);
}

/* ---- stop ---- */

static bool is_over(const struct native *n)
{
	return n->keeper == 0 || n->is_empty;
}

static void wait_until_over(struct native *n, uint64_t until_ms)
{
	while (!is_over(n) && mono_ms() < until_ms)
		native_turn(n, until_ms);
}

/* Within the grace: the recipe `stop`, then SIGTERM for what is left, then SIGKILL. Without
 * the recipe SIGTERM is first: of a foreground process to it alone, so that it can end its
 * own in order. */
__attribute__((noreturn)) static void stop(struct native *n)
{
	struct runner *i = n->instance;
	uint64_t begun = mono_ms(), end = i->stop_deadline_ms;
	uint64_t grace = end > begun ? end - begun : 0;
	uint64_t until = end - (grace > 4 * KILL_RESERVE_MS ? KILL_RESERVE_MS : grace / 5);
	char text[NATIVE_TEXT] = "", last[NATIVE_TEXT], time[40];

	time_text((grace + 50) / 100 * 100, time, sizeof(time)); /* as it was asked for */
	i->phase = ZRUN_PHASE_STOPPING;
	if (native_has_recipe(n, "stop") && n->keeper > 0) {
		(void)native_start_recipe(n, JOB_RECIPE, "stop");
		if (!wait_for(n, JOB_RECIPE, until, false)) {
			output_last(&n->jobs[JOB_RECIPE].errors, last, sizeof(last));
			native_text(text, sizeof(text), "killed after %s%s", time, last);
		} else {
			native_job_error(n, JOB_RECIPE, text, sizeof(text));
			/* It may only have asked the processes to end; then they are waited for. */
			if (text[0] == '\0')
				wait_until_over(n, (mono_ms() + until) / 2);
		}
	} else if (n->is_foreground) {
		native_signal(n, JOB_MAIN, SIGTERM, true);
		(void)wait_for(n, JOB_MAIN, until, false);
	}
	if (!is_over(n)) {
		native_signal(n, KEEPER_ALL, SIGTERM, false);
		wait_until_over(n, until);
	}
	if (!is_over(n) && text[0] == '\0')
		native_text(text, sizeof(text),
			    "some of its processes did not end within %s and were killed",
			    time);
	if (text[0] != '\0' && i->stop_cause == ZRUN_STOPPED_ASKED)
		fail(n, ZRUN_FAILED_GRACE, "%s", text);
	if (text[0] != '\0')
		connection_note(i, ZRUN_LEVEL_WARN, "stop: %s", text);
	finish(n, (enum zrun_stopped_cause)i->stop_cause);
}

__attribute__((noreturn)) static void start(struct native *n)
{
	char text[NATIVE_TEXT];

	if (access(n->enclosure.package, F_OK) < 0)
		fail(n, ZRUN_FAILED_LOAD,
		     "its directory %s is gone: undeploy it and deploy it again", n->directory);
	if (!native_probe_read(n, "ready", &n->ready, text, sizeof(text)))
		fail(n, ZRUN_FAILED_LOAD, "ready: %s", text);
	if (!native_probe_read(n, "health", &n->health, text, sizeof(text)))
		fail(n, ZRUN_FAILED_LOAD, "health: %s", text);
	native_port_look(n);
	if (!native_api_write(n, text, sizeof(text)))
		fail(n, ZRUN_FAILED_LOAD, "%s", text);
	if (!native_enclose(n, text, sizeof(text)))
		fail(n, ZRUN_FAILED_SANDBOX, "%s", text);
	if (!native_secrets_write(n, text, sizeof(text)))
		fail(n, ZRUN_FAILED_SANDBOX, "%s", text);
	become_unprivileged(n);
	/* What it keeps of secrets is in no dump, and not for others of its user. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	remember_imports(n);
	(void)native_start_recipe(n, JOB_MAIN, "start");
	if (!n->is_foreground)
		run_service(n);
	wait_until_ready(n);
	n->instance->phase = ZRUN_PHASE_STARTED;
	(void)connection_send(n->instance, ZRUN_STARTED, 0, NULL, 0, NULL, 0);
	watch(n);
	stop(n);
}

static bool takes(const struct spawn_request *request)
{
	return request->settings_count > 0;
}

__attribute__((noreturn)) static void run(struct runner *i, const struct confine_shared *shared)
{
	static struct native native;
	struct native *n = &native;

	n->instance = i;
	i->kind_state = n;
	i->running = "a recipe";
	if (shared->user_fd >= 0)
		close(shared->user_fd);
	if (shared->network_fd >= 0)
		close(shared->network_fd);
	if (shared->root_fd >= 0)
		close(shared->root_fd);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	termination_install(i);
	termination_arm(i);
	read_settings(n);
	set_devices(n);
	set_directories(n);
	connection_accept(i);
	if (strcmp(n->action, "deploy") == 0)
		deploy(n);
	if (strcmp(n->action, "undeploy") == 0)
		undeploy(n);
	start(n);
}

const struct runner_kind runner_kind_native = {
	.takes = takes,
	.run = run,
	.update = take_update,
	.cancel = cancel,
	.exec = native_exec_begin,
	.exec_signal = native_exec_signal,
};
