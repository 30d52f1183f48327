/*
 * A question before something ends that was named by a prefix of an id (`topo stop a1b2` may mean
 * another topology than the one that a person has in mind), or that others depend on. Only on a
 * terminal; a script is not asked.
 */
#ifndef SAMOZA_ZSHELL_SHELL_CONFIRM_H
#define SAMOZA_ZSHELL_SHELL_CONFIRM_H

#include "zshell/shell/resolve.h"
#include "zshell/shell/shell.h"

/* 0: continue. ERR_STALE: the person did not agree; the message says so. `doing`: "Stop",
 * `path`: of an instance, or NULL; `yes`: do not ask; `is_needed`: ask, however it was named. */
int confirm(const struct shell *shell, const struct topology_ref *ref, const char *doing,
	    const char *path, bool yes, bool is_needed, struct error **err) must_check;

#endif
