/*
 * Allocation that does not fail, and the verbs of ownership.
 *
 * A failed allocation ends the program by SIGABRT, after one line on standard error:
 *
 *     out of memory: COUNT times SIZE bytes
 *
 * A daemon acknowledges only what is durable, and its store has a batch as a whole or not at all, so
 * a restart recovers its state. A library that returns NULL instead is an error like any other, or
 * calls out_of_memory() where only memory can be the cause. tests/unit/allocation refuses the n-th
 * allocation, for every n, on the main paths. Sizes that a user or a peer controls are limited
 * before they get here.
 *
 *   NAME_init / NAME_done   in the caller's memory
 *   NAME_new / NAME_free    on the heap
 *   steal_ptr(&p)           returns p and sets it to NULL: hands ownership over
 *   CLEANUP(free_fn)        calls free_fn(&variable) at the end of the scope
 */
#ifndef SAMOZA_BASE_MEMORY_H
#define SAMOZA_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noreturn, cold)) void out_of_memory(size_t count, size_t size);

/* Zeroed. Never NULL; `count * size` is checked for overflow. */
__attribute__((malloc, returns_nonnull, alloc_size(1, 2))) void *mem_calloc(size_t count,
									    size_t size);
#define mem_new(type)		   ((type *)mem_calloc(1, sizeof(type)))
#define mem_new_array(type, count) ((type *)mem_calloc((count), sizeof(type)))

/* Like reallocarray(), but NULL only if count or size is 0: then it frees ptr. Added memory is not
 * zeroed. */
void *mem_resize(void *ptr, size_t count, size_t size);

/* Copies, which the caller frees. mem_strdup and mem_strndup return NULL for NULL. mem_memdup adds
 * a NUL byte after the copy. */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);
void *mem_memdup(const void *data, size_t size);

#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define steal_ptr(pp)                                           \
	__extension__({                                         \
		__typeof__(pp) steal_ptr_p_ = (pp);             \
		__typeof__(*(pp)) steal_ptr_v_ = *steal_ptr_p_; \
		*steal_ptr_p_ = NULL;                           \
		steal_ptr_v_;                                   \
	})

/* For CLEANUP(freep) char *s = NULL; */
static inline void freep(void *pp)
{
	free(*(void **)pp);
}

/* Closes *fd unless it is negative; preserves errno. For CLEANUP(closep) int fd = -1; */
void closep(const int *fd);

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
