/*
 * What a new version of a topology changes: for each space whether it is untouched, adjusted in
 * place, replaced, added or removed, and which fields differ.
 *
 * Compared are the declarations with their defaults, and the digests of the artifacts. What a
 * change of a field means is an option of the field in proto/model.proto (`change`); a field
 * without one does not build. A path between two spaces that was added, removed or renamed adjusts
 * both.
 *
 *   CLEANUP(topology_diff_done) struct topology_diff diff = {0};
 *   topology_diff(&(struct topology_version){old, old_artifacts}, &(...){new, ...}, &diff);
 */
#ifndef SAMOZA_MODEL_DIFF_H
#define SAMOZA_MODEL_DIFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vector.h"
#include "proto/record.pb-c.h"

enum space_verdict {
	SPACE_UNCHANGED,
	SPACE_ADJUSTED, /* in place, without a restart */
	SPACE_REPLACED,
	SPACE_ADDED,
	SPACE_REMOVED,
};

struct space_diff {
	const char *name; /* borrowed from the messages */
	enum space_verdict verdict;
	/* With SPACE_ADJUSTED: rules of the placement differ, so instances whose present place
	 * breaks the new rules move. */
	bool place_differs;
	bool count_differs; /* instances are added or removed */
	/* `count` was written and is not, or the reverse: instances get other names. */
	bool names_differ;
	/* Paths of the fields that differ, sorted: "placement.constraints", "artifacts". */
	VECTOR(char *) fields;
};

struct topology_diff {
	/* The spaces of the new version in their order, then the removed ones in theirs. One with
	 * another parent (`inside`) is another space: it is removed and added. */
	VECTOR(struct space_diff) spaces;
	VECTOR(char *) fields; /* of the topology itself: "metadata.owner" */
};

/* Borrowed. `artifacts` has one entry per space; it and its entries may be NULL. */
struct topology_version {
	const Samoza__V1__Topology *topology;
	Samoza__V1__SpaceArtifacts *const *artifacts;
};

/* The messages must outlive *ret_diff. PRE: both have passed topology_compile(). */
void topology_diff(const struct topology_version *from, const struct topology_version *to,
		   struct topology_diff *ret_diff);
void topology_diff_done(struct topology_diff *diff);
/* Nothing differs at all. */
bool topology_diff_is_empty(const struct topology_diff *diff);
/* "unchanged", "adjusted", ... */
const char *space_verdict_name(enum space_verdict verdict);

/* Hash of everything that reaches the processes of a space: equal for two versions exactly where
 * topology_diff() does not say `replaced` for a field or an artifact. The same on all machines;
 * stored in records. `artifacts` may be NULL. */
uint64_t space_content(const Samoza__V1__Space *space,
		       const Samoza__V1__SpaceArtifacts *artifacts);

#endif
