/*
 * Revisions: the contents of an application that were accepted, numbered from 1. A revision never
 * changes.
 */
#ifndef SAMOZA_CORE_APPLICATION_REVISION_H
#define SAMOZA_CORE_APPLICATION_REVISION_H

#include <stdbool.h>
#include <stdint.h>

#include "model/topology.h"
#include "proto/record.pb-c.h"

struct declarations; /* core/lifecycle/slot.h */

/* Of a space in a revision: space_content(), computed when it is asked for, as few ever are. */
struct revision_content {
	const Samoza__V1__Space *declared; /* borrowed from the record; NULL: it is not */
	uint64_t hash;
	bool is_known;
};

struct revision {
	uint32_t number;
	Samoza__V1__RevisionRecord *record; /* as it is kept: package, artifacts, who, when */
	struct topology *topology;	    /* a reference; NULL: neither served nor placed */
	struct revision_content *contents;  /* by space, while it has a topology */
	const struct declarations
		*declared; /* in the slots of its application; NULL: it is not. Borrowed */
	const Samoza__V1__SpaceArtifacts **artifacts; /* by space; NULL entries */
	uint32_t place; /* the topology's handle in the placement engine, while there is one */
	uint32_t
		placements; /* how many are of this revision, with their copies and their needs */
	int64_t completed_ms; /* wall clock: when everything ran for the first time; 0: never */
	/* How its rollout ended where it did not complete: "failed", "aborted", "superseded". NULL. */
	const char *result;
};

/* Takes the record. */
struct revision *revision_new(Samoza__V1__RevisionRecord *take_record);
void revision_free(struct revision *r);
/* Gives it its compiled topology: takes a reference, finds the artifacts of each space. PRE: it has
 * none. */
void revision_open(struct revision *r, struct topology *topology);
/* Drops that again. */
void revision_close(struct revision *r);

/* Of the instance with that path: equal in two revisions where nothing that reaches its process differs.
 * False: it is not declared. PRE: open. */
bool revision_content(const struct revision *r, const char *path, uint64_t *ret_content);
/* "0.0.0" where it names none. */
const char *revision_version(const struct revision *r);
/* "failed", "aborted", "superseded"; NULL: none of them. */
const char *revision_result_name(const char *text);

#endif
