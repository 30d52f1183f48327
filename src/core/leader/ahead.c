#include "core/leader/ahead.h"

#include <string.h>

/* Of the table and the allocator, for each. */
#define OVERHEAD_BYTES 48

static size_t bytes_of(const struct ahead_record *r)
{
	return sizeof(*r) + r->key_size + r->size + OVERHEAD_BYTES;
}

static struct ahead_record *find(const struct ahead *ahead, const void *key, size_t size)
{
	struct ahead_record *found = NULL;
	HASH_FIND(hh, ahead->records, key, size, found);
	return found;
}

static void drop(struct ahead *ahead, struct ahead_record *r)
{
	HASH_DEL(ahead->records, r);
	ahead->count--;
	ahead->total -= r->sum;
	ahead->bytes -= bytes_of(r);
	free(r);
}

void ahead_begin(struct ahead *ahead)
{
	struct ahead_record *r = NULL, *next = NULL;
	HASH_ITER (hh, ahead->records, r, next)
		drop(ahead, r);
	ahead->revision = 0;
	ahead->is_doubtful = false;
}

bool ahead_put(struct ahead *ahead, const void *key, size_t key_size, const void *data,
	       size_t size, uint64_t sum)
{
	struct ahead_record *before = find(ahead, key, key_size);
	if (before != NULL)
		drop(ahead, before);
	struct ahead_record *r = mem_calloc(1, sizeof(*r) + key_size + size);
	r->key_size = key_size;
	r->size = size;
	r->sum = sum;
	memcpy(r->bytes, key, key_size);
	if (size > 0)
		memcpy(r->bytes + key_size, data, size);
	HASH_ADD_KEYPTR(hh, ahead->records, r->bytes, key_size, r);
	ahead->count++;
	ahead->total += sum;
	ahead->bytes += bytes_of(r);
	if (ahead->bytes_max == 0 || ahead->bytes <= ahead->bytes_max)
		return true;
	ahead_begin(ahead);
	return false;
}

void ahead_remove(struct ahead *ahead, const void *key, size_t key_size)
{
	struct ahead_record *r = find(ahead, key, key_size);
	if (r != NULL)
		drop(ahead, r);
}

void ahead_doubt(struct ahead *ahead)
{
	ahead->is_doubtful = true;
}

void ahead_reached(struct ahead *ahead, int64_t revision)
{
	ahead->revision = revision;
}

bool ahead_serves(const struct ahead *ahead, int64_t revision, uint64_t count, uint64_t total)
{
	return ahead->revision != 0 && ahead->revision == revision && !ahead->is_doubtful &&
	       ahead->count == count && ahead->total == total;
}

static int by_key(const struct ahead_record *a, const struct ahead_record *b)
{
	size_t n = a->key_size < b->key_size ? a->key_size : b->key_size;
	int r = memcmp(a->bytes, b->bytes, n);
	if (r != 0)
		return r;
	return a->key_size < b->key_size ? -1 : a->key_size > b->key_size;
}

void ahead_sort(struct ahead *ahead)
{
	HASH_SORT(ahead->records, by_key);
}
