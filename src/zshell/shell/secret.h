/*
 * A token that a person types or a program writes: one line of standard input, which a terminal does not show.
 */
#ifndef SAMOZA_ZSHELL_SHELL_SECRET_H
#define SAMOZA_ZSHELL_SHELL_SECRET_H

#include "zshell/shell/shell.h"

/* `prompt` is for a terminal. The caller frees, with token_free(). ERR_STALE: none came, or Ctrl-C. */
int secret_read(const struct shell *shell, const char *prompt, char **ret_secret,
		struct error **err) must_check;
/* Whether a person says yes, on a terminal; false where there is none. */
bool secret_agrees(const struct shell *shell, const char *question);

#endif
