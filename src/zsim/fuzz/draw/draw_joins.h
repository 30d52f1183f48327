/*
 * Tokens, machines that join with them, and renewals.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_JOINS_H
#define SAMOZA_ZSIM_FUZZ_DRAW_JOINS_H

#include <stdint.h>

struct fuzz;
struct sim_machine;

/* After each step: something of it, in lives that draw it. */
void draw_joins(struct fuzz *f);
/* For world_hooks.hello_key. */
const uint8_t *draw_joins_hello_key(void *user, const struct sim_machine *machine);

#endif
