/*
 * What zrms' decision core holds. Only the files that decide across its parts look inside; each part
 * has a header of its own.
 *
 *   struct control
 *     ├─ applications  what was submitted, its slots and copies                (application.h)
 *     ├─ zhosts        the zhosts, and which copies are on them                 (zhost_registry.h)
 *     ├─ lifecycle     the rules (core/lifecycle), observed by lifecycle_observer.h
 *     ├─ place         the engine (core/place), asked by placement.h
 *     ├─ dirty         what changed since the last flush                        (dirty_set.h)
 *     └─ emitter       the outbox of the call                                   (event_emitter.h)
 *
 * In one batch: inputs change things and mark them; the flush places what lacks a place, derives the
 * states of topologies, and writes records, orders for zhosts and mesh tables once each.
 */
#ifndef SAMOZA_CORE_CONTROL_STATE_H
#define SAMOZA_CORE_CONTROL_STATE_H

#include "base/heap.h"
#include "base/vector.h"
#include "core/access/credentials.h"
#include "core/access/idempotency_keys.h"
#include "core/access/identity.h"
#include "core/access/join_tokens.h"
#include "core/access/secrets.h"
#include "core/access/sign_ins.h"
#include "core/access/signing_keys.h"
#include "core/control/state/application.h"
#include "core/control/state/config.h"
#include "core/control/state/dirty_set.h"
#include "core/control/state/event_emitter.h"
#include "core/control/state/loaded_records.h"
#include "core/control/state/made_zhost.h"
#include "core/control/state/zhost_registry.h"
#include "core/lifecycle/lifecycle.h"
#include "core/place/place.h"

struct control_tap;
struct rebalance;

/* A topology name whose local data is to be deleted: what was placed before `epoch`. */
struct forgotten {
	char *name;
	uint64_t epoch;
};

/* The format of the store that this program writes (MetaRecord.format). */
#define STORE_FORMAT 2

/* A record of an earlier format, to be deleted. */
struct converted_record {
	enum record_kind kind;
	char *id;
};

struct control {
	struct control_config config;
	char *cluster;
	uint64_t next_epoch, next_sequence;
	uint64_t term;	    /* of this life; until it starts: of the one before */
	uint64_t elected;   /* the term of its election; 0: none */
	bool has_term_gap;  /* terms may have been used that no record names */
	int64_t promise_ms; /* heartbeats are acknowledged before it; NEVER_MS: always */
	struct {
		uint64_t next_epoch, next_sequence, next_event, next_audit, term, secret_floor;
		uint32_t format;
	} written;		       /* in the last MetaRecord */
	const char *actor;	       /* of the request that is handled; borrowed */
	struct instant now;	       /* of the call */
	const struct control_tap *tap; /* who listens; NULL: nobody. Borrowed, as is: */
	void *tap_user;

	struct event_emitter emitter;
	struct dirty_set dirty;
	struct lifecycle lifecycle;
	struct place *place;
	struct application_list applications;
	struct zhost_registry zhosts;
	struct provider_lists provider_lists;
	VECTOR(struct forgotten) forgotten; /* by epoch */
	bool has_remembered; /* by this input, a zhost that the restored store had forgotten */
	struct credentials credentials;
	struct sign_ins sign_ins;
	struct idempotency_keys idempotency; /* of requests that were carried out */
	struct signing_keys signing_keys;    /* of packages */
	struct secrets secrets;		     /* that spaces get */
	struct join_tokens join_tokens;
	struct identities identities;				 /* of zhosts */
	struct made_zhosts made;				 /* by drivers */
	Samoza__V1__AuthoritiesRecord *authorities;		 /* NULL: never rotated */
	VECTOR(Samoza__V1__NoticeTargetRecord *) notice_targets; /* by name */
	Samoza__V1__BackupAgeRecord *backup_age;		 /* NULL: it is not watched */
	bool is_restored; /* control_load_restored(): the first batch writes all identities */
	uint64_t mesh_visits;	      /* hellos so far, for routes.visited */
	struct heap deadlines;	      /* of zhosts: end of their silence */
	struct heap exclusion_timers; /* ends of exclusions */
	struct heap loss_timers;      /* lost units that wait for their zhost */
	struct heap handover_timers;  /* handover_due_ms() */
	struct heap kept_set_timers;  /* ends of kept sets */
	struct heap rollout_timers;   /* steps that follow by themselves */
	struct heap ends_by_timers;  /* lost exclusive copies: when they have certainly ended */
	uint32_t drains;	     /* zhosts with a drain that are not empty */
	struct rebalance *rebalance; /* the newest; NULL: none was asked for */
	bool rebalance_due;	     /* looks at it in the next flush, whatever has changed */
	bool drains_due;	     /* looks at them in the next flush, whatever has changed */
	int64_t next_check_ms;
	int64_t awake_ms; /* end of the last call */

	struct {
		uint64_t submits, placements, recoveries, zhost_problems, moves, heartbeats,
			reports, reports_ignored, data_requests, data_stale, data_full, flushes;
	} count;
	struct loaded_records loaded;
	VECTOR(struct converted_record) converted; /* until the first flush */
};

/* Begins a call: `outbox` is borrowed until the next one. */
void control_enter(struct control *c, struct instant now, struct outbox *outbox);

static inline struct control *control_of(const struct slot *s)
{
	return application_of(s)->control;
}

#endif
