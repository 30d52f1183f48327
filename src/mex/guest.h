/*
 * Compiles a space's sources to WebAssembly with the guest SDK (flags: guest/flags).
 */
#ifndef SAMOZA_MEX_GUEST_H
#define SAMOZA_MEX_GUEST_H

#include "base/error.h"

struct guest;

/*
 * Finds the SDK: $SAMOZA_GUEST_DIR, or else beside the running program:
 * PREFIX/share/samoza/guest for PREFIX/bin/mex, or guest/ of the source tree above a build
 * directory. Reads its flags. ERR_NOT_FOUND names the places that were searched.
 */
must_check int guest_find(struct guest **ret_guest, struct error **err);
void guest_free(struct guest *g);
/* Borrowed. */
const char *guest_directory(const struct guest *g);

/*
 * Compiles src/NAME.c of a space (all of them, sorted), in the directory that contains src/,
 * into `output`. Nothing is written beside the sources. The messages of the compiler go to
 * standard error. ERR_INVALID: the compilation failed.
 */
must_check int guest_compile(const struct guest *g, const char *space_directory,
			     const char *output, struct error **err);

#endif
