/*
 * The process of one instance: zrun, its socket, its exit (src/zrun/protocol/protocol.h).
 *
 *   zrun_process_start()   listen, launch, connect ─► HELLO ─► STARTED
 *   zrun_process_find()    after a restart of zhost: connect ─► HELLO
 *                               │
 *                               ▼
 *                      struct zrun_process_listener
 *
 * Frames to zrun are appended to a buffer and written once per turn of the loop, as many as
 * there are with one write; the protocol's window bounds what waits in zrun. The process has
 * ended when its pidfd is ready, its exit report has been read, and nothing that it ran lives any
 * more (remains.h).
 */
#ifndef SAMOZA_ZHOST_PROCESS_ZRUN_PROCESS_H
#define SAMOZA_ZHOST_PROCESS_ZRUN_PROCESS_H

#include "base/error.h"
#include "port/loop.h"
#include "zhost/environment/imports.h"
#include "zhost/process/process_host.h"
#include "zhost/secret/secrets.h"

struct zrun_process;
struct zrun_processes;

/* Of which instance; borrowed while the process lives. */
struct zrun_identity {
	const char *topology; /* id */
	const char *path;
	uint64_t epoch;
	const char *file_name; /* of its files in run/: instance_file_name() with the epoch */
};

/* Why a process ended. */
struct exit_report {
	bool is_known;	  /* from the process itself; false: killed, or a fault of zrun */
	bool is_finished; /* by itself, successfully */
	bool is_asked;	  /* it was asked to stop, or no zhost or lease was left: no failure */
	bool is_ended;	  /* its program has to keep running, and ended with exit status 0 */
	bool not_renewed; /* no zhost or lease was left, also where it had to be killed for that */
	char *error;	  /* "" when successful; owned */
};

/* When the process of an exclusive instance stops by itself (CLOCK_BOOTTIME). */
struct zrun_lease {
	uint64_t stop_at_ms, end_at_ms; /* 0: none */
};

/* What became of a command (protocol.h, EXEC). Text is borrowed, and of zrun: not checked. */
enum command_event { COMMAND_STARTED, COMMAND_REFUSED, COMMAND_ENDED };
struct command_report {
	enum command_event event;
	uint32_t session;
	int32_t status; /* struct zrun_exec_report */
	const char *text;
	size_t size;
};

struct zrun_process_listener {
	/* HELLO came; `is_started`: the instance runs already. */
	void (*connected)(void *user, bool is_started);
	void (*started)(void *user);
	/* An update was handled. `text`: why a recipe failed. */
	void (*updated)(void *user, int32_t result, const char *text, size_t size);
	/* An update is not answered: the connection has ended meanwhile, and there is another one. */
	void (*update_lost)(void *user);
	/* Its health check fails, or succeeds again. */
	void (*health)(void *user, bool is_healthy);
	/* The process has ended and its files are gone, as is the object. `report` is borrowed;
	 * its error is set in any case. */
	void (*ended)(void *user, const struct exit_report *report);
	/* What was found (zrun_process_find) is another process; it was killed and let go of,
	 * and the object is gone. */
	void (*rejected)(void *user);
	/* Of a command that zrun_process_exec() sent. */
	void (*command)(void *user, const struct command_report *report);
	/* The connection is another one: the commands of the one before have ended, or will. */
	void (*commands_lost)(void *user);
	/* A line of its log. */
	void (*log)(void *user, int64_t wall_ms, const char *level, const char *text,
		    size_t size);
	/* A message: 0 or a negative errno as `emit_to` gives it. */
	int (*emit)(void *user, const char *address, size_t address_size, const void *payload,
		    size_t size);
	/* A DATA_* frame. False: it is malformed. */
	bool (*data)(void *user, uint16_t type, uint32_t correlation, const uint8_t *body,
		     size_t size);
};

/* ---- all processes of a zhost ---- */

struct zrun_processes_options {
	struct loop *loop;
	struct process_host *host;
	int run_fd;	     /* sockets and exit reports */
	int stderr_fd;	     /* standard error of the processes */
	int64_t watchdog_ms; /* how long a guest may compute */
	int64_t orphan_ms;   /* how long a process runs without a zhost */
};

/* All borrowed. Frames are written by a task of the loop, in the order in which they and those for links came:
 * a message is on its way before its sender is told so, whether its receiver is here or not. */
struct zrun_processes *zrun_processes_new(const struct zrun_processes_options *options);
/* PRE: all processes are released. NULL is fine. */
void zrun_processes_free(struct zrun_processes *ps);
/* Writes what waits for the processes. */
void zrun_processes_flush(struct zrun_processes *ps);
/* After zrun_process_find() of many, before the loop runs: waits until all have sent HELLO, at
 * most wait_ms; a process whose HELLO is of another instance is rejected. One that sends none
 * because its guest computes is accepted: it was found under its name, and is a zrun. */
void zrun_processes_await_hello(struct zrun_processes *ps, int64_t wait_ms);

/* ---- one process ---- */

/* Launches the process. `request` describes the instance and what it runs; the identity,
 * descriptors, watchdog and lease are filled in here. What fails later comes as `ended`. */
int zrun_process_start(struct zrun_processes *ps, const struct zrun_identity *identity,
		       struct launch_request *request, const struct zrun_lease *lease,
		       const struct zrun_process_listener *listener, void *user,
		       struct zrun_process **ret_process, struct error **err) must_check;
/* Takes over the process that an earlier zhost left. NULL: it has ended, with all that it ran, and
 * *ret_report has how, as far as it is known (`error` may be NULL); or zrun_processes_found() says that it
 * is not known, and nothing was done to it. */
struct zrun_process *zrun_process_find(struct zrun_processes *ps,
				       const struct zrun_identity *identity,
				       const struct zrun_process_listener *listener, void *user,
				       struct exit_report *ret_report);
/* After zrun_process_find() of all. An error: for want of descriptors or memory it is not known of one
 * whether it lives. The caller ends before it forgets it. */
int zrun_processes_found(struct zrun_processes *ps, struct error **err) must_check;
/* Kills a process of this instance that an earlier zhost left, and waits for its end and that of
 * all that it ran. ERR_CONFLICT: they have not ended yet. */
int zrun_process_evict(struct zrun_processes *ps, const struct zrun_identity *identity,
		       struct error **err) must_check;
/* Lets go of it; the process continues. NULL is fine. */
void zrun_process_release(struct zrun_process *p);

void zrun_process_stop(struct zrun_process *p, int64_t grace_ms);
/* `secrets`: those that the imports name. ERR_LIMIT: the imports are too large for a frame. ERR_UNSUPPORTED: the process was started
 * by an earlier version, which takes no secrets. */
int zrun_process_update(struct zrun_process *p, const import_vector *imports,
			const struct secret_values *secrets, struct error **err) must_check;
void zrun_process_renew(struct zrun_process *p, const struct zrun_lease *lease);
/* Ends the recipe that runs, not the instance (NATIVE). */
void zrun_process_cancel(struct zrun_process *p);
void zrun_process_kill(struct zrun_process *p);
int64_t zrun_process_pid(const struct zrun_process *p); /* -1 while not known */

/* A message: 0, -EINVAL when the sender's address is too long, -EAGAIN without room. */
int zrun_process_deliver(struct zrun_process *p, const char *path_name, const char *sender,
			 const char *sender_suffix, size_t sender_suffix_size,
			 const void *payload, size_t size);
/* Messages that were delivered, and that it has not taken, as far as it has said: it says so for many at a
 * time (ZRUN_CREDIT_MESSAGES). */
uint32_t zrun_process_untaken(const struct zrun_process *p);
/* A command beside what runs. */
struct zrun_command {
	uint32_t session;  /* drawn by the caller */
	const char *words; /* each with its NUL */
	size_t words_size;
	uint32_t words_count;
	const char *term; /* "": not set */
	bool is_terminal;
};
/* `fds`: ZRUN_EXEC_FDS descriptors, taken over, also on an error. ERR_UNSUPPORTED: the process was started
 * by an earlier version. ERR_UNAVAILABLE: it cannot be asked now. */
int zrun_process_exec(struct zrun_process *p, const struct zrun_command *command,
		      const int *fds, struct error **err) must_check;
/* 0: ends it with all that it has started. */
void zrun_process_exec_signal(struct zrun_process *p, uint32_t session, int signal);
/* The answer to a DATA_* frame. */
void zrun_process_data_result(struct zrun_process *p, uint32_t correlation, int32_t status,
			      const void *content, size_t size);

/* Removes the files of an instance in run/. */
void zrun_process_remove_files(struct zrun_processes *ps, const char *instance);

#endif
