/*
 * The manifest of a MEX, checked [formats.mex], and the rules for paths in an archive.
 */
#ifndef SAMOZA_MODEL_MANIFEST_H
#define SAMOZA_MODEL_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diagnostics.h"
#include "base/error.h"
#include "model/rollout.h"
#include "proto/model.pb-c.h"
#include "schema/yaml.h"

/* Longest path of a file in an archive, in bytes. */
#define PACKAGE_PATH_MAX_BYTES 1024u
#define PACKAGE_PATH_MAX_PARTS 32u

/* ---- Semantic versions (semver.org 2.0.0) ---- */

struct version {
	uint64_t major, minor, patch;
	char *prerelease; /* "rc.1", "" for a release */
	char *build;	  /* "" when there is none; has no part in comparisons */
};

must_check int version_parse(const char *text, struct version *ret_version, struct error **err);
void version_done(struct version *v);
/* Precedence: negative, 0 or positive. 1.0.0-rc.1 < 1.0.0 = 1.0.0+build < 1.0.1 */
int version_compare(const struct version *a, const struct version *b);

/* ---- Manifest ---- */

struct manifest_file {
	char *path;
	char hash[65]; /* 64 lower-case hexadecimal digits */
	unsigned item; /* in integrity.files */
};

struct manifest {
	char *name;
	char *version_text;
	struct version version;
	char *publisher; /* "" when not given */
	char *created;	 /* "2026-04-29T10:30:00Z", "" when not given */
	char *topology_path;
	char **spaces; /* as declared; none: not said */
	unsigned space_count;
	struct rollout_spec rollout;	      /* the defaults where it says nothing */
	Samoza__V1__Rollout *rollout_message; /* as it stands there; NULL: nowhere */

	bool has_integrity;
	struct manifest_file *files; /* sorted by path */
	unsigned file_count;

	bool has_signature;
	char *public_key; /* base64 */
	char *signature;  /* base64 */
};

/*
 * `positions` may be NULL; findings are added to `findings` (may be NULL). Refused: a version
 * that is none, a date that is none, names listed twice, unsafe paths, files listed twice, the
 * manifest itself in the list. Integrity and signature may be absent here: whether they must be
 * there is for the caller (a source directory has neither).
 */
must_check int manifest_compile(const Samoza__V1__Manifest *in,
				const struct schema_positions *positions,
				struct diagnostics *findings, struct manifest *ret_manifest,
				struct error **err);
void manifest_done(struct manifest *m);

/* The entry of the integrity list, NULL when there is none. Borrowed. O(log n). */
const struct manifest_file *manifest_find_file(const struct manifest *m, const char *path);

/*
 * Size of the part of a manifest's text that the signature covers: everything before the line
 * that begins with `signature:`. The whole size when there is no such line. ERR_INVALID when
 * there are two, or when something of the file follows that block.
 */
must_check int manifest_signed_size(const char *text, size_t size, size_t *ret_size,
				    struct error **err);

/*
 * Whether a path may be a file of an archive: relative, at most PACKAGE_PATH_MAX_BYTES and
 * _PARTS, parts between single slashes that are not empty, `.` or `..`, no backslash, no
 * control character, no ':' (drive letters), UTF-8. Says what is wrong otherwise.
 */
must_check int package_path_check(const char *path, struct error **err);

#endif
