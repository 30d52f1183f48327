/*
 * Inside of the agent: what one instance is, and what its files say to each other.
 *
 *   agent.c     inputs, timers, link          desired.c   what zrms asks
 *   family.c    parents and children here     phase.c     its phases: table and invariant
 *   instance.c  the state machine of one      message.c   hello, reports, heartbeats
 *   record.c    folder: write and load
 */
#ifndef SAMOZA_CORE_AGENT_INTERNAL_H
#define SAMOZA_CORE_AGENT_INTERNAL_H

#include <utlist.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/str.h"
#include "core/agent/agent.h"
#include "core/agent/phase.h"
#include "proto/agent.pb-c.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS	 60000

enum timer_kind {
	TIMER_HEARTBEAT, /* of the agent */
	TIMER_ACTION,	 /* the running action's time is over */
	TIMER_RETRY,	 /* the back-off ends; set only while a retry is wanted */
	TIMER_LEASE,	 /* exclusive: ask to stop, later kill */
};

struct timer {
	struct heap_node node;
	enum timer_kind kind;
	struct instance *instance; /* NULL for the agent's own */
};

struct instance {
	char *id; /* "TOPOLOGY/PATH": the record's, and the key of agent.instances */
	UT_hash_handle hh;
	struct instance *next_touched;
	bool touched, dirty, recorded; /* in agent.touched; its record is old; it has one */

	/* What zrms asks. `desired` has no spec: that is below, and stays for the epoch. */
	Samoza__V1__InstanceKey *key;
	Samoza__V1__InstanceSpec *spec;
	Samoza__V1__DesiredInstance *desired;
	/* A newer epoch with its spec, which waits until this one is gone; or NULL. */
	Samoza__V1__DesiredInstance *next;
	uint64_t listed;	 /* number of the last full set that listed it */
	uint64_t answered_order; /* of the last report */

	/* What is. */
	enum agent_phase phase; /* phase.h; moved by enter() and instance_adopt() only */
	char *error;		/* of this phase, or NULL */
	Samoza__V1__Variable **exports; /* while started; owned */
	size_t n_exports;
	uint64_t imports_version, imports_hash; /* that the process knows */
	uint32_t restarts;
	bool finished;	      /* ended by itself and well: waits for a new wish */
	bool undeploy_failed; /* waits for a new wish */
	bool counts_restart;  /* the next start follows a failure */
	bool orphan;	   /* phase STARTING without an action, after a restart of the agent */
	bool told_waiting; /* that its start waits for its parent: in the last report */
	bool died_away; /* loaded as started, but its process is dead: until the first input */
	bool booted;	/* the machine has booted since: nothing has failed */

	/* The action that runs; 0: none. */
	uint64_t action;
	UT_hash_handle hh_action;
	enum agent_action kind;
	uint64_t action_imports_version, action_imports_hash;
	int64_t action_ms; /* how long it was given */
	bool killed;	   /* its time was over, or the lease was */
	char *gone;	   /* the process ended while the action ran; "" for well; or NULL */

	/* Failures within the window, oldest first, monotonic. */
	VECTOR(int64_t) failures;
	int64_t not_before_ms; /* no retry before */
	bool gave_up;

	struct family *family; /* that it is a child of; NULL: none */
	struct instance *sibling_next, *sibling_prev;

	/* Exclusive ones. */
	struct instance *exclusive_next, *exclusive_prev;
	bool fenced; /* zrms was silent for too long: no process may be */

	struct timer action_timer, retry_timer, lease_timer;
};

/* The children, on this zhost, of one instance (which may not be there yet, or any more). */
struct family {
	char *parent; /* the id of the instance */
	struct instance *children;
	UT_hash_handle hh;
};

struct sent_heartbeat {
	uint64_t counter;
	int64_t mono_ms;
};

struct agent {
	char *identity, *zedge, *platform, *version, *address, *boot;
	uint64_t incarnation;
	Samoza__V1__ZhostSpec *spec;
	int64_t heartbeat_ms, failure_timeout_ms;

	struct instance *instances; /* by id; iterated by insertion */
	struct instance *actions;   /* by number */
	struct instance *exclusive; /* list */
	struct family *families;    /* by the parent's id */
	struct instance *touched;   /* list of this call */
	uint64_t next_action;
	size_t action_count, retry_count;
	struct heap timers;

	bool begun;    /* the first input has come */
	bool linked;   /* HELLO is out */
	bool accepted; /* and zrms agreed */
	bool synced;   /* a full set came in this life */
	bool removed;  /* from the cluster: stop all, then end */
	bool ended;
	uint64_t full_sets;

	struct timer heartbeat_timer;
	uint64_t counter;
	VECTOR(struct sent_heartbeat) unacknowledged; /* on this link, oldest first */
	Samoza__V1__Usage *usage;
	bool has_lease;	       /* a heartbeat was acknowledged in this life */
	int64_t lease_from_ms; /* when the last acknowledged one was sent; else begin of life */

	/* Of one call of agent_handle(). */
	struct instant now;
	struct agent_outbox *outbox;
	VECTOR(Samoza__V1__InstanceReport *) reports;
	VECTOR(struct instance *) asked; /* by the set that is being applied */
};

/* ---- instance.c ---- */
struct instance *instance_new(struct agent *agent, const Samoza__V1__InstanceKey *key,
			      const Samoza__V1__InstanceSpec *spec);
void instance_free(struct agent *agent, struct instance *i);
/* Marks it for the end of the call: record, forget. */
void instance_touch(struct agent *agent, struct instance *i, bool dirty);
/* Begins the next action, if one is due. */
void instance_reconcile(struct agent *agent, struct instance *i);
void instance_action_done(struct agent *agent, struct instance *i,
			  const struct agent_input *input);
void instance_process_ended(struct agent *agent, struct instance *i, bool finished,
			    const char *error);
/* Its process and its action are killed, unless they are already, and answered as such. */
void instance_kill(struct agent *agent, struct instance *i);
void instance_timer(struct agent *agent, struct timer *timer);
/* The failures are forgotten: a person asked again. */
void instance_forget_failures(struct agent *agent, struct instance *i);
/* The phase that a record of an earlier life stands for. */
void instance_adopt(struct instance *i, enum agent_phase phase);
/* After a restart of the agent, before instance_begin() of any: what died meanwhile failed. */
void instance_begin_dead(struct agent *agent, struct instance *i);
/* After a restart of the agent: what runs has a lease, and what is due begins. */
void instance_begin(struct agent *agent, struct instance *i);
/* A heartbeat was acknowledged: agent.lease_from_ms is new. */
void instance_renew(struct agent *agent, struct instance *i);
/* It is asked to be there no longer, or another epoch is. */
bool instance_is_unwanted(const struct agent *agent, const struct instance *i);
/* Nothing holds it in the agent any more. */
bool instance_is_gone(const struct agent *agent, const struct instance *i);
/* Takes over the newer epoch that waits. PRE: absent, no action. */
void instance_replace(struct agent *agent, struct instance *i);

/* ---- family.c ---- */
void family_join(struct agent *agent, struct instance *i);
void family_leave(struct agent *agent, struct instance *i);
/* Its parent has started (or it has none here). */
bool family_may_start(const struct agent *agent, const struct instance *i);
/* It must stop: nobody wants it to run, or its lease has ended; or that holds for one that it
 * is inside of. */
bool family_must_stop(const struct agent *agent, const struct instance *i);
/* It must stop: but first those below that have a process. */
bool family_holds_stop(const struct agent *agent, const struct instance *i);
/* It is to be undeployed: but first a child that is as well. */
bool family_holds_undeploy(const struct agent *agent, const struct instance *i);
/* zrms was silent for too long: for it, or for one that it is inside of. */
bool family_is_fenced(const struct agent *agent, const struct instance *i);
/* Its lease ends, or goes on: all below must stop or may start, the innermost first. */
void family_follow(struct agent *agent, const struct instance *i);
/* Its lease has ended: no process below may be any longer. */
void family_kill(struct agent *agent, const struct instance *i);
/* Its phase changed: what those above and its children waited for may be there. */
void family_changed(struct agent *agent, const struct instance *i);

/* ---- desired.c ---- */
void desired_apply(struct agent *agent, const Samoza__V1__Desired *desired);

/* ---- message.c ---- */
/* A deep copy; NULL for NULL. */
void *message_copy(const void *message);
/* Appends a report of the phase as it stands. */
void report_add(struct agent *agent, struct instance *i);
/* Of an instance that the agent does not hold. */
void report_add_absent(struct agent *agent, const Samoza__V1__InstanceKey *key, uint64_t order,
		       const char *error);
void reports_send(struct agent *agent);
void hello_send(struct agent *agent);
void heartbeat_send(struct agent *agent);

/* ---- record.c ---- */
void record_write(struct agent *agent, struct instance *i);

#endif
