#include "adapter/etcd/index.h"

#include <sodium.h>

#include "base/check.h"

enum { CAPACITY_FIRST = 1024 };

_Static_assert(INDEX_KEY_BYTES == crypto_shorthash_KEYBYTES, "SipHash-2-4");

static uint64_t hash_of(const struct index *index, bytes key)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint64_t number = 0;
	(void)crypto_shorthash(hash, key.data, key.len, index->key);
	for (size_t i = 0; i < sizeof(hash); i++)
		number = number << 8 | hash[i];
	return number != 0 ? number : 1;
}

static struct index_entry *place_of(const struct index *index, uint64_t hash)
{
	size_t at = (size_t)hash & (index->capacity - 1);
	while (index->entries[at].hash != 0 && index->entries[at].hash != hash)
		at = (at + 1) & (index->capacity - 1);
	return &index->entries[at];
}

static void grow(struct index *index)
{
	const struct index old = *index;
	if (old.capacity == 0)
		randombytes_buf(index->key, sizeof(index->key));
	index->capacity = old.capacity > 0 ? old.capacity * 2 : CAPACITY_FIRST;
	index->entries = mem_new_array(struct index_entry, index->capacity);
	for (size_t i = 0; i < old.capacity; i++)
		if (old.entries[i].hash != 0)
			*place_of(index, old.entries[i].hash) = old.entries[i];
	free(old.entries);
}

void index_set(struct index *index, bytes key, uint64_t sum)
{
	if (index->count * 3 >= index->capacity * 2)
		grow(index);
	uint64_t hash = hash_of(index, key);
	struct index_entry *entry = place_of(index, hash);
	index->count += entry->hash == 0 ? 1 : 0;
	*entry = (struct index_entry){.hash = hash, .sum = sum};
}

const uint64_t *index_find(const struct index *index, bytes key)
{
	if (index->capacity == 0)
		return NULL;
	const struct index_entry *entry = place_of(index, hash_of(index, key));
	return entry->hash != 0 ? &entry->sum : NULL;
}

/* Those after it that came to their places past this one move up. */
void index_remove(struct index *index, bytes key)
{
	if (index_find(index, key) == NULL)
		return;
	size_t mask = index->capacity - 1;
	size_t hole = (size_t)(place_of(index, hash_of(index, key)) - index->entries);
	for (size_t at = (hole + 1) & mask; index->entries[at].hash != 0;
	     at = (at + 1) & mask) {
		size_t home = (size_t)index->entries[at].hash & mask;
		bool may_move = ((at - home) & mask) >= ((at - hole) & mask);
		if (may_move) {
			index->entries[hole] = index->entries[at];
			hole = at;
		}
	}
	index->entries[hole] = (struct index_entry){0};
	index->count--;
}

void index_done(struct index *index)
{
	free(index->entries);
	*index = (struct index){0};
}
