/*
 * A result in the cache of a translator ends with a digest of all that is before it, so that what a disk
 * has damaged is not taken for a result. Loaders of shared objects do not read what follows the end.
 */
#ifndef SAMOZA_ADAPTER_WASM2C_SEAL_H
#define SAMOZA_ADAPTER_WASM2C_SEAL_H

#include <stdbool.h>

#include "base/error.h"

/* Adds it. */
int seal_add(const char *path, struct error **err) must_check;
/* False also for a file that cannot be read, or has none. */
bool seal_holds(const char *path);

#endif
