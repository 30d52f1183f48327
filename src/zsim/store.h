/*
 * The simulated store of zrms and the disk of a machine: records by kind and id. What is in it
 * has been committed; a crash takes nothing of it.
 */
#ifndef SAMOZA_ZSIM_STORE_H
#define SAMOZA_ZSIM_STORE_H

#include <stddef.h>

#include "base/hash.h"

struct stored {
	char *key; /* "KIND ID" */
	int kind;
	const char *id; /* within key */
	void *data;
	size_t size;
	UT_hash_handle hh;
};

struct store {
	struct stored *records; /* by key; iterated by insertion */
};

void store_done(struct store *s);
/* NULL data: removes it. Copies. */
void store_put(struct store *s, int kind, const char *id, const void *data, size_t size);
/* NULL when there is none. */
const struct stored *store_get(const struct store *s, int kind, const char *id);

#define store_for_each(s, r) for (struct stored *r = (s)->records; r != NULL; r = r->hh.next)

#endif
