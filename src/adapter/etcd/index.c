#include "adapter/etcd/index.h"

#include "base/check.h"

enum { CAPACITY_FIRST = 1024 };

static uint64_t hash_of(bytes key)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < key.len; i++)
		hash = (hash ^ key.data[i]) * UINT64_C(0x100000001b3);
	hash ^= hash >> 32; /* the low bits choose the place */
	return hash != 0 ? hash : 1;
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
	struct index_entry *entry = place_of(index, hash_of(key));
	index->count += entry->hash == 0 ? 1 : 0;
	*entry = (struct index_entry){.hash = hash_of(key), .sum = sum};
}

const uint64_t *index_find(const struct index *index, bytes key)
{
	if (index->capacity == 0)
		return NULL;
	const struct index_entry *entry = place_of(index, hash_of(key));
	return entry->hash != 0 ? &entry->sum : NULL;
}

/* Those after it that came to their places past this one move up. */
void index_remove(struct index *index, bytes key)
{
	if (index_find(index, key) == NULL)
		return;
	size_t mask = index->capacity - 1;
	size_t hole = (size_t)(place_of(index, hash_of(key)) - index->entries);
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
