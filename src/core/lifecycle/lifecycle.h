/*
 * The life of instances: who may start, who must stop, in which order. Pure.
 *
 *   struct lifecycle          the queue of instances to look at again, and who is told
 *     └─ struct application   one topology as it lives
 *          └─ struct instance the same indexes as topology->instances[]
 *
 * Whoever changes something (a goal, a report, a placement) changes the instance through the
 * functions here and then calls lifecycle_settle(), which applies the rules of
 * docs/spec/lifecycle.md until nothing moves:
 *
 *      change ──► instances that it can matter to ──► queue ──► rules ──► move ─┐
 *                           ▲                                                   │
 *                           └──────── parent, children, importers ◄─────────────┘
 *
 * An instance is looked at only when something that matters to it changed: its own goal or
 * state, its parent's state, or the first or last provider of an import. The cost of a change
 * is proportional to what depends on it.
 *
 * The rules decide *targets* (what the zhost is asked for) and states. A target changes only
 * while no action runs: an action ends first, then goal and rules apply again.
 */
#ifndef SAMOZA_CORE_LIFECYCLE_LIFECYCLE_H
#define SAMOZA_CORE_LIFECYCLE_LIFECYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/heap.h"
#include "core/instant.h"
#include "core/lifecycle/state.h"
#include "model/topology.h"

struct application;
struct instance;
struct stop_group;

/* What the zhost is asked for; the values are those of proto/wire.proto. */
enum instance_target { TARGET_NONE, TARGET_DEPLOYED, TARGET_STARTED };

struct instance_variable {
	char *name, *value;
};

struct instance {
	struct application *app; /* borrowed */
	uint32_t index;		 /* in topology->instances[] */
	enum instance_goal goal;
	enum instance_state state;
	enum instance_target target;

	/* -- placement (kept by control) -- */
	void *zhost;	  /* where it is placed; NULL: nowhere. Borrowed */
	void *last_zhost; /* where it was before, once it is no longer there. Borrowed */
	uint64_t epoch;	  /* of this placement; 0: never placed */
	bool lost;	  /* its zhost is away; the placement is only remembered for adoption */
	bool evacuating;  /* root only: it leaves this zhost; the sub-tree acts as if to be
			     undeployed */
	bool placed_anew; /* not for a new request: its zhost was lost, or it left it */
	bool placed_before;
	bool no_place; /* tried, and there was none */

	/* -- what the zhost reported -- */
	uint64_t order, fresh;
	bool gave_up;	       /* attempts are used up there */
	bool undeploy_failed;  /* not tried again before somebody asks */
	int64_t retry_at_ms;   /* monotonic: the zhost tries again then; 0: no retry waits */
	int64_t hold_until_ms; /* monotonic: exclusive: not started before; 0: no hold */
	struct heap_node hold_timer;
	uint32_t failures, restarts;
	char *last_error;
	char *failed_action; /* of last_error; NULL once an action has succeeded */
	struct instance_variable *exports; /* as published while started */
	size_t export_count;

	/* -- rules -- */
	bool queued;
	bool closing;		    /* started, must stop, and waits for its descendants */
	uint32_t active_below;	    /* all below in starting, deployed-started, stopping */
	uint32_t deployed_children; /* direct ones that are not not-deployed */
	struct stop_group *group;   /* ordered stop that it takes part in, or NULL */
	uint32_t group_node;
	struct instance *next_queued;

	/* -- kept for people and by control -- */
	int64_t since_ms; /* wall clock of the last move */
	char *goal_cause; /* "stopped by ops" */
	int64_t goal_ms;  /* wall clock */
	uint64_t imports_version, imports_hash;
	uint64_t
		started_seq; /* grows with each arrival in deployed-started, over the cluster */
	bool finished;
	unsigned marks;			/* control's: what is to be written and sent */
	uint64_t sent_epoch, sent_link; /* for which the zhost has the specification */
	void *control; /* control's own, of an instance without a parent: exclusions */
	bool troubled; /* counted in its topology's troubles */
	struct instance *next_on_zhost, *previous_on_zhost;
};

/* For each space: the spaces that import it (directly or by a facet). */
struct importer_list {
	unsigned *spaces; /* ascending, no repeats */
	bool *mandatory;  /* at least one of the imports is */
	unsigned count;
};

struct application {
	struct lifecycle *lifecycle; /* borrowed */
	struct topology *topology;   /* a reference */
	void *owner;		     /* control's topology */
	struct instance *instances;
	unsigned *started;		 /* by space: instances in deployed-started */
	struct importer_list *importers; /* by space */
	/* counts that the state of the topology is derived from */
	unsigned to_start;	   /* goal deployed-started */
	unsigned to_start_started; /* ... and in that state */
	unsigned not_gone;	   /* goal or state above not-deployed */
};

/* Who is told. All of them may be called from lifecycle_settle() and from the functions below.
 */
struct lifecycle_listener {
	/* After the move; `cause` is borrowed. */
	void (*moved)(void *user, struct instance *i, enum instance_state from,
		      const char *cause);
	/* Its target, order or fresh changed: the zhost is to be told. */
	void (*ordered)(void *user, struct instance *i);
	/* Its goal changed. */
	void (*goal_changed)(void *user, struct instance *i, enum instance_goal from);
	/* It is not-deployed, and so it should be: its place may be freed. */
	void (*gone)(void *user, struct instance *i);
	/* A provider of this started (or starting) instance's imports came, went or changed. */
	void (*imports_changed)(void *user, struct application *app, unsigned space);
};

struct lifecycle {
	const struct lifecycle_listener *listener;
	void *user;
	struct instant now;	       /* set by the caller before each call */
	struct instance *first, *last; /* queue, oldest first */
	struct heap holds;	       /* instances that may start when their time comes */
	uint64_t next_started;
};

void lifecycle_init(struct lifecycle *l, const struct lifecycle_listener *listener, void *user);
void lifecycle_done(struct lifecycle *l);

/* All instances not-deployed, goals not-deployed. Takes a reference of the topology. */
struct application *application_new(struct lifecycle *l, struct topology *topology,
				    void *owner);
void application_free(struct application *app);

/* ---- applying changes ---- */

/* Looks at `i` again at the next settle. */
void lifecycle_push(struct instance *i);
/* Takes the instances of `app` out of the queue. */
void lifecycle_forget(const struct application *app);
/* Applies the rules until nothing moves. */
void lifecycle_settle(struct lifecycle *l);
/* Ends of holds up to now: pushes who waited for it. Next one: lifecycle_next_ms(). */
void lifecycle_tick(struct lifecycle *l);
int64_t lifecycle_next_ms(const struct lifecycle *l);

/* Moves and tells; keeps the counts and pushes whom it can matter to. PRE: the table allows it.
 */
void instance_move(struct instance *i, enum instance_state to, bool adopting, const char *cause)
	__attribute__((nonnull));
/* Its stop has ended: deployed-stopped, or what it waits for. PRE: stopping. */
void instance_stopped(struct instance *i, const char *cause);
/* While a store is loaded: takes state and goal as they are, tells nobody. */
void instance_restore(struct instance *i, enum instance_goal goal, enum instance_state state);
/* The zhost is to try again with fresh attempts. */
void instance_refresh(struct instance *i);
void instance_set_target(struct instance *i, enum instance_target target);
void instance_set_exports(struct instance *i, struct instance_variable *take, size_t count);
/* Not started before that time (monotonic); 0 ends it. */
void instance_hold(struct instance *i, int64_t until_ms);

/* ---- asking (goal.c) ---- */

/* The refusals of [lifecycle.goal]: ERR_CONFLICT, with names and goals. */
int goal_check(const struct instance *i, enum instance_goal goal,
	       struct error **err) must_check;
/* Sets it on `i` and, where the meaning says so, on its sub-tree; a goal already held is tried
 * again when its last action failed. `cause`: "stopped by ops". */
void goal_request(struct instance *i, enum instance_goal goal, const char *cause);
/* Sets one instance's goal, nothing else (no retry, no sub-tree). */
void goal_set(struct instance *i, enum instance_goal goal, const char *cause);
/* Tries again at once, with fresh attempts, when the last action failed. */
void goal_retry(struct instance *i);

enum group_action { GROUP_DEPLOY_ALL, GROUP_START_ALL, GROUP_STOP_ALL, GROUP_UNDEPLOY_ALL };
const char *group_action_name(enum group_action action);
/* On instance `root` and everything below, or on all when root is NULL. Refused as goal_check()
 * refuses the root. */
int group_request(struct application *app, struct instance *root, enum group_action action,
		  const char *cause, struct error **err) must_check;

/* ---- ordered stop (group.c) ---- */

/* Some member that must stop before it has not stopped yet. */
bool group_holds(const struct instance *i);
/* Orders the stop of all active instances in the list: importers before providers, children
 * before parents, cycles broken as [lifecycle.group.cycles] says. */
void group_order(struct application *app, struct instance **members, size_t count);
/* It stopped, or is wanted again: nobody waits for it any longer. */
void group_leave(struct instance *i);

/* ---- reading ---- */

static inline const struct instance_decl *instance_decl(const struct instance *i)
{
	return &i->app->topology->instances[i->index];
}
static inline const struct space *instance_space_of(const struct instance *i)
{
	return &i->app->topology->spaces[instance_decl(i)->space];
}
static inline struct instance *instance_parent(const struct instance *i)
{
	int parent = instance_decl(i)->parent;
	return parent < 0 ? NULL : &i->app->instances[parent];
}
struct instance *instance_root(struct instance *i);
/* What the rules work toward: the goal, or not-deployed while its root leaves its zhost. */
enum instance_goal instance_effective_goal(const struct instance *i);
/* Placed on a zhost that is not lost. */
static inline bool instance_is_placed(const struct instance *i)
{
	return i->zhost != NULL && !i->lost;
}
/* Started and not about to stop: what a child waits for. */
static inline bool instance_is_up(const struct instance *i)
{
	return i->state == STATE_DEPLOYED_STARTED && !i->closing;
}
/* The first mandatory import without a started provider; NULL: all are there. */
const struct import_decl *instance_missing_import(const struct instance *i);
/* Started instances that provide `import` to `i`, in the order of their paths: calls `each`. */
void instance_each_provider(const struct instance *i, const struct import_decl *import,
			    void (*each)(void *user, struct instance *provider), void *user);

/* Why it is not where its goal says, through the whole chain, for people; NULL when it is. The
 * caller frees. (why.c) */
char *instance_why(const struct instance *i);

#endif
