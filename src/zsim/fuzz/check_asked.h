/*
 * Nothing is deployed or started that nobody asks for.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_ASKED_H
#define SAMOZA_ZSIM_FUZZ_CHECK_ASKED_H

struct agent_order;
struct fuzz;
struct sim_machine;

/* An action begins. */
void check_asked(struct fuzz *f, const struct sim_machine *n, const struct agent_order *order);

#endif
