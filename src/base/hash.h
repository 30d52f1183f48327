/*
 * Hash tables (uthash) over our memory: an allocation that fails ends the program as everywhere
 * (base/memory.h), a broken table is a broken invariant.
 *
 *   struct thing { char *name; UT_hash_handle hh; };
 *   HASH_FIND_STR(things, name, found);
 *
 * Iteration (HASH_ITER) is in the order of insertion, so the same input gives the same sequence.
 */
#ifndef SAMOZA_BASE_HASH_H
#define SAMOZA_BASE_HASH_H

#include "base/check.h"
#include "base/memory.h"

#define uthash_malloc(size) mem_resize(NULL, 1, (size))
#define uthash_fatal(why)   IMPOSSIBLE(why)

#include <uthash.h>

#endif
