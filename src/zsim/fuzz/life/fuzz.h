/*
 * Random search for violated invariants: one seed is one life of a small cluster, with random
 * topologies, requests and faults, and invariants that are checked after every step.
 *
 *   life.c             one seed, birth to convergence
 *
 *   what is drawn
 *     draws.c          the table: which seeds draw what beyond the ordinary, and how often it happened
 *     draw.c           zhosts and topologies
 *     draw_needs.c     devices, positions, spread, affinity across topologies, labels that change
 *     draw_protocols.c zhosts of older protocols of the link, and what they become at a start
 *     draw_times.c     settings, a zrms that stands still, machines that sleep, clocks
 *     draw_data.c      processes that read, write and delete their data
 *     draw_joins.c     tokens, machines that join with them, renewals
 *     draw_keys.c      requests under keys, asked again
 *     draw_sign_ins.c  people with tokens, codes that they make, sessions
 *     draw_signers.c   keys that sign packages, and what they have signed
 *     draw_messages.c  spaces that send messages and answer them
 *     steps.c          requests, faults of machines and processes, time
 *     commits.c        when commits end, and what dies between their steps
 *     outages.c        stores that take no writes for a while
 *
 *   what is checked
 *     mirror.c         each commit: records, events               mirrored.c      what was committed
 *     check_room.c     ... and room of zhosts
 *     rules.c          what may run                               legal.c         which moves there are
 *     check_order.c    who stops first in a grouped stop          check_data.c    what a copy reads
 *     check_unload.c   which retired copies go first
 *     check_places.c   cordons, all or none                       check_asked.c   withdrawn, and begun
 *     check_timeouts.c how long an action lasts                   reach.c         who hears whom
 *     check_cut_off.c  how long what is cut off lives             check_alone.c   what starts without zrms
 *     check_heard.c    who hears what happens to a zhost         check_audit.c    who asked for what
 *     check_mesh.c     whom each zhost knows in the mesh
 *     check_messages.c which messages arrive, and where       said.c          where zrms says that they go
 *     check_scaled.c   counts that were scaled
 *     kept_from.c      the revisions whose counts and values are kept
 *     check_values.c   values of parameters
 *     check_ends.c     what a rollout leaves, and which states follow each other
 *     each.c           where there is an instance on each zhost that fits
 *     check_joins.c    who is let in                              check_sign_ins.c  who has signed in
 *     check_signers.c  whose packages are accepted                check_notices.c  which notices come, in which order
 *     check_keys.c     what is asked under a key, and again
 *     check_quotas.c   how much data a space may keep
 *     check_rebalances.c  what a rebalance moves
 *     check_plan.c     whether what was planned happens
 *     check_checkpoint.c  whether a second core loaded from a checkpoint is the same
 *     check_recording.c   whether a second core that is told the same decides the same
 *     check.c          what zrms shows when all is idle           imports.c       who knows which providers
 *     place.c          confirms that there is no place
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
 * - a mesh table names copies whose records are committed, of each path one that serves at most (life.c)
 * - a message between spaces arrives once at most, in order between two copies, along a declared path, at a copy
 *   that has served or that asked for it; what is refused says so, and a handover loses none (check_messages.h)
 * - the capacity of a zhost is never exceeded by what is placed there, or still has to go
 * - a started instance has a started parent and its mandatory imports, or stops; an unresolved
 *   one lacks a provider, a waiting one waits for an ancestor
 * - children stop before their parent, go before it, and are where it is
 * - in a grouped stop importers stop before their providers; so unload retired copies, children first
 * - no state of an action outlives the time limit of its action
 * - a zhost that has not heard zrms since it began starts nothing but what may start so, after a failure
 *   timeout, and with a provider of each mandatory import
 * - no instance lives longer than its `loss.stop_after` and its grace after the last heartbeat of its zhost
 *   that zrms acknowledged
 * - nothing is deployed or started that zrms has withdrawn, by a zhost that can hear it
 * - nothing new is placed on a cordoned zhost, nor on one without what it needs; what was never placed is placed as a whole or not at all
 * - what belongs to a zhost is placed there and nowhere else; in peace there is one on each zhost that fits
 * - what was acknowledged of a space's data is read by every later copy
 * - a write of data is taken exactly when it fits into its quotas; what was refused or removed is not in
 *   the store; an event says once that there is no room
 * - nobody is let in who has not joined with a token, or renewed; a token is never used more often than it
 *   allows; what a machine was told is its key lets it in until its name is removed or joins again
 * - what a key has signed is accepted only while that one is trusted, for the names that it is limited to
 * - a code becomes one session at most, and nothing that was made with a credential outlives it
 * - no machine is made twice or forgotten by a driver that fails, hangs, lies or dies, nor over crashes of zrms
 * - exports are published exactly while an instance is started
 * - what happens to a zhost is also an event of each topology that has something there
 * - only legal transitions, each from the state in which the last one ended; records agree
 *   with events
 * - what was acknowledged is kept, also over crashes of zrms
 * - no update without a change (world/action.c)
 * - every request is answered
 * - every request leaves one line in the audit, with its answer, in the batch of what it did
 * - a rebalance moves nothing that stops first unless it is named, and ends; in peace a second one finds nothing
 * - what follows from a request in peace is what its plan says
 * - at rest nothing of a rollout or a handover waits to be noticed: who looks once more decides nothing else
 * - a core that is loaded from a checkpoint has the digest of the one that wrote it
 * - a core that is told the same, as it was written down, says the same, and has the same digest in the end
 * - nothing is sent or done before it is durable (world/machine.c, mirror.c)
 * - once faults end, all is idle within an hour, each topology runs or has a reason that an
 *   independent search confirms, what runs is exactly what zrms reports, and each zhost knows exactly the
 *   peers in the mesh that it needs
 */
#ifndef SAMOZA_ZSIM_FUZZ_FUZZ_H
#define SAMOZA_ZSIM_FUZZ_FUZZ_H

#include "base/random.h"
#include "base/vector.h"
#include "model/rollout.h"
#include "model/topology.h"
#include "zsim/fuzz/life/draws.h"
#include "zsim/fuzz/life/outages.h"
#include "zsim/world/world.h"

struct fuzz_options {
	unsigned zhosts, topologies, steps; /* 0: drawn */
	fuzz_draws draws;		    /* DRAWS_BY_SEED, or what every life draws */
	bool verbose;
	struct sim_recorder *recorder; /* borrowed; NULL: nothing is recorded */
};

struct begun_zhost;
struct cut_off;
struct fuzz_counts;
struct joins;
struct keys_seen;
struct people;
struct machines_seen;
struct copy_before;
struct data_access;
struct messages;
struct planned;
struct quota_said;
struct reach;
struct stored;
struct stop_pair;
struct unanswered_stop;
struct mirrored;
struct mirrored_copy;
struct mirrored_zhost;

/* One application: a topology that was submitted, maybe, and maybe more than once. */
struct submitted {
	char *id;
	const char *name;	   /* borrowed from a message */
	struct topology *topology; /* that it serves, or is to serve first; a reference */
	VECTOR(struct topology *) revisions;  /* committed ones, by number - 1; references */
	VECTOR(struct rollout_spec) policies; /* of them */
	VECTOR(Samoza__V1__RevisionRecord *) packages; /* of them; NULL entries */
	struct {
		uint32_t target; /* number of a revision; 0: none is under way */
		uint32_t from;	 /* the one that it leads away from */
		uint32_t step;
		Samoza__V1__RolloutState state;
		bool at_once, no_surge;
	} rollout; /* as its record says */
	struct {
		uint32_t target;   /* of a blue-green rollout; 0: none is under way */
		uint32_t kept;	   /* revision of what is kept; 0: nothing is */
		bool is_before;	   /* its switch */
		bool was_before;   /* as the record before said */
		uint64_t switched; /* number of the commit in which it was; 0: of none */
	} sets;
	uint64_t ended;	    /* number of the commit in which its last rollout has; 0: of none */
	uint32_t completed; /* number of the revision that did last; 0: none has */
	bool was_running;   /* since it was started */
	uint32_t served;    /* number of the revision that it serves, as its record says */
	uint64_t taken;	    /* number of the commit with the last of its revisions */
	uint64_t went_back; /* the same: a rollout of it has failed, or was given up */
	char *newest_digest; /* of the package of the last of them; NULL: there is none */
	bool acknowledged;   /* it must be there */
	uint64_t
		kept; /* removals of the disk when its record was last seen there, and 1; 0: never */
	bool may_be_gone; /* a request tried to remove it */
	bool moved;	  /* an instance of it, in this commit */
};

/* Of zrms, in its life of that number: check_silence.h. */
struct standstill {
	int64_t from_ms, until_ms;
};

/* Those of one life of zrms, in order. */
struct standstills {
	uint64_t life;
	VECTOR(struct standstill) all;
};

struct fuzz {
	uint64_t seed;
	struct fuzz_counts *counts;
	const struct fuzz_options *options;
	struct random random;
	fuzz_draws draws;		   /* what this life draws: draws.h */
	struct random draw_randoms[DRAWS]; /* of each kind */
	struct world world;
	VECTOR(Samoza__V1__Topology *) drawn;
	/* In some lives: another content for the name, by the same indexes; NULL: none. */
	VECTOR(Samoza__V1__Topology *) variants;
	uint32_t versions;			/* that were drawn: draw_versions.h */
	VECTOR(struct data_access) accesses;	/* of spaces to their data, by number - 1 */
	struct stored *stored;			/* check_data.h */
	struct sim_recorder *replayed;		/* check_recording.h */
	struct quota_said *quotas_said;		/* check_quotas.h */
	struct messages *messages;		/* check_messages.h; NULL: none are drawn */
	struct joins *joins;			/* check_joins.h; NULL: none are drawn */
	VECTOR(struct decoded_input *) late;	/* draw_late.h */
	struct keys_seen *keys;			/* check_keys.h; NULL: none are drawn */
	struct people *people;			/* check_sign_ins.h; NULL: none are drawn */
	struct secret_histories *secrets;	/* check_secrets.h; NULL: none are drawn */
	struct signers *signers;		/* check_signers.h; NULL: none are drawn */
	struct notices_seen *notices;		/* check_notices.h; NULL: none are drawn */
	struct machines_seen *machines;		/* check_machines.h; NULL */
	struct planned *planned;		/* check_plan.h; NULL: nothing is */
	Samoza__V1__RebalanceRecord *rebalance; /* the newest; NULL: there was none */
	bool placed_otherwise; /* something has got a place since it was asked for, not by it */
	VECTOR(struct submitted) submitted;

	uint64_t zrms_life;	 /* of the world, as seen last */
	uint64_t last_event;	 /* that was committed */
	bool election_is_slow;	 /* calls take long, and answers are lost */
	size_t formers_seen;	 /* zrms that lead no more, and go on */
	int64_t zrms_changed_ms; /* wall clock: when it was seen to change */
	int64_t event_ms;	 /* wall clock of zrms at the last event */
	struct mirrored *instances;
	struct mirrored_copy *copies;
	struct mirrored_zhost *zhosts;
	VECTOR(struct reach) reaches;			 /* by index of the machine: reach.h */
	VECTOR(struct stop_pair) stop_pairs;		 /* check_order.h */
	VECTOR(struct unanswered_stop) unanswered_stops; /* the same */
	uint64_t commits;				 /* of zrms that this life has seen */
	bool alone;	/* nothing changes but what follows (check_settings_alone()) */
	uint32_t rests; /* at which check_noticed() was asked to look */
	VECTOR(struct copy_before) copies_before; /* a commit: check_heard.h */
	VECTOR(const char *) told_to_go; /* in the last commit; borrowed: check_unload.c */
	VECTOR(const char *) new_copies; /* in the last one; borrowed */
	int64_t timeouts_checked_ms;	 /* check_timeouts.h */
	int64_t mesh_checked_ms;	 /* check_mesh.h */
	uint64_t lists_checked;		 /* in the flush of that number: imports.h */
	VECTOR(struct cut_off) cut_offs; /* by index of the machine: check_cut_off.h */
	int64_t cut_offs_checked_ms;
	struct standstills standstills;	  /* check_silence.h */
	VECTOR(struct begun_zhost) begun; /* the same: check_alone.h */
	uint64_t last_seq;
	uint64_t audit_seq;	/* of the last line of the audit */
	VECTOR(char *) audited; /* outcomes by number of the request - 1; NULL: no line yet */
	/* A zhost has returned: a HELLO was taken into the batch that is open, into those that
	 * the store has not written, oldest first, and into the one that it writes. */
	bool adopts_open, adopts;
	VECTOR(bool) adopts_asked;
	struct outage outage;	       /* of the store of zrms: commits.h */
	VECTOR(struct outage) outages; /* of zhosts, by index of the machine */
	uint64_t asked_life;	       /* the zrms that asked */

	/* How many faults there are at the moment. */
	bool born;     /* faults may come */
	char *granted; /* id of the topology that the last request was about; NULL: refused */
	bool has_copy; /* a machine of another one's disk */
	bool is_told;  /* the last request, or one like it, without an answer */
	bool calm;     /* faults have ended */
	uint32_t action_fails_percent, slow_frames_percent, slow_actions_percent,
		crash_permille, zhost_crash_permille, batch_percent, slow_commits_percent,
		commit_fails_permille;
};

#endif
