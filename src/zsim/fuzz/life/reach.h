/*
 * Since when zrms and a zhost hear each other, at once and without a break. What one of them knows and the
 * other does not can be judged only by this.
 */
#ifndef SAMOZA_ZSIM_FUZZ_REACH_H
#define SAMOZA_ZSIM_FUZZ_REACH_H

#include <stdbool.h>
#include <stdint.h>

/* Ordinary commits take less: fuzz/commits.c. */
#define COMMIT_MAX_MS 5000

struct fuzz;
struct sim_machine;

/* What it depends on, of one machine, and since when it is as it is. */
struct reach {
	uint64_t link, life, zrms_life;
	bool is_whole;
	int64_t since_ms;
	uint64_t link_changes; /* control_link_changes() of zrms */
	bool is_unlinked;      /* zrms runs, and had no link with it at these changes */
	int64_t unlinked_ms;   /* the last time that it was so */
};

/* After every step of anything. */
void reach_watch(struct fuzz *f);
/* That what it knows without asking zrms after every step is what zrms says. */
void reach_check(struct fuzz *f);
/* NEVER_MS: they do not, just now. */
int64_t reach_since(const struct fuzz *f, const struct sim_machine *n);
/* zrms need not have heard of it when it made the batch that it commits now: it had no link then. */
bool reach_unlinked_in_commit(const struct fuzz *f, const struct sim_machine *n);

#endif
