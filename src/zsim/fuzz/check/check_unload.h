/*
 * Retired copies unload in order [topology.stop.unload]: importers before providers, children before their
 * parents. One that has a process is not told to go while another retired one with a process needs it,
 * unless some of them need each other in a circle: then all are told.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_UNLOAD_H
#define SAMOZA_ZSIM_FUZZ_CHECK_UNLOAD_H

#include "proto/record.pb-c.h"

struct fuzz;

/* The record of a copy changes; either may be NULL. `id` is borrowed until the commit is taken. */
void check_unload_copy(struct fuzz *f, const char *id, Samoza__V1__Target was,
		       const Samoza__V1__CopyRecord *record);
/* All records of the commit are taken. */
void check_unload_committed(struct fuzz *f);

#endif
