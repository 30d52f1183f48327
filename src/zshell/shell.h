/*
 * Context of the commands of zshell. Each command is a file under command/ with its
 * descriptor at the top (adapter/cli/cli.h); the table is in program.c.
 *
 *   words of a line ─► shell_run_line() ─► command->run(struct shell *, line)
 */
#ifndef SAMOZA_ZSHELL_SHELL_H
#define SAMOZA_ZSHELL_SHELL_H

#include <stdbool.h>
#include <stddef.h>

#include "adapter/cli/cli.h"
#include "adapter/client/api.h"
#include "adapter/output/output.h"
#include "base/error.h"

/* In addition to enum cli_status [shell.zshell.exit-status]. */
enum exit_status {
	EXIT_UNREACHABLE = 3, /* zrms cannot be reached */
	EXIT_TIMEOUT = 4,     /* --wait timed out; the operation continues in the background */
};

/* The context of every command. */
struct shell {
	struct api *api;
	struct output output;
	bool interactive;
	bool leave; /* the interactive shell ends after this command */
};

/* Kinds of arguments whose names zrms knows. */
enum argument_kind {
	ARGUMENT_TOPOLOGY = CLI_ARGUMENT_NAMES, /* id, prefix of one, or name */
	ARGUMENT_SPACE,				/* TOPOLOGY/PATH */
	ARGUMENT_ZHOST,
	ARGUMENT_SHELL, /* bash */
};

/* Options of every command. NULL: not given on the line. */
struct shell_options {
	char *api, *format;
};

extern const struct cli_program zshell_program;

/* Applies the given options to the shell; a new api replaces the old one. */
int shell_apply(struct shell *shell, const struct shell_options *given,
		struct error **err) must_check;

/* Parses and runs one line of words, prints errors, returns the exit status. Options of every
 * command hold for this line only. */
int shell_run_line(struct shell *shell, const char *const *words, size_t count) must_check;

/* complete.c: as cli_complete(), with the names that zrms knows; asks it, briefly. */
void complete_words(struct shell *shell, const char *const *words, size_t count,
		    const char *current, struct cli_candidates *ret_candidates,
		    bool *ret_files);

/* interactive.c: reads and runs lines until Ctrl-D; returns the exit status. */
int interactive_run(struct shell *shell) must_check;

#endif
