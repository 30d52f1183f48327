/*
 * Writes ZIP archives byte by byte, so that each rule of the format can be broken alone.
 */
#ifndef SAMOZA_TESTS_UNIT_ARCHIVE_CRAFTED_H
#define SAMOZA_TESTS_UNIT_ARCHIVE_CRAFTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* One entry. The local header can differ from the directory. */
struct crafted_entry {
	const char *name;
	size_t name_size; /* 0: strlen */
	const char *content;
	size_t size;	    /* 0: strlen */
	const void *packed; /* deflated bytes, with method 8 */
	size_t packed_size;
	uint16_t method, flags;
	uint32_t mode; /* 0: 0100644; UINT32_MAX: none at all */
	const char *extra;
	size_t extra_size;
	const char *comment;
	/* Differences of the local header. */
	const char *local_name;
	uint16_t local_flags_xor, local_method_xor;
	uint32_t local_crc_xor, local_size_xor, local_time_xor;
	const char *local_extra;
	size_t local_extra_size;
	uint32_t crc_xor;	/* both */
	const char *gap_before; /* bytes between this and the entry before */
	bool hidden;		/* not in the directory */
	bool descriptor;	/* a data descriptor after the data */
	uint16_t disk;
	const struct crafted_entry *shares_local; /* its directory item points there */
	uint32_t offset;			  /* out */
};

struct crafted_end {
	const char *before_directory, *behind_directory, *comment, *behind;
	int entry_count_add;
	uint16_t disk;
	bool zip64;
};

void crafted_write(struct buffer *out, struct crafted_entry *entries, size_t count,
		   const struct crafted_end *end);
/* An entry whose content deflates a thousandfold: `size` zero bytes. The caller frees. */
void *crafted_deflate_zeros(size_t size, size_t *ret_packed_size, uint32_t *ret_crc);

#endif
