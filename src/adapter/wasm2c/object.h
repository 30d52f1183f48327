/*
 * The check of a shared object that was made of a module, after linking: zrun can load it, and
 * loading runs no code.
 */
#ifndef SAMOZA_ADAPTER_WASM2C_OBJECT_H
#define SAMOZA_ADAPTER_WASM2C_OBJECT_H

#include <stdbool.h>

#include "base/error.h"

/* Refuses an object that uses a symbol that zrun does not offer (named), needs a library, has
 * initialisers or relocations in its code. ERR_UNSUPPORTED: the compiler makes such objects;
 * ERR_IO: cannot be read. */
int must_check object_check(const char *path, struct error **err);
/* What zrun offers to translated modules: its run-time, and what compilers call by themselves. */
extern const char *const object_symbols[]; /* NULL at the end */

#endif
