/*
 * When commits end, what dies between the steps of a commit loop, and how often that was.
 */
#ifndef SAMOZA_ZSIM_FUZZ_COMMITS_H
#define SAMOZA_ZSIM_FUZZ_COMMITS_H

#include "zsim/fuzz/life/fuzz.h"

/* What was done to the commit loops of one side, over all seeds. */
struct fuzz_commit_counts {
	uint64_t steps[COMMIT_STEPS]; /* how often each was passed */
	uint64_t kills[COMMIT_STEPS]; /* and how often the process died there */
	uint64_t failed, lost_leadership, slow, single; /* commits; single: one input each */
	size_t most_in_flight;
};
enum { SIDE_ZRMS, SIDE_ZHOST, SIDES };
struct fuzz_counts {
	struct fuzz_commit_counts sides[SIDES];
	struct fuzz_draw_counts draws;
};
/* Prints them, as a table. */
void fuzz_counts_print(const struct fuzz_counts *counts);
/* What was never done, or NULL. The caller frees. */
char *fuzz_counts_missing(const struct fuzz_counts *counts);

/* Hooks of the world about commit loops. */
void commits_hooks(struct fuzz *f, struct world_hooks *hooks);

#endif
