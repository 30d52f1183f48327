/*
 * A token, or another secret, that a person types or a program writes: one line of standard input, which a terminal does not show.
 */
#ifndef SAMOZA_ZSHELL_SHELL_SECRET_H
#define SAMOZA_ZSHELL_SHELL_SECRET_H

#include "zshell/shell/shell.h"

#define SECRET_LINE_MAX 511 /* of what is longer, the rest is left out */

/* `prompt` is for a terminal; `what` is missing where none comes: "token". The caller frees, with token_free(). ERR_STALE: none came, or Ctrl-C. */
int secret_read(const struct shell *shell, const char *prompt, const char *what,
		char **ret_secret, struct error **err) must_check;
/* A person types it, on a terminal. */
bool secret_is_typed(const struct shell *shell);
/* Whether a person says yes, on a terminal; false where there is none. */
bool secret_agrees(const struct shell *shell, const char *question);

#endif
