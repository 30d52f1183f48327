/*
 * What is longer than the terminal is shown by the user's pager.
 *
 *   output_page() ─► text is kept ─► output_page_end() ─┬─ fits ──► printed
 *                                                       └─ longer ─► $PAGER, or less
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/output/output.h"
#include "adapter/terminal/terminal.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/text.h"

#define DEFAULT_PAGER "less"
/* Colours as they are; nothing is cleared. */
#define LESS_OPTIONS "LESS=FRX"

struct output_pager {
	FILE *terminal; /* where output goes otherwise */
	FILE *kept;
	char *text;
	size_t size;
};

/* NULL: the user wants none. */
static const char *pager_command(void)
{
	const char *command = getenv("PAGER");

	if (command == NULL)
		return DEFAULT_PAGER;
	return command[0] == '\0' || str_equal(command, "cat") ? NULL : command;
}

void output_page(struct output *o)
{
	struct output_pager *p;

	if (!o->terminal || o->no_pager || o->pager != NULL || pager_command() == NULL)
		return;
	p = mem_new(struct output_pager);
	p->terminal = o->out;
	p->kept = open_memstream(&p->text, &p->size);
	INVARIANT(p->kept != NULL);
	o->pager = p;
	o->out = p->kept;
}

/* ---------------------------------------------------------------- size */

/* The text without the sequences that colour it; the caller frees. */
static char *without_colours(const char *line, size_t size)
{
	char *plain = mem_strndup(line, size);
	char *to = plain;

	for (const char *from = plain; *from != '\0';) {
		if (from[0] == '\033' && from[1] == '[')
			from += 2 + strcspn(from + 2, "m") + (strchr(from + 2, 'm') != NULL);
		else
			*to++ = *from++;
	}
	*to = '\0';
	return plain;
}

static size_t rows_of(const struct output *o, const char *text)
{
	size_t rows = 0;

	while (*text != '\0') {
		size_t size = strcspn(text, "\n");
		CLEANUP(freep) char *plain = without_colours(text, size);
		size_t width = terminal_width(plain);

		rows += width == 0 ? 1 : (width + o->columns - 1) / o->columns;
		text += size + (text[size] == '\n');
	}
	return rows;
}

/* ---------------------------------------------------------------- the pager */

/* The environment with LESS, where the user has none. The array is the caller's, not its strings. */
static char **with_less(void)
{
	static char less[] = LESS_OPTIONS;
	size_t count = 0;
	char **all;

	while (environ[count] != NULL)
		count++;
	all = mem_new_array(char *, count + 2);
	memcpy(all, environ, count * sizeof(*all));
	if (getenv("LESS") == NULL)
		all[count] = less;
	return all;
}

/* 0, or -1: there is no such program. */
static int start(const char *command, int input, pid_t *ret_pid)
{
	char *shell[] = {(char[]){"sh"}, (char[]){"-c"}, mem_strdup(command), NULL};
	char **variables = with_less();
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults, none;
	int r;

	(void)sigemptyset(&none);
	(void)sigemptyset(&defaults);
	(void)sigaddset(&defaults, SIGINT);
	(void)sigaddset(&defaults, SIGQUIT);
	(void)sigaddset(&defaults, SIGPIPE);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigdefault(&attributes, &defaults);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setflags(&attributes,
				       POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	/* The default is no command of the user's: without it, nobody is told. */
	if (str_equal(command, DEFAULT_PAGER))
		r = posix_spawnp(ret_pid, command, &actions, &attributes, shell + 2, variables);
	else
		r = posix_spawnp(ret_pid, "sh", &actions, &attributes, shell, variables);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	free(variables);
	free(shell[2]);
	return r == 0 ? 0 : -1;
}

static void write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = TEMP_FAILURE_RETRY(write(fd, text, size));

		if (n < 0)
			return; /* the reader has seen enough */
		text += n;
		size -= (size_t)n;
	}
}

/* Whether a pager has shown the text. */
static bool show(const char *command, const char *text, size_t size)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, interrupt, quit, broken;
	int ends[2], status = 0;
	pid_t pid = -1;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	/* Ctrl-C is the pager's. */
	(void)sigaction(SIGINT, &ignore, &interrupt);
	(void)sigaction(SIGQUIT, &ignore, &quit);
	(void)sigaction(SIGPIPE, &ignore, &broken);
	if (start(command, ends[0], &pid) < 0)
		pid = -1;
	(void)close(ends[0]);
	if (pid >= 0)
		write_all(ends[1], text, size);
	(void)close(ends[1]);
	if (pid >= 0)
		(void)TEMP_FAILURE_RETRY(waitpid(pid, &status, 0));
	(void)sigaction(SIGINT, &interrupt, NULL);
	(void)sigaction(SIGQUIT, &quit, NULL);
	(void)sigaction(SIGPIPE, &broken, NULL);
	/* 126 and 127: sh could not run it. */
	return pid >= 0 && !(WIFEXITED(status) &&
			     (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127));
}

void output_page_end(struct output *o)
{
	struct output_pager *p = o->pager;
	const char *command = pager_command();

	if (p == NULL)
		return;
	(void)fclose(p->kept);
	o->out = p->terminal;
	o->pager = NULL;
	if (rows_of(o, p->text) < o->rows || command == NULL ||
	    !show(command, p->text, p->size)) {
		(void)fwrite(p->text, 1, p->size, o->out);
		(void)fflush(o->out);
	}
	free(p->text);
	free(p);
}
