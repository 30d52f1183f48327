/*
 * Where the files of a package come from: an archive, or a source directory.
 */
#ifndef SAMOZA_ADAPTER_ARCHIVE_SOURCE_H
#define SAMOZA_ADAPTER_ARCHIVE_SOURCE_H

#include "adapter/archive/archive.h"

struct source_file {
	const char *path; /* borrowed from the source */
	uint64_t size;
	bool executable;
};

struct mex_source;

must_check int source_open_archive(int fd, struct mex_source **ret_source, struct error **err);
must_check int source_open_directory(const char *directory, struct mex_source **ret_source,
				     struct error **err);
void source_close(struct mex_source *s);

/* Sorted by path, manifest.yaml among them. */
unsigned source_count(const struct mex_source *s);
struct source_file source_at(const struct mex_source *s, unsigned index);
/* -1 when there is none. */
int source_find(const struct mex_source *s, const char *path);
must_check int source_read(struct mex_source *s, unsigned index, archive_sink sink,
			   void *context, struct error **err);
/* All of a file of at most `max` bytes (ERR_LIMIT beyond), with a NUL after it. */
must_check int source_load(struct mex_source *s, unsigned index, uint64_t max,
			   uint8_t **ret_data, size_t *ret_size, struct error **err);
/* Of an archive's file; 0 for a directory. */
uint64_t source_packed_bytes(const struct mex_source *s);
bool source_is_directory(const struct mex_source *s);
/* Of a directory: whether spaces/SPACE/src/ is there. */
bool source_has_sources(const struct mex_source *s, const char *space);

#endif
