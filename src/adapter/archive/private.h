/* What the files that read an archive share. */
#ifndef SAMOZA_ADAPTER_ARCHIVE_PRIVATE_H
#define SAMOZA_ADAPTER_ARCHIVE_PRIVATE_H

#include "adapter/archive/archive.h"
#include "base/vector.h"

/* One entry of the directory, as the strict pass saw it. */
struct raw_entry {
	char *name; /* without NUL inside */
	uint16_t flags;
	uint16_t method;
	uint32_t crc;
	uint32_t packed_size;
	uint32_t size;
	uint32_t local_offset;
	uint16_t name_size;
	uint32_t attributes; /* external */
	uint64_t index;	     /* position in the directory */
};

struct raw_directory {
	VECTOR(struct raw_entry) entries; /* in the directory's order */
};

void raw_directory_done(struct raw_directory *d);

/*
 * The strict pass (libzip's own check is not enough): end record at the
 * very end without comment, one disk, no ZIP64; the directory right before it; the local
 * headers and their data tile everything before the directory; each local header equals its
 * directory entry; no encryption, no data descriptors, only stored or deflated.
 */
must_check int strict_pass(int fd, uint64_t file_size, struct raw_directory *ret_directory,
			   struct error **err);

/* Rules for names and kinds: package_path_check(), no links or devices, no names that differ
 * only in case, no file where another needs a directory. */
must_check int names_check(const struct raw_directory *d, struct error **err);
/* An entry that merely names a directory. */
bool raw_entry_is_directory(const struct raw_entry *entry);
/* A name fit for a terminal; the caller frees. */
char *shown_name(const char *name);

#endif
