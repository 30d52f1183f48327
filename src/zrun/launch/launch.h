/*
 * Starting instances: a zygote per zhost, plain exec as the fallback, and adopting those
 * that an earlier zhost process started.
 *
 * The launcher keeps one zygote: the program zrun, small, one thread, a child of the caller.
 * It forks the instances with CLONE_PARENT, so that they are children of the *caller*:
 * their end is seen by their pidfd (readable), and launch_reap() takes the wait status.
 * When the caller dies the zygote ends, the instances continue (see protocol.h for how they are
 * found again). When the zygote dies, launches go through fork and exec of zrun until a new
 * one stands; the caller does not see the difference.
 *
 * For an event loop (nothing blocks but launcher_start, about 2 ms):
 *
 *   launcher_new -> launcher_start -> poll launcher_fd() for READABLE (for WRITABLE as well
 *   while launcher_wants_write()) -> launcher_process() on each event -> callbacks
 *
 * After a restart of the zygote launcher_fd() changes: `on_fd_changed` reports it.
 */
#ifndef SAMOZA_ZRUN_LAUNCH_LAUNCH_H
#define SAMOZA_ZRUN_LAUNCH_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "zrun/protocol/protocol.h"

struct launcher;

struct launcher_options {
	const char *zrun_path; /* the program zrun */
	/* The filter for instances, from sandbox_filter_new() (adapter/sandbox/filter.h);
	 * NULL: no seccomp. Copied. */
	const void *seccomp_program;
	size_t seccomp_size;	/* bytes */
	uid_t unprivileged_uid; /* used where the caller is root; 0 means 65534 */
	bool without_zygote;	/* always fork and exec; for tests and comparison */
	bool without_namespaces;
	/* launcher_fd() is another one from now on (-1: none for the moment). */
	void (*on_fd_changed)(void *data);
	void *data;
};

/* Copies the options. */
struct launcher *launcher_new(const struct launcher_options *options);
/* Ends the zygote; instances continue. Launches in flight get no callback. NULL is fine. */
void launcher_free(struct launcher *l);

/* Starts the zygote. Without one (an error), launcher_launch still works by exec. */
int must_check launcher_start(struct launcher *l, struct error **err);
/* -1 while there is no zygote. */
int launcher_fd(const struct launcher *l);
pid_t launcher_zygote_pid(const struct launcher *l);
bool launcher_wants_write(const struct launcher *l);
/* Sends what waits, takes answers, calls callbacks; reaps and restarts a dead zygote. */
void launcher_process(struct launcher *l);

struct launch_variable {
	const char *name;
	const char *value;
};

/* Not in the request's packet: each through a stream of its own. */
struct launch_secret {
	const char *key; /* "NAME VERSION" */
	const void *value;
	size_t size;
};

struct launch_request {
	/* identity, said in HELLO */
	const char *topology; /* id */
	const char *instance; /* path */
	uint64_t epoch;

	const char *module_path; /* absolute: the translated module (.so) */
	uint64_t memory_bytes;	 /* resources.memory: limit of the guest's linear memory */
	uint32_t capabilities;	 /* enum zrun_capability bits */
	uint32_t cpu_millicores; /* resources.cpu: its share under contention; 0: as zhost */
	uint32_t cpu_limit_millicores; /* resources.cpu_limit; 0: none */
	uint32_t watchdog_ms;	       /* 0: 30,000 */
	uint32_t init_ms;	       /* 0: 5,000 */
	uint32_t orphan_ms;	       /* 0: 600,000 */
	uint32_t grace_ms;	       /* for stops of its own (finished, orphan); 0: 10,000 */
	/* with a lease: see struct zrun_renew; 0 otherwise */
	uint64_t stop_at_ms;
	uint64_t end_at_ms;

	const struct launch_variable *environment; /* of WASI programs */
	size_t environment_count;
	const struct launch_variable *imports; /* "provider.variable", value */
	size_t imports_count;
	const struct launch_secret *secrets; /* that the imports name (runner/secret_set.h) */
	size_t secrets_count;

	/* Of a NATIVE instance, whose directory is module_path: settings (native.h), and a filter
	 * of its own instead of the launcher's. */
	const struct launch_variable *settings;
	size_t settings_count; /* 0: a WebAssembly guest */
	const void *seccomp_program;
	size_t seccomp_size;

	/* Descriptors, borrowed: the launcher duplicates what it keeps. */
	int listener_fd; /* from launch_listen() */
	int log_fd;	 /* standard error of the process; -1: the caller's */
	int status_fd;	 /* gets the last frame (STOPPED or FAILED); -1: none. O_APPEND */
};

/* pid > 0: the process runs and is the caller's child; the pidfd belongs to the callee.
 * Otherwise pid is -1 and `error` (borrowed) is the reason. */
typedef void launch_done_fn(void *data, pid_t pid, int pidfd, const struct error *error);

/* Asks for an instance; the callback comes from launcher_process(), or from within this call
 * in the fallback. Identity, imports and environment together: at most 128 KiB. Fails
 * without a callback when the request itself is wrong (ERR_INVALID, ERR_LIMIT). */
int must_check launcher_launch(struct launcher *l, const struct launch_request *request,
			       launch_done_fn *done, void *data, struct error **err);

/* A listening socket DIR/name (an old one of that name is replaced), mode 0600, close on
 * exec. Long paths are fine. */
int must_check launch_listen(int dir_fd, const char *name, int *ret_fd, struct error **err);
/* Connects to it, non-blocking, close on exec. ERR_UNAVAILABLE when no process listens (the
 * instance is gone: unlink the socket), ERR_NOT_FOUND when there is no such socket. */
int must_check launch_connect(int dir_fd, const char *name, int *ret_fd, struct error **err);
/* The process that listens at the other end, according to the kernel, not to the instance. Trust
 * it only after HELLO has come over this connection: then the process of the pidfd is the one. */
int must_check launch_adopt(int connection_fd, pid_t *ret_pid, int *ret_pidfd,
			    struct error **err);
/* The kernel calls the process zrun. */
bool launch_is_zrun(pid_t pid);
/* After the pidfd became readable. Fills *ret_status as waitpid() does; -1 as status when it
 * was not our child (adopted). ERR_CONFLICT while it still runs. */
int must_check launch_reap(int pidfd, int *ret_status, struct error **err);
/* "killed by signal 9 (Killed)", "exit status 3", "ended while no zhost was watching it" (-1). The
 * caller frees. */
char *launch_status_text(int status);
/* SIGKILL by pidfd; fine when it is gone already. */
void launch_kill(int pidfd);

#endif
