#include "model/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

#define FIRST_BLOCK_BYTES   4096u
#define LARGEST_BLOCK_BYTES (256u * 1024)

struct block {
	struct block *next;
	alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct block *blocks;
	unsigned char *free_start;
	size_t free_bytes;
	size_t block_bytes; /* of the next block; doubles up to the largest */
};

struct arena *arena_new(void)
{
	struct arena *a = mem_new(struct arena);

	a->block_bytes = FIRST_BLOCK_BYTES;
	return a;
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	while (a->blocks != NULL) {
		struct block *next = a->blocks->next;
		free(a->blocks);
		a->blocks = next;
	}
	free(a);
}

static unsigned char *add_block(struct arena *a, size_t bytes)
{
	struct block *b = mem_calloc(1, sizeof(struct block) + bytes);

	b->next = a->blocks;
	a->blocks = b;
	return b->data;
}

static void *take(struct arena *a, size_t bytes)
{
	unsigned char *p;

	if (bytes > a->free_bytes) {
		if (bytes >= a->block_bytes / 4)
			return add_block(a, bytes); /* a block of its own */
		a->free_start = add_block(a, a->block_bytes);
		a->free_bytes = a->block_bytes;
		if (a->block_bytes < LARGEST_BLOCK_BYTES)
			a->block_bytes *= 2;
	}
	p = a->free_start;
	a->free_start += bytes;
	a->free_bytes -= bytes;
	return p;
}

void *arena_alloc(struct arena *a, size_t count, size_t size)
{
	size_t bytes;
	size_t alignment = alignof(max_align_t);

	PRE(!__builtin_mul_overflow(count, size, &bytes) && bytes < SIZE_MAX / 2);
	return take(a, (bytes + alignment - 1) / alignment * alignment);
}

char *arena_strdup(struct arena *a, const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(arena_alloc(a, size, 1), s, size);
}
