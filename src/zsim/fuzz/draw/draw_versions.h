/*
 * Versions of what runs: each submission of a life that draws them is a higher version, with other programs
 * for some of the spaces and a policy of its own.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_VERSIONS_H
#define SAMOZA_ZSIM_FUZZ_DRAW_VERSIONS_H

#include "proto/record.pb-c.h"

struct fuzz;

/* The package of that topology, as its next version. schema_message_free() frees it. */
Samoza__V1__RevisionRecord *draw_version(struct fuzz *f, const Samoza__V1__Topology *message);
#endif
