/*
 * The life of a NATIVE instance in its supervisor: a zrun like that of a WebAssembly guest,
 * with the same link to zhost (protocol.h), which runs no guest but looks after a keeper
 * (keeper.h) and what that runs. One of three tasks, as the setting `action` says:
 *
 *   deploy     makes the directory, runs recipe `deploy`; then STOPPED (finished) or FAILED
 *   start      runs `start` and continues:
 *
 *                run ──► wait until ready ──► STARTED ──► watch ──► stop ──► STOPPED
 *                 │            │                          │ UPDATE: recipe `update`
 *                 └── FAILED ──┘                          │ health, the end of the process
 *                                                         └── FAILED
 *   undeploy   runs recipe `undeploy`, removes the directory; then STOPPED (finished) or FAILED
 *
 * At each end nothing of the instance is left: the keeper kills all and is waited for.
 *
 *   native.c        the three tasks
 *   native_turn.c   one turn of waiting: zhost, keeper, outputs, probe; running a program
 *   native_health.c ready and health
 *   native_files.c  the directory       environment.c  the environment of recipes
 *   output.c        what is printed     probe.c        TCP and HTTP
 *
 * The supervisor keeps no right that it does not need: once the keeper stands, it becomes an
 * unprivileged user (another than the recipes').
 */
#ifndef SAMOZA_ZRUN_NATIVE_NATIVE_H
#define SAMOZA_ZRUN_NATIVE_NATIVE_H

#include "adapter/sandbox/cgroup.h"
#include "adapter/sandbox/enclose.h"
#include "zrun/native/environment.h"
#include "zrun/native/keeper.h"
#include "zrun/native/output.h"
#include "zrun/native/probe.h"
#include "zrun/runner/runner.h"

enum job {		 /* ids of the keeper's jobs; each has its output */
	   JOB_MAIN = 1, /* `start` */
	   JOB_RECIPE,	 /* the other recipes */
	   JOB_PROBE,	 /* command of ready or health */
	   JOB_COUNT,
};

struct job_state {
	bool is_running;
	bool is_refused;
	bool left; /* others were left when it ended */
	int status;
	char refusal[KEEPER_TEXT];
	struct output output;
};

#define NATIVE_TEXT 400

struct native {
	struct runner *instance; /* borrowed */

	/* settings, borrowed from the request */
	const char *action, *folder;
	bool is_foreground;
	bool is_root;	      /* began as root: its programs are another user's */
	uint64_t deadline_ms; /* monotonic: of deploy, start, undeploy; 0: none */
	uint64_t timeout_ms;  /* of an update; and what a timeout is called */

	/* keeper */
	struct cgroup group;
	struct enclosure enclosure;
	pid_t keeper; /* 0: none */
	int socket;   /* -1 */
	bool is_ready, is_empty;
	bool has_failed; /* it cannot enclose */
	char keeper_error[KEEPER_TEXT];

	struct job_state jobs[JOB_COUNT];
	struct output_budget budget;

	/* updates: the set that recipes know; the set that came last is instance.imports */
	struct strings known;
	bool update_due;
	uint32_t update_generation; /* of the link that asked */

	struct probe ready, health;
	uint64_t probe_next_ms, probe_until_ms;
	bool is_probing;
	uint32_t probe_failures;
	char probe_error[NATIVE_TEXT];
};

/* Runs the instance to its end. */
__attribute__((noreturn)) void native_run(struct runner *i,
					  const struct confine_shared *shared);
/* zhost_connection.c: an UPDATE has come, instance.imports is new (or, `same`, is not). */
void native_update(struct runner *i, bool same);
/* zhost_connection.c: the recipe that runs beside the started instance is to end. */
void native_cancel(struct runner *i);
/* The value of a setting, "" for none. */
const char *native_setting(const struct native *n, const char *name);
uint64_t native_number(const struct native *n, const char *name);

/* ---- native_turn.c ---- */
/* snprintf() for messages, which may be cut. */
void native_text(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Forks the keeper and waits until it stands. False with a text. */
bool native_enclose(struct native *n, char *text, size_t size);
/* Whether the package has this recipe. */
bool native_has_recipe(const struct native *n, const char *name);
/* Runs recipes/NAME as that job; false when it cannot even be asked for (text). */
bool native_start_recipe(struct native *n, enum job job, const char *name);
/* Runs a line for the shell. */
bool native_start_command(struct native *n, enum job job, const char *command);
/* Waits for something to happen, at most until then (monotonic), and takes it. */
void native_turn(struct native *n, uint64_t until_ms);
void native_signal(struct native *n, uint32_t id, int number, bool only_first);
/* Kills all that the keeper has, waits for it, and ends the keeper. */
void native_end_all(struct native *n);
/* "exit status 3: last line", or why it could not be run; "" for a good end. */
void native_job_error(const struct native *n, enum job job, char *text, size_t size);

/* ---- native_health.c ---- */
/* Reads what the settings say. False with a text. */
bool native_probe_read(const struct native *n, const char *name, struct probe *p, char *text,
		       size_t size);
/* Asks, if it is time, and takes answers. PROBE_PENDING while there is no news. */
enum probe_result native_probe(struct native *n, struct probe *p);
void native_probe_stop(struct native *n, struct probe *p);

#endif
