/*
 * The records of a shared store as a standby has read them ahead, so that it need not read all of them when it wins
 * [machines.replicated.standby]. Pure: who reads them tells it what came.
 *
 *     ahead_begin() ─► put, put, …        ─► reached(5) ─► put, remove, … ─► reached(6) ─► …
 *       nothing        reading, as of 5      whole         following
 *
 * It may always be too old. So nothing is decided on it but where ahead_serves() says so, after the win: the store was
 * changed last at the very revision that was reached, and counts the same records. Nobody else can write after that (the
 * fence), so this is then all that there is. Where it does not serve, the store is read, as without it.
 */
#ifndef SAMOZA_CORE_LEADER_AHEAD_H
#define SAMOZA_CORE_LEADER_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

struct ahead_record {
	UT_hash_handle hh;
	size_t key_size, size;
	uint64_t sum;	 /* its checksum, as the store has it */
	uint8_t bytes[]; /* key, data */
};
static inline const uint8_t *ahead_data(const struct ahead_record *r)
{
	return r->bytes + r->key_size;
}

struct ahead {
	struct ahead_record *records;
	uint64_t count, total; /* of records, of their checksums modulo 2^64 */
	size_t bytes;	       /* of memory, about */
	size_t bytes_max;      /* more is given up; 0: any */
	int64_t revision;      /* that was reached; 0: it is not whole */
	bool is_doubtful;      /* until it begins again */
};

/* Forgets everything: it is read from the start. */
void ahead_begin(struct ahead *ahead);
/* A record is so, or is no more. Copies. False: it would be larger than it may; then it has begun again. */
bool ahead_put(struct ahead *ahead, const void *key, size_t key_size, const void *data,
	       size_t size, uint64_t sum);
void ahead_remove(struct ahead *ahead, const void *key, size_t key_size);
/* Something came that is no record as it should be: the store itself has to be looked at. */
void ahead_doubt(struct ahead *ahead);
/* Everything that was changed up to that revision has come. */
void ahead_reached(struct ahead *ahead, int64_t revision);

/* Whether it is what the store has, which was changed last at `revision`, and counts that. */
bool ahead_serves(const struct ahead *ahead, int64_t revision, uint64_t count, uint64_t total);
/* In the order of keys, from now on: HASH_ITER. */
void ahead_sort(struct ahead *ahead);

#endif
