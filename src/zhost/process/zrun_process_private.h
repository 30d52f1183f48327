/* Inside of zrun_process.c (life) and zrun_process_io.c (socket and frames). */
#ifndef SAMOZA_ZHOST_PROCESS_ZRUN_PROCESS_PRIVATE_H
#define SAMOZA_ZHOST_PROCESS_ZRUN_PROCESS_PRIVATE_H

#include "adapter/uv/loop.h"
#include "base/buffer.h"
#include "zhost/process/zrun_process.h"

#define PROCESS_OUT_MAX	     ((size_t)4 * 1024 * 1024)
#define PROCESS_BUFFER_KEPT  ((size_t)8 * 1024)
#define PROCESS_RECONNECT_MS 100

struct zrun_processes {
	struct zrun_processes_options options;
	struct zrun_process *all;			 /* in order of their start */
	struct zrun_process *unwritten, **unwritten_end; /* with frames to write */
};

struct zrun_process {
	struct zrun_processes *owner; /* borrowed */
	struct zrun_process *next, *prev;
	struct zrun_identity identity;
	const struct zrun_process_listener *listener;
	void *user;

	int fd;		 /* -1: not connected */
	uv_poll_t *poll; /* owned; freed by its close callback */
	int poll_events;
	struct loop_timer *reconnect;
	struct process_watch *watch;
	pid_t pid; /* -1 until the launcher or the socket tells */

	struct buffer in;  /* the beginning of a frame */
	struct buffer out; /* frames not written yet */
	bool is_unwritten;
	struct zrun_process *unwritten_next;

	bool is_connected; /* HELLO came over this connection */
	bool kill_wanted;
	bool stop_asked;
	int64_t stop_by_ms; /* end of the grace, monotonic */
	struct zrun_lease lease;
	uint32_t updates_ignored; /* UPDATED frames that answer an earlier zhost */
	/* Sent and not taken by the guest. */
	uint32_t window_messages, window_bytes;

	struct exit_report report;
};

/* zrun_process_io.c */
void process_connect(struct zrun_process *p, int fd);
void process_disconnect(struct zrun_process *p);
/* Reads what is there, until the socket is empty; for the end of the process. */
void process_drain(struct zrun_process *p);
/* Appends a frame after those that wait, and returns its body to be filled; NULL when the buffer
 * is full. The frame is sent with the others of this turn. */
void *process_frame(struct zrun_process *p, uint16_t type, uint32_t correlation,
		    size_t body_size);
/* Takes STOPPED or FAILED. False: it is neither, or malformed. */
bool process_take_exit_report(struct zrun_process *p, uint16_t type, const uint8_t *body,
			      size_t size);
bool process_hello_matches(const struct zrun_process *p, const uint8_t *body, size_t size,
			   struct zrun_hello *ret_hello);
bool process_write(struct zrun_process *p);

/* zrun_process.c */
void process_reconnect_soon(struct zrun_process *p);
/* What a new connection must know: lease, and a stop that was asked for. */
void process_resend(struct zrun_process *p);

#endif
