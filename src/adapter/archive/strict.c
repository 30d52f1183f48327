#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/archive/private.h"
#include "base/str.h"

#define END_RECORD_BYTES     22u
#define DIRECTORY_ITEM_BYTES 46u
#define LOCAL_HEADER_BYTES   30u

/* Bits 1 and 2 are the level of compression, bit 11 that the name is UTF-8. */
#define FLAGS_ALLOWED	0x0806u
#define FLAG_ENCRYPTED	0x0001u
#define FLAG_DESCRIPTOR 0x0008u
#define FLAG_UTF8	0x0800u

/* Extra fields that do not describe the content: times and owners, as other tools write. */
#define EXTRA_TIMES  0x5455u
#define EXTRA_OWNER  0x7875u
#define EXTRA_OWNER2 0x7855u
#define EXTRA_NTFS   0x000au

static uint16_t get16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

void raw_directory_done(struct raw_directory *d)
{
	vector_for_each (&d->entries, e)
		free(e->name);
	vector_done(&d->entries);
}

static int read_at(int fd, void *data, size_t size, uint64_t offset, struct error **err)
{
	unsigned char *p = data;

	while (size > 0) {
		ssize_t n = pread(fd, p, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "cannot read the archive");
		if (n == 0)
			return error_set(err, ERR_INVALID, "the archive is truncated");
		p += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* What to do about an archive that another tool made in a form that is not accepted. */
#define MAKE_AGAIN "make it with `mex build`, or with zip -X -fz-"

struct end_record {
	uint32_t entries;
	uint32_t directory_size;
	uint32_t directory_offset;
};

/* Why the last bytes are no end record: a comment follows it, which may be 65,535 bytes long. */
static int no_end_record(int fd, uint64_t file_size, struct error **err)
{
	size_t size = file_size < END_RECORD_BYTES + 0xffffu ? (size_t)file_size
							     : END_RECORD_BYTES + 0xffffu;
	CLEANUP(freep) unsigned char *tail = mem_calloc(1, size);
	int r = read_at(fd, tail, size, file_size - size, err);

	for (size_t at = size - END_RECORD_BYTES; r == 0 && at > 0; at--) {
		const unsigned char *p = tail + at - 1;
		size_t comment = size - (at - 1) - END_RECORD_BYTES;

		if (get32(p) == 0x06054b50 && get16(p + 20) == comment)
			return error_set(
				err, ERR_INVALID,
				"the ZIP archive has a comment (%zu byte%s at its end), "
				"which is not accepted: remove it with zip -z, or " MAKE_AGAIN,
				comment, str_plural(comment));
	}
	return r < 0 ? r
		     : error_set(err, ERR_INVALID,
				 "not a ZIP archive, or truncated, or followed by other data: "
				 "its last %u bytes are not an end record",
				 END_RECORD_BYTES);
}

static int read_end_record(int fd, uint64_t file_size, struct end_record *ret_end,
			   struct error **err)
{
	unsigned char p[END_RECORD_BYTES];
	int r;

	if (file_size < END_RECORD_BYTES)
		return error_set(err, ERR_INVALID, "not a ZIP archive: only %llu byte%s",
				 (unsigned long long)file_size, str_plural(file_size));
	r = read_at(fd, p, sizeof(p), file_size - END_RECORD_BYTES, err);
	if (r < 0)
		return r;
	if (get32(p) != 0x06054b50)
		return no_end_record(fd, file_size, err);
	if (get16(p + 20) != 0)
		return error_set(
			err, ERR_INVALID,
			"the archive is truncated: its end record announces a comment of "
			"%u byte%s",
			get16(p + 20), str_plural(get16(p + 20)));
	if (get16(p + 4) != 0 || get16(p + 6) != 0 || get16(p + 8) != get16(p + 10))
		return error_set(err, ERR_INVALID, "the archive is spread over several disks");
	if (get16(p + 10) == 0xffff || get32(p + 12) == 0xffffffff ||
	    get32(p + 16) == 0xffffffff)
		return error_set(
			err, ERR_INVALID,
			"the archive is in ZIP64 format, for sizes over 4 GiB, which is "
			"not accepted: " MAKE_AGAIN);
	*ret_end = (struct end_record){.entries = get16(p + 10),
				       .directory_size = get32(p + 12),
				       .directory_offset = get32(p + 16)};
	if (ret_end->entries > ARCHIVE_MAX_ENTRIES)
		return error_set(err, ERR_LIMIT, "%u entries are too many: at most %u",
				 ret_end->entries, ARCHIVE_MAX_ENTRIES);
	if ((uint64_t)ret_end->directory_offset + ret_end->directory_size !=
	    file_size - END_RECORD_BYTES)
		return error_set(err, ERR_INVALID,
				 "the directory is not directly before the end record");
	return 0;
}

/* Extra fields that change what an entry is (another name, larger sizes, encryption) are
 * refused, and so are malformed ones. */
static int check_extra(const unsigned char *p, size_t size, const char *name,
		       struct error **err)
{
	while (size > 0) {
		unsigned id = size >= 4 ? get16(p) : 0;
		size_t length = size >= 4 ? 4u + get16(p + 2) : 0;

		if (size < 4 || length > size)
			return error_set(err, ERR_INVALID,
					 "entry '%s' has a malformed extra field", name);
		if (id == 0x0001)
			return error_set(err, ERR_INVALID,
					 "entry '%s' is in ZIP64 format, for sizes over 4 GiB, "
					 "which is not accepted: " MAKE_AGAIN,
					 name);
		if (id != EXTRA_TIMES && id != EXTRA_OWNER && id != EXTRA_OWNER2 &&
		    id != EXTRA_NTFS)
			return error_set(err, ERR_INVALID,
					 "entry '%s' has an extra field of kind 0x%04x", name,
					 id);
		p += length;
		size -= length;
	}
	return 0;
}

static int check_item(const struct raw_entry *e, const unsigned char *p, const char *shown,
		      struct error **err)
{
	if (e->name_size == 0)
		return error_set(err, ERR_INVALID, "an entry has no name");
	if (strlen(e->name) != e->name_size)
		return error_set(err, ERR_INVALID, "the name of entry '%s' contains a NUL byte",
				 shown);
	if ((e->flags & FLAG_ENCRYPTED) != 0)
		return error_set(err, ERR_INVALID, "entry '%s' is encrypted", shown);
	if ((e->flags & FLAG_DESCRIPTOR) != 0)
		return error_set(
			err, ERR_INVALID,
			"entry '%s' has a data descriptor, as streamed archives have, which is "
			"not accepted: " MAKE_AGAIN,
			shown);
	if ((e->flags & ~FLAGS_ALLOWED) != 0)
		return error_set(err, ERR_INVALID, "entry '%s' has unknown flags 0x%04x", shown,
				 e->flags);
	if (e->method != 0 && e->method != 8)
		return error_set(err, ERR_INVALID,
				 "entry '%s' is compressed with method %u: only stored and "
				 "deflated ones are accepted",
				 shown, e->method);
	if (get16(p + 34) != 0)
		return error_set(err, ERR_INVALID, "entry '%s' is on another disk", shown);
	if (get16(p + 32) != 0)
		return error_set(err, ERR_INVALID,
				 "entry '%s' has a comment, which is not accepted: " MAKE_AGAIN,
				 shown);
	if (e->packed_size == 0xffffffff || e->size == 0xffffffff ||
	    e->local_offset == 0xffffffff)
		return error_set(
			err, ERR_INVALID,
			"entry '%s' is in ZIP64 format, for sizes over 4 GiB, which is "
			"not accepted: " MAKE_AGAIN,
			shown);
	if (e->method == 0 && e->packed_size != e->size)
		return error_set(err, ERR_INVALID, "entry '%s' is stored, but has two sizes",
				 shown);
	if (e->size > ARCHIVE_MAX_ENTRY_BYTES)
		return error_set(err, ERR_LIMIT, "entry '%s' has %u bytes: at most %llu", shown,
				 e->size, (unsigned long long)ARCHIVE_MAX_ENTRY_BYTES);
	for (const char *c = e->name; *c != '\0'; c++) {
		if ((unsigned char)*c >= 0x80 && (e->flags & FLAG_UTF8) == 0)
			return error_set(err, ERR_INVALID,
					 "the name of entry '%s' is not marked as UTF-8",
					 shown);
	}
	return 0;
}

/* One item of the directory at `p`; returns its length. */
static int read_item(const unsigned char *p, size_t left, struct raw_entry *e,
		     struct error **err)
{
	if (left < DIRECTORY_ITEM_BYTES || get32(p) != 0x02014b50)
		return error_set(err, ERR_INVALID, "the archive's directory is damaged");
	size_t length =
		(size_t)DIRECTORY_ITEM_BYTES + get16(p + 28) + get16(p + 30) + get16(p + 32);
	if (length > left)
		return error_set(err, ERR_INVALID, "the archive's directory is damaged");
	e->flags = get16(p + 8);
	e->method = get16(p + 10);
	e->crc = get32(p + 16);
	e->packed_size = get32(p + 20);
	e->size = get32(p + 24);
	e->name_size = get16(p + 28);
	e->attributes = get32(p + 38);
	e->local_offset = get32(p + 42);
	e->name = mem_strndup((const char *)p + DIRECTORY_ITEM_BYTES, e->name_size);
	char *shown = shown_name(e->name);
	int r = check_item(e, p, shown, err);
	if (r == 0)
		r = check_extra(p + DIRECTORY_ITEM_BYTES + e->name_size, get16(p + 30), shown,
				err);
	free(shown);
	return r < 0 ? r : (int)length;
}

/* The local header of `e`: the directory item at `p` said the same. */
static int check_local(int fd, const struct raw_entry *e, const unsigned char *p, uint64_t end,
		       uint64_t *ret_next, struct error **err)
{
	unsigned char local[LOCAL_HEADER_BYTES];
	unsigned char *rest = NULL;
	char *shown = shown_name(e->name);
	int r = 0;

	if (e->local_offset + (uint64_t)LOCAL_HEADER_BYTES > end)
		r = error_set(err, ERR_INVALID, "entry '%s' lies outside of the archive",
			      shown);
	if (r == 0)
		r = read_at(fd, local, sizeof(local), e->local_offset, err);
	if (r == 0 && get32(local) != 0x04034b50)
		r = error_set(err, ERR_INVALID, "entry '%s' has no local header", shown);
	if (r == 0 && (get32(local + 18) == 0xffffffff || get32(local + 22) == 0xffffffff))
		r = error_set(
			err, ERR_INVALID,
			"entry '%s' is in ZIP64 format, for sizes over 4 GiB, which is not "
			"accepted: " MAKE_AGAIN,
			shown);
	/* Flags, method, time, date, CRC, sizes, length of the name: 20 bytes from offset 6 in
	 * the local header, from offset 8 in the directory. */
	if (r == 0 && (memcmp(local + 6, p + 8, 20) != 0 || get16(local + 26) != e->name_size))
		r = error_set(err, ERR_INVALID,
			      "entry '%s': its local header disagrees with the directory",
			      shown);
	size_t rest_size = r == 0 ? (size_t)e->name_size + get16(local + 28) : 0;
	*ret_next = e->local_offset + (uint64_t)LOCAL_HEADER_BYTES + rest_size + e->packed_size;
	if (r == 0 && *ret_next > end)
		r = error_set(err, ERR_INVALID, "entry '%s' lies outside of the archive",
			      shown);
	if (r == 0) {
		rest = mem_calloc(1, rest_size + 1);
		r = read_at(fd, rest, rest_size, e->local_offset + LOCAL_HEADER_BYTES, err);
	}
	if (r == 0 && memcmp(rest, p + DIRECTORY_ITEM_BYTES, e->name_size) != 0)
		r = error_set(err, ERR_INVALID,
			      "entry '%s': its local header has a different name", shown);
	if (r == 0)
		r = check_extra(rest + e->name_size, rest_size - e->name_size, shown, err);
	free(rest);
	free(shown);
	return r;
}

struct item {
	uint64_t offset;	 /* of the local header */
	const unsigned char *at; /* in the directory */
	const struct raw_entry *entry;
};

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* The local entries, in the order of the file, leave no byte before the directory to chance. */
static int check_tiles(int fd, struct item *items, size_t count, uint64_t end,
		       struct error **err)
{
	uint64_t next = 0;
	int r = 0;

	qsort(items, count, sizeof(items[0]), compare_items);
	for (size_t i = 0; i < count && r == 0; i++) {
		if (items[i].offset != next) {
			char *shown = shown_name(items[i].entry->name);
			r = error_set(err, ERR_INVALID,
				      items[i].offset > next
					      ? "hidden data before entry '%s'"
					      : "entry '%s' overlaps another one",
				      shown);
			free(shown);
			break;
		}
		r = check_local(fd, items[i].entry, items[i].at, end, &next, err);
	}
	if (r == 0 && next != end)
		r = error_set(err, ERR_INVALID, "hidden data before the directory");
	return r;
}

static int check_sums(const struct raw_directory *d, uint64_t file_size, struct error **err)
{
	uint64_t unpacked = 0;

	for (size_t i = 0; i < d->entries.count; i++)
		unpacked += d->entries.items[i].size;
	if (unpacked > ARCHIVE_MAX_UNPACKED_BYTES)
		return error_set(err, ERR_LIMIT,
				 "%llu bytes unpacked are too many: at most %llu",
				 (unsigned long long)unpacked,
				 (unsigned long long)ARCHIVE_MAX_UNPACKED_BYTES);
	if (unpacked > file_size * ARCHIVE_MAX_RATIO)
		return error_set(err, ERR_LIMIT,
				 "%llu bytes unpacked from %llu: more than %u to 1",
				 (unsigned long long)unpacked, (unsigned long long)file_size,
				 ARCHIVE_MAX_RATIO);
	return 0;
}

static int read_directory(int fd, const struct end_record *end, const unsigned char *directory,
			  struct raw_directory *d, struct error **err)
{
	struct item *items = mem_new_array(struct item, end->entries + 1);
	size_t at = 0;
	int r = 0;

	for (uint32_t i = 0; i < end->entries && r >= 0; i++) {
		struct raw_entry *e = vector_add(&d->entries);

		e->index = i;
		items[i].at = directory + at;
		r = read_item(directory + at, end->directory_size - at, e, err);
		if (r > 0)
			at += (size_t)r;
	}
	if (r >= 0 && at != end->directory_size)
		r = error_set(err, ERR_INVALID,
			      "the archive's directory holds more than its entries");
	for (uint32_t i = 0; i < end->entries && r >= 0; i++) {
		items[i].entry = &d->entries.items[i];
		items[i].offset = items[i].entry->local_offset;
	}
	if (r >= 0)
		r = check_tiles(fd, items, end->entries, end->directory_offset, err);
	free(items);
	return r < 0 ? r : 0;
}

int strict_pass(int fd, uint64_t file_size, struct raw_directory *ret_directory,
		struct error **err)
{
	struct raw_directory d = {0};
	struct end_record end = {0};
	int r = read_end_record(fd, file_size, &end, err);

	if (r < 0)
		return r;
	unsigned char *directory = mem_calloc(1, (size_t)end.directory_size + 1);
	r = read_at(fd, directory, end.directory_size, end.directory_offset, err);
	if (r == 0)
		r = read_directory(fd, &end, directory, &d, err);
	if (r == 0)
		r = check_sums(&d, file_size, err);
	free(directory);
	if (r < 0) {
		raw_directory_done(&d);
		return r;
	}
	*ret_directory = d;
	return 0;
}
