/*
 * Revisions: the contents of an application that were accepted, numbered from 1. A revision never
 * changes.
 */
#ifndef SAMOZA_CORE_APPLICATION_REVISION_H
#define SAMOZA_CORE_APPLICATION_REVISION_H

#include <stdint.h>

#include "model/topology.h"
#include "proto/record.pb-c.h"

struct revision {
	uint32_t number;
	Samoza__V1__RevisionRecord *record; /* as it is kept: package, artifacts, who, when */
	struct topology *topology;	    /* a reference; NULL: neither served nor placed */
	const Samoza__V1__SpaceArtifacts **artifacts; /* by space; NULL entries */
	uint32_t place; /* the topology's handle in the placement engine, while there is one */
	uint32_t placements;  /* how many are of this revision */
	int64_t completed_ms; /* wall clock: when everything ran for the first time; 0: never */
};

/* Takes the record. */
struct revision *revision_new(Samoza__V1__RevisionRecord *take_record);
void revision_free(struct revision *r);
/* Gives it its compiled topology: takes a reference, finds the artifacts of each space. PRE: it has
 * none. */
void revision_open(struct revision *r, struct topology *topology);
/* Drops that again. */
void revision_close(struct revision *r);

#endif
