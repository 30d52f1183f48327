/*
 * Where the processes of instances come from and how their end is seen. The daemon's host is the
 * launcher (zrun/launch) on the event loop; a test has its own.
 */
#ifndef SAMOZA_ZHOST_PROCESS_PROCESS_HOST_H
#define SAMOZA_ZHOST_PROCESS_PROCESS_HOST_H

#include "port/loop.h"
#include "zrun/launch/launch.h"

struct process_host;
struct process_watch;

/* `status` as waitpid() gives it; -1: the process was not our child. */
typedef void process_exit_fn(void *user, pid_t pid, int status);

struct process_host_methods {
	/* As launcher_launch(). */
	int (*launch)(struct process_host *host, const struct launch_request *request,
		      launch_done_fn *done, void *user, struct error **err);
	/* Calls `on_exit` once, from the loop. `pidfd` is taken over, also on failure. */
	int (*watch)(struct process_host *host, pid_t pid, int pidfd, process_exit_fn *on_exit,
		     void *user, struct process_watch **ret_watch, struct error **err);
	/* SIGKILL; fine when it is gone already. */
	void (*kill)(struct process_watch *watch);
	/* Also from inside `on_exit`. */
	void (*watch_free)(struct process_watch *watch);
};

/* The first member of what implements it. */
struct process_host {
	const struct process_host_methods *methods;
};

struct process_host_options {
	struct loop *loop;     /* of libuv; borrowed */
	const char *zrun_path; /* NULL: next to this program */
	bool without_zygote;   /* starts each process by exec */
};

/* Starts the zygote. Without one (logged) processes are started by exec, which is slower. */
int process_host_new(const struct process_host_options *options, struct process_host **ret_host,
		     struct error **err) must_check;
/* The processes continue. NULL is fine. */
void process_host_free(struct process_host *host);

#endif
