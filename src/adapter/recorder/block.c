#include "adapter/recorder/block.h"

#include <string.h>
#include <zstd.h>

#include "base/check.h"
#include "base/fingerprint.h"

/* 1 costs half of what 3 does, and saves nearly as much. */
#define LEVEL	    1
#define MAGIC	    UINT32_C(0x316b6c62) /* "blk1" */
#define BEGINS	    UINT32_C(0x80000000)
#define NUMBER_BITS 48

void block_init(struct block *b)
{
	*b = (struct block){.head.covers = 1, .entries = BUFFER_INIT(BLOCK_BYTES_MAX)};
}

void block_done(struct block *b)
{
	buffer_done(&b->entries);
}

/* ---- numbers ---- */

static void put(uint8_t *to, uint64_t value, unsigned bytes)
{
	for (unsigned k = 0; k < bytes; k++)
		to[k] = (uint8_t)(value >> (8 * k));
}

static uint64_t get(const uint8_t *from, unsigned bytes)
{
	uint64_t value = 0;
	for (unsigned k = 0; k < bytes; k++)
		value |= (uint64_t)from[k] << (8 * k);
	return value;
}

/* ---- writing ---- */

bool block_is_empty(const struct block *b)
{
	return b->entries.size == 0;
}

bool block_takes(const struct block *b, size_t size)
{
	return size <= UINT32_MAX && size + 4 <= b->entries.max - b->entries.size;
}

void block_add(struct block *b, int64_t wall_ms, bool begins, const void *data, size_t size)
{
	uint8_t length[4];
	PRE(block_takes(b, size) && (!begins || block_is_empty(b)));
	if (block_is_empty(b)) {
		b->head.first_wall_ms = wall_ms;
		b->head.begins = begins;
		b->head.entries = 0;
	}
	b->head.last_wall_ms = wall_ms;
	b->head.entries++;
	put(length, size, sizeof(length));
	if (buffer_add(&b->entries, length, sizeof(length)) < 0 ||
	    buffer_add(&b->entries, data, size) < 0)
		IMPOSSIBLE("a block of a recording is larger than any");
}

#define AT_CHECKSUM (BLOCK_HEAD_BYTES - 8)

static uint64_t checksum(const uint8_t *head, size_t packed_size)
{
	uint64_t sum = fingerprint(FINGERPRINT_NONE, head, AT_CHECKSUM);
	return fingerprint(sum, head + BLOCK_HEAD_BYTES, packed_size);
}

int block_pack(struct block *b, struct buffer *to, struct error **err)
{
	return block_pack_tight(b, LEVEL, to, err);
}

int block_pack_tight(struct block *b, int level, struct buffer *to, struct error **err)
{
	size_t bound = ZSTD_compressBound(b->entries.size);
	uint8_t *head = buffer_reserve(to, BLOCK_HEAD_BYTES + bound);
	if (head == NULL)
		return error_set(err, ERR_LIMIT, "no room for a block of %zu bytes", bound);
	size_t size = ZSTD_compress(head + BLOCK_HEAD_BYTES, bound, b->entries.data,
				    b->entries.size, level);
	if (ZSTD_isError(size))
		return error_set(err, ERR_IO, "a block cannot be compressed: %s",
				 ZSTD_getErrorName(size));
	put(head, MAGIC, 4);
	put(head + 4, size, 4);
	put(head + 8, b->entries.size, 4);
	put(head + 12, b->head.entries | (b->head.begins ? BEGINS : 0), 4);
	put(head + 16, b->head.number | (uint64_t)(b->head.covers - 1) << NUMBER_BITS, 8);
	put(head + 24, (uint64_t)b->head.first_wall_ms, 8);
	put(head + 32, (uint64_t)b->head.last_wall_ms, 8);
	put(head + AT_CHECKSUM, checksum(head, size), 8);
	buffer_grew(to, BLOCK_HEAD_BYTES + size);
	buffer_clear(&b->entries);
	b->head.number = block_next_number(&b->head);
	b->head.covers = 1;
	return 0;
}

/* ---- reading ---- */

int block_head_read(const void *data, struct block_head *ret)
{
	const uint8_t *head = data;
	if (get(head, 4) != MAGIC)
		return 0;
	uint32_t entries = (uint32_t)get(head + 12, 4);
	*ret = (struct block_head){
		.packed_size = (size_t)get(head + 4, 4),
		.size = (size_t)get(head + 8, 4),
		.entries = entries & ~BEGINS,
		.begins = (entries & BEGINS) != 0,
		.number = get(head + 16, 8) & ((UINT64_C(1) << NUMBER_BITS) - 1),
		.covers = (uint32_t)get(head + 16 + NUMBER_BITS / 8, 2) + 1,
		.first_wall_ms = (int64_t)get(head + 24, 8),
		.last_wall_ms = (int64_t)get(head + 32, 8),
	};
	return ret->size <= BLOCK_BYTES_MAX && ret->size > 0 &&
	       ret->packed_size <= ZSTD_compressBound(ret->size);
}

static bool is_whole(const struct block *b)
{
	const void *data;
	size_t at = 0, size;
	uint32_t entries = 0;
	while (block_next(b, &at, &data, &size))
		entries++;
	return at == b->entries.size && entries == b->head.entries;
}

int block_unpack(const void *data, struct block *ret, struct error **err)
{
	const uint8_t *head = data;
	if (block_head_read(data, &ret->head) == 0 ||
	    get(head + AT_CHECKSUM, 8) != checksum(head, ret->head.packed_size))
		return error_set(err, ERR_INVALID, "a block is damaged");
	buffer_clear(&ret->entries);
	char *to = buffer_reserve(&ret->entries, ret->head.size);
	if (to == NULL)
		return error_set(err, ERR_LIMIT, "no room for a block of %zu bytes",
				 ret->head.size);
	size_t size = ZSTD_decompress(to, ret->head.size, head + BLOCK_HEAD_BYTES,
				      ret->head.packed_size);
	if (ZSTD_isError(size) || size != ret->head.size)
		return error_set(err, ERR_INVALID, "a block cannot be decompressed");
	buffer_grew(&ret->entries, size);
	if (!is_whole(ret))
		return error_set(err, ERR_INVALID, "a block has other entries than it says");
	return 0;
}

bool block_next(const struct block *b, size_t *at, const void **ret_data, size_t *ret_size)
{
	const uint8_t *here = (const uint8_t *)b->entries.data + *at;
	size_t left = b->entries.size - *at;
	if (left < 4)
		return false;
	size_t size = (size_t)get(here, 4);
	if (size > left - 4)
		return false;
	*ret_data = here + 4;
	*ret_size = size;
	*at += 4 + size;
	return true;
}
