/*
 * The data of one command: between its descriptors and frames of the link.
 *
 *   input   ──► at most EXEC_WINDOW bytes wait here ──► pipe or terminal; taken bytes are credit
 *   output  ◄── read only while the other end has credit for more ── pipe or terminal
 */
#ifndef SAMOZA_ZHOST_EXEC_EXEC_SESSION_H
#define SAMOZA_ZHOST_EXEC_EXEC_SESSION_H

#include "adapter/uv/loop.h"
#include "base/buffer.h"
#include "base/error.h"
#include "proto/wire.pb-c.h"
#include "zrun/protocol/protocol.h"

struct exec_session;

/* One of its descriptors, and what it waits for. */
struct exec_end {
	struct exec_session *session;
	int fd;		 /* -1: closed */
	uv_poll_t *poll; /* owned; freed by its close callback */
	int events;
};

struct exec_session_events {
	/* Something for zrms; `reply` has no session yet. Negative: it cannot be sent. */
	int (*reply)(struct exec_session *s, Samoza__V1__ExecReply *reply);
	/* All output was sent, and the command has ended. */
	void (*drained)(struct exec_session *s);
};

struct exec_session {
	struct exec_session *next, *prev; /* in the service's list */
	struct exec_service *service;
	const struct exec_session_events *events;
	uint64_t number; /* zrms' */
	uint32_t id;	 /* for zrun */
	Samoza__V1__InstanceKey *key;
	bool is_terminal;

	struct exec_end input, output, errors;
	struct buffer waiting; /* input that the command has not read */
	bool input_ends;       /* after that */
	size_t taken;	       /* of the input, not reported as credit */
	size_t credit;	       /* of output and errors that may be sent */

	bool has_ended; /* the command; what it printed may still be in the pipes */
	int status;	/* as of waitpid() */
	struct loop_timer *kill_timer; /* it was told to end; nobody waits for it */
};

/* Makes the descriptors of a command: those of `ret_fds` are the caller's. ERR_IO. */
int exec_session_open(struct exec_session *s, struct loop *loop,
		      const Samoza__V1__TerminalSize *size, int ret_fds[ZRUN_EXEC_FDS],
		      struct error **err) must_check;
/* Closes them: the command gets end of file, SIGPIPE or SIGHUP. May come twice. */
void exec_session_close(struct exec_session *s);
void exec_session_resize(struct exec_session *s, const Samoza__V1__TerminalSize *size);
/* False: more than the window allows. */
bool exec_session_input(struct exec_session *s, const void *data, size_t size);
void exec_session_input_end(struct exec_session *s);
/* False: more than was sent. */
bool exec_session_credit(struct exec_session *s, size_t size);
/* The command has ended: what is still in the pipes is read and sent, then drained() comes, perhaps
 * from within. */
void exec_session_ended(struct exec_session *s, int status);

#endif
