/*
 * The socket of a process: its connection, its buffers, whole frames in both directions.
 */
#ifndef SAMOZA_ZHOST_PROCESS_ZRUN_SOCKET_H
#define SAMOZA_ZHOST_PROCESS_ZRUN_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "zrun/protocol/protocol.h"

struct zrun_process;

/* What the socket reports. The callee may disconnect, and release nothing. */
struct zrun_socket_events {
	/* A whole frame arrived. False: it breaks the protocol. */
	bool (*frame)(struct zrun_process *p, const struct zrun_frame *frame,
		      const uint8_t *body);
	/* The process breaks the protocol; `what` is for people. */
	void (*broken)(struct zrun_process *p, const char *what);
	/* The connection ended at the other side. */
	void (*lost)(struct zrun_process *p);
};

/* Takes `fd` over, also on an error: the system has no memory or no room to watch it. */
int process_connect(struct zrun_process *p, int fd, struct error **err) must_check;
void process_disconnect(struct zrun_process *p);
/* Reads what is there, until the socket is empty; for the end of the process. */
void process_drain(struct zrun_process *p);
/* Appends a frame after those that wait, and returns its body to be filled; NULL when the buffer
 * is full. The frame is sent with the others of this turn. */
void *process_frame(struct zrun_process *p, uint16_t type, uint32_t correlation,
		    size_t body_size);
/* The descriptors go with the next frame, and are closed here once they are sent. */
void process_pass(struct zrun_process *p, const int fds[ZRUN_EXEC_FDS]);

#endif
