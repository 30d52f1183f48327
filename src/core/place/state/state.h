/*
 * What the engine keeps. Private to src/core/place.
 *
 *   struct place
 *     ├─ place_node        a zhost: what is free, its flags           nodes.h, description.h
 *     ├─ label_column      one label: which value each zhost has      labels.h
 *     ├─ affinity_group    instances of one space, with counters by   groups.h
 *     │    └─ group_counter  zhost and label
 *     ├─ feasible_set      the zhosts that pass rules 2 and 3         ../need/feasible_set.h
 *     ├─ demand            where, and how much                         ../need/demands.h
 *     ├─ place_topology    a topology's root spaces, compiled         ../need/needs.h
 *     │    └─ need
 *     ├─ place_unit        one placement: room and membership         units.h, room.h, view.h
 *     ├─ node_index        best zhost of a need or demand             ../choose/index.h
 *     └─ waiting           tickets                                    ../wait/wait.h
 *
 * Directories use only those before them in this list:
 *
 *   state/    this, and changing it consistently
 *   rule/     the rules as objects
 *   need/     topologies compiled into what their units need
 *   choose/   which zhosts are eligible for a need, and which of them is best
 *   wait/     requests that wait, and what wakes them
 *   explain/  reasons and explanations for people
 *   search/   places for a set of units
 *   improve/  better places for units that have one
 *
 * and the files beside them are the public calls. Strings are numbers here (symbol.h). The
 * model's own structures are read only for people, and where rules are compiled.
 */
#ifndef SAMOZA_CORE_PLACE_STATE_STATE_H
#define SAMOZA_CORE_PLACE_STATE_STATE_H

#include "base/check.h"
#include "base/vector.h"
#include "core/place/place.h"
#include "core/place/state/domain_counts.h"
#include "core/place/state/symbol.h"

/* Instead of a column: the scope is the zhost itself. */
#define SCOPE_ZHOST UINT32_MAX
/* The zhost lacks the label. */
#define DOMAIN_NONE  UINT32_MAX
#define DEVICE_WHOLE 1000u /* thousandths */
/* A zhost offers at most this many devices (the rest is ignored), and a unit can have as many.
 */
#define DEVICES_MAX 4096u
/* Thousandths of what is shared. */
#define DEVICE_SHARED (1 << 30)
/* No device: it is gone, or there never was one. A unit lacks it until there is another. */
#define DEVICE_NONE UINT16_MAX
/* Larger amounts are cut, so that sums stay far from overflow. */
#define AMOUNT_MAX (INT64_C(1) << 60)

/* ---- zhosts ---- */

struct node_device {
	uint32_t kind, model;	       /* symbols; of a capability its name */
	int32_t free;		       /* thousandths */
	bool is_capability, is_shared; /* shared: as many may have it as want */
};

/* What decisions read of a zhost, together in memory. */
struct place_node {
	int64_t cpu_free, memory_free;	/* negative after it shrank */
	double cpu_scale, memory_scale; /* 10,000 / what is offered; 0 where nothing is */
	bool known, alive, cordoned;
	bool has_position;
	bool moved;	       /* in place.moved */
	bool regiven;	       /* in place.regiven */
	uint32_t rank;	       /* in the order of names */
	uint32_t noted;	       /* scratch of an index, see choose/index.c */
	uint32_t device_count; /* offered devices */
	struct node_device *devices;
	uint64_t log_position; /* of its last change, see struct place */
	/* Of its devices, as of that change and that workload; see choose/fragmentation.c */
	double waste;
	uint64_t waste_position, waste_version;
	uint32_t first_unit; /* list of those placed here, or PLACE_NONE */
	uint32_t unit_count;
	struct watch *pinned; /* those that wait for this very zhost, see wait/wait.c */
	uint32_t name;	      /* symbol */
	struct node_description *description;
};

/* The rest of it. Strings and arrays are copies. */
struct node_description {
	int64_t cpu_offered, memory_offered;
	struct label_set labels;
	const char **capabilities; /* sorted */
	uint32_t capability_count;
	double latitude, longitude;
	struct zhost_device *devices;
	uint32_t device_count;
};

static inline bool node_available(const struct place_node *node)
{
	return node->known && node->alive && !node->cordoned;
}

/* One label as numbers: which value each zhost has. Made when a rule first needs it. */
struct label_column {
	uint32_t label; /* symbol */
	uint32_t references;
	struct map values;	      /* symbol -> value number */
	VECTOR(uint32_t) value_texts; /* value number -> symbol */
	uint32_t *of;		      /* zhost -> value number or DOMAIN_NONE */
	uint32_t of_size;
};

/* The zhosts that pass all rules that depend on their description alone; shared by all demands
 * with the same requirements. */
struct feasible_set {
	uint32_t key; /* symbol of the requirements' canonical text */
	uint32_t references;
	struct topology *topology; /* a reference: owner of what the requirements point to */
	struct filter *filter;	   /* the requirements */
	uint64_t *bits;
	uint32_t words;
	uint32_t count;
};

static inline bool feasible_has(const struct feasible_set *set, uint32_t zhost)
{
	return (set->bits[zhost / 64] >> (zhost % 64) & 1) != 0;
}

/* ---- groups and counters ---- */

enum counter_kind {
	COUNTER_MEMBERS, /* instances of the group, without those that leave */
	COUNTER_PRESENT, /* with them */
	COUNTER_FORBIDS, /* instances whose anti-affinity forbids the group */
	COUNTER_PREFERS, /* instances that prefer its company, by weight */
	COUNTER_AVOIDS,	 /* instances that avoid its company, by weight */
};

/* How many there are in each domain of a scope. */
struct group_counter {
	enum counter_kind kind;
	uint32_t group;
	uint32_t column; /* or SCOPE_ZHOST */
	int32_t weight;
	uint32_t references; /* 0: free */
	struct domain_counts counts;
};

/* A waiter that is due when members come, or when they leave. */
struct group_watcher {
	struct waiter *waiter;
	bool comes;
};

/* All instances of one space of topologies of one name. */
struct affinity_group {
	uint32_t topology, space;    /* symbols */
	uint32_t references;	     /* 0: free */
	uint32_t placed;	     /* without what leaves */
	uint32_t pending;	     /* of the current try: requested and not placed yet */
	uint32_t required_by;	     /* terms that require it */
	uint32_t depth;		     /* scratch of a search */
	uint64_t version;	     /* grows when what an index assumed of it changes */
	VECTOR(uint32_t) counters;   /* on this group, all kinds */
	VECTOR(struct need *) needs; /* whose units contain instances of it */
	VECTOR(struct group_watcher) watchers;
};

/* ---- needs ---- */

struct need_member {
	uint32_t group;
	uint32_t count; /* instances in one unit */
};

enum term_kind { TERM_REQUIRE, TERM_FORBID, TERM_PREFER, TERM_AVOID };

/* One entry of affinity or anti_affinity of a space in the unit. */
struct affinity_term {
	enum term_kind kind;
	uint32_t group;	 /* with */
	uint32_t column; /* or SCOPE_ZHOST */
	uint32_t
		counter; /* of the group: COUNTER_PRESENT where it forbids, else COUNTER_MEMBERS */
	uint32_t
		owners; /* counter that counts the unit itself (FORBIDS, …); UINT32_MAX: none */
	uint32_t own;	/* others of that group inside the unit */
	uint32_t times; /* instances in the unit that declare it */
	int32_t weight;
	bool self;
	const struct affinity *rule;
	const struct space *space; /* that declares it */
};

/* One entry of spread. */
struct spread_term {
	uint32_t group;
	uint32_t column; /* or SCOPE_ZHOST */
	uint32_t counter;
	uint32_t count; /* instances of the space in one unit */
	uint32_t max;
	bool required;
	const struct space *space; /* that declares it */
};

/* `count` different devices of one kind with that much free. */
struct device_request {
	uint32_t kind; /* symbol */
	uint32_t count;
	int32_t milli;
	uint32_t *models; /* symbols; none: any */
	uint32_t model_count;
	bool is_capability; /* `kind` is its name; the zhost says whether it is shared */
};

/* What needs require of a zhost by itself: where, and how much. Shared by all needs that
 * require the same. */
struct demand {
	uint32_t references;
	uint64_t hash;
	struct demand *next; /* of the same hash */
	uint32_t feasible;   /* feasible set */
	int64_t cpu, memory;
	bool pack;
	bool too_many_devices;		 /* more than any zhost can have */
	struct device_request *requests; /* those of capabilities last */
	uint32_t request_count;
	uint32_t device_total;	  /* sum of counts */
	uint64_t units;		  /* of all topologies */
	struct node_index *index; /* NULL until it is needed */
};

/* A typical request for devices of one kind, with what comes with it. */
struct typical {
	double weight;
	int64_t cpu, memory;
	uint32_t kind, count;
	int32_t milli;
	const uint32_t *models; /* borrowed from a demand */
	uint32_t model_count;
};

struct workload_kind {
	uint32_t kind;
	uint32_t first, count;			/* in typical */
	double milli_for_cpu, milli_for_memory; /* devices for one millicore, one byte */
};

/* What all known units typically request of devices; see need/workload.c */
struct workload {
	bool stale;	  /* demands have changed since */
	uint64_t version; /* grows when it differs */
	VECTOR(struct typical) typical;
	VECTOR(struct workload_kind) kinds;
};

/* A root space of a topology: what each of its units needs. */
struct need {
	struct place_topology *topology;
	struct domain_counts *neighbours, *leaving; /* of its family */
	const struct space *space;
	uint32_t root; /* an instance of it */
	struct demand *demand;
	struct need_member *members;
	uint32_t member_count;
	struct affinity_term *terms; /* required ones first */
	uint32_t term_count, required_count;
	uint32_t label_terms;	     /* not of scope zhost */
	struct spread_term *spreads; /* required ones first */
	uint32_t spread_count, required_spreads;
	struct filter *looking;	  /* requirements of rules by looking; NULL: none */
	uint32_t placed;	  /* units that are members */
	struct node_index *index; /* its own; NULL until it is needed */
};

/* ---- topologies and units ---- */

/* What topologies of one name (revisions of one application) have in common. */
struct family {
	uint32_t name;			 /* symbol */
	uint32_t references;		 /* topologies */
	struct domain_counts neighbours; /* units that are members, by zhost */
	struct domain_counts leaving;	 /* those that leave, which are none */
};

struct place_topology {
	struct place *place;
	struct family *family;
	uint32_t handle;
	struct topology *model; /* a reference; NULL: free */
	uint64_t order;
	struct need *needs; /* by root */
	uint32_t need_count;
	uint32_t unit_count;
};

#define WAITER_MASK ((1u << 30) - 1)

/* A placed unit holds room (cpu, memory, devices) and membership (it counts in groups, counters
 * and as a neighbour). While another unit of its slot is judged, its membership is suspended. One that
 * leaves holds its room, forbids and is forbidden: nothing else.
 */
struct place_unit {
	struct need *need;
	uint16_t *devices; /* demand->device_total of its zhost; NULL without devices */
	const char *name;  /* of its slot; NULL: the path of the instance. Borrowed */
	uint32_t handle, instance;
	uint32_t zhost;		 /* or PLACE_NONE */
	uint32_t slot_next;	 /* ring of the units of its slot; itself when it is alone */
	uint32_t room_next;	 /* ring of those of them that share room where they meet */
	uint32_t next, previous; /* on the same zhost; next: also the list of free ones */
	uint32_t waiter : 30;	 /* position in waiting + 1; 0: no ticket waits for it */
	bool used : 1;
	bool tried : 1;	 /* placed by the current try: it may still get other devices */
	bool leaves : 1; /* placed, and about to go */
	bool named : 1;	 /* its next place gives it the `devices` that it names */
};

static inline bool has_slot_mates(const struct place_unit *u)
{
	return u->slot_next != u->handle;
}

/* ---- the engine ---- */

struct place {
	struct place_options options;
	struct symbols symbols;

	VECTOR(struct place_node) nodes; /* by handle of the zhost */
	VECTOR(uint32_t) free_nodes;
	struct map node_names;	      /* symbol -> zhost */
	VECTOR(uint32_t) by_name;     /* known zhosts; rank -> zhost. nodes_rank() first */
	VECTOR(uint32_t) unranked;    /* known, and not in there yet */
	double cpu_most, memory_most; /* that one zhost offers: nodes_measure() first */
	bool unmeasured;
	VECTOR(uint32_t)
	moved;		/* zhosts to which units have come, or that they have left; each once */
	bool has_moved; /* also of those that are known no longer */
	VECTOR(uint32_t)
	regiven; /* zhosts on which units may hold other devices than before; each once */
	uint64_t layout; /* grows when zhosts come, go or change their labels */

	/* Zhosts in the order of their changes; entry i of the list has position log_first + i.
	 * An entry counts only if it is the last of its zhost. */
	VECTOR(uint32_t) log;
	uint64_t log_first;

	VECTOR(struct label_column) columns;
	VECTOR(struct feasible_set) feasible_sets;
	struct map feasible_keys; /* symbol -> feasible set */
	VECTOR(struct affinity_group) groups;
	VECTOR(uint32_t) free_groups;
	struct map group_keys; /* topology symbol, space symbol -> group */
	VECTOR(struct group_counter) counters;
	VECTOR(uint32_t) free_counters;
	uint64_t versions; /* the last one given to a group */

	VECTOR(struct place_topology *) topologies;
	VECTOR(uint32_t) free_topologies;
	VECTOR(struct family *) families; /* NULL: free */
	VECTOR(uint32_t) free_families;
	struct map family_names; /* symbol -> family */

	VECTOR(struct place_unit *)
	unit_pages;	     /* each of UNITS_PER_PAGE: pointers stay valid */
	uint32_t unit_limit; /* handles given out so far */
	uint32_t free_unit;  /* the first free one, or PLACE_NONE */

	struct map demand_hashes; /* hash -> number of a chain */
	VECTOR(struct demand *) demand_chains;
	VECTOR(uint32_t) free_chains;
	VECTOR(struct demand *) idle_demands;	/* oldest first */
	VECTOR(struct demand *) device_demands; /* those that request devices */
	struct workload workload;

	uint32_t note; /* zhosts noted with this number, see choose/index.c */
	VECTOR(uint32_t) noted;
	struct node_index *newest, *oldest; /* by last use */
	size_t index_bytes;

	struct waiting *waiting;
};

static inline struct place_node *node_at(const struct place *p, uint32_t zhost)
{
	return &p->nodes.items[zhost];
}

static inline const char *node_name(const struct place *p, uint32_t zhost)
{
	return symbol_text(&p->symbols, node_at(p, zhost)->name);
}

/* The domain of a scope in which a zhost lies. */
static inline uint32_t domain_of(const struct place *p, uint32_t column, uint32_t zhost)
{
	return column == SCOPE_ZHOST ? zhost : p->columns.items[column].of[zhost];
}

static inline uint32_t domain_count(const struct place *p, uint32_t column)
{
	return column == SCOPE_ZHOST ? (uint32_t)p->nodes.count
				     : (uint32_t)p->columns.items[column].value_texts.count;
}

#define UNITS_PER_PAGE 256u

static inline struct place_unit *unit_at(const struct place *p, uint32_t unit)
{
	return &p->unit_pages.items[unit / UNITS_PER_PAGE][unit % UNITS_PER_PAGE];
}

static inline const char *unit_path(const struct place_unit *u)
{
	return u->name != NULL ? u->name
			       : u->need->topology->model->instances[u->instance].path;
}

/* The units on a zhost; `u` may be taken away in the loop. */
#define for_each_unit_on(p, node, u)                                                \
	for (uint32_t u##_at = (node)->first_unit, u##_next;                        \
	     u##_at != PLACE_NONE && (u##_next = unit_at((p), u##_at)->next, true); \
	     u##_at = u##_next)                                                     \
		for (struct place_unit *u = unit_at((p), u##_at); u != NULL; u = NULL)

/* How strictly rules that depend on other units of the same request are read. */
enum strictness {
	STRICT, /* as the rules say, with what is placed now */
	GREEDY, /* an affinity holds while the other space is requested and not placed at all */
	OPTIMISTIC, /* an affinity holds while the other space is requested */
};

/* Rule 1, as far as a request decides it. */
static inline bool is_excluded(const struct place_unit_request *r, uint32_t zhost)
{
	for (uint32_t i = 0; i < r->excluded_count; i++) {
		if (r->excluded[i].zhost == zhost)
			return true;
	}
	return r->has_only && r->only != zhost;
}

#endif
