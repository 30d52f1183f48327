/*
 * A MEX, opened and checked: the one way into the system for what users write.
 *
 *   mex_package_open ──> 1 archive     shape and limits               archive.h
 *                        2 integrity   manifest, hashes, both ways
 *                        3 signature   against the trusted keys
 *                        4 schema      of every YAML file, all findings
 *                        5 model       topology_compile(), names, files of each type of space
 *                        6 modules     options.check_module on every core.wasm
 *
 * in this order [topology.submit.checks]; a stage with findings is the last, unless all
 * findings are wanted (options.all_findings, and directories). Nothing is written
 * anywhere. All of it blocks, and may run in any thread: two packages share nothing. For zrms:
 *
 *   struct mex_options options = {.trust = trust, .allow_unsigned = false,
 *                                 .check_module = ..., };
 *   CLEANUP(mex_package_freep) struct mex_package *package = NULL;
 *   r = mex_package_open_fd(fd, &options, &findings, &package, &err);
 *   if (r < 0) -> findings (all of a stage; may be none) and err (the first of them)
 *   package->topology                    compiled; topology_ref() to keep it
 *   package->topology_message            to store: with the defaults merged in
 *   package->spaces[i]                   files of topology->spaces[i]
 *   mex_package_load(package, package->spaces[i].module, &data, &size, &err)
 *   mex_package_extract(package, package->spaces[i].assets[k].file, out_fd, &err)
 */
#ifndef SAMOZA_ADAPTER_ARCHIVE_PACKAGE_H
#define SAMOZA_ADAPTER_ARCHIVE_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/archive/archive.h"
#include "adapter/archive/trust.h"
#include "base/diagnostics.h"
#include "base/error.h"
#include "model/manifest.h"
#include "model/parameter/parameters.h"
#include "model/topology.h"
#include "proto/model.pb-c.h"

struct mex_options {
	const struct trust *trust; /* borrowed; NULL: no key is trusted */
	bool allow_unsigned;	   /* a package without signature is fine */
	bool any_signer;   /* a valid signature by any key is fine (inspect, validate) */
	bool no_integrity; /* the list may be missing: an archive of another tool, to be signed
			    */
	/* For authors: after findings in the schema also those in names and files,
	 * over what could be read. The error stays that of the stage. */
	bool all_findings;
	/* Of the parameters that topology.yaml declares; borrowed, NULL: none. */
	const struct values *values;
	/* For authors: a parameter without value and default is fine, and what depends on it is left out. */
	bool allows_unset;
	/* The topology has this name in place of its own; NULL: its own. */
	const char *name;
	/* Told as soon as it is known, whatever else is found. NULL: nobody asks. */
	struct mex_peek *peek;
	/* Before the names of files in findings: "my-app/" for a directory; NULL: nothing. */
	const char *shown_prefix;
	/* What a module must be like beyond the files' rules [guest-abi.limits]: module_check()
	 * of the wasm2c adapter. Called once for each digest and limit of memory.
	 * NULL: not checked. */
	int (*check_module)(void *context, const uint8_t *data, size_t size,
			    uint64_t memory_bytes, struct error **err);
	void *check_module_context;
};

/* What is known of a package before its values are. */
struct mex_peek {
	char name[64]; /* of the topology, options.name in place of its own; "": not known */
	bool has_parameters;
};

/* A file of the package, manifest.yaml excepted. */
struct mex_file {
	const char *path; /* "spaces/store/core.wasm" */
	uint64_t size;
	char hash[65]; /* SHA-256, 64 lower-case hexadecimal digits */
	bool executable;
};

/* A file as its space knows it: path relative to the space's directory. */
struct mex_asset {
	const char *path; /* "css/page.css"; of recipes "start" */
	const struct mex_file *file;
};

/* A file of `config` as it is made from its template: with the values of parameters. */
struct mex_config {
	const char *name; /* "app.conf"; the topology's */
	char *text;	  /* owned */
	size_t size;	  /* without its NUL */
	char hash[65];	  /* SHA-256 of the text */
};

struct mex_space {
	const struct mex_file *module; /* core.wasm; NULL when there is none */
	struct mex_asset *recipes;     /* NATIVE: files in recipes/, sorted */
	unsigned recipe_count;
	struct mex_asset *assets; /* all others but space.yaml and templates, sorted by path */
	unsigned asset_count;
	struct mex_config *config; /* sorted by name */
	unsigned config_count;
	char **config_references; /* FROM.NAME of each ${imports.FROM.NAME} in them, sorted, each once */
	unsigned config_reference_count;
};

struct mex_package {
	struct manifest manifest;
	Samoza__V1__Manifest *manifest_message;
	Samoza__V1__Topology *topology_message; /* space.yaml's defaults merged in */
	struct topology *topology;		/* one reference is the package's */
	struct parameters *parameters; /* with their values; the message has them no longer */
	struct mex_file *files;	       /* sorted by path */
	unsigned file_count;
	struct mex_space *spaces; /* in the order of topology->spaces */

	bool is_signed;
	bool is_trusted; /* signed by a key of options.trust */
	uint8_t signer[KEY_BYTES];
	char digest[65];       /* SHA-256 of manifest.yaml: names the package as a whole */
	uint64_t packed_bytes; /* of the archive; 0 for a directory */
	uint64_t unpacked_bytes;

	struct mex_source *source;   /* private */
	struct mex_private *private; /* private */
};

/*
 * ERR_INVALID, ERR_LIMIT (too large), ERR_DENIED (not signed by a trusted key), or what kept
 * the file from being read. `findings` (may be NULL) gets everything that the failing stage
 * found; err the first of it.
 */
must_check int mex_package_open(const char *path, const struct mex_options *options,
				struct diagnostics *findings, struct mex_package **ret_package,
				struct error **err);
/* The descriptor of a regular file stays the caller's; it may be closed at once. The file must
 * not change while the package is open. */
must_check int mex_package_open_fd(int fd, const struct mex_options *options,
				   struct diagnostics *findings,
				   struct mex_package **ret_package, struct error **err);
/*
 * A source directory: stages 4 to 6 (a space with `src/` needs no core.wasm), integrity and
 * signature are not looked for. Of the directory only what belongs into an archive is seen:
 * manifest.yaml, topology.yaml, spaces/ (without src/) and world/; names that begin with a dot
 * are left out. Links and special files are refused.
 */
must_check int mex_package_open_directory(const char *directory,
					  const struct mex_options *options,
					  struct diagnostics *findings,
					  struct mex_package **ret_package, struct error **err);
/* NULL is fine. */
void mex_package_free(struct mex_package *p);
void mex_package_freep(struct mex_package **p);

/* NULL when there is none. O(log n). */
const struct mex_file *mex_package_find(const struct mex_package *p, const char *path);

/* The content of a file, compared again with its hash: what comes out is what was signed. */
must_check int mex_package_read(struct mex_package *p, const struct mex_file *file,
				archive_sink sink, void *context, struct error **err);
/* Into memory; the caller frees *ret_data, which ends with a NUL beyond its size. */
must_check int mex_package_load(struct mex_package *p, const struct mex_file *file,
				uint8_t **ret_data, size_t *ret_size, struct error **err);
/* Into an open file, from its offset on. */
must_check int mex_package_extract(struct mex_package *p, const struct mex_file *file, int fd,
				   struct error **err);

#endif
