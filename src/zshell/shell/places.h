/*
 * The zhosts where an instance has been, and how each stay there ended, from the events of its
 * topology.
 */
#ifndef SAMOZA_ZSHELL_SHELL_PLACES_H
#define SAMOZA_ZSHELL_SHELL_PLACES_H

#include "zshell/shell/history.h"

/* A stay of the instance on a zhost. Everything is borrowed from events. */
struct stay {
	const char *zhost;
	const char *since;
	const char *until; /* NULL: it is there now */
	const char *cause; /* of its end, or of its last failure there */
};

typedef VECTOR(struct stay) stay_vector;

/* `name`: TOPOLOGY/PATH. Oldest first; the caller calls vector_done(). */
void places_find(const struct history *history, const char *name, stay_vector *ret_stays);

#endif
