/*
 * Imports from other topologies, over what was committed [change.imports.public].
 */
#ifndef SAMOZA_ZSIM_FUZZ_ACROSS_H
#define SAMOZA_ZSIM_FUZZ_ACROSS_H

#include "zsim/fuzz/life/fuzz.h"

struct mirrored;

struct across_provider {
	const struct mirrored *instance;
	const struct submitted *of;
	bool is_started; /* and public in the version of the copy that serves */
	bool is_not_public; /* in that version, or not declared: it may have left without an event of its own */
};

/* All that provide it, or have provided it, in some version. PRE: it is of another topology. */
void across_each(const struct fuzz *f, const struct import_decl *import,
		 void (*visit)(void *user, const struct across_provider *p), void *user);
bool across_has_provider(const struct fuzz *f, const struct import_decl *import);

#endif
