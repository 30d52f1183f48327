/*
 * The process of an instance, as its files see it; each uses those below it:
 *
 *   zrun_process.c   launch, adoption, end
 *   zrun_frames.c    frames to and from zrun
 *   zrun_socket.c    connection, buffers, whole frames
 */
#ifndef SAMOZA_ZHOST_PROCESS_ZRUN_PROCESS_PRIVATE_H
#define SAMOZA_ZHOST_PROCESS_ZRUN_PROCESS_PRIVATE_H

#include "adapter/uv/loop.h"
#include "base/buffer.h"
#include "base/vector.h"
#include "zhost/process/remains.h"
#include "zhost/process/zrun_process.h"

#define PROCESS_OUT_MAX ((size_t)4 * 1024 * 1024)
/* What a process may leave unanswered: requests that wait for their answers, and bytes that it does
 * not read. Past either, nothing is read from it, so that it waits and nobody else. A zrun has one
 * request at a time, and a second one after the first was too late; messages for it are at most a
 * window. */
#define PROCESS_UNANSWERED_MAX 16
#define PROCESS_OUT_BEHIND     ((size_t)2 * ZRUN_WINDOW_BYTES)

struct zrun_processes {
	struct zrun_processes_options options;
	struct zrun_process *all;			 /* in order of their start */
	struct zrun_process *unwritten, **unwritten_end; /* with frames to write */
	struct loop_task turn;				 /* writes them */
	struct error *unknown; /* why it is not known whether a process lives: the first */
};

struct zrun_socket_events;

/* Descriptors that go with the byte at `at` of what waits to be written. */
struct zrun_passed {
	size_t at;
	int fds[ZRUN_EXEC_FDS];
};

struct zrun_process {
	struct zrun_processes *owner; /* borrowed */
	struct zrun_process *next, *prev;
	struct zrun_identity identity;
	const struct zrun_process_listener *listener;
	void *user;

	const struct zrun_socket_events *events;
	int fd;		 /* -1: not connected */
	uv_poll_t *poll; /* owned; freed by its close callback */
	int poll_events;
	struct loop_timer *reconnect;
	struct process_watch *watch;
	pid_t pid; /* -1 until the launcher or the socket reports it */
	/* It has exited, and what it left is being ended. */
	bool has_exited;
	struct remains remains;
	struct loop_timer *remains_timer;
	int64_t remains_since_ms, remains_wait_ms, remains_logged_ms; /* monotonic */
	char *exit_text;					      /* of its wait status */

	struct buffer in;		   /* the beginning of a frame */
	struct buffer out;		   /* frames not written yet */
	VECTOR(struct zrun_passed) passed; /* with them, in their order */
	bool is_unwritten;
	struct zrun_process *unwritten_next;

	bool is_connected;		/* HELLO came over this connection */
	bool takes_exec, takes_secrets; /* as that said */
	bool hides_out;			/* there are secrets in `out` */
	bool kill_wanted;
	bool stop_asked;
	int64_t stop_by_ms; /* end of the grace, monotonic */
	struct zrun_lease lease;
	uint32_t updates_ignored; /* UPDATED frames that answer an earlier zhost */
	bool awaits_updated;	  /* of an update of this one */
	bool update_lost; /* its connection has ended meanwhile: it is not known whether it came */
	/* Sent, but not taken by the guest yet. */
	uint32_t window_messages, window_bytes;
	uint32_t unanswered; /* DATA_* frames, also of connections before */
	bool is_draining;    /* its end was seen */
	bool is_paused;	     /* nothing is read from it; `in` may hold whole frames */

	struct exit_report report;
};

#endif
