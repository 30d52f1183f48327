/*
 * Hash tables (uthash) over our memory: an allocation that fails ends the program as everywhere
 * (base/memory.h), a broken table is a broken invariant.
 *
 *   struct thing { char *name; UT_hash_handle hh; };
 *   HASH_FIND_STR(things, name, found);
 *
 * Iteration (HASH_ITER) is in the order of insertion, so the same input gives the same sequence.
 *
 * The hash of a key takes eight bytes at a time: names and identifiers of 20 to 60 bytes are
 * looked up more than anything else. It is of this process only, and never stored (for that:
 * str_hash()).
 */
#ifndef SAMOZA_BASE_HASH_H
#define SAMOZA_BASE_HASH_H

#include "base/check.h"
#include "base/memory.h"

static inline unsigned hash_of_key(const void *key, size_t size)
{
	const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
	const unsigned char *at = key;
	uint64_t hash = size * factor;
	for (; size >= sizeof(uint64_t); at += sizeof(uint64_t), size -= sizeof(uint64_t)) {
		uint64_t word = 0;
		memcpy(&word, at, sizeof(word));
		hash = (hash ^ word) * factor;
		hash ^= hash >> 32;
	}
	for (; size > 0; at++, size--)
		hash = (hash ^ *at) * factor;
	/* Which bucket the low bits say; those of a product depend on no higher bits of its factors. A fold would undo the last
	 * one of the loop. */
	return (unsigned)(hash * factor >> 32);
}

#define HASH_FUNCTION(key, size, hash) ((hash) = hash_of_key((key), (size)))
#define uthash_malloc(size)	       mem_resize(NULL, 1, (size))
#define uthash_fatal(why)	       IMPOSSIBLE(why)

#include <uthash.h>

#endif
