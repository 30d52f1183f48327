#include "crafted.h"

#include <string.h>
#include <zlib.h>

#include "base/memory.h"

static void put16(struct buffer *b, unsigned v)
{
	unsigned char p[2] = {(unsigned char)v, (unsigned char)(v >> 8)};
	(void)buffer_add(b, p, 2);
}

static void put32(struct buffer *b, uint32_t v)
{
	put16(b, v & 0xffff);
	put16(b, v >> 16);
}

static void put_text(struct buffer *b, const char *s)
{
	if (s != NULL)
		(void)buffer_add_string(b, s);
}

static size_t name_size(const struct crafted_entry *e)
{
	return e->name_size > 0 ? e->name_size : strlen(e->name);
}

static size_t content_size(const struct crafted_entry *e)
{
	return e->size > 0 ? e->size : strlen(e->content);
}

static uint32_t crc_of(const struct crafted_entry *e)
{
	uLong crc = crc32(0, NULL, 0);

	if (e->content != NULL)
		crc = crc32(crc, (const Bytef *)e->content, (uInt)content_size(e));
	return (uint32_t)crc ^ e->crc_xor;
}

static size_t packed_size(const struct crafted_entry *e)
{
	return e->packed != NULL ? e->packed_size : content_size(e);
}

static void write_local(struct buffer *b, struct crafted_entry *e)
{
	const char *name = e->local_name != NULL ? e->local_name : e->name;
	size_t size = e->local_name != NULL ? strlen(e->local_name) : name_size(e);

	put_text(b, e->gap_before);
	e->offset = (uint32_t)b->size;
	put32(b, 0x04034b50);
	put16(b, 20);
	put16(b, (unsigned)(e->flags ^ e->local_flags_xor));
	put16(b, (unsigned)(e->method ^ e->local_method_xor));
	put16(b, e->local_time_xor & 0xffff);
	put16(b, 0x21);
	put32(b, e->descriptor ? 0 : crc_of(e) ^ e->local_crc_xor);
	put32(b, e->descriptor ? 0 : (uint32_t)packed_size(e) ^ e->local_size_xor);
	put32(b, e->descriptor ? 0 : (uint32_t)content_size(e) ^ e->local_size_xor);
	put16(b, (unsigned)size);
	put16(b, (unsigned)e->local_extra_size);
	(void)buffer_add(b, name, size);
	(void)buffer_add(b, e->local_extra, e->local_extra_size);
	(void)buffer_add(b, e->packed != NULL ? e->packed : e->content, packed_size(e));
	if (e->descriptor) {
		put32(b, 0x08074b50);
		put32(b, crc_of(e));
		put32(b, (uint32_t)packed_size(e));
		put32(b, (uint32_t)content_size(e));
	}
}

static void write_item(struct buffer *b, const struct crafted_entry *e)
{
	uint32_t mode = e->mode == 0 ? 0100644u : e->mode == UINT32_MAX ? 0 : e->mode;

	put32(b, 0x02014b50);
	put16(b, 0x0314);
	put16(b, 20);
	put16(b, e->flags);
	put16(b, e->method);
	put16(b, 0);
	put16(b, 0x21);
	put32(b, crc_of(e));
	put32(b, (uint32_t)packed_size(e));
	put32(b, (uint32_t)content_size(e));
	put16(b, (unsigned)name_size(e));
	put16(b, (unsigned)e->extra_size);
	put16(b, e->comment != NULL ? (unsigned)strlen(e->comment) : 0);
	put16(b, e->disk);
	put16(b, 0);
	put32(b, mode << 16);
	put32(b, e->shares_local != NULL ? e->shares_local->offset : e->offset);
	(void)buffer_add(b, e->name, name_size(e));
	(void)buffer_add(b, e->extra, e->extra_size);
	put_text(b, e->comment);
}

/* A ZIP64 end record and its locator, which say the same as the old one. */
static void write_zip64(struct buffer *b, size_t count, size_t size, size_t offset)
{
	size_t at = b->size;

	put32(b, 0x06064b50);
	put32(b, 44);
	put32(b, 0);
	put16(b, 45);
	put16(b, 45);
	put32(b, 0);
	put32(b, 0);
	for (int i = 0; i < 2; i++) {
		put32(b, (uint32_t)count);
		put32(b, 0);
	}
	put32(b, (uint32_t)size);
	put32(b, 0);
	put32(b, (uint32_t)offset);
	put32(b, 0);
	put32(b, 0x07064b50);
	put32(b, 0);
	put32(b, (uint32_t)at);
	put32(b, 0);
	put32(b, 1);
}

void crafted_write(struct buffer *out, struct crafted_entry *entries, size_t count,
		   const struct crafted_end *end)
{
	size_t listed = 0;

	for (size_t i = 0; i < count; i++) {
		if (entries[i].shares_local == NULL)
			write_local(out, &entries[i]);
	}
	put_text(out, end->before_directory);
	size_t start = out->size;
	for (size_t i = 0; i < count; i++) {
		if (entries[i].hidden)
			continue;
		write_item(out, &entries[i]);
		listed++;
	}
	size_t size = out->size - start;
	put_text(out, end->behind_directory);
	if (end->zip64)
		write_zip64(out, listed, size, start);
	put32(out, 0x06054b50);
	put16(out, end->disk);
	put16(out, end->disk);
	unsigned said = (unsigned)((int)listed + end->entry_count_add);
	put16(out, end->zip64 ? 0xffff : said);
	put16(out, end->zip64 ? 0xffff : said);
	put32(out, end->zip64 ? 0xffffffff : (uint32_t)size);
	put32(out, end->zip64 ? 0xffffffff : (uint32_t)start);
	put16(out, end->comment != NULL ? (unsigned)strlen(end->comment) : 0);
	put_text(out, end->comment);
	put_text(out, end->behind);
}

void *crafted_deflate_zeros(size_t size, size_t *ret_packed_size, uint32_t *ret_crc)
{
	unsigned char *zeros = mem_calloc(1, size);
	size_t capacity = size / 500 + 4096;
	unsigned char *packed = mem_calloc(1, capacity);
	z_stream z = {.next_in = zeros,
		      .avail_in = (uInt)size,
		      .next_out = packed,
		      .avail_out = (uInt)capacity};

	(void)deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
	(void)deflate(&z, Z_FINISH);
	*ret_packed_size = z.total_out;
	(void)deflateEnd(&z);
	*ret_crc = (uint32_t)crc32(crc32(0, NULL, 0), zeros, (uInt)size);
	free(zeros);
	return packed;
}
