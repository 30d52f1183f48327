/*
 * Inside the agent: its structures. The files, each with its header; one uses only those above it:
 *
 *   phase.c      the phases of a copy: table and invariant
 *   limit.c      time limits and numbers of attempts      attempts.c  failures and back-off
 *   family.c     parents and children here                slot.c      copies of one instance here
 *   lease_times.c  when processes stop by themselves
 *   link_record.c  the record of the link: write and load
 *   message.c    HELLO, reports, heartbeats               import_list.c  lists of providers
 *   copy.c       a copy as an object, the gate            record.c    records: write and load
 *   reconcile.c  what is due next
 *   alone_events.c  starts without zrms: what happens meanwhile
 *   lease.c      leases, when zrms is silent
 *   known_imports.c  providers that a record keeps
 *   alone.c      starts without zrms: what may start now
 *   result.c     results, exits, time limits              desired.c   the sets that zrms sends
 *   agent.c      inputs, timers, link
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
#include "core/settings/settings.h"
#include "model/space_defaults.h"
#include "proto/agent.pb-c.h"

enum timer_kind {
	TIMER_HEARTBEAT, /* the agent's */
	TIMER_ACTION,	 /* the time limit of the running action */
	TIMER_RETRY,	 /* the end of the back-off; set only while a retry is wanted */
	TIMER_LEASE,	 /* it has a lease: ask to stop, later kill */
	TIMER_WELL,	 /* it has been well for its restart window */
	TIMER_ALONE,	 /* the agent's: zrms was out of reach for a failure timeout */
	TIMER_TRY,	 /* the agent's: addresses are to be tried again */
};

struct timer {
	struct heap_node node;
	enum timer_kind kind;
	struct agent_copy *copy; /* NULL for the agent's own */
};

/* A provider of which a record keeps the values (known_imports.h). */
struct known_provider {
	Samoza__V1__Provider *provider; /* owned */
	bool is_up;			/* it is imported by what starts without zrms */
};

struct agent_copy {
	char *id; /* agent_copy_id(): the record's, and the key of agent.copies */
	UT_hash_handle hh;
	struct agent_slot *slot;
	struct agent_copy *slot_next, *slot_prev; /* copies of the slot, by epoch */
	struct agent_copy *next_touched;
	bool touched;  /* it is in agent.touched */
	bool dirty;    /* its record is out of date */
	bool recorded; /* it has a record */
	bool outdated; /* that record has an id of format 1 */

	/* What zrms asks. `desired` has no spec and names no lists: they are beside it. */
	Samoza__V1__InstanceKey *key;
	Samoza__V1__InstanceSpec *spec;
	Samoza__V1__DesiredInstance *desired;
	struct agent_list **lists; /* of its imports (import_list.h) */
	size_t list_count;
	uint64_t listed;		     /* number of the last full set that listed it */
	VECTOR(struct known_provider) known; /* with offline_start */
	bool starts_alone; /* without zrms: it imports those of `known` that are up */
	char *waited;	   /* without zrms: why it does not start; NULL */
	uint64_t answered_generation; /* of the last report */

	/* What is. */
	enum agent_phase phase; /* phase.h; moved by copy_enter() and copy_adopt() only */
	char *error;		/* "ACTION: why it is in this phase", or NULL */
	Samoza__V1__FailedAction failed_action; /* with `error` */
	int64_t error_wall_ms;			/* with `error`: when */
	bool is_healthy;			/* while started: its probes pass */
	/* While started: it has been so for its restart window, without an error; or an error of an update is over. */
	bool well;
	Samoza__V1__Variable **exports; /* while started; owned */
	size_t n_exports;
	uint64_t imports_version, imports_hash; /* that the process knows */
	struct settings_sum settings;		/* of its env and config */
	/* An update of them has begun, and its process may not have got it, or some of it: they are not known, and what has a
	 * value before or after it counts as set. Durable, as `settings` is. */
	bool settings_unsure;
	unsigned
		unreached; /* updates that did not reach its process, or not with env and config, since one did */
	/* What was to be env and config did not come within the time of an update: other imports go without. */
	bool imports_first;
	int64_t update_not_before_ms; /* with `unreached` */
	uint32_t restarts;
	bool finished;		    /* exited successfully by itself: waits for a new request */
	bool undeploy_failed;	    /* waits for a new request */
	bool next_start_is_restart; /* it follows a failure */
	bool orphan;	    /* starting without an action, after a restart of the agent */
	bool start_unknown; /* it was an orphan: until it has stopped, its record stays a start */
	bool waiting_reported; /* the last report said that its start waits for its parent */
	/* Loaded as started, but the process is dead; until the first input. */
	bool exited_while_away;
	bool rebooted; /* the machine has booted since: the process did not fail */

	/* The action that runs; 0: none. */
	uint64_t action;
	UT_hash_handle hh_action;
	enum agent_action action_kind;
	uint64_t action_imports_version, action_imports_hash;
	struct settings_sum action_settings; /* that its process has when it is done */
	bool action_keeps_settings;	     /* an update that leaves them as they are */
	int64_t action_ms;		     /* its time limit */
	bool killed;			     /* the time limit or the lease has ended it */
	/* The process exited while its start was running: why; "" for success; NULL: it did not. */
	char *early_exit;
	bool early_not_renewed; /* and it was not renewed */
	bool early_is_ended;	/* and it ended with exit status 0, but has to keep running */

	/* Failures within the window, oldest first, monotonic. Until the first input they are on the
	 * clocks of the record, which showed these times then. */
	VECTOR(int64_t) failures;
	int64_t retry_not_before_ms;
	int64_t loaded_mono_ms, loaded_wall_ms;
	bool same_boot; /* the record is of this boot: its monotonic clock goes on */
	bool exhausted; /* no attempts are left */

	struct family *family; /* of its parent; NULL: it has no parent */
	char *children_id;     /* of the family of its children */
	struct agent_copy *sibling_next, *sibling_prev;

	/* Those with a lease (copy_has_lease()). */
	struct agent_copy *leased_next, *leased_prev;
	bool fenced; /* zrms was silent for too long: it may have no process */

	struct timer action_timer, retry_timer, lease_timer, well_timer;
};

/* The copies of one instance on this zhost: usually one; two while one replaces the other. */
struct agent_slot {
	char *id;		   /* "TOPOLOGY-ID/PATH" */
	struct agent_copy *copies; /* by epoch, the oldest first */
	UT_hash_handle hh;
};

/* The children, on this zhost, of one copy (which may not be there yet, or no longer). */
struct family {
	char *id;      /* "SLOT#PLACEMENT" */
	char *slot_id; /* of the parent */
	struct agent_copy *children;
	UT_hash_handle hh;
};

struct sent_heartbeat {
	uint64_t counter;
	int64_t mono_ms;
};

struct agent {
	char *identity, *zedge, *mesh, *platform, *version, *address, *boot, *machine;
	Samoza__V1__Limits *limits;
	bool allows_exec, gives_secrets;
	uint64_t incarnation;
	Samoza__V1__ZhostSpec *spec;
	int64_t heartbeat_ms, failure_timeout_ms;
	struct space_defaults defaults; /* for what a spec leaves out */

	struct agent_copy *copies;  /* by id; iterated by insertion */
	struct agent_slot *slots;   /* by id */
	struct agent_copy *actions; /* by number */
	struct agent_copy *leased;  /* list */
	int offline_starts;	    /* copies with `loss.offline_start` */
	struct family *families;    /* by id */
	struct agent_list *lists;   /* of the present link, by id */
	struct agent_copy *touched; /* list of this call */
	uint64_t next_action;
	size_t action_count, retry_count;
	struct heap timers;

	bool begun;    /* the first input has come */
	bool linked;   /* HELLO is out */
	bool accepted; /* and zrms agreed */
	bool synced;   /* a full set came since this agent began */
	bool removed;  /* from the cluster: stop all, then end */
	bool refused;  /* zrms does not take this zhost for the one that it knows */
	bool alone;    /* it starts without zrms (alone.h) */
	bool ended;
	const char *link_fault; /* agent_link_fault(); static */
	uint64_t full_sets;
	uint64_t set_version; /* of the last set */

	struct timer heartbeat_timer, alone_timer, try_timer;
	struct alone_trial *trials; /* by address */
	uint64_t counter;
	VECTOR(struct sent_heartbeat) unacknowledged; /* on this link, oldest first */
	Samoza__V1__Usage *usage;
	bool has_lease;	       /* a heartbeat was acknowledged since this agent began */
	int64_t lease_from_ms; /* when the last acknowledged one was sent; else when it began */
	/* The same, also of an agent before this one, as far as the record of the link says (link_record.h). */
	int64_t heard_ms;
	/* As they were when it was acknowledged: another timeout counts from the next one on. */
	int64_t lease_timeout_ms, lease_heartbeat_ms;
	uint64_t term;			     /* the highest of a zrms that it has followed */
	uint64_t refused_term;		     /* of one that it has refused since; 0: none */
	Samoza__V1__LinkRecord *link_record; /* on the disk; NULL: there is none */
	bool is_heard_recorded;
	int64_t recorded_ms; /* heard_ms of the record, on this clock */

	/* Of one call of agent_handle(). */
	struct instant now;
	struct agent_outbox *outbox;
	VECTOR(Samoza__V1__InstanceReport *) reports;
	VECTOR(struct agent_copy *) changed; /* by the set that is being applied */
};

/* It may have a process only while zrms acknowledges heartbeats: lease.h. */
static inline bool copy_has_lease(const struct agent_copy *copy)
{
	return copy->spec->exclusive || copy->spec->stop_after_ms > 0;
}

/* zrms asks that it is not here. */
static inline bool copy_is_unwanted(const struct agent *agent, const struct agent_copy *copy)
{
	return agent->removed || copy->desired->target == SAMOZA__V1__TARGET__TARGET_NONE;
}

/* Nothing of it is left on this zhost. */
static inline bool copy_is_gone(const struct agent *agent, const struct agent_copy *copy)
{
	return copy->phase == PHASE_ABSENT && copy->action == 0 &&
	       copy_is_unwanted(agent, copy);
}

#endif
