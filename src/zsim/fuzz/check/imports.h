/*
 * What processes know of their imports.
 */
#ifndef SAMOZA_ZSIM_FUZZ_IMPORTS_H
#define SAMOZA_ZSIM_FUZZ_IMPORTS_H

#include "proto/view.pb-c.h"

struct fuzz;
struct import_decl;
struct submitted;

/* Every process knows the providers that there are, and their variables. */
void imports_check(struct fuzz *f, const struct submitted *s,
		   const Samoza__V1__SpaceView *const *views);

/* After every step of anything: zhosts have the lists of what provides now, as far as no patience keeps what did. */
void imports_check_lists(struct fuzz *f);

/* "FROM from PATH: a=1 b=2", with the variables in their order: that of the import where it names some, else that
 * of the provider. The caller frees. */
char *imports_provider_line(const struct import_decl *import, const char *provider,
			    const char *const *names, const char *const *values, size_t count);

#endif
