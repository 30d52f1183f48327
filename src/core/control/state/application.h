/*
 * Applications as zrms keeps them: the slots of the revision that is served, what control knows of
 * each slot, and the copies of each slot on zhosts.
 *
 *   struct control_application
 *     ├─ application          names, revisions, every copy by path            (core/application)
 *     ├─ slots                of the served revision: goals and states        (core/lifecycle)
 *     ├─ slot_controls        by slot id: its serving copy, place that is missing, exclusions
 *     ├─ struct unit_handover    of a root that is being handed over      (core/application/handover.h)
 *     └─ struct unit_placement   one unit on one zhost, in a role
 *          └─ struct copy        what its zhost is asked for, and what it reported
 *
 * The rules of the life cycle see slots; of a copy they see the few facts that slot_publish_facts()
 * hands over, and only of the one that serves.
 */
#ifndef SAMOZA_CORE_CONTROL_APPLICATION_H
#define SAMOZA_CORE_CONTROL_APPLICATION_H

#include "base/hash.h"

#include "base/heap.h"
#include "base/vector.h"
#include "core/application/application.h"
#include "core/application/handover.h"
#include "core/application/rollout.h"
#include "core/control/state/provider_lists.h"
#include "core/control/state/zhost_positions.h"
#include "core/lifecycle/slot.h"
#include "core/settings/settings.h"
#include "model/failure.h"
#include "proto/record.pb-c.h"

struct control;
struct control_zhost;
struct dirty_set;
struct exclusion;
struct lifecycle;
struct place;
struct unit_device;
struct unit_reload;

enum __attribute__((packed)) topology_state {
	TOPOLOGY_PENDING,
	TOPOLOGY_RUNNING,
	TOPOLOGY_DEGRADED,
	TOPOLOGY_STOPPED,
	TOPOLOGY_FAILED,
};
#define TOPOLOGY_STATE_COUNT 5

struct instance_variable {
	char *name, *value;
};

/* One unit on one zhost: it serves its slots, stands beside the one that does, or has still to go. */
struct unit_placement {
	struct placement placement;		 /* its role and its copies */
	struct control_application *application; /* borrowed */
	struct revision *revision;		 /* borrowed */
	struct revision *
		room; /* of whose needs `place_unit` is: another one while a member comes or goes (unit_members.h). Borrowed */
	struct control_zhost *zhost; /* borrowed */
	uint64_t epoch;		     /* of its root's copy: names the placement in records */
	uint32_t place_unit; /* in the engine; unless it serves: it belongs to this placement */
	bool draining;	     /* retired, and not told to go before the new routes are known */
	bool answered; /* retired: until it has gone it gets the answers to what it asked */
	bool lost; /* its zhost fell silent: it holds no room, and is only kept for adoption or
		      until it has certainly gone */
	char *key_topology; /* id by which its zhost knows it; NULL: the application's */
	struct unit_device *devices; /* that it holds, or held last (unit_devices.h) */
	uint32_t device_count;
};

/* A copy of a slot: what its zhost is asked for, and what it reported. */
struct copy {
	struct slot_copy of_slot; /* as one of the copies of its slot */
	char *path; /* by which its zhost knows it: its revision's name of the slot; NULL: that of now */
	struct unit_placement *unit; /* borrowed; it names the zhost */
	struct revision *
		revision; /* that of its unit, or the one with which it came, or goes. Borrowed */
	struct slot_control *sc;	    /* borrowed; NULL: it is retired */
	const struct declaration *declared; /* by its revision; borrowed; NULL: it is retired */
	struct copy *next_on_zhost, *previous_on_zhost;

	/* -- asked -- */
	uint8_t target;		   /* enum instance_target */
	uint64_t generation;	   /* grows whenever something else is asked */
	uint64_t retry_generation; /* grows when failures are to be forgotten */
	uint64_t forgiven; /* generation with which that was last asked; 0: not by this zrms */
	uint64_t imports_version, imports_hash;

	/* -- reported -- */
	uint8_t phase;	   /* Samoza__V1__Phase, while `heard` */
	bool heard;	   /* by this zrms */
	bool healthy;	   /* it is started, and its probes pass */
	bool ran;	   /* it was heard to be started, and is not asked for less since */
	uint32_t ran_with; /* its `failures` then */
	struct settings_sum settings; /* it is started: what its process got */
	uint64_t observed;	      /* generation that its zhost knew then */
	bool absent;	/* nothing of it is on its zhost, which knows that nothing is asked */
	bool exhausted; /* its retries are used up there */
	bool undeploy_failed; /* not tried again before a request */
	bool forsaken;	      /* retired: its machine will not come back; it goes by time */
	int64_t retry_at_ms;  /* monotonic: the zhost tries again then; 0: no retry waits */
	struct heap_node ends_by_timer; /* until of_slot.ends_by_ms */
	uint32_t failures, restarts;
	bool ended_last; /* the newest failure: it ended with exit status 0, and should run on */
	bool ended_only;		   /* so did all of them */
	struct instance_variable *exports; /* as published while started */
	size_t export_count;

	/* -- what is left to do (dirty_set.h, orders.h) -- */
	unsigned marks;
	uint64_t sent_epoch, sent_link; /* for which the zhost has the specification */
	struct list_on_zhost **lists;	/* of its imports, while its zhost is to know them */
	unsigned list_count;
};

/* Of a unit that is being handed over (handovers.h). */
struct unit_handover {
	struct handover handover;
	struct slot_control *root; /* borrowed */
	struct revision *revision; /* its successor's, of a rollout; NULL: a move. Borrowed */
	bool returns;		   /* to a revision that ran before: it does not fail */
	bool drains;		   /* of a drain (drains.h), not of a request for this unit */
	bool rebalances;	   /* of a rebalance (rebalancing.h): the same */
	uint64_t reloads; /* of a reload (reloads.h): the values that it is for; 0: of none */
	bool held;	  /* it stops when the rollout says so (handovers_stop()) */
	bool unwanted;	  /* the rollout leads elsewhere meanwhile */
	bool keeps;	  /* it takes over now, and its incumbent is kept */
	char *to;	  /* the zhost that was asked for; NULL: any other */
	char *cause;	  /* "moved by ops" */
	char *waits;	  /* why its successor has no place; NULL */
	char *room_on; /* the zhosts that lack nothing but room for it, "n1 or n2"; NULL: none */
	char *error;   /* the last of its successor's, "api: start: exit status 3"; NULL */
	struct heap_node timer; /* handover_due_ms() */
	uint64_t route_version; /* draining: of the mesh table with the switch */
};

/* Of a lost unit that waits for its zhost (loss.h). */
struct unit_loss {
	struct slot_control *root; /* borrowed */
	int64_t heard_wall_ms;	   /* the last heartbeat of its zhost */
	int64_t replace_at_ms;	   /* monotonic; NEVER_MS */
	struct heap_node timer;
};

/* What a step of a canary, or what comes before the switch of a blue-green one, means for a unit. */
enum __attribute__((packed)) rollout_turn {
	TURN_NOW,    /* it is led to the target; so is everything of other policies */
	TURN_SHARES, /* a copy of the target runs beside the one that serves */
	TURN_JOINT, /* blue-green: its successor is made ready, and takes over with all others */
	TURN_LATER, /* it stays in the version before */
};

/* What control knows of a slot. */
struct slot_control {
	struct slot *slot;		  /* borrowed */
	struct application_slot *of_path; /* borrowed: writer, serving copy, all copies */
	char *recorded; /* the name under which its record is stored, where that is another one; NULL */
	struct control_zhost *last_zhost; /* where it was before; NULL: nowhere. Borrowed */
	bool lost;	    /* its zhost is silent, or gone: it is to be placed again */
	bool placed_again;  /* not for a new request: its zhost was lost, or it moved */
	bool placed_before; /* since it was last undeployed */
	bool no_place;	    /* a place was looked for, and there was none */
	bool still_failed; /* out of attempts, and tried again without a request: until it starts */
	enum rollout_turn turn; /* root: in the present step of a rollout (rollout_steps.h) */
	bool is_open;		/* root: in its application's `open_roots` */
	bool seeking; /* root: it has lost what it had, and the next flush looks for a place */
	struct exclusion *exclusions;	/* root: zhosts that it must not take for now */
	struct unit_handover *handover; /* root; NULL: there is none */
	struct unit_loss *loss;		/* root; NULL: it waits for no zhost */
	struct unit_reload *reload;	/* root (unit_reload.h); NULL: nothing is to be taken */
	uint64_t
		reloaded; /* root: the values for which a reload has ended, well or not; 0: none has. Durable */
	uint32_t place_unit; /* root: its unit in the engine, placed or not; else PLACE_NONE */
	struct revision *place_revision; /* of `place_unit`; borrowed */
	uint32_t moving_place; /* root: the unit that it moves to, held while it leaves its
				  zhost, or waited for; PLACE_NONE: it does not move */
	struct revision *moving_revision; /* of `moving_place`; borrowed */
	char *last_error;		  /* of a copy of it; NULL */
	int64_t last_error_ms;		  /* when; wall clock */
	unsigned marks;			  /* dirty_set.h */
	bool unhealthy;			  /* counted in its application's `unhealthy` */
};

/* A zhost that gets the mesh table of an application: it holds copies, or serves pages. */
struct subscriber {
	struct control_zhost *zhost; /* borrowed */
	uint32_t placed;	     /* copies of the application there */
	uint64_t sent_link;	     /* the link on which it has the whole table; 0: none */
	bool is_outdated; /* what it has is of another revision: it needs all of it */
	uint64_t applied; /* version of the table by which it goes, on that link; 0: not said */
};

/* A name that a slot has no longer. */
struct former_route {
	char *path, *space;
};

/* Routes of an application, as its subscribers know them (mesh_tables.h). */
struct mesh_routes {
	bool has_pages;	    /* a UI space: every zhost subscribes while it is not gone */
	bool has_messages;  /* a space that gets messages: else tables are empty */
	bool is_in_pages;   /* in application_list.with_pages */
	uint64_t visited;   /* the hello that has looked at it (mesh_tables.c) */
	bool has_shares;    /* a canary: its copies get a share (rollout_steps.h) */
	bool all_subscribe; /* every zhost with a link is in `subscribers` */
	uint64_t version;   /* of the table as sent last; from 1 on */
	/* Of the whole table (core/mesh_sum.h), for zhosts that do not know of copies that do not
	 * serve, and [1] for those that do; and whether it is that of now. */
	uint64_t sums[2];
	bool has_sum[2];
	VECTOR(struct subscriber) subscribers;
	VECTOR(struct control_zhost *) due; /* of these the next flush looks at */
	bool all_due;			    /* or at all */
	struct zhost_positions by_zhost;    /* in `subscribers` */
	VECTOR(struct slot_control *) changed;
	VECTOR(struct former_route) former; /* since the table was sent */
};

/* The table is sent. */
void former_routes_clear(struct mesh_routes *routes);

struct application_list;

/* The way to another revision, under way (rollouts.h). */
struct application_rollout {
	struct rollout rollout;
	struct control_application *application; /* borrowed */
	struct revision *target, *base;		 /* borrowed; base NULL: none has completed */
	uint32_t *places; /* by the target's space index: rollout_order() */
	bool at_once;	  /* a rollback: not batch by batch */
	bool no_surge;	  /* what finds no room for a second copy stops first */
	bool steps_back;  /* a rollback to copies that are kept: they take over together */
	bool failed;	  /* seen in this flush */
	int64_t promote_at_ms; /* monotonic: waiting, and the next step follows by itself; or NEVER_MS */
	struct heap_node timer; /* until then */
	bool moves_begun;	/* of units that do not change, and whose place does not fit */
	char *by, *cause;	/* who asked for it; what has failed (NULL) */
};

/* One that did not complete, until the next change. */
struct last_rollout {
	const char *result; /* "failed", "aborted"; NULL: there is none */
	char *cause;	    /* NULL */
	uint32_t revision, back_on;
	int64_t time_ms; /* wall clock */
};

/* What ran before a blue-green rollout, and runs on for a while (kept_set.h). */
struct kept_set {
	struct control_application *application; /* borrowed */
	struct revision *revision;	 /* that it served; NULL: nothing is kept. Borrowed */
	int64_t until_ms, until_wall_ms; /* monotonic; wall clock */
	struct heap_node timer;		 /* until then */
};

struct control_application {
	struct application application;
	struct control *control;       /* borrowed */
	struct dirty_set *dirty;       /* borrowed */
	struct application_list *list; /* that it is in */
	const char *id, *name;	       /* in application */
	struct slot_set slots;
	const struct declarations *declared;	     /* belongs to slots */
	struct topology *topology;		     /* compiled; borrowed from `declared` */
	VECTOR(struct slot_control *) slot_controls; /* by slot id */
	VECTOR(struct unit_placement *) retired;
	VECTOR(struct slot_control *) handovers; /* roots that have one */
	VECTOR(struct slot_control *)
	open_roots;			     /* that the placement looks at (open_roots.h) */
	struct application_rollout *rollout; /* NULL: none is under way */
	struct last_rollout last_rollout;
	struct kept_set kept;
	uint64_t sequence;
	enum topology_state state;
	struct failure_reason reason; /* why a place is missing; none */
	bool was_running, ever_started;
	bool has_each;	  /* a revision that its slots follow has spaces with `count: each` */
	bool starts_each; /* their instances that appear are to start: the application is */
	int64_t created_ms, updated_ms;
	uint32_t ticket;		/* under which the engine knows what it waits for */
	uint32_t leaving;		/* slots that no revision that is wanted declares */
	uint32_t unhealthy;		/* slots to start that have no place or are exhausted */
	unsigned marks;			/* dirty_set.h */
	struct heap_node to_place;	/* key: sequence (dirty_set.h) */
	VECTOR(bool) importers_changed; /* by space id: what it imports changed */
	struct import_lists import_lists;
	struct mesh_routes routes;

	struct control_application *previous, *next; /* by sequence */
};

/* What an application that was removed may still run (state/remains.h). */
struct remain {
	char *instance; /* "shop/api-1" */
	uint64_t epoch;
	bool is_dormant; /* nothing waits for it before its zhost, which was removed, brings it back */
	struct control_zhost *zhost; /* borrowed */
};
void remain_done(struct remain *remain);

struct application_list {
	struct application_registry registry;		/* by name and id */
	struct control_application *first, *last;	/* by sequence */
	VECTOR(struct control_application *) by_ticket; /* NULL: the ticket is free */
	VECTOR(uint32_t) free_tickets;
	VECTOR(struct control_application *) with_pages; /* that have, or had */
	VECTOR(struct control_application *) with_each;	 /* has_each; by sequence */
	VECTOR(struct remain) remains;
	struct unit_reload *reloads; /* of all units */
	bool reloads_sorted;
	int64_t reloads_next_ms; /* monotonic: one of them waits until then; 0: none does */
};

#define application_for_each(list, a) \
	for (struct control_application *a = (list)->first; a != NULL; a = a->next)

/* Adds an application without slots to the list. */
struct control_application *application_new(struct application_list *list, const char *name,
					    const char *id, uint64_t sequence);
/* Out of the list and of the engine. PRE: no copy is left, nothing is marked. */
void application_free(struct application_list *list, struct place *place,
		      struct control_application *a);
void application_list_done(struct application_list *list);

/* It ends, and its data is kept: an instance that comes later finds it under the other name, too, that it would have
 * with a count, or without one. */
void application_remember_data(struct control_application *a, const struct slot *s);
/* Its slots are those of this revision from now on. Slots and what control knows of them are
 * new. PRE: the revision is open; no placement serves; nothing of its slots is marked. */
void application_serve(struct control_application *a, struct lifecycle *l, struct place *place,
		       struct revision *revision);
/* Ends its slots. PRE: as above. */
void application_serve_none(struct control_application *a, struct place *place);
/* Its slots are also those of this revision: slots of instances that are new are added, without a place
 * in the engine. PRE: it is open. */
void application_declare(struct control_application *a, struct revision *revision);
/* It also has these slots of spaces with `count: each`, by the paths of their roots, without a unit in the
 * engine; they are added to those that there are. */
void application_add_each(struct control_application *a, const char *const *paths,
			  size_t count);
/* Its slots follow that revision no longer. False: it is kept, because a slot is in no other one. PRE: it is
 * not served, and no copy of it has a role other than retired. */
bool application_withdraw(struct control_application *a, struct revision *revision);
/* Another name of the slot, of which copies keep theirs. Nothing where it has that name. */
void application_rename(struct control_application *a, struct application_slot *slot,
			const char *path);
/* Two instances of that topology would be the same slot, one by its name and one by that which it has now, or
 * would share data; NULL: there are none. The caller frees. */
char *application_name_clash(const struct control_application *a, const struct topology *t);
/* The slots for which `goes` holds end, with those that are inside of them. PRE: not-deployed, and so is
 * their goal; they have no copy but retired ones, nothing waits for their units in the engine, and they are
 * not marked. */
void application_remove_slots(struct control_application *a, struct place *place,
			      bool (*goes)(const struct slot_control *sc));
/* The unit of a retired placement of that root slot that still has a place: a new one does not count against it.
 * PLACE_NONE: there is none. */
uint32_t application_slot_mate(const struct control_application *a, const char *root);
/* A unit for `root` in the engine, without a place, in this revision. PRE: the revision is declared. */
uint32_t application_new_unit(const struct control_application *a, struct place *place,
			      const struct revision *revision, const struct slot *root,
			      uint32_t slot_mate);
/* The root gets a unit in the engine, without a place, in this revision, or, where that does not declare it, in
 * the one that is served; none where that does not, either. The one that it had is the caller's. */
void application_give_unit(const struct control_application *a, struct place *place,
			   struct revision *revision, struct slot_control *root);
/* Gives the revision its compiled topology, and the engine its needs. */
void application_open_revision(struct control_application *a, struct place *place,
			       struct revision *revision, struct topology *topology);
/* The newest that completed before that one, with another package or other counts; NULL: there is none. */
struct revision *application_before(const struct control_application *a,
				    const struct revision *than);
/* Takes both away again from what is neither served nor placed, and drops old revisions: the
 * REVISIONS_KEPT newest stay, the last completed one and the one that `topo rollback` means, and so do slots of the served one and those with copies. `dropped` (NULL: nobody) is called before one is freed. */
void application_trim_revisions(struct control_application *a, struct place *place,
				void (*dropped)(void *user, const struct revision *revision),
				void *user);
#define REVISIONS_KEPT 10

struct control_application *application_by_id(const struct application_list *list,
					      const char *id);
struct control_application *application_by_name(const struct application_list *list,
						const char *name);
/* The slot of that path in the served revision. */
struct slot *application_served_slot(const struct control_application *a, const char *path,
				     struct error **err);

const char *topology_state_name(enum topology_state state);
/* As a record holds it. */
void application_restore_state(struct control_application *a, const char *name);
/* topology_state.c has its gate. Source: [topology.states].
 *
 *   (new) ──► pending ──► running ◄──► degraded ──► failed         from every state ──► stopped
 *              ▲ │  └────────────────────────────────▲ │ ▲  │       stopped ──► pending, running,
 *              │ └───────────────────────────────────┘ │ │  └──►     failed: started again
 *              └────── a place appears ────────────────┘ └── running
 *
 * pending ──► degraded where all run but instances of `count: each` that have no place on their zhosts.
 * A failed topology becomes degraded (or pending, when it never ran) before it is running. */
extern const struct state_machine_type topology_machine;

static inline struct control_application *application_of(const struct slot *s)
{
	return container_of(s->set, struct control_application, slots);
}
static inline struct slot_control *control_of_slot(const struct slot *s)
{
	return application_of(s)->slot_controls.items[s->id];
}
/* From which the rollout leads away. PRE: there is one. */
static inline struct revision *rollout_from(const struct control_application *a)
{
	return a->rollout->base != NULL ? a->rollout->base : a->application.served;
}
/* Where everything is led: the served one, where there is no rollout. */
static inline struct revision *wanted_revision(const struct control_application *a)
{
	if (a->rollout == NULL)
		return a->application.served;
	return a->rollout->rollout.state == ROLLOUT_RETURNING ? a->rollout->base
							      : a->rollout->target;
}
/* The revision in which the unit of `root` is placed while it has no copy. */
static inline struct revision *unplaced_revision(const struct slot_control *root)
{
	const struct control_application *a = application_of(root->slot);
	return a->rollout != NULL && root->turn != TURN_NOW ? rollout_from(a)
							    : wanted_revision(a);
}
/* The copy that serves; NULL: none is placed. */
static inline struct copy *serving_copy(const struct slot_control *sc)
{
	return sc->of_path->serving != NULL
		       ? container_of(sc->of_path->serving, struct copy, of_slot)
		       : NULL;
}
static inline struct control_zhost *copy_zhost(const struct copy *copy)
{
	return copy->unit->zhost;
}
static inline bool copy_is_retired(const struct copy *copy)
{
	return copy->sc == NULL;
}
static inline bool copy_serves(const struct copy *copy)
{
	return copy->of_slot.slot->serving == &copy->of_slot;
}
/* It is to serve next, and is a successor, or shares. */
static inline bool copy_is_next(const struct copy *copy)
{
	return copy->of_slot.slot->next == &copy->of_slot;
}
/* It has served, and runs on. */
static inline bool copy_is_kept(const struct copy *copy)
{
	return copy->of_slot.slot->kept == &copy->of_slot;
}
/* It is the successor of one that serves, or may serve again. */
static inline bool copy_is_beside(const struct copy *copy)
{
	return !copy_is_retired(copy) && !copy_serves(copy);
}
/* The placement that a copy belongs to; NULL: there is no copy. */
static inline struct unit_placement *unit_of(const struct slot_copy *copy)
{
	return copy != NULL ? container_of(copy, struct copy, of_slot)->unit : NULL;
}
/* The revision that serves the unit of `root`, or in which it is to be placed. */
static inline struct revision *slot_revision(const struct slot_control *root)
{
	const struct unit_placement *unit = unit_of(root->of_path->serving);
	return unit != NULL ? unit->revision : unplaced_revision(root);
}
/* In which its unit would be placed elsewhere now: with the members that a rollout has added to it, and without those
 * that go. PRE: it is a root. */
struct revision *unit_revision_elsewhere(const struct slot_control *root);
/* The path by which its zhost knows it. */
static inline const char *copy_path(const struct copy *copy)
{
	return copy->path != NULL ? copy->path : copy->of_slot.slot->path;
}
/* The instance of that revision that is the slot has this path; NULL: there is none. */
static inline const char *revision_path(const struct revision *r, const struct slot *s)
{
	int32_t instance = r->declared != NULL ? declarations_instance(r->declared, s) : -1;
	if (instance >= 0 && s->each)
		return s->path; /* of what is on each zhost none has another name */
	return instance >= 0 ? r->declared->topology->instances[instance].path : NULL;
}
/* Its id there. */
static inline const char *copy_key_topology(const struct copy *copy)
{
	return copy->unit->key_topology != NULL ? copy->unit->key_topology
						: copy->unit->application->id;
}
/* The zhost that it is on, lost or not; NULL. */
static inline struct control_zhost *slot_zhost(const struct slot_control *sc)
{
	const struct copy *copy = serving_copy(sc);
	return copy != NULL ? copy->unit->zhost : NULL;
}
/* On a zhost that is not lost. */
static inline bool slot_is_placed(const struct slot_control *sc)
{
	return sc->of_path->serving != NULL && !sc->lost;
}
/* The copy that serves it is a successor that is judged: its failure is not one of the topology. */
static inline bool slot_is_judged(const struct slot *s)
{
	const struct unit_handover *h = control_of_slot(s->root)->handover;
	return h != NULL && handover_is_between(&h->handover);
}
static inline bool slot_is_exhausted(const struct slot_control *sc)
{
	const struct copy *copy = serving_copy(sc);
	return copy != NULL && copy->exhausted;
}

/* It ran as asked, and has ended by itself. What had failed before it ran, or while it waited for what it needs, was
 * tried again [change.rollout.failure]. */
static inline bool copy_has_broken_down(const struct copy *copy)
{
	return copy->exhausted || (copy->ran && copy->failures > copy->ran_with);
}

/* Tells the rules what they need to know of the copy that serves: after each change of it. */
void slot_publish_facts(struct slot_control *sc);
void copy_set_exports(struct copy *copy, struct instance_variable *take, size_t count);
/* Its zhost knows it by that path. */
void copy_set_path(struct copy *copy, const char *path);

#endif
