/*
 * What this run of a zhost has compiled of modules, or found sound in its translator's cache: a next start
 * needs neither the module nor a look at the result, as long as nobody has written to that since.
 */
#ifndef SAMOZA_ZHOST_ARTIFACT_COMPILED_H
#define SAMOZA_ZHOST_ARTIFACT_COMPILED_H

#include <stdint.h>

struct compiled;
struct compiled_files {
	struct compiled *all;
};

void compiled_done(struct compiled_files *c);
/* Its native code is at `path` now. `memory_bytes`: of the space, which its module was checked for. */
void compiled_add(struct compiled_files *c, const char *module_digest, uint64_t memory_bytes,
		  const char *path);
/* The path, borrowed; NULL: none, or it is another file now. Counts as a use of the translator's result. */
const char *compiled_use(struct compiled_files *c, const char *module_digest,
			 uint64_t memory_bytes);
/* After a crash in it: the next use looks at it again. */
void compiled_suspect(struct compiled_files *c, const char *module_digest);

#endif
