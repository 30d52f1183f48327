/*
 * What processes know of their imports.
 */
#ifndef SAMOZA_ZSIM_FUZZ_IMPORTS_H
#define SAMOZA_ZSIM_FUZZ_IMPORTS_H

#include "proto/view.pb-c.h"

struct fuzz;
struct submitted;

/* Every process knows the providers that there are, and their variables. */
void imports_check(struct fuzz *f, const struct submitted *s,
		   const Samoza__V1__SpaceView *const *views);

#endif
