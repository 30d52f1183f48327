/*
 * Requests that come late: one that others overtake, and the second copy of one without a key, some time after the
 * first. Who asks cannot tell them from its own: the core takes each as if it was asked when it comes.
 *
 *   fuzz_ask() ──┬── kept ─────────────────┐
 *                └── taken, a copy is kept ┴──► draw_late(): one of them, in any order; what is left when faults
 *                                               end never comes
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_LATE_H
#define SAMOZA_ZSIM_FUZZ_DRAW_LATE_H

#include <stdbool.h>

#include "core/control/state/input_code.h"

struct fuzz;

/* A request is about to be made. True: it is kept, and not made now. */
bool draw_late_keeps(struct fuzz *f, const struct control_input *input);
/* One of those that are kept, which the caller frees with draw_late_free(); NULL: none comes now. */
struct decoded_input *draw_late_next(struct fuzz *f);
void draw_late_free(struct decoded_input *late);
void draw_late_done(struct fuzz *f);

#endif
