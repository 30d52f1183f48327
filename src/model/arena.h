/*
 * Memory of one compiled topology: many small pieces, freed at once.
 */
#ifndef SAMOZA_MODEL_ARENA_H
#define SAMOZA_MODEL_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
/* NULL is fine. */
void arena_free(struct arena *a);

/* Zeroed, aligned for any type; never NULL, also for a size of 0. */
void *arena_alloc(struct arena *a, size_t count, size_t size);
char *arena_strdup(struct arena *a, const char *s);

#define arena_new_array(a, type, count) ((type *)arena_alloc((a), (count), sizeof(type)))

#endif
