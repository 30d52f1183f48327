/*
 * Resolves names: a topology by its id, an unambiguous prefix of at least four characters of
 * it, or its name (the
 * one that is not stopped, or else the newest); an instance by TOPOLOGY/PATH, or by its path
 * alone if only one topology has it. zrms looks them up (`named=`, `path=` of lists): what it answers does
 * not grow with the cluster.
 */
#ifndef SAMOZA_ZSHELL_SHELL_RESOLVE_H
#define SAMOZA_ZSHELL_SHELL_RESOLVE_H

#include "zshell/shell/shell.h"

struct topology_ref {
	char *id;
	char *name;
	bool by_prefix; /* it was named by a prefix of its id */
};

struct space_ref {
	struct topology_ref topology;
	char *path; /* "api-2/cache" */
};

void topology_ref_done(struct topology_ref *ref);
void space_ref_done(struct space_ref *ref);

/* ERR_NOT_FOUND; ERR_CONFLICT for an ambiguous prefix, with its matches. */
int resolve_topology(struct shell *shell, const char *text, struct topology_ref *ret_ref,
		     struct error **err) must_check;
int resolve_space(struct shell *shell, const char *text, struct space_ref *ret_ref,
		  struct error **err) must_check;
/* TOPOLOGY alone is accepted too: *ret_ref has a path of NULL then. */
int resolve_space_or_topology(struct shell *shell, const char *text, struct space_ref *ret_ref,
			      struct error **err) must_check;

/* Whether the instance at `path` is the one at `top` or inside it; NULL: of the whole topology. */
bool path_is_at_or_below(const char *path, const char *top);

/* The word for people: "running" for "deployed-started". Borrowed; unknown states unchanged. */
const char *state_shown(const char *state);

#endif
