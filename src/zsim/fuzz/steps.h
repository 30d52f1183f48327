/*
 * Requests and faults.
 */
#ifndef SAMOZA_ZSIM_FUZZ_STEPS_H
#define SAMOZA_ZSIM_FUZZ_STEPS_H

#include <stdbool.h>

struct control_input;
struct fuzz;

void fuzz_step(struct fuzz *f);
/* Only a request of a person. */
void fuzz_request(struct fuzz *f);
/* All faults end: everything is started, healed, uncordoned. */
void fuzz_calm(struct fuzz *f);
/* Asks and checks that there is an answer; true when it was granted. */
bool fuzz_ask(struct fuzz *f, struct control_input *input);

#endif
