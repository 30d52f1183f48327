/*
 * Tokens, machines that join with them, and renewals.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_JOINS_H
#define SAMOZA_ZSIM_FUZZ_DRAW_JOINS_H

#include <stdbool.h>
#include <stdint.h>

struct control_input;
struct fuzz;
struct random;
struct sim_machine;

/* Answered, and granted. Sometimes nobody waits for the answer, sometimes it is asked twice. */
bool draw_joins_ask(struct fuzz *f, struct random *chance_of, struct control_input *input,
		    bool *ret_answered);
/* After each step: something of it, in lives that draw it. */
void draw_joins(struct fuzz *f);
/* For world_hooks.hello_key. */
const uint8_t *draw_joins_hello_key(void *user, const struct sim_machine *machine);

#endif
