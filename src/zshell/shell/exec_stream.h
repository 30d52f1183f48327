/*
 * The client's end of `spaces exec` (port/exec.h): frames over an upgraded connection, between the
 * descriptors of this program and a command elsewhere.
 *
 *   stdin ──► input, at most its window ahead ──► zrms      Ctrl-C ──► SIGINT; a second one leaves
 *   stdout, stderr ◄── written, then credit ◄──── zrms      SIGWINCH ──► the terminal's new size
 */
#ifndef SAMOZA_ZSHELL_SHELL_EXEC_STREAM_H
#define SAMOZA_ZSHELL_SHELL_EXEC_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

struct exec_stream_options {
	const char *const *words; /* of the command */
	size_t word_count;
	bool input;    /* standard input goes to it; otherwise its input is empty */
	bool terminal; /* it gets one; standard input is one and is set to pass everything on */
	const char *url; /* of zrms, for messages */
};

/* Takes `fd` over, and what came over it already. Returns the exit status of the command, 128 and its number
 * where a signal ended it; or an error: ERR_UNAVAILABLE where zrms has gone. *ret_refusal: why it was not run or was
 * ended from outside, or NULL; the caller frees. */
int exec_stream_run(const struct exec_stream_options *options, int fd, struct buffer *rest,
		    char **ret_refusal, struct error **err) must_check;

#endif
