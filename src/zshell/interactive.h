/*
 * The interactive shell.
 */
#ifndef SAMOZA_ZSHELL_INTERACTIVE_H
#define SAMOZA_ZSHELL_INTERACTIVE_H

#include "zshell/shell/shell.h"

/* Reads and runs lines until Ctrl-D; returns the exit status. */
int interactive_run(struct shell *shell) must_check;
/* Runs the lines of a file ("-": standard input) until one fails; returns its exit status, which is
 * reported with its line. */
int interactive_run_file(struct shell *shell, const char *path) must_check;

#endif
