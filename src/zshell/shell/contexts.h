/*
 * The clusters that a person has logged in to, in $XDG_CONFIG_HOME/samoza/config.yaml (0600, as it has tokens).
 *
 *   zshell login URL ──► context ──► current, until `context use` names another one
 *
 * Source: [machines.people.login].
 */
#ifndef SAMOZA_ZSHELL_SHELL_CONTEXTS_H
#define SAMOZA_ZSHELL_SHELL_CONTEXTS_H

#include "base/error.h"
#include "proto/shell.pb-c.h"

/* Empty where there is no file; contexts_free(). ERR_DENIED: others can read it. ERR_INVALID: it is broken. */
int contexts_load(Samoza__V1__ShellConfig **ret_config, struct error **err) must_check;
int contexts_save(const Samoza__V1__ShellConfig *config, struct error **err) must_check;
void contexts_free(Samoza__V1__ShellConfig *config);
void contexts_freep(Samoza__V1__ShellConfig **config);

/* `name` NULL: the current one. ERR_NOT_FOUND says which there are. */
int contexts_find(const Samoza__V1__ShellConfig *config, const char *name,
		  const Samoza__V1__ShellContext **ret_context, struct error **err) must_check;
/* Adds it, or replaces the one with its name, and makes it current. Copies. */
void contexts_put(Samoza__V1__ShellConfig *config, const Samoza__V1__ShellContext *context);
/* PRE: it is there. Another one does not become current. */
void contexts_remove(Samoza__V1__ShellConfig *config, const char *name);
/* PRE: it is there. */
void contexts_use(Samoza__V1__ShellConfig *config, const char *name);

#endif
