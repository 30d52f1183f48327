#include "adapter/archive/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "adapter/archive/private.h"
#include "base/str.h"

#define PIECE_BYTES (64u * 1024)

struct archive {
	zip_t *zip;
	struct raw_directory raw;
	struct archive_entry *entries; /* files, sorted by name */
	unsigned count;
	uint64_t bytes;
};

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct archive_entry *)a)->name,
		      ((const struct archive_entry *)b)->name);
}

static void list_entries(struct archive *a)
{
	a->entries = mem_new_array(struct archive_entry, a->raw.entries.count + 1);
	vector_for_each (&a->raw.entries, raw) {
		if (raw_entry_is_directory(raw))
			continue;
		a->entries[a->count++] = (struct archive_entry){
			.name = raw->name,
			.size = raw->size,
			.executable = (raw->attributes >> 16 & 0111) != 0,
			.index = raw->index};
	}
	qsort(a->entries, a->count, sizeof(a->entries[0]), compare_entries);
}

/* libzip's own check, and that it sees the very entries that the strict pass saw. */
static int open_zip(int fd, struct archive *a, struct error **err)
{
	int code = 0;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (own < 0)
		return error_errno(err, "cannot open the archive");
	a->zip = zip_fdopen(own, ZIP_CHECKCONS, &code);
	if (a->zip == NULL) {
		zip_error_t zip_error;

		closep(&own);
		zip_error_init_with_code(&zip_error, code);
		int r = error_set(err, ERR_INVALID, "not a consistent ZIP archive: %s",
				  zip_error_strerror(&zip_error));
		zip_error_fini(&zip_error);
		return r;
	}
	if (zip_get_num_entries(a->zip, 0) != (zip_int64_t)a->raw.entries.count)
		return error_set(err, ERR_INVALID,
				 "inconsistent archive: its directory has a different number "
				 "of entries");
	vector_for_each (&a->raw.entries, raw) {
		const char *name = zip_get_name(a->zip, raw->index, ZIP_FL_ENC_RAW);

		if (name == NULL || strcmp(name, raw->name) != 0)
			return error_set(
				err, ERR_INVALID,
				"inconsistent archive: its directory has different names");
	}
	return 0;
}

int archive_open_fd(int fd, struct archive **ret_archive, struct error **err)
{
	struct stat status;
	int r;

	if (fstat(fd, &status) < 0)
		return error_errno(err, "cannot read the archive");
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERR_INVALID, "the archive is not a regular file");
	if ((uint64_t)status.st_size > ARCHIVE_MAX_BYTES)
		return error_set(err, ERR_LIMIT, "the archive has %llu bytes: at most %llu",
				 (unsigned long long)status.st_size,
				 (unsigned long long)ARCHIVE_MAX_BYTES);
	struct archive *a = mem_new(struct archive);
	a->bytes = (uint64_t)status.st_size;
	r = strict_pass(fd, a->bytes, &a->raw, err);
	if (r == 0)
		r = names_check(&a->raw, err);
	if (r == 0)
		r = open_zip(fd, a, err);
	if (r < 0) {
		archive_close(a);
		return r;
	}
	list_entries(a);
	*ret_archive = a;
	return 0;
}

int archive_open(const char *path, struct archive **ret_archive, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	return archive_open_fd(fd, ret_archive, err);
}

void archive_close(struct archive *a)
{
	if (a == NULL)
		return;
	if (a->zip != NULL)
		zip_discard(a->zip);
	free(a->entries);
	raw_directory_done(&a->raw);
	free(a);
}

unsigned archive_entry_count(const struct archive *a)
{
	return a->count;
}

const struct archive_entry *archive_entry_at(const struct archive *a, unsigned index)
{
	return &a->entries[index];
}

const struct archive_entry *archive_find(const struct archive *a, const char *name)
{
	struct archive_entry key = {.name = name};

	return bsearch(&key, a->entries, a->count, sizeof(a->entries[0]), compare_entries);
}

uint64_t archive_bytes(const struct archive *a)
{
	return a->bytes;
}

static int read_pieces(zip_file_t *file, const struct archive_entry *entry, char *piece,
		       archive_sink sink, void *context, struct error **err)
{
	uint64_t total = 0;

	for (;;) {
		zip_int64_t n = zip_fread(file, piece, PIECE_BYTES);

		if (n < 0)
			return error_set(err, ERR_INVALID, "entry '%s' is damaged: %s",
					 entry->name, zip_file_strerror(file));
		if (n == 0)
			break; /* only now has libzip compared the CRC */
		total += (uint64_t)n;
		if (total > entry->size)
			return error_set(err, ERR_INVALID,
					 "entry '%s' unpacks to more than its %llu byte%s",
					 entry->name, (unsigned long long)entry->size,
					 str_plural(entry->size));
		int r = sink(context, piece, (size_t)n, err);
		if (r < 0)
			return r;
	}
	if (total != entry->size)
		return error_set(err, ERR_INVALID,
				 "entry '%s' unpacks to %llu byte%s, not %llu", entry->name,
				 (unsigned long long)total, str_plural(total),
				 (unsigned long long)entry->size);
	return 0;
}

int archive_read(struct archive *a, const struct archive_entry *entry, archive_sink sink,
		 void *context, struct error **err)
{
	zip_file_t *file = zip_fopen_index(a->zip, entry->index, 0);

	if (file == NULL)
		return error_set(err, ERR_INVALID, "entry '%s' cannot be read: %s", entry->name,
				 zip_strerror(a->zip));
	char *piece = mem_calloc(1, PIECE_BYTES);
	int r = read_pieces(file, entry, piece, sink, context, err);
	free(piece);
	(void)zip_fclose(file);
	return r;
}
