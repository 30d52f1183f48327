/*
 * Writes a MEX: the files of an open package, the integrity list over them, the signature.
 *
 * Reproducible: files sorted by path, stored (deflated bytes depend on the zlib that made
 * them), one fixed time, modes 0644 and 0755, manifest rewritten in the schema's order. The
 * same content and key give the same bytes on any machine.
 */
#ifndef SAMOZA_ADAPTER_ARCHIVE_PACK_H
#define SAMOZA_ADAPTER_ARCHIVE_PACK_H

#include "adapter/archive/package.h"

/* A file that is not the package's own, or that takes the place of one of those. */
struct pack_file {
	const char *path;      /* "spaces/store/core.wasm" */
	const char *disk_path; /* where its content is */
	bool executable;
};

struct pack_options {
	const struct pack_file *files; /* any order, each path once */
	unsigned file_count;
	const struct secret_key *key; /* NULL: unsigned */
	const char *created;	      /* where the manifest has none; NULL: leave it out */
};

/*
 * `p` was opened from a directory or an archive. Its manifest's integrity and signature are
 * replaced; `spec.spaces` is filled in from the topology where it is empty. `output` is
 * replaced only when all has been written.
 */
must_check int mex_pack(struct mex_package *p, const struct pack_options *options,
			const char *output, struct error **err);

#endif
