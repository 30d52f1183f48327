/*
 * [machines.anonymous.native] [formats.topology.api] Tokens with which instances ask zrms, as the simulated zhosts made them.
 *
 * - a token that is good is of an instance whose space asks for it, with that role and those names, and of no other
 * - when all is settled, a token is good where the process that shows it runs, and nowhere else: also over crashes of zrms and
 *   of zhosts
 * - who shows such a token learns no name of a topology that its patterns do not match
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_API_H
#define SAMOZA_ZSIM_FUZZ_CHECK_API_H

struct fuzz;
struct principal;

/* All is settled, and every machine that is there has its link. */
void check_api_settled(struct fuzz *f);
/* After each step: what those who show tokens may do, and see. */
void check_api_step(struct fuzz *f);
/* One of those whose token is good now, as `n` says; borrowed until the next input. NULL: there is none. */
const struct principal *check_api_some(struct fuzz *f, unsigned n);

#endif
