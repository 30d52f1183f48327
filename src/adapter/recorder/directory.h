/* The files of a recording in a directory, the oldest first. */
#ifndef SAMOZA_ADAPTER_RECORDER_DIRECTORY_H
#define SAMOZA_ADAPTER_RECORDER_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vector.h"

struct recording_file {
	char *path;
	uint64_t bytes;
	int64_t changed_ms; /* wall clock */
};
struct recording_files {
	VECTOR(struct recording_file) all;
};

/* ERR_NOT_FOUND: there is no such directory. `ret` needs recording_files_done(), also after an error. */
int recording_files_list(const char *directory, struct recording_files *ret,
			 struct error **err) must_check;
void recording_files_done(struct recording_files *files);
/* Removes the oldest, but for the newest one, until what is left is small and young enough. Returns the bytes that are left. */
uint64_t recording_files_trim(struct recording_files *files, uint64_t size_bytes,
			      int64_t oldest_wall_ms);

#endif
