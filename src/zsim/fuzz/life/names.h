/*
 * Names of instances: `api` without a written count, and `api-1` with one, are the same slot. Written a second
 * time, so that what the core makes of it can be compared. Spaces of the search have no names that end in a number.
 */
#ifndef SAMOZA_ZSIM_FUZZ_NAMES_H
#define SAMOZA_ZSIM_FUZZ_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "model/topology.h"

/* "t1/b-1/c-2" → "t1/b/c-2". The caller frees. */
char *names_slot(const char *path);
/* Of an instance: that of "TOPOLOGY/PATH"; of a copy of it: that of "TOPOLOGY/PATH#EPOCH". They are made for
 * each lookup, thousands of times a seed, so they are not printed. The caller frees. */
char *names_instance(const char *topology, const char *path);
char *names_copy(const char *topology, const char *path, uint64_t epoch);
/* Both name the same slot. */
bool names_same(const char *a, const char *b);
/* `path` is at or below the root of that name, whichever it has. */
bool names_same_root(const char *path, const char *root);
/* The instance of that path or, where there is none, of the same slot; -1. */
int names_find(const struct topology *t, const char *path);

#endif
