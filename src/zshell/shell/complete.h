/*
 * Completion of words, with the names that zrms knows.
 */
#ifndef SAMOZA_ZSHELL_SHELL_COMPLETE_H
#define SAMOZA_ZSHELL_SHELL_COMPLETE_H

#include "zshell/shell/shell.h"

/* As cli_complete(), with the names that zrms knows; asks zrms, briefly. */
void complete_words(struct shell *shell, const char *const *words, size_t count,
		    const char *current, struct cli_candidates *ret_candidates,
		    bool *ret_files);

#endif
