/*
 * Random search for what must never be: one seed is one life of a small cluster, with random
 * topologies, requests and faults, and invariants that are checked after every step.
 *
 *   life.c     one seed, birth to convergence
 *   steps.c    requests and faults             check.c    what zrms shows when all is idle
 *   commits.c  when commits end, and what dies between their steps
 *   mirror.c   what was committed, checked     rules.c    what may run, at every commit
 *   place.c    confirms that there is none     imports.c  which processes know which providers
 *   mirrored.c what was committed, by name     legal.c    which moves there are
 *   draw.c     zhosts and topologies
 *
 * Each has its header and uses what stands below it; fuzz.h is the state that they share.
 *
 * Invariants (each names itself when it fails):
 * - no instance is live twice under one epoch; an exclusive one never is at all,
 *   over all revisions of its application (world/process.c)
 * - no zhost is asked for a copy before the record of its epoch is committed (life.c)
 * - a slot is served by one copy, the one that its record names; a retired copy stays retired, is asked
 *   for nothing, and leaves no record once nothing of it is left
 * - a write to a slot's data is accepted only from the copy that its record names as the writer, and
 *   from no earlier copy once a later one's was
 * - a mesh table names each path once, with a copy whose record is committed (life.c)
 * - the capacity of a zhost is never exceeded by what is placed there, or still has to go
 * - a started instance has a started parent and its mandatory imports, or stops; an unresolved
 *   one lacks a provider, a waiting one waits for an ancestor
 * - children stop before their parent, go before it, and are where it is
 * - exports are published exactly while an instance is started
 * - only legal transitions, each from the state in which the last one ended; records agree
 *   with events
 * - what was acknowledged is kept, also over crashes of zrms
 * - no update without a change (world/action.c)
 * - every request is answered
 * - nothing is sent or done before it is durable (world/machine.c, mirror.c)
 * - once faults end, all is idle within an hour, each topology runs or has a reason that an
 *   independent search confirms, and what runs is exactly what zrms reports
 */
#ifndef SAMOZA_ZSIM_FUZZ_FUZZ_H
#define SAMOZA_ZSIM_FUZZ_FUZZ_H

#include "base/random.h"
#include "base/vector.h"
#include "model/topology.h"
#include "zsim/world/world.h"

struct fuzz_options {
	unsigned zhosts, topologies, steps; /* 0: drawn */
	bool verbose;
};

struct fuzz_counts;
struct mirrored;
struct mirrored_copy;
struct mirrored_zhost;

/* One application: a topology that was submitted, maybe, and maybe more than once. */
struct submitted {
	char *id;
	const char *name;	   /* borrowed from a message */
	struct topology *topology; /* that it serves, or is to serve first; a reference */
	VECTOR(struct topology *) revisions; /* committed ones, by number - 1; references */
	bool acknowledged;		     /* it must be there */
	bool may_be_gone;		     /* a request tried to remove it */
	bool moved;			     /* an instance of it, in this commit */
};

/* A write to a space's data that a process asked for, its number being the request's. */
struct put {
	char *slot; /* "APPLICATION-ID/PATH" */
	uint64_t epoch;
};

struct fuzz {
	uint64_t seed;
	struct fuzz_counts *counts;
	const struct fuzz_options *options;
	struct random random;
	struct world world;
	VECTOR(Samoza__V1__Topology *) drawn;
	/* In some lives: another content for the name, by the same indexes; NULL: none. */
	VECTOR(Samoza__V1__Topology *) variants;
	struct random variant_random; /* of its own: lives without variants stay as they are */
	VECTOR(struct put) puts; /* writes of spaces, by number - 1; in lives with variants */
	VECTOR(struct submitted) submitted;

	struct mirrored *instances;
	struct mirrored_copy *copies;
	struct mirrored_zhost *zhosts;
	uint64_t last_seq;
	/* A zhost has returned: a HELLO was taken into the batch that is open, into those that
	 * the store has not written, oldest first, and into the one that it writes. */
	bool adopts_open, adopts;
	VECTOR(bool) adopts_asked;
	uint64_t asked_life; /* the zrms that asked */

	/* How many faults there are at the moment. */
	bool calm; /* faults have ended */
	uint32_t action_fails_percent, slow_frames_percent, slow_actions_percent,
		crash_permille, zhost_crash_permille, batch_percent, slow_commits_percent,
		commit_fails_permille;
};

#endif
