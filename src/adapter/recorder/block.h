/*
 * Entries of a recording (core/record), many together: compressed, with their length and a checksum, so that each block can be
 * read, or found damaged, by itself.
 *
 *     ┌─────────────┬──────────┬──────────┬─────────┬────────┬──────────────┬───────────────┐
 *     │ magic  u32  │ packed   │ whole    │ entries │ number │ times        │ checksum u64  │  48 bytes, little-endian
 *     │ "blk1"      │ size u32 │ size u32 │ u32     │ u64    │ 2 × i64      │ of all of it  │
 *     ├─────────────┴──────────┴──────────┴─────────┴────────┴──────────────┴───────────────┤
 *     │ zstd: entry, entry, … each with its size (u32) before it                            │
 *     └─────────────────────────────────────────────────────────────────────────────────────┘
 *
 * `number` grows by one from block to block of a recording: one that is missing is seen. Its upper 16 bits say how many others a block
 * covers that was made of several (merge.h). The times are those of its first and last
 * entry, wall clock. A block with an entry with which a reading may begin has it first.
 */
#ifndef SAMOZA_ADAPTER_RECORDER_BLOCK_H
#define SAMOZA_ADAPTER_RECORDER_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

#define BLOCK_HEAD_BYTES ((size_t)48)
/* What is not larger than this is waited with for more. */
#define BLOCK_BYTES ((size_t)256 * 1024)
/* A birth has all records of a cluster. */
#define BLOCK_BYTES_MAX	 ((size_t)1024 * 1024 * 1024)

#define BLOCK_COVERS_MAX UINT32_C(0x10000)

/* What stands before it. */
struct block_head {
	size_t packed_size, size;
	uint32_t entries;
	uint64_t number; /* of the first block that it covers */
	uint32_t covers; /* blocks, itself included */
	int64_t first_wall_ms, last_wall_ms;
	bool begins; /* a reading may begin with it */
};

/* Of the block that continues it. */
static inline uint64_t block_next_number(const struct block_head *head)
{
	return head->number + head->covers;
}

/* Entries that are collected; also, those of a block that was read. */
struct block {
	struct block_head head;
	struct buffer entries;
};

void block_init(struct block *b);
void block_done(struct block *b);
/* Whether an entry of that size has room in one. */
bool block_takes(const struct block *b, size_t size);
/* PRE: it is empty where `begins`, and takes it. */
void block_add(struct block *b, int64_t wall_ms, bool begins, const void *data, size_t size);
bool block_is_empty(const struct block *b);
/* Appends it as it stands in a file, and empties it; its number is then the next one. */
int block_pack(struct block *b, struct buffer *to, struct error **err) must_check;
/* The same with another level of zstd, for what is done once. */
int block_pack_tight(struct block *b, int level, struct buffer *to,
		     struct error **err) must_check;

/* 1: a block begins there, and this is its head. 0: none does. Looks at BLOCK_HEAD_BYTES. */
int block_head_read(const void *data, struct block_head *ret);
/* The whole block is there: BLOCK_HEAD_BYTES and packed_size. ERR_INVALID: it is damaged. */
int block_unpack(const void *data, struct block *ret, struct error **err) must_check;
/* The next entry; false: that was the last one. *at: 0 at first. */
bool block_next(const struct block *b, size_t *at, const void **ret_data, size_t *ret_size);

#endif
