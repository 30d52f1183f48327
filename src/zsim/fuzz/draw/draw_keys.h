/*
 * Clients that ask under Idempotency-Keys, and ask again: at once, of a zrms that was started since, and much later.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_KEYS_H
#define SAMOZA_ZSIM_FUZZ_DRAW_KEYS_H

#include <stdint.h>

struct answer;
struct control_input;
struct fuzz;

/* The number of the key that the request has from now on; 0: none. */
uint64_t draw_keys_give(struct fuzz *f, struct control_input *input);
/* The request was asked, and `a` is its answer, or none: it may be asked again, and then `a` is the answer to that. */
void draw_keys_again(struct fuzz *f, uint64_t number, struct control_input *input,
		     struct answer *a);
/* The answer of some time ago is asked for. */
void draw_keys(struct fuzz *f);

#endif
