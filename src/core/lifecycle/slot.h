/*
 * Slots: the places that instance paths name, as the rules of the life cycle see them.
 *
 *   struct slot_set           the slots of an application, and which spaces provide for which
 *     ├─ struct slot          goal, state, parent and children; a few facts of the copy that serves
 *     ├─ struct declarations  what one revision declares: for each space a struct declaration
 *     └─ struct provider_set  what one import can name, a space or a facet: how many of its
 *                             providers are started
 *   struct lifecycle
 *     └─ struct provider_set  the same of what is public: "shop/store", for imports of other
 *                             applications; also while there is no application of that name
 *
 * The rules are about slots. Where a slot's copy is, how it was reported and how often it failed is
 * none of their business, except for the few values of struct serving_facts.
 *
 * Imports are resolved by name. A started slot counts in the provider sets of its space and of the
 * facets that its own declaration provides, so an import is missing exactly when
 *
 *     set->started - (the slot itself counts in it ? 1 : 0) == 0
 */
#ifndef SAMOZA_CORE_LIFECYCLE_SLOT_H
#define SAMOZA_CORE_LIFECYCLE_SLOT_H

#include "base/hash.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/vector.h"
#include "core/lifecycle/state.h"
#include "model/topology.h"

struct lifecycle;
struct ordered_stop;
struct slot;

/* A space that imports from a provider. */
struct importer {
	struct slot_set *set; /* borrowed; of a public provider also another one than its own */
	uint32_t space;	      /* interned in that slot set */
	bool mandatory;	      /* at least one of its imports is */
};

/* Of an import that names a provider set. */
struct import_patience {
	const struct slot_set *of; /* the importer's; borrowed */
	uint32_t ms;
};

/* The last provider, or the last one but one, has left deployed-started. */
struct provider_loss {
	bool is_lost;	       /* and had not been asked to; no other one has come since */
	int64_t at_ms;	       /* monotonic */
	int64_t not_before_ms; /* no patience ends earlier: zhosts are to report first */
};

/* Sorted by the names of the slot sets, then by space; no repeats. */
typedef VECTOR(struct importer) importer_list;

/* What an import can name within one slot set, or, where it is public, within all of them. */
struct provider_set {
	char *name;		      /* of a space or a facet; public: "shop/store" */
	char *topology;		      /* public: "shop"; NULL: it is not */
	uint32_t users;		      /* public: slot sets that know it */
	uint32_t started;	      /* providers in deployed-started */
	VECTOR(struct slot *) slots;  /* all that can provide it in some revision */
	struct provider_loss lost[2]; /* when `started` fell to 0, and to 1 or less */
	VECTOR(struct import_patience)
	patiences; /* of the imports that name it and have some */
	struct heap_node patience_timer;
	struct lifecycle *lifecycle; /* borrowed */
	importer_list importers;
	UT_hash_handle hh;
};

/* One space of one revision, with its names resolved. */
struct declaration {
	const struct space *space;     /* borrowed from the topology */
	struct provider_set **imports; /* for each of space->imports */
	struct provider_set *
		*provides; /* its own name, its facets; then the same as public ones */
	unsigned provide_count;
	importer_list importers; /* of anything that it provides */
};

/* What one revision declares. */
struct declarations {
	struct topology *topology;  /* a reference */
	struct declaration *spaces; /* by the topology's space index */
	struct slot **
		slots; /* by the topology's instance index; NULL: it was removed, or a pattern */
	int32_t *
		instances; /* by slot id: the topology's instance index; -1: it is not declared */
	uint32_t instance_count; /* entries of `instances`: slots that there were then */
};

/* What the rules need to know of the copy that serves a slot. By value: control sets it with
 * slot_set_serving() whenever it changes. */
struct serving_facts {
	const struct declaration *declared; /* of the copy's revision; borrowed */
	bool placed;			    /* on a zhost that is not lost */
	bool zhost_lost;       /* its zhost is silent; the place is kept for adoption */
	bool may_return;       /* lost, and not placed again: its zhost may bring it back */
	const char *waits_for; /* lost: the zhost that it is to return to; borrowed, or NULL */
	int64_t silent_ms;     /* wall clock: that zhost was heard for the last time */
	int64_t replace_ms;    /* wall clock: it is placed on another one then; 0: never */
	bool no_place;	       /* a place was looked for, and there was none */
	bool placed_again;     /* not for a new request: its zhost was lost, or it moved */
	bool exhausted;	       /* its retries are used up there */
	bool undeploy_failed;  /* not tried again before a request */
	bool failed;	       /* its last action has failed */
	int64_t retry_at_ms;   /* monotonic: its zhost tries again then; 0: no retry waits */
	int64_t may_run_at_ms; /* monotonic: exclusive, not started before; 0: at any time */
	const char *
		may_run_on; /* a removed application may still run it on that zhost, which is silent, or has
				   just come back; borrowed, or NULL */
	const char *devices_on; /* what that zhost runs and is not known any longer may have its
				   devices; borrowed, or NULL */
	const char *
		missing_secret; /* that it is to have, and that is not there for it; borrowed, or NULL */
	const char *last_error; /* borrowed from the copy; NULL */
};

struct slot {
	struct slot_set *set; /* borrowed */
	uint32_t id;	      /* in set->slots: lower once one before it is removed */
	uint32_t serial;      /* grows in that order; never changes, is not used again */
	uint32_t space;	      /* interned in the set by the space's name */
	uint32_t ordinal; /* of that space, within its parent: a single instance is the first */
	char *path;	  /* its name now: of `api` with a written count, it is "api-1" */
	bool each; /* of a space with `count: each`, or inside of such a one: in set->each_by_path */
	UT_hash_handle hh;	    /* while it is */
	struct slot *parent, *root; /* NULL: it is a root; the root of itself */
	struct slot *first_child, *last_child, *next_sibling; /* in the order of declaration */

	enum instance_goal goal;
	enum instance_state state;
	bool moving;  /* root only: it leaves its zhost; the sub-tree acts as if undeployed */
	bool yields;  /* root only: a handover wants the sub-tree stopped, but installed */
	bool closing; /* started, must stop, and waits for its descendants */
	bool leaves;  /* no revision that is wanted declares it: its goal stays not-deployed */
	bool unplaced; /* a change has added it, or is about to remove it, and it has no copy: it does
			  not count for the state of the topology */
	bool finished; /* the space ended by itself and well */
	bool queued;
	uint32_t active_below;	    /* all below in starting, deployed-started, stopping */
	uint32_t deployed_children; /* direct ones that are not not-deployed */
	struct ordered_stop *stop;  /* that it takes part in, or NULL */
	uint32_t stop_node;
	struct slot *next_queued;

	struct serving_facts serving;
	/* Its zhost is back, and so it is started: no chain reaction before, while what it imports is on
	 * zhosts that may return, too (patience.h). Monotonic; 0: none. */
	int64_t returned_until_ms;
	struct heap_node returned_timer;
	int64_t since_ms; /* wall clock of the last move */
	int64_t goal_ms;  /* wall clock */
	char *goal_cause; /* "stopped by ops" */
};

/* A space, over all revisions that declare it. */
struct slot_space {
	uint32_t id;
	char *name;
	VECTOR(struct slot *) slots; /* in the order in which they came */
	UT_hash_handle hh;
};

/* Embedded by its owner: container_of(slot->set, ...). */
struct slot_set {
	struct lifecycle *lifecycle; /* borrowed */
	const char *name;	     /* of the application; borrowed */
	VECTOR(struct slot *) slots; /* by id: as they came, parents before their children */
	struct slot *each_by_path;
	uint32_t next_serial;
	VECTOR(struct slot_space *) spaces;	    /* by interned id */
	VECTOR(struct declarations *) declarations; /* of each revision */
	struct provider_set *providers;		    /* by name */
	VECTOR(struct provider_set *)
	shared; /* public ones that it provides or imports; borrowed */
	struct shared_set *shared_by_name; /* the same (provider_set.c) */
	UT_hash_handle hh;		   /* of the lifecycle, by name */
	struct slot_space *spaces_by_name;
	/* counts that the state of the topology is derived from: slots that are optional, or unplaced
	 * by a change, do not count */
	uint32_t to_start;		/* goal deployed-started */
	uint32_t to_start_started;	/* ... and in that state */
	uint32_t not_gone;		/* all slots: goal or state above not-deployed */
	uint32_t in_state[STATE_COUNT]; /* how many of all slots are in each */
	/* The slot without a place for which the others that have none wait: those that were never
	 * placed are placed together or not at all [topology.placement.together]. NULL: none. */
	const struct slot *blocker;
};

/* Every slot of the sub-tree of `top`, itself first, parents before their children. */
typedef VECTOR(struct slot *) slot_list;

#define slot_for_each_below(top, s) \
	for (struct slot *s = (top); s != NULL; s = slot_next_below((struct slot *)(top), s))
struct slot *slot_next_below(const struct slot *top, struct slot *s);
#define slot_for_each_child(parent, c) \
	for (struct slot *c = (parent)->first_child; c != NULL; c = c->next_sibling)

/* The states of a slot; slot_move() and slot_stopped() (rules.h) are its gate, slot_restore() takes
 * over what a record holds. */
extern const struct state_machine_type slot_machine;

/* ---- reading ---- */

static inline const struct space *slot_declared_space(const struct slot *s)
{
	return s->serving.declared->space;
}
/* The topology runs without it [change.optional.optional]. */
static inline bool slot_is_optional(const struct slot *s)
{
	return slot_declared_space(s)->optional;
}
/* Its goal counts for the state of the topology. */
static inline bool slot_is_required(const struct slot *s)
{
	return s->goal == GOAL_DEPLOYED_STARTED && !slot_is_optional(s) && !s->unplaced;
}
/* What the rules work toward: the goal, or not-deployed while its root leaves its zhost, and at most
 * deployed-stopped while that yields to a handover. */
static inline enum instance_goal slot_effective_goal(const struct slot *s)
{
	if (s->root->moving)
		return GOAL_NOT_DEPLOYED;
	return s->root->yields && s->goal > GOAL_DEPLOYED_STOPPED ? GOAL_DEPLOYED_STOPPED
								  : s->goal;
}
/* Started and not about to stop: what a child waits for. */
static inline bool slot_is_up(const struct slot *s)
{
	return s->state == STATE_DEPLOYED_STARTED && !s->closing;
}
/* The first mandatory import without a started provider other than the slot itself; NULL: none is
 * missing. */
const struct import_decl *slot_missing_import(const struct slot *s);
/* The same of a copy that does not serve, as its own revision declares it. */
const struct import_decl *slot_missing_import_of(const struct slot *s,
						 const struct declaration *declared);
/* Which instance of the revision's topology it is, or by which pattern; -1: it is not declared there. */
static inline int32_t declarations_instance(const struct declarations *d, const struct slot *s)
{
	return s->id < d->instance_count ? d->instances[s->id] : -1;
}
/* What the revision declares of the slot; NULL: nothing. */
const struct declaration *declarations_of(const struct declarations *d, const struct slot *s);
/* Started slots that provide `import` (of the slot's declaration) to `s`, in the order of their
 * paths. */
void slot_each_provider(const struct slot *s, const struct import_decl *import,
			void (*each)(void *user, struct slot *provider), void *user);
/* All started slots of a set, in the order of their paths, byte by byte. */
void provider_set_each_started(const struct provider_set *set,
			       void (*each)(void *user, struct slot *provider), void *user);
/* All slots that could provide it. */
const struct provider_set *slot_providers(const struct slot *s,
					  const struct import_decl *import);
/* A slot of that declaration counts in the set while it is started. */
bool declaration_provides(const struct declaration *declared, const struct provider_set *set);
/* It counts in the set while it is started. */
bool slot_can_provide(const struct slot *s, const struct provider_set *set);
/* The set's slot to which a revision gives that path, NULL when there is none. */
struct slot *slot_find_declared(const struct slot_set *set, const char *path);
/* The same, or the one that has that path from a revision that is declared no longer. */
struct slot *slot_find(const struct slot_set *set, const char *path);

#endif
