#include "zshell/shell/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "adapter/token/token.h"
#include "base/memory.h"
#include "base/str.h"

enum { LINE_SIZE = SECRET_LINE_MAX + 1, CTRL_C = 3, CTRL_D = 4 };

/* Byte by byte: what follows is for others. False: none came. */
static bool read_line(char line[LINE_SIZE])
{
	size_t size = 0;

	for (;;) {
		char byte = 0;
		ssize_t n = read(STDIN_FILENO, &byte, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (byte == CTRL_C || byte == CTRL_D || (n <= 0 && size == 0))
			return false;
		if (n <= 0 || byte == '\n' || byte == '\r')
			break;
		if (size + 1 < LINE_SIZE)
			line[size++] = byte;
	}
	line[size] = '\0';
	return true;
}

bool secret_is_typed(const struct shell *shell)
{
	return isatty(STDIN_FILENO) == 1 && isatty(fileno(shell->output.err)) == 1;
}

/* Ctrl-C comes as a byte, which ends the line: the terminal must show again what is typed after it. */
static bool read_hidden(const struct shell *shell, const char *prompt, char line[LINE_SIZE])
{
	struct termios before, hidden;
	bool good;

	if (!secret_is_typed(shell) || tcgetattr(STDIN_FILENO, &before) < 0)
		return read_line(line);
	hidden = before;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	hidden.c_cc[VEOL] = CTRL_C;
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	(void)fprintf(shell->output.err, "%s", prompt);
	(void)fflush(shell->output.err);
	good = read_line(line);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	(void)fputc('\n', shell->output.err);
	return good;
}

int secret_read(const struct shell *shell, const char *prompt, const char *what,
		char **ret_secret, struct error **err)
{
	char line[LINE_SIZE];
	bool good = read_hidden(shell, prompt, line);

	if (good)
		*ret_secret = mem_strdup(line);
	explicit_bzero(line, sizeof(line));
	return good ? 0
		    : error_set(err, ERR_STALE, "no %s was given; nothing was changed", what);
}

bool secret_agrees(const struct shell *shell, const char *question)
{
	char line[LINE_SIZE];

	if (!secret_is_typed(shell))
		return false;
	(void)fprintf(shell->output.err, "%s [y/N] ", question);
	(void)fflush(shell->output.err);
	return read_line(line) && (str_equal(line, "y") || str_equal(line, "yes"));
}
