/*
 * The processes of a zhost, played by the test: a process host that only records what it is asked
 * to launch, watch and kill, and the other end of each zrun's socket.
 *
 *   zrun_process_start() ──► fake_zrun_last(): its request ──► fake_zrun_send(HELLO) … fake_zrun_exit()
 */
#ifndef SAMOZA_TESTS_UNIT_ZHOST_FAKE_ZRUN_H
#define SAMOZA_TESTS_UNIT_ZHOST_FAKE_ZRUN_H

#include "adapter/uv/loop.h"
#include "base/vector.h"
#include "zhost/process/process_host.h"

/* One process that was launched or adopted. */
struct fake_zrun {
	/* of the request; copies */
	char *topology, *path, *module_path;
	uint64_t epoch, memory_bytes, stop_at_ms, end_at_ms;
	uint32_t capabilities, watchdog_ms, orphan_ms, grace_ms;
	char *imports, *environment, *settings; /* "NAME=VALUE", one line each */
	bool has_filter;
	int listener_fd, status_fd;

	int fd; /* -1: not accepted yet, or closed */
	launch_done_fn *done;
	process_exit_fn *on_exit;
	void *done_user, *exit_user;
	pid_t pid;
	bool is_watched, is_killed;
};

struct fake_host {
	struct process_host host; /* first */
	VECTOR(struct fake_zrun *) all;
	bool launch_fails; /* at once */
	bool holds;	   /* fake_zrun_launched() completes the launches */
	bool watch_fails;
	pid_t pid; /* of the next process; 0: an invented one */
};

void fake_host_init(struct fake_host *h);
void fake_host_done(struct fake_host *h);
/* The one that was launched or adopted last; fails the test when there is none. */
struct fake_zrun *fake_zrun_last(const struct fake_host *h);

/* Completes a launch that was held back. `why`: it failed. */
void fake_zrun_launched(struct fake_zrun *z, int pidfd, const char *why);
/* As zrun: accepts zhost's connection, which must be there. */
void fake_zrun_accept(struct fake_zrun *z);
void fake_zrun_send(struct fake_zrun *z, uint16_t type, uint32_t correlation, const void *body,
		    size_t size);
/* Of the instance that it was launched for. */
void fake_zrun_hello(struct fake_zrun *z, enum zrun_phase phase);
void fake_zrun_failed(struct fake_zrun *z, const char *text);
void fake_zrun_stopped(struct fake_zrun *z, enum zrun_stopped_cause cause);
/* The next frame of zhost: its type, 0 when none has come. The body is cut to `room`. */
uint16_t fake_zrun_receive(struct fake_zrun *z, void *body, size_t room, size_t *ret_size);
/* Closes zhost's connection; the process lives. */
void fake_zrun_hang_up(struct fake_zrun *z);
/* The process has ended; `status` as waitpid() gives it. */
void fake_zrun_exit(struct fake_zrun *z, int status);

/* A HELLO frame; returns its size. */
size_t fake_hello(void *to, size_t room, const struct zrun_hello *fixed, const char *topology,
		  const char *path);

/* Lets the loop run until *is_true(user); fails the test after ten seconds. */
void loop_run_until(struct loop *loop, bool (*is_true)(void *user), void *user);
/* Lets the loop take what is there. */
void loop_run_ready(struct loop *loop);

#endif
