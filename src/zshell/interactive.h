/*
 * The interactive shell.
 */
#ifndef SAMOZA_ZSHELL_INTERACTIVE_H
#define SAMOZA_ZSHELL_INTERACTIVE_H

#include "zshell/shell/shell.h"

/* Reads and runs lines until Ctrl-D; returns the exit status. */
int interactive_run(struct shell *shell) must_check;

#endif
