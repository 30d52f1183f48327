/*
 * A store of zrms or of a zhost that takes no writes for a while: to the core a slow commit, and after 30 s
 * one that has failed, as the stores try (adapter/sqlite).
 *
 *     outage   ├───────────────┤                ├─────────────────────────────────────┤
 *     commits     a─────────►answered             b─────── 30 s ───────►failed, the program ends
 */
#ifndef SAMOZA_ZSIM_FUZZ_OUTAGES_H
#define SAMOZA_ZSIM_FUZZ_OUTAGES_H

#include <stdbool.h>
#include <stdint.h>

struct fuzz;
struct sim_machine;

struct outage {
	int64_t until_ms;
	int64_t first_ms; /* the first commit was asked for that has to wait */
	uint64_t life;	  /* of the program that asked */
	bool fails;	  /* it lasts longer than the store tries */
};

/* Of some store, from now on. */
void outages_begin(struct fuzz *f);
/* How long a commit that is asked for now waits for the store of that machine (NULL: of zrms); 0: it does
 * not. */
int64_t outages_left_ms(struct fuzz *f, const struct sim_machine *machine);
/* The store has tried for too long. */
bool outages_fail(struct fuzz *f, const struct sim_machine *machine);

#endif
