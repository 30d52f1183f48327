/*
 * The life of a NATIVE instance in its supervisor: a zrun like that of a WebAssembly guest,
 * with the same connection to zhost (protocol.h), which runs no guest but looks after a keeper
 * (keeper.h) and what that runs. One of three tasks, chosen by the setting `action`:
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
 *   native.c           the three tasks: the kind
 *   native_keeper.c    the keeper: its start, its end
 *   native_secrets.c   files of secrets
 *   native_turn.c      one turn of waiting: zhost, keeper, outputs, probe
 *   native_health.c    ready and health
 *   native_exec.c      commands that a person runs beside it
 *   native_programs.c  running recipes and commands
 *   native_memory.c    whether it ran out of memory
 *   native_api.c       the token with which it asks zrms
 *   native_secret_uses.c  which secrets
 *   native_settings.c  what zhost asked for
 *   native_files.c     the directory    environment.c  the environment of recipes
 *   output.c           what is printed  probe.c        TCP and HTTP
 *
 * Each uses those below it.
 *
 * The supervisor keeps no right that it does not need: once the keeper stands, it becomes an
 * unprivileged user (another than the recipes').
 */
#ifndef SAMOZA_ZRUN_NATIVE_NATIVE_STATE_H
#define SAMOZA_ZRUN_NATIVE_NATIVE_STATE_H

#include "adapter/sandbox/cgroup.h"
#include "adapter/sandbox/enclose.h"
#include "zrun/native/environment.h"
#include "zrun/native/keeper.h"
#include "zrun/native/output.h"
#include "zrun/native/port_owner.h"
#include "zrun/native/probe.h"
#include "zrun/runner/runner.h"

enum job {		 /* ids of the keeper's jobs; each has its output */
	   JOB_MAIN = 1, /* `start` */
	   JOB_RECIPE,	 /* the other recipes */
	   JOB_PROBE,	 /* command of ready or health: has a guard */
	   JOB_COUNT,
};

struct job_state {
	bool is_running;
	bool is_refused;
	bool left; /* others were left when it ended */
	int status;
	char refusal[KEEPER_TEXT];
	struct output output, errors; /* messages quote the second */
};

#define NATIVE_TEXT 400

/* A command that zhost asked for; its job has the number JOB_COUNT and its place among them. */
struct native_exec {
	uint32_t session;    /* zhost's */
	uint32_t generation; /* of the connection that asked */
	bool is_used;
};

struct native {
	struct runner *instance; /* borrowed */

	/* settings, borrowed from the request */
	const char *action, *directory;
	bool is_foreground;
	bool is_root;	      /* began as root: its programs are another user's */
	uint64_t deadline_ms; /* monotonic: of deploy, start, undeploy; 0: none */
	uint64_t timeout_ms;  /* of an update, and of messages about time */

	/* keeper */
	struct cgroup group;
	struct enclosure enclosure;
	pid_t keeper; /* 0: none */
	int socket;   /* -1 */
	bool is_ready, is_empty;
	bool has_failed; /* it cannot enclose */
	char keeper_error[KEEPER_TEXT];
	uint64_t oom_kills; /* in its control group, as far as they were seen */
	uint64_t oom_ms;    /* when the last was seen, monotonic; 0: none was */

	struct job_state jobs[JOB_COUNT];
	struct native_exec execs[ZRUN_EXEC_MAX];
	uint32_t exec_generation; /* those of others were told to end */
	struct log_budget budget;

	/* updates: the set that recipes know; the last set that came is instance.imports */
	struct strings known;
	bool update_due;
	uint32_t update_generation; /* of the connection that asked */

	struct native_secrets {
		int32_t asked;	  /* number of the last order to the keeper */
		bool is_answered; /* that one */
		int status;	  /* 0, or errno */
		bool has_files;
		bool is_due; /* those of now could not be written */
	} secrets;

	struct probe ready, health;
	uint64_t probe_next_ms, probe_until_ms;
	bool is_probing;
	bool has_answer; /* its socket has an event */
	/* Whose port it is that has answered: the keeper looks. */
	bool asks_owner, knows_owner;
	enum port_owner owner;
	struct port_taken { /* before anything of it ran, while zrun may still look at others */
		uint16_t port; /* 0: none was */
		unsigned long socket;
		char user[80];
	} taken;
	uint32_t probe_failures;
	char probe_error[NATIVE_TEXT];
};

#endif
