/* The workload: what all known units typically request of devices, as a list of requests with
 * weights. Weights are rounded to three bits and small ones dropped, so that the workload, and
 * with it every index, changes rarely while topologies come and go. It is a function of what is
 * known, not of the order in which it became known. */
#ifndef SAMOZA_CORE_PLACE_NEED_WORKLOAD_H
#define SAMOZA_CORE_PLACE_NEED_WORKLOAD_H

#include "core/place/state/state.h"

/* Brings it up to date; before scores are computed. */
void workload_refresh(struct place *p);
void workload_done(struct workload *w);

#endif
