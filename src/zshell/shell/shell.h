/*
 * Context of the commands of zshell. Each command is a file under command/ with its
 * descriptor at the top (adapter/cli/cli.h); the table is in program.c.
 *
 *   words of a line ─► shell_run_line() (program.h) ─► command->run(struct shell *, line)
 */
#ifndef SAMOZA_ZSHELL_SHELL_SHELL_H
#define SAMOZA_ZSHELL_SHELL_SHELL_H

#include <stdbool.h>
#include <stddef.h>

#include "adapter/cli/cli.h"
#include "adapter/client/api.h"
#include "adapter/output/output.h"

/* In addition to enum cli_status [shell.zshell.exit-status]. */
enum exit_status {
	EXIT_UNREACHABLE = 3, /* zrms cannot be reached */
	EXIT_TIMEOUT = 4,     /* --wait timed out; the operation continues in the background */
};

/* Pages of the manual, for api_manual(): of codes of refusals, and of FailureReasons. */
#define MANUAL_REFUSALS "refusals"
#define MANUAL_REASONS	"reasons"

/* As it was given on the line, for those who make a connection of their own; borrowed, NULL each: not given. */
struct shell_trust {
	const char *ca, *fingerprint, *token_file;
};

/* The context of every command. */
struct shell {
	const struct cli_program *program; /* zshell itself, with all commands */
	struct api *api;
	struct output output;
	struct shell_trust trust;
	bool interactive;
	bool leave; /* the interactive shell ends after this command */
};

/* Kinds of arguments whose names zrms knows. */
enum argument_kind {
	ARGUMENT_TOPOLOGY = CLI_ARGUMENT_NAMES, /* id, prefix of one, or name */
	ARGUMENT_SPACE,				/* TOPOLOGY/PATH */
	ARGUMENT_ZHOST,
	ARGUMENT_USER,
	ARGUMENT_ZRMS,	  /* of several that share a store: its name */
	ARGUMENT_TOKEN,	  /* with which machines join: its id */
	ARGUMENT_CONTEXT, /* of zshell's own */
	ARGUMENT_SESSION, /* of somebody who has signed in: its id */
	ARGUMENT_KEY,	  /* that packages are signed with */
	ARGUMENT_SECRET,  /* that spaces get: its name */
	ARGUMENT_NOTICES, /* a target of notices */
	ARGUMENT_SHELL,	  /* bash, zsh, fish */
};

#endif
