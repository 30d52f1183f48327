/*
 * Requests and faults.
 */
#ifndef SAMOZA_ZSIM_FUZZ_STEPS_H
#define SAMOZA_ZSIM_FUZZ_STEPS_H

#include <stdbool.h>
#include <stdint.h>

struct control_input;
struct fuzz;

void fuzz_step(struct fuzz *f);
/* Only a request of a person. */
void fuzz_request(struct fuzz *f);
/* All faults end: everything is started, healed, uncordoned. */
void fuzz_calm(struct fuzz *f);
/* Asks and checks that there is an answer; true when it was granted. */
bool fuzz_ask(struct fuzz *f, struct control_input *input);

/* Submits a topology or a version of one. False: it was refused, or not answered. */
bool fuzz_submit(struct fuzz *f);
/* Asks for the drain of that zhost. False: it was refused, or not answered. */
bool fuzz_drain(struct fuzz *f, const char *zhost, int64_t deadline_ms, bool force);

/* Asks for a rebalance; `include`: "t1/a", or NULL. False: it was refused, or not answered. */
bool fuzz_rebalance(struct fuzz *f, uint32_t max_moves, char *include);

#endif
