/*
 * Whether what has no place could have one.
 */
#ifndef SAMOZA_ZSIM_FUZZ_PLACE_H
#define SAMOZA_ZSIM_FUZZ_PLACE_H

#include <stdbool.h>
#include <stdint.h>

struct fuzz;
struct mirrored_copy;
struct mirrored_zhost;
struct submitted;
struct topology;

/* Whether it offers what the instance `root` and all inside of it need besides room: capabilities, labels,
 * a position [topology.placement.rule-2] [topology.placement.rule-3]. */
bool place_suits(const struct topology *t, unsigned root, const struct mirrored_zhost *z);

/* Rule 4 holds for an instance without a place there, given what is placed now. */
bool place_has_company_of(const struct fuzz *f, const struct submitted *t, unsigned root,
			  struct mirrored_zhost *z);

/* What that copy, which is placed in this commit, requires beside it, and is not there, or is about to leave:
 * NULL: nothing. The caller frees. */
char *place_lonely(const struct fuzz *f, const struct mirrored_copy *m);

/* The longest `loss.replace_after` of the instance and all inside of it. */
uint32_t place_replace_after_ms(const struct topology *t, unsigned root);

/* Another zhost that would take the unit of that root as it is placed now; NULL: there is none, or that is
 * not known. */
const char *place_elsewhere(const struct fuzz *f, const struct submitted *t, const char *path);

/* The place that an instance without one could have ("t1/a waits for a place, and n2 would take
 * it"), found by an independent search. NULL: there is none. The caller frees. */
char *place_anyway(const struct fuzz *f, const struct submitted *t);

#endif
