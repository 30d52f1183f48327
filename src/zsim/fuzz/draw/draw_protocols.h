/*
 * Zhosts that speak an older protocol of the link, from their birth or from a start on.
 *
 *     1 ──► 2 ◄──► 3    a zhost of protocol 1 cannot read the records of a later one
 *     └───────────►┘
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_PROTOCOLS_H
#define SAMOZA_ZSIM_FUZZ_DRAW_PROTOCOLS_H

struct fuzz;
struct sim_machine;

/* Of a machine that was just added: it has not said hello. */
void draw_first_protocol(struct fuzz *f, struct sim_machine *n);
/* Before its zhost starts again. */
void draw_protocol(struct fuzz *f, struct sim_machine *n);

#endif
