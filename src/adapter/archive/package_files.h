/*
 * Files of a package that is being opened. To find and read them: package.h.
 */
#ifndef SAMOZA_ADAPTER_ARCHIVE_PACKAGE_FILES_H
#define SAMOZA_ADAPTER_ARCHIVE_PACKAGE_FILES_H

#include "adapter/archive/package.h"
#include "adapter/archive/source.h"

/* Fills files[] but for the hashes, and unpacked_bytes. */
void list_files(struct mex_package *p);
/* Fills files[].hash. */
must_check int hash_files(struct mex_package *p, struct error **err);
/* Hash of a file's content, 64 hexadecimal digits. */
must_check int source_hash(struct mex_source *s, unsigned index, char ret_hash[65],
			   struct error **err);

#endif
