/*
 * Reads a ZIP archive that came from outside, and believes nothing of it.
 *
 *   archive_open ── sizes ── strict.c: every byte of the file is accounted for, local headers
 *        │                   equal the directory, no tricks (encryption, descriptors, ZIP64)
 *        └── names.c: paths, cases, kinds of files ── libzip with its own consistency check
 *   archive_read ── inflated bytes are counted against what the directory promised, read to
 *                   the end so that the CRC is checked
 *
 * Entries are files only: entries of directories (which other ZIP tools write) are checked and
 * left out. Limits: [formats.mex.limits].
 */
#ifndef SAMOZA_ADAPTER_ARCHIVE_ARCHIVE_H
#define SAMOZA_ADAPTER_ARCHIVE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

#define ARCHIVE_MAX_BYTES	   (UINT64_C(256) << 20)
#define ARCHIVE_MAX_ENTRY_BYTES	   (UINT64_C(128) << 20)
#define ARCHIVE_MAX_ENTRIES	   10000u
#define ARCHIVE_MAX_UNPACKED_BYTES (UINT64_C(1) << 30)
#define ARCHIVE_MAX_RATIO	   100u /* unpacked to packed, over the whole archive */

struct archive;

struct archive_entry {
	const char *name; /* borrowed from the archive */
	uint64_t size;	  /* unpacked, as the directory promises; reading checks it */
	bool executable;
	uint64_t index; /* in the directory, for libzip */
};

/*
 * ERR_LIMIT: larger than a limit. ERR_INVALID: not a ZIP archive within the rules; the message
 * names the rule and, where there is one, the entry. Others: the file cannot be read.
 */
must_check int archive_open(const char *path, struct archive **ret_archive, struct error **err);
/* Same for an open regular file; the descriptor stays the caller's and may be closed at once
 * after (its offset moves). */
must_check int archive_open_fd(int fd, struct archive **ret_archive, struct error **err);
/* NULL is fine. */
void archive_close(struct archive *a);

/* Files, sorted by name (strcmp). */
unsigned archive_entry_count(const struct archive *a);
const struct archive_entry *archive_entry_at(const struct archive *a, unsigned index);
/* NULL when there is none. O(log n). */
const struct archive_entry *archive_find(const struct archive *a, const char *name);
/* Size of the archive's file. */
uint64_t archive_bytes(const struct archive *a);

/* Called with each piece of an entry, in order. Negative (and *err set) ends the reading. */
typedef int (*archive_sink)(void *context, const void *data, size_t size, struct error **err);

/* Reads an entry from its first byte to its last, checking its size and CRC. What the sink
 * got is not to be trusted before this has returned 0. */
must_check int archive_read(struct archive *a, const struct archive_entry *entry,
			    archive_sink sink, void *context, struct error **err);

#endif
