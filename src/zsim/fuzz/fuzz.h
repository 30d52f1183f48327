/*
 * Random search for what must never be: one seed is one life of a small cluster, with random
 * topologies, requests and faults, and invariants that are checked after every step.
 *
 *   draw.c    zhosts and topologies           steps.c   requests and faults
 *   life.c    one seed, birth to convergence  mirror.c  what was committed, checked
 *   rules.c   who may run, at every commit    check.c   what zrms shows when all is quiet
 *   place.c   is there really no place?           imports.c who knows which providers
 *   legal.c   which moves there are              commits.c when commits end, and who dies between
 *
 * Invariants (each says its own name when it fails):
 * - no instance is live twice under one epoch; an exclusive one never is at all,
 *   over all deployments of its name                                            (machine.c)
 * - no zhost is asked for a copy before the record of its epoch is committed       (life.c)
 * - the capacity of a zhost is never exceeded by what is placed there
 * - a started instance has a started parent and its mandatory imports, or stops; an unresolved
 *   one lacks a provider, a waiting one waits for an ancestor
 * - children stop before their parent, go before it, and are where it is
 * - exports are published exactly while an instance is started
 * - only legal transitions, each from the state in which the last one ended; records say
 *   what events say
 * - what was acknowledged is kept, also over crashes of zrms
 * - no update without a change                                                     (machine.c)
 * - every request is answered
 * - nothing is sent or done before it is durable                             (machine.c, mirror.c)
 * - once faults end, all is quiet within an hour, each topology runs or has a reason that an
 *   independent search confirms, and what runs is exactly what zrms says
 */
#ifndef SAMOZA_ZSIM_FUZZ_FUZZ_H
#define SAMOZA_ZSIM_FUZZ_FUZZ_H

#include "base/hash.h"
#include "model/topology.h"
#include "model/zhost.h"
#include "zsim/world.h"

struct fuzz_options {
	unsigned zhosts, topologies, steps; /* 0: drawn */
	bool verbose;
};

/* What was done to the commit loops of one side, over all seeds. */
struct fuzz_commit_counts {
	uint64_t steps[COMMIT_STEPS]; /* how often each was passed */
	uint64_t kills[COMMIT_STEPS]; /* and how often the process died there */
	uint64_t failed, lost_leadership, slow, single; /* commits; single: one input each */
	size_t most_in_flight;
};
enum { SIDE_ZRMS, SIDE_ZHOST, SIDES };
struct fuzz_counts {
	struct fuzz_commit_counts sides[SIDES];
};
/* Prints them, as a table. */
void fuzz_counts_print(const struct fuzz_counts *counts);
/* What was never done, or NULL. The caller frees. */
char *fuzz_counts_missing(const struct fuzz_counts *counts);

/* One topology that was submitted, maybe. */
struct submitted {
	char *id;
	const char *name; /* borrowed from its message */
	const Samoza__V1__Topology *message;
	struct topology *topology; /* a reference */
	bool acknowledged;	   /* it must be there */
	bool may_be_gone;	   /* somebody tried to remove it */
	bool moved;		   /* an instance of it, in this commit */
};

/* The last committed record of an instance, and where its events led. */
struct mirrored {
	char *id;			    /* "TOPOLOGY-ID/PATH" */
	Samoza__V1__InstanceRecord *record; /* NULL: deleted */
	char *state;			    /* after the last event; NULL: none */
	UT_hash_handle hh;
};

struct mirrored_zhost {
	char *name;
	Samoza__V1__ZhostRecord *record; /* NULL: deleted */
	struct zhost_spec spec;
	char *state;
	uint64_t cpu_millicores, memory_bytes; /* placed there; while it is added up */
	UT_hash_handle hh;
};

struct fuzz {
	uint64_t seed;
	struct fuzz_counts *counts;
	const struct fuzz_options *options;
	struct random random;
	struct world world;
	VECTOR(Samoza__V1__Topology *) drawn;
	VECTOR(struct submitted) submitted;

	struct mirrored *instances;
	struct mirrored_zhost *zhosts;
	uint64_t last_seq;
	/* A zhost has returned: a HELLO was taken into the batch that is open, into those that
	 * the store has not written, oldest first, and into the one that it writes. */
	bool adopts_open, adopts;
	VECTOR(bool) adopts_asked;
	uint64_t asked_life; /* the zrms that asked */

	/* How bad it is at the moment. */
	bool calm; /* faults have ended */
	uint32_t action_fails_percent, slow_frames_percent, slow_actions_percent,
		crash_permille, zhost_crash_permille, batch_percent, slow_commits_percent,
		commit_fails_permille;
};

/* Lives one life; false: an invariant failed, and *ret_why says which. The caller frees.
 * `log`: prints everything that happens. */
bool fuzz_live(uint64_t seed, const struct fuzz_options *options, struct fuzz_counts *counts,
	       char **ret_why);

/* commits.c: hooks of the world about commit loops. */
void commits_hooks(struct fuzz *f, struct world_hooks *hooks);

/* draw.c. Messages belong to the caller: schema_message_free(). */
Samoza__V1__ZhostSpec *draw_zhost(struct random *r, unsigned number);
Samoza__V1__Topology *draw_topology(struct random *r, unsigned number);

/* mirror.c: hooks of the world. */
void mirror_committed(void *user, const struct outbox *o);
void mirror_done(struct fuzz *f);
const struct mirrored *mirror_find(const struct fuzz *f, const char *topology,
				   const char *path);
struct submitted *fuzz_submitted(const struct fuzz *f, const char *id);

/* legal.c: by the names of states. `adopts`: a zhost has just returned. */
bool legal_move(const char *from, const char *to, bool adopts);
bool legal_zhost_move(const char *from, const char *to);

/* rules.c */
struct family {
	const char *name;
	const struct topology *topology;
	const struct mirrored **members; /* by instance index; NULL: no record, no event yet */
};
/* A mandatory import without a started provider other than the instance itself, or NULL. */
const char *family_missing_import(const struct family *y, unsigned instance);
/* Whoever depends on what changed in this commit has changed with it. */
void rules_check(struct fuzz *f, const struct submitted *s);
/* It begins to stop: whatever is inside of it has stopped. */
void rules_check_stop(struct fuzz *f, const struct submitted *s, const char *path);
/* It is undeployed: whatever is inside of it has gone. */
void rules_check_undeploy(struct fuzz *f, const struct submitted *s, const char *path);

/* steps.c */
void fuzz_step(struct fuzz *f);
/* Only what a person asks. */
void fuzz_request(struct fuzz *f);
/* All faults end: everything is started, healed, uncordoned. */
void fuzz_calm(struct fuzz *f);
/* Asks and checks that there is an answer; true when it was granted. */
bool fuzz_ask(struct fuzz *f, struct control_input *input);

/* check.c */
/* zrms shows what was committed: after each of its starts. */
void check_loaded(struct fuzz *f);
/* Nothing acknowledged is lost: at any time. */
void check_kept(struct fuzz *f);
/* Everything is quiet, everything can be reached, and there are no more failures. */
void check_converged(struct fuzz *f);

/* imports.c: every process knows the providers that there are, and their variables. */
void imports_check(struct fuzz *f, const struct submitted *s,
		   const Samoza__V1__SpaceView *const *views);

/* place.c: why an instance without a place could have one ("t1/a fits on n2"), by a search of
 * its own. NULL: it could not. The caller frees. */
char *place_anyway(const struct fuzz *f, const struct submitted *s);

#endif
