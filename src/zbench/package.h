/*
 * Packages for benchmarks: topologies written here, spaces from the C sources in guest/,
 * compiled and signed by `mex build`.
 *
 *   SCRATCH/key, SCRATCH/key.pub      drawn once for each run of zbench
 *   SCRATCH/NAME/, SCRATCH/NAME.mex   the source directory and what came of it
 */
#ifndef SAMOZA_ZBENCH_PACKAGE_H
#define SAMOZA_ZBENCH_PACKAGE_H

#include "base/buffer.h"
#include "zbench/benchmark.h"

struct package_space {
	const char *name;   /* NULL ends the list */
	const char *type;   /* "CALL" */
	const char *source; /* "echo.c" in guest/; of a UI space a page, "page.html"; of a
			     * NATIVE space its recipe `start`, "idle.sh" */
	const char *more;   /* further keys of topology.yaml, "count: 3, storage: local"; "" */
};

struct package {
	const char *name;
	const struct package_space *spaces;
	const char *paths;   /* "{from: a, to: b, name: p}, …"; "" */
	const char *version; /* NULL: 1.0.0 */
	const char *rollout; /* "{policy: rolling}"; NULL: as it is without */
};

/* Copies the public key into a directory of trusted keys. */
int package_trust(const struct bench *bench, const char *directory,
		  struct error **err) must_check;

/* Builds it and reads what came out; `ret_mex` is the caller's. */
int package_build(const struct bench *bench, const struct package *package,
		  struct buffer *ret_mex, struct error **err) must_check;

/*
 * `count` packages that differ only in their names (NAME-1, NAME-2 …), so that one module
 * serves all: built once, then packed and signed here. `ret_mexes` has room for them.
 */
int package_build_many(const struct bench *bench, const struct package *package, size_t count,
		       struct buffer *ret_mexes, struct error **err) must_check;

#endif
