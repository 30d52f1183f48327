/*
 * The checksums of all records, by a hash of their keys, in memory: so that the ledger (ledger.h) can be carried on without
 * reading what a write replaces. 16 bytes and some room for each. The hash has a key that is drawn for each index: who chooses names
 * cannot choose two that are taken for one.
 */
#ifndef SAMOZA_ADAPTER_ETCD_INDEX_H
#define SAMOZA_ADAPTER_ETCD_INDEX_H

#include "adapter/etcd/keys.h"

struct index_entry {
	uint64_t hash; /* 0: none here */
	uint64_t sum;
};

#define INDEX_KEY_BYTES 16

struct index {
	uint8_t key[INDEX_KEY_BYTES]; /* drawn with the first entry */
	struct index_entry *entries;
	size_t capacity, count;
};

void index_done(struct index *index);
/* Replaces one that there was. */
void index_set(struct index *index, bytes key, uint64_t sum);
void index_remove(struct index *index, bytes key);
/* NULL: there is none. */
const uint64_t *index_find(const struct index *index, bytes key);

#endif
