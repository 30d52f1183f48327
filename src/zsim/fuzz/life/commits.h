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
/* What happened to those that lead, of several zrms (draw_leaders.h). */
struct leaders_counts {
	uint64_t takeovers;  /* beyond the first of a life */
	uint64_t deposed;    /* of them: from one that lived on */
	uint64_t read_ahead; /* with the records that it had read ahead */
	uint64_t pauses, cuts, kills, moves, lost_answers, unknown_commits;
	uint64_t writes_refused;
	uint64_t refused;   /* zhosts that refused one of a lower term */
	uint64_t to_former; /* zhosts that reached one that leads no more */
};
struct fuzz_counts {
	struct leaders_counts leaders;
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
