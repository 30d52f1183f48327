/*
 * What people call things: a topology by its id, an unambiguous prefix of it, or its name (the
 * one that is not stopped, else the newest); an instance by TOPOLOGY/PATH, or by its path alone
 * where that is clear.
 */
#ifndef SAMOZA_ZSHELL_RESOLVE_H
#define SAMOZA_ZSHELL_RESOLVE_H

#include "zshell/shell.h"

struct topology_ref {
	char *id;
	char *name;
};

struct space_ref {
	struct topology_ref topology;
	char *path; /* "api-2/cache" */
};

void topology_ref_done(struct topology_ref *ref);
void space_ref_done(struct space_ref *ref);

/* ERR_NOT_FOUND; ERR_CONFLICT for an ambiguous prefix, with what it could mean. */
int resolve_topology(struct shell *shell, const char *text, struct topology_ref *ret_ref,
		     struct error **err) must_check;
int resolve_space(struct shell *shell, const char *text, struct space_ref *ret_ref,
		  struct error **err) must_check;
/* TOPOLOGY alone is accepted too: *ret_ref has a path of NULL then. */
int resolve_space_or_topology(struct shell *shell, const char *text, struct space_ref *ret_ref,
			      struct error **err) must_check;

/* "deployed-started" as people read it: "running". Borrowed; unknown states as they are. */
const char *state_shown(const char *state);

#endif
