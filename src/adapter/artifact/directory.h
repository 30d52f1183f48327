/*
 * Artifacts (port/artifact.h) as files of a directory, each under its digest:
 *
 *   TEMPORARY/PREFIX…       being written
 *   FILES/64-HEX-DIGITS     complete: written, synced, renamed; artifact_sync() syncs FILES
 */
#ifndef SAMOZA_ADAPTER_ARTIFACT_DIRECTORY_H
#define SAMOZA_ADAPTER_ARTIFACT_DIRECTORY_H

#include <sys/types.h>

#include "port/artifact.h"

struct artifact_directory_options {
	const char *files;     /* directory of the complete ones */
	const char *temporary; /* of those being written, on the same file system */
	const char *prefix;    /* of their names; other names there are left alone */
	mode_t mode;	       /* of complete files */
};

/* Makes directories that are missing (0700; their parents must exist), and removes what was being
 * written when the program before ended. */
int artifact_directory_open(const struct artifact_directory_options *options,
			    struct artifact_store **ret_store, struct error **err) must_check;
/* The path of an artifact, whether it is there or not; the caller frees. PRE: a valid digest, a
 * store of this kind. */
char *artifact_directory_path(const struct artifact_store *store, const char *digest);

#endif
