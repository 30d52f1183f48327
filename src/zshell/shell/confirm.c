#include "zshell/shell/confirm.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/client/interrupt.h"
#include "base/str.h"
#include "base/text.h"

#define ANSWER_MAX 16

/* One line of the terminal, without its end; more than fits is dropped. False: none came. */
static bool read_answer(char ret_answer[ANSWER_MAX])
{
	size_t size = 0;

	for (;;) {
		struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
					{.fd = interrupt_fd(), .events = POLLIN}};
		char byte;
		ssize_t n;

		(void)poll(fds, 2, -1);
		if (interrupt_pending())
			return false;
		if (fds[0].revents == 0)
			continue;
		n = read(STDIN_FILENO, &byte, 1);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return false;
		if (byte == '\n' || byte == '\r')
			break;
		if (size + 1 < ANSWER_MAX)
			ret_answer[size++] = byte;
	}
	ret_answer[size] = '\0';
	return true;
}

int confirm(const struct shell *shell, const struct topology_ref *ref, const char *doing,
	    const char *path, bool yes, bool is_needed, struct error **err)
{
	CLEANUP(freep) char *name = NULL;
	CLEANUP(freep) char *id = NULL;
	char answer[ANSWER_MAX] = "";
	bool agreed;

	if (!(ref->by_prefix || is_needed) || yes || isatty(STDIN_FILENO) != 1 ||
	    isatty(fileno(shell->output.err)) != 1)
		return 0;
	name = text_escaped(ref->name);
	id = text_escaped(ref->id);
	(void)fprintf(shell->output.err, "%s %s%s%s (%s)? [y/N] ", doing, name,
		      path != NULL ? "/" : "", path != NULL ? path : "", id);
	(void)fflush(shell->output.err);
	agreed = read_answer(answer) && (str_equal(answer, "y") || str_equal(answer, "yes"));
	return agreed ? 0 : error_set(err, ERR_STALE, "not confirmed; nothing was changed");
}
