/*
 * The program: its table of commands, and a line of words run by it.
 */
#ifndef SAMOZA_ZSHELL_PROGRAM_H
#define SAMOZA_ZSHELL_PROGRAM_H

#include "zshell/shell/shell.h"

/* Options of every command. NULL: not given on the line. */
struct shell_options {
	char *api, *context, *token_file, *format;
	char *ca, *fingerprint; /* whom to believe over https:// */
	char *execute;		/* file with lines to run; of the program's own line only */
	bool no_pager;
};

/* Where zrms is unless the user says otherwise. */
#define DEFAULT_URL "http://127.0.0.1:7331"

extern const struct cli_program zshell_program;

/* Applies the given options to the shell; a new api replaces the old one. */
int shell_apply(struct shell *shell, const struct shell_options *given,
		struct error **err) must_check;

/* Runs the command of the line, whose options are applied already. Returns the exit status. */
int shell_run_command(struct shell *shell, const struct cli_run *line) must_check;

/* Parses and runs one line of words, prints errors, returns the exit status. Options of every
 * command hold for this line only. */
int shell_run_line(struct shell *shell, const char *const *words, size_t count) must_check;

#endif
