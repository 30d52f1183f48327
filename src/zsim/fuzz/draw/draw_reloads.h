/*
 * Values of imports in `env`, and what a change of one does.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_RELOADS_H
#define SAMOZA_ZSIM_FUZZ_DRAW_RELOADS_H

#include "proto/model.pb-c.h"

struct fuzz;

/* After the imports and exports of all spaces. */
void draw_reloads(struct fuzz *f, Samoza__V1__Topology *t);

#endif
