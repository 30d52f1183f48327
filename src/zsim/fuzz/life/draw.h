/*
 * Draws zhosts and topologies. Messages belong to the caller: schema_message_free().
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_H
#define SAMOZA_ZSIM_FUZZ_DRAW_H

#include "base/random.h"
#include "proto/model.pb-c.h"

Samoza__V1__ZhostSpec *draw_zhost(struct random *r, unsigned number);
Samoza__V1__Topology *draw_topology(struct random *r, unsigned number);

#endif
