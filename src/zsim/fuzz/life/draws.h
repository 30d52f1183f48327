/*
 * What a life draws beyond what every life has: one row of a table for each kind, in draws.c. A life draws
 * few of them at once, so that they meet in many ways and a failing one stays small.
 *
 *     seed ──► which kinds (fuzz.draws) ──► draw_percent(): each kind has random numbers of its own,
 *                                            so that a further kind leaves the lives without it as they are
 *              draw_happened(): counted over all seeds; a kind that never happens fails a long run
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAWS_H
#define SAMOZA_ZSIM_FUZZ_DRAWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct fuzz;
struct random;

enum fuzz_draw {
	DRAW_CONTENTS,
	DRAW_WRITES,
	DRAW_READS,
	DRAW_LIMITS,
	DRAW_EAGER,
	DRAW_SETTINGS,
	DRAW_STALLS,
	DRAW_SUSPENDS,
	DRAW_CLOCKS,
	DRAW_LOADS,
	DRAW_DISKS,
	DRAW_HANGS,
	DRAW_REPEATS,
	DRAW_CROWDS,
	DRAW_FINISHES,
	DRAW_OWN_STOPS,
	DRAW_DEVICES,
	DRAW_NEAR,
	DRAW_SPREAD,
	DRAW_ACROSS,
	DRAW_LABELS,
	DRAW_TWINS,
	DRAW_PROTOCOLS,
	DRAW_QUOTAS,
	DRAW_PAGES,
	DRAW_OUTAGES,
	DRAW_COPIED,
	DRAW_MOVES,
	DRAW_OPTIONAL,
	DRAW_EXITS,
	DRAW_ROLLOUTS,
	DRAW_LOSS,
	DRAW_DRAINS,
	DRAW_MESSAGES,
	DRAW_PATIENCE,
	DRAW_NO_SURGE,
	DRAW_CHECKPOINTS,
	DRAW_IMPORTS,
	DRAW_PLANS,
	DRAW_REBALANCES,
	DRAW_NAMES,
	DRAW_ACCESS,
	DRAW_EACH,
	DRAW_JOINS,
	DRAW_SIGN_INS,
	DRAW_MACHINES,
	DRAW_ROTATIONS,
	DRAW_SIGNERS,
	DRAW_SHRINKS,
	DRAW_LEADERS,
	DRAW_KEYS,
	DRAW_RECORDINGS,
	DRAW_API,
	DRAW_VALUES, /* of what rollouts draws */
	DRAW_NOTICES,
	DRAW_RELOADS,
	DRAW_LATE,
	DRAW_SECRETS,
	DRAWS,
};

/* A set of kinds, one bit for each; DRAWS_BY_SEED: those of the table. */
typedef uint64_t fuzz_draws;
#define DRAWS_BY_SEED UINT64_MAX
_Static_assert(DRAWS < 64, "each kind has a bit, and DRAWS_BY_SEED is no set of them");

/* "stalls,clocks", "all", "none"; with what they happen within: "rotations" are of machines that join, so that draws
 * "joins", too. ERR_INVALID names those that there are, or two that exclude each other. */
int draws_parse(const char *text, fuzz_draws *ret_draws, struct error **err) must_check;
/* Their names: "stalls, clocks"; "nothing beyond the ordinary". The caller frees. */
char *draws_text(fuzz_draws draws);

/* What that seed draws. `given`: those, or DRAWS_BY_SEED. */
fuzz_draws draws_of_seed(uint64_t seed, fuzz_draws given);

/* Before anything is drawn. */
void draws_begin(struct fuzz *f, fuzz_draws given);
bool draws_have(const struct fuzz *f, enum fuzz_draw kind);
/* The random numbers of a kind. */
struct random *draws_random(struct fuzz *f, enum fuzz_draw kind);
/* True in `percent` of 100 cases of lives that draw it, while there are faults; never in others. */
bool draws_percent(struct fuzz *f, enum fuzz_draw kind, uint32_t percent);
void draws_happened(struct fuzz *f, enum fuzz_draw kind);

struct fuzz_draw_counts {
	uint64_t lives[DRAWS];	  /* that draw it */
	uint64_t happened[DRAWS]; /* how often */
};
void draws_print(const struct fuzz_draw_counts *counts);
/* The name of a kind that never happened; NULL: all did. */
const char *draws_missing(const struct fuzz_draw_counts *counts);

#endif
