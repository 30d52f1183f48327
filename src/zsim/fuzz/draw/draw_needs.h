/*
 * What zhosts offer and spaces need, beyond what draw.c gives every one of them: devices, positions, required
 * spread, affinity with spaces of other topologies; and labels that differ from one hello to the next.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_NEEDS_H
#define SAMOZA_ZSIM_FUZZ_DRAW_NEEDS_H

#include "proto/model.pb-c.h"

struct fuzz;
struct sim_machine;

void draw_offers(struct fuzz *f, Samoza__V1__ZhostSpec *z);
void draw_needs(struct fuzz *f, Samoza__V1__Topology *t);
/* Its zhost is about to start. */
void draw_labels(struct fuzz *f, struct sim_machine *n);
/* It is to start with other room, capabilities or devices than before, mostly less. */
void draw_less(struct fuzz *f, struct sim_machine *n);

#endif
