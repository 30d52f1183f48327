/*
 * One life.
 */
#ifndef SAMOZA_ZSIM_FUZZ_LIFE_H
#define SAMOZA_ZSIM_FUZZ_LIFE_H

#include <stdbool.h>
#include <stdint.h>

struct fuzz_counts;
struct fuzz_options;

/* Lives one life; false: an invariant failed, and *ret_why says which. The caller frees.
 * `log`: prints everything that happens. */
bool fuzz_live(uint64_t seed, const struct fuzz_options *options, struct fuzz_counts *counts,
	       char **ret_why);

#endif
