/*
 * NATIVE spaces whose instances ask zrms, and what they may do.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_API_H
#define SAMOZA_ZSIM_FUZZ_DRAW_API_H

#include "proto/model.pb-c.h"

struct fuzz;

void draw_api(struct fuzz *f, Samoza__V1__Topology *t);

#endif
