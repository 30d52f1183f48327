/*
 * A zhost that has all that zrms has decided sends to copies that serve, by the names of now. When all is idle, each zhost knows the peers of the topologies that it holds something of, or that have
 * pages, as they are, and of no others.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_MESH_H
#define SAMOZA_ZSIM_FUZZ_CHECK_MESH_H

#include "proto/view.pb-c.h"

struct fuzz;

/* After every step. */
void check_mesh_known(struct fuzz *f);
void check_mesh_tables(struct fuzz *f, const Samoza__V1__SpaceListView *list);

#endif
