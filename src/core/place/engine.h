/*
 * Inside the engine: what is kept, and which file looks after it. Not for other rooms.
 *
 *   zhosts.c       zhosts, label columns, the log of changes        struct zhost, column
 *   terrain.c      which zhosts pass rules 2 and 3, as a bit set     struct terrain
 *   groups.c       who stands where: counters by zhost and label     struct group, counter
 *   demands.c      where and how much, without who                 struct demand
 *   needs.c        a root space of a topology, compiled              struct need, term, skew
 *   units.c        taking and freeing places                         struct unit
 *   view.c         the state as one request is judged by it           struct view
 *   devices.c      shares and whole devices on one zhost             struct slot
 *   eligibility.c  rules 1 to 6, fast and without reasons
 *   score.c        which eligible zhost is best
 *   index.c        the best zhost of a need without looking at all   struct index
 *   search.c       a set of units, all or none; backtrack.c          struct batch
 *   judge.c        rules 1 to 6, slowly and with every reason        struct row
 *   reason.c, explain.c, text.c                                      for people
 *   wait.c         who lacks what, and who may be tried again
 *
 * All strings are numbers (symbol.h) once they are in here; the model's own structures are read
 * only where a person is told something, and where a terrain is worked out.
 */
#ifndef SAMOZA_CORE_PLACE_ENGINE_H
#define SAMOZA_CORE_PLACE_ENGINE_H

#include "base/check.h"
#include "base/vector.h"
#include "core/place/place.h"
#include "core/place/symbol.h"
#include "core/place/tally.h"

/* Instead of a column: the scope is the zhost itself. */
#define SCOPE_ZHOST UINT32_MAX
/* The zhost lacks the label. */
#define DOMAIN_NONE  UINT32_MAX
#define DEVICE_WHOLE 1000u /* thousandths */
/* A zhost offers at most this many devices (the rest is left out), a unit can have as many. */
#define SLOTS_MAX 4096u
/* Amounts beyond this are cut, so that sums stay far from overflow. */
#define AMOUNT_MAX (INT64_C(1) << 60)

/* ---- zhosts ---- */

/* One device of a zhost. */
struct slot {
	uint32_t kind, model; /* symbols */
	int32_t free; /* thousandths; 1000: nobody has a share. Negative: it is gone, but held
		       */
};

struct unit;

/* What a decision reads, together. */
struct zhost {
	int64_t cpu_free, memory_free;	/* negative after it shrank */
	double cpu_scale, memory_scale; /* 10,000 / what is offered; 0 where nothing is */
	bool known, alive, cordoned;
	bool has_position;
	uint32_t rank;	     /* in the order of names */
	uint32_t noted;	     /* scratch of an index, see index.c */
	uint32_t slot_count; /* offered devices */
	struct slot *slots;
	uint64_t log_position; /* of its last change, see struct place */
	/* Of its devices, as of that change and that workload; see fragmentation.c */
	double waste;
	uint64_t waste_position, waste_version;
	uint32_t first_unit; /* list of those placed here, or PLACE_NONE */
	uint32_t unit_count;
	struct watch *pinned; /* those that wait for this very zhost, see wait.c */
	uint32_t name;	      /* symbol */
	struct zhost_about *about;
};

/* What only people and terrains read. */
struct zhost_about {
	int64_t cpu_offered, memory_offered;
	struct label_set labels;   /* copies */
	const char **capabilities; /* copies, sorted */
	uint32_t capability_count;
	double latitude, longitude;
	struct zhost_device *devices; /* copies */
	uint32_t device_count;
};

static inline bool zhost_available(const struct zhost *z)
{
	return z->known && z->alive && !z->cordoned;
}

/* One label as numbers: which value each zhost has. Made when a rule first needs it. */
struct column {
	uint32_t label; /* symbol */
	uint32_t references;
	struct map values;	      /* symbol -> value number */
	VECTOR(uint32_t) value_texts; /* value number -> symbol */
	uint32_t *of;		      /* zhost -> value number or DOMAIN_NONE */
	uint32_t of_size;
};

/* ---- terrain ---- */

/* The zhosts that pass the capabilities, constraints and distances of a unit; shared by all
 * needs that ask for the same. */
struct terrain {
	uint32_t key; /* symbol of its canonical text */
	uint32_t references;
	struct topology *topology; /* a reference: owner of what `root` points to */
	uint32_t root;		   /* instance of it: the subtree whose rules these are */
	uint64_t *bits;
	uint32_t words;
	uint32_t count;
};

static inline bool terrain_has(const struct terrain *t, uint32_t zhost)
{
	return (t->bits[zhost / 64] >> (zhost % 64) & 1) != 0;
}

/* ---- groups and counters ---- */

enum counter_kind {
	COUNTER_MEMBERS, /* instances of the group */
	COUNTER_FORBIDS, /* instances that must not stand with the group */
	COUNTER_PREFERS, /* instances that like to, by weight */
	COUNTER_AVOIDS,	 /* instances that rather would not, by weight */
};

/* How many stand in each domain of a scope. */
struct counter {
	enum counter_kind kind;
	uint32_t group;
	uint32_t column; /* or SCOPE_ZHOST */
	int32_t weight;
	uint32_t references; /* 0: free */
	struct tally tally;
};

/* A waiter that is due when members come, or go. */
struct group_concern {
	struct waiter *waiter;
	bool comes;
};

/* All instances of one space of topologies of one name. */
struct group {
	uint32_t topology, space; /* symbols */
	uint32_t references;	  /* 0: free */
	uint32_t placed;
	uint32_t pending;	     /* of the try that runs: wanted and not placed yet */
	uint32_t required_by;	     /* terms that require it */
	uint32_t depth;		     /* scratch of a search */
	uint64_t version;	     /* grows when what an index assumed of it changes */
	VECTOR(uint32_t) counters;   /* on this group, all kinds */
	VECTOR(struct need *) needs; /* whose units contain instances of it */
	VECTOR(struct group_concern) concerns; /* see wait.c */
};

/* ---- needs ---- */

struct member {
	uint32_t group;
	uint32_t count; /* instances in one unit */
};

enum term_kind { TERM_REQUIRE, TERM_FORBID, TERM_PREFER, TERM_AVOID };

/* One entry of affinity or anti_affinity of a space in the unit. */
struct term {
	enum term_kind kind;
	uint32_t group;	  /* with */
	uint32_t column;  /* or SCOPE_ZHOST */
	uint32_t counter; /* COUNTER_MEMBERS of the group */
	uint32_t owners;  /* counter that the unit itself is in (FORBIDS, ...); UINT32_MAX: none
			   */
	uint32_t own;	  /* others of that group inside the unit */
	uint32_t times;	  /* instances in the unit that declare it */
	int32_t weight;
	bool self;
	const struct affinity *rule;
	const struct space *space; /* that declares it */
};

/* One entry of spread. */
struct skew {
	uint32_t group;
	uint32_t column; /* or SCOPE_ZHOST */
	uint32_t counter;
	uint32_t count; /* instances of the space in one unit */
	uint32_t max;
	bool required;
	const struct spread_rule *rule;
	const struct space *space;
};

/* One kind of device needed: `count` devices with that much free. */
struct ask {
	uint32_t kind; /* symbol */
	uint32_t count;
	int32_t milli;
	uint32_t *models; /* symbols; none: any */
	uint32_t model_count;
};

/* What needs ask of a zhost by itself: where, and how much. Shared by all needs that ask for
 * the same. */
struct demand {
	uint32_t references;
	uint64_t hash;
	struct demand *next; /* of the same hash */
	uint32_t terrain;
	int64_t cpu, memory;
	bool pack;
	bool too_many_devices; /* more than any zhost can have */
	struct ask *asks;
	uint32_t ask_count;
	uint32_t device_total; /* sum of counts */
	uint64_t units;	       /* of all known topologies */
	struct index *index;   /* NULL until it is needed */
};

/* What units typically ask of devices of one kind. */
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

struct workload {
	bool stale;	  /* demands have changed since */
	uint64_t version; /* grows when it differs */
	VECTOR(struct typical) typical;
	VECTOR(struct workload_kind) kinds;
};

/* A root space of a topology: what each of its units needs. */
struct need {
	struct place_topology *topology;
	struct tally *neighbours; /* of its family */
	const struct space *space;
	uint32_t root; /* an instance of it */
	struct demand *demand;
	struct member *members;
	uint32_t member_count;
	struct term *terms; /* required ones first */
	uint32_t term_count, required_count;
	uint32_t label_terms; /* not of scope zhost */
	struct skew *skews;   /* required ones first */
	uint32_t skew_count, required_skews;
	uint32_t placed;     /* units that are members */
	struct index *index; /* its own; NULL until it is needed */
};

/* A placed unit holds room (cpu, memory, devices) and membership (it counts in groups,
 * counters and neighbours). Membership is taken away for a moment while another unit of the
 * same slot is judged; room never is. */
#define WAITER_MASK ((1u << 30) - 1)

struct unit {
	struct need *need;
	uint16_t *devices; /* need->device_total slot numbers; NULL without devices */
	uint32_t handle, instance;
	uint32_t zhost;		 /* or PLACE_NONE */
	uint32_t slot_next;	 /* ring of the units of its slot; itself when it is alone */
	uint32_t room_next;	 /* ring of those of them that share room where they meet */
	uint32_t next, previous; /* on the same zhost; next: also the list of free ones */
	uint32_t waiter : 30;	 /* position in waiting + 1; 0: no ticket waits for it */
	bool used : 1;
	bool tried : 1; /* placed by the try that runs: it may still get other devices */
};

/* What topologies of one name (revisions of one application) have in common. */
struct family {
	uint32_t name;		 /* symbol */
	uint32_t references;	 /* topologies */
	struct tally neighbours; /* units that are members, by zhost */
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

/* ---- the engine ---- */

struct place {
	struct place_options options;
	struct symbols symbols;

	VECTOR(struct zhost) zhosts;
	VECTOR(uint32_t) free_zhosts;
	struct map zhost_names;	      /* symbol -> zhost */
	VECTOR(uint32_t) by_name;     /* known zhosts; rank -> zhost. zhosts_rank() first */
	VECTOR(uint32_t) unranked;    /* known, and not in there yet */
	double cpu_most, memory_most; /* that one zhost offers: zhosts_measure() first */
	bool unmeasured;
	uint64_t layout; /* grows when zhosts come, go or change their labels */

	/* Zhosts in the order of their changes; entry i of the list has position log_first + i.
	 * An entry counts only if it is the last of its zhost. */
	VECTOR(uint32_t) log;
	uint64_t log_first;

	VECTOR(struct column) columns;
	VECTOR(struct terrain) terrains;
	struct map terrain_keys; /* symbol -> terrain */
	VECTOR(struct group) groups;
	VECTOR(uint32_t) free_groups;
	struct map group_keys; /* topology symbol, space symbol -> group */
	VECTOR(struct counter) counters;
	VECTOR(uint32_t) free_counters;
	uint64_t versions; /* the last one given to a group */

	VECTOR(struct place_topology *) topologies;
	VECTOR(uint32_t) free_topologies;
	VECTOR(struct family *) families; /* NULL: free */
	VECTOR(uint32_t) free_families;
	struct map family_names;	  /* symbol -> family */
	VECTOR(struct unit *) unit_pages; /* each of UNITS_PER_PAGE: pointers stay valid */
	uint32_t unit_limit;		  /* handles given out so far */
	uint32_t free_unit;		  /* the first free one, or PLACE_NONE */

	struct map demand_hashes; /* hash -> number of a chain */
	VECTOR(struct demand *) demand_chains;
	VECTOR(uint32_t) free_chains;
	VECTOR(struct demand *) idle_demands;	/* oldest first */
	VECTOR(struct demand *) device_demands; /* those that ask for devices */
	struct workload workload;

	uint32_t note; /* zhosts noted with this number */
	VECTOR(uint32_t) noted;
	struct index *newest, *oldest; /* by last use */
	size_t index_bytes;

	struct waiting *waiting;
};

static inline struct zhost *zhost_at(const struct place *p, uint32_t zhost)
{
	return &p->zhosts.items[zhost];
}

/* The domain of a scope in which a zhost lies. */
static inline uint32_t domain_of(const struct place *p, uint32_t column, uint32_t zhost)
{
	return column == SCOPE_ZHOST ? zhost : p->columns.items[column].of[zhost];
}

static inline uint32_t domain_count(const struct place *p, uint32_t column)
{
	return column == SCOPE_ZHOST ? (uint32_t)p->zhosts.count
				     : (uint32_t)p->columns.items[column].value_texts.count;
}

#define UNITS_PER_PAGE 256u

static inline struct unit *unit_at(const struct place *p, uint32_t unit)
{
	return &p->unit_pages.items[unit / UNITS_PER_PAGE][unit % UNITS_PER_PAGE];
}

/* The units on a zhost; `u` may be taken away in the loop. */
#define for_each_unit_on(p, z, u)                                                   \
	for (uint32_t u##_at = (z)->first_unit, u##_next;                           \
	     u##_at != PLACE_NONE && (u##_next = unit_at((p), u##_at)->next, true); \
	     u##_at = u##_next)                                                     \
		for (struct unit *u = unit_at((p), u##_at); u != NULL; u = NULL)

static inline bool has_slot_mates(const struct unit *u)
{
	return u->slot_next != u->handle;
}

/* ---- zhosts.c ---- */

struct zhost *zhost_checked(const struct place *p, uint32_t zhost);
/* After anything that decisions read has changed on a zhost. */
void zhost_changed(struct place *p, uint32_t zhost);
/* Brings zhost.rank and by_name up to date. */
void zhosts_rank(struct place *p);
/* Brings cpu_most and memory_most up to date. */
void zhosts_measure(struct place *p);
/* Column of a label; takes a reference. */
uint32_t column_take(struct place *p, const char *label);
void column_drop(struct place *p, uint32_t column);
const char *zhost_name(const struct place *p, uint32_t zhost);
/* Text of a domain: a zhost's name or a label's value. */
const char *domain_text(const struct place *p, uint32_t column, uint32_t domain);
void zhosts_done(struct place *p);

/* ---- terrain.c ---- */

/* Terrain of the subtree at `root`; takes a reference. */
uint32_t terrain_take(struct place *p, struct topology *t, uint32_t root);
void terrain_drop(struct place *p, uint32_t terrain);
/* A zhost is new or has other labels, capabilities or position. */
void terrains_update(struct place *p, uint32_t zhost);
bool zhost_offers(const struct zhost *z, const char *capability);
bool zhost_is_near(const struct zhost *z, const struct near_rule *near);

/* ---- groups.c ---- */

/* Both take a reference. */
uint32_t group_take(struct place *p, const char *topology, const char *space);
uint32_t counter_take(struct place *p, enum counter_kind kind, uint32_t group, uint32_t column,
		      int32_t weight);
void group_drop(struct place *p, uint32_t group);
void counter_drop(struct place *p, uint32_t counter);
/* `count` instances of the group came to (negative: left) a zhost. */
void group_move(struct place *p, uint32_t group, uint32_t zhost, int32_t count);
void counter_move(struct place *p, uint32_t counter, uint32_t zhost, int32_t count);
/* `count` instances of the group became wanted (negative: no longer). */
void group_pend(struct place *p, uint32_t group, int32_t count);
void groups_done(struct place *p);

/* ---- demands.c ---- */

/* Demand of the subtree at `root`; takes a reference. */
struct demand *demand_take(struct place *p, struct topology *t, uint32_t root);
void demand_drop(struct place *p, struct demand *d);
/* So many units with that demand became known (negative: are forgotten). */
void demand_count(struct place *p, struct demand *d, int64_t units);
void demands_done(struct place *p);

/* ---- needs.c ---- */

struct place_topology *topology_checked(const struct place *p, uint32_t topology);
/* What a unit of that instance needs. PRE: it has no parent. */
struct need *need_checked(const struct place_topology *t, uint32_t instance);

/* ---- units.c ---- */

struct unit *unit_checked(const struct place *p, uint32_t unit);
/* PRE: they are two units of one slot. */
void check_slot_mates(const struct place *p, const struct unit *u, const struct unit *mate);
/* Takes the place; devices as the unit already names them (`keep`) or best fit. PRE: none. */
void unit_attach(struct place *p, struct unit *u, uint32_t zhost, bool keep);
/* Frees it, remembers its devices. PRE: it has one. */
void unit_detach(struct place *p, struct unit *u);
/* The other placed units of the slot of `u` are members (sign 1), or no longer (-1). */
void slot_mates_change(struct place *p, const struct unit *u, int32_t sign);
bool shares_room(const struct unit *u);
/* The room that `u` and those that share it hold on its zhost: taken (sign -1) or given back
 * (1). PRE: it is placed. */
void joint_room_change(struct place *p, const struct unit *u, int32_t sign);
/* From now on `u` shares room with `mate`; with none. PRE: `u` is not placed. */
void room_join(struct place *p, struct unit *u, struct unit *mate);
void room_leave(struct place *p, struct unit *u);
/* Gives the devices of a zhost out again among its units, oldest topology first. */
void units_assign_devices(struct place *p, struct zhost *z);
void units_done(struct place *p);

/* ---- view.c ---- */

/* The state as it is judged for one request: the other units of its slot are no members, the
 * room that it may share is free, a cordon that it ignores is none. Nothing is placed or removed
 * while a view is open. */
struct view {
	struct place *place;
	const struct unit *unit;
	const struct unit *room_mate; /* its room, and what it shares, is given back; or NULL */
	uint32_t uncordoned;	      /* or PLACE_NONE */
};
void view_open_slowly(struct view *v, const struct place_unit_request *r);
void view_close_slowly(struct view *v);
static inline void view_open(struct view *v, struct place *p,
			     const struct place_unit_request *r)
{
	*v = (struct view){p, unit_at(p, r->unit), NULL, PLACE_NONE};
	if (has_slot_mates(v->unit) || r->ignore_cordon)
		view_open_slowly(v, r);
	else
		v->unit = NULL; /* nothing is different */
}
static inline void view_close(struct view *v)
{
	if (v->unit != NULL)
		view_close_slowly(v);
}
/* Around a change of a zhost's labels: its units leave the domains they were counted in, and
 * are counted where they are then. */
void units_leave_labels(struct place *p, uint32_t zhost);
void units_return_labels(struct place *p, uint32_t zhost);

/* ---- devices.c ---- */

/* Whether all asks find devices on the zhost; with `ret_slots` (room for device_total), which.
 * Best fit first; where that fails, every combination within a bound. */
bool devices_fit(const struct slot *slots, uint32_t slot_count, const struct demand *d,
		 uint16_t *ret_slots);
/* Takes (sign -1) or gives back (sign 1) the shares of `slots` on a zhost. */
void devices_apply(struct zhost *z, const struct demand *d, const uint16_t *slots,
		   int32_t sign);
bool ask_accepts(const struct ask *a, const struct slot *s);
/* Slots on which the ask alone would find room. */
uint32_t devices_free(const struct zhost *z, const struct ask *a);
/* No device of its zhost: it is gone, or was never there. */
#define SLOT_NONE UINT16_MAX

/* ---- eligibility.c ---- */

enum strictness {
	STRICT, /* as the rules say, with what is placed now */
	GREEDY, /* an affinity holds while none of the other space is placed but some is wanted
		 */
	OPTIMISTIC, /* an affinity holds while some of the other space is wanted */
};

/* Rule 4, one term in one domain. */
bool term_holds(const struct place *p, const struct term *t, uint32_t domain,
		enum strictness strictness);
/* Whether a required affinity holds though none of the other space is in the domain. */
bool affinity_in_advance(const struct place *p, const struct term *t,
			 enum strictness strictness);
/* Rules 1 (but exclusion), 2, 3 and 6: all that does not depend on who asks. */
bool fits_demand(const struct place *p, const struct demand *d, uint32_t zhost);
/* Rules 1 (but exclusion), 2, 3, 6, and of rule 4 what the zhost itself decides. */
bool fits_zhost(const struct place *p, const struct need *n, uint32_t zhost,
		enum strictness strictness);
/* Of rule 4 what labels decide. */
bool fits_labels(const struct place *p, const struct need *n, uint32_t zhost,
		 enum strictness strictness);
/* Both; the second without devices. */
bool fits(const struct place *p, const struct need *n, uint32_t zhost,
	  enum strictness strictness);
bool fits_but_devices(const struct place *p, const struct need *n, uint32_t zhost,
		      enum strictness strictness);

/* Rule 1, as far as the request decides it. */
static inline bool is_excluded(const struct place_unit_request *r, uint32_t zhost)
{
	for (uint32_t i = 0; i < r->excluded_count; i++) {
		if (r->excluded[i].zhost == zhost)
			return true;
	}
	return r->has_only && r->only != zhost;
}

/* What rule 5 compares with, of one skew: the fewest instances in any domain of the zhosts that
 * pass the other rules. UINT32_MAX: there is no such domain. */
struct floor {
	uint32_t fewest, domain; /* and one domain that has so few */
	uint32_t second;	 /* the fewest in any other */
};
struct floors {
	struct floor *items; /* for each skew of the need */
	uint32_t capacity;   /* of the array; floors_done() frees it */
};
void floors_measure(const struct place *p, const struct need *n,
		    const struct place_unit_request *r, enum strictness strictness,
		    struct floors *floors);
void floors_done(struct floors *floors);
/* Piece by piece: begins; takes in the domains of one zhost that passes the other rules. */
void floors_reset(struct floors *floors, const struct need *n);
void floors_add(const struct place *p, const struct need *n, uint32_t zhost,
		struct floors *floors);
/* Takes a domain with `count` instances into account. */
void floor_add(struct floor *f, uint32_t domain, uint32_t count);
/* One required skew for one unit more in `domain` with `count` instances. */
bool skew_holds(const struct skew *s, const struct floor *f, uint32_t domain, uint32_t count);
/* Rule 5, all required ones. */
bool fits_spread(const struct place *p, const struct need *n, uint32_t zhost,
		 const struct floors *floors);

/* All rules, on one zhost. */
bool fits_request(const struct place *p, const struct need *n,
		  const struct place_unit_request *r, uint32_t zhost,
		  enum strictness strictness);

/* ---- score.c ---- */

/* The score of an eligible zhost; `floors` as measured. */
struct place_score score_of(const struct place *p, const struct need *n, uint32_t zhost,
			    const struct floors *floors);
/* What the zhost itself says of it: all but the preferences of labels and of spread. */
struct place_score score_zhost(const struct place *p, const struct need *n, uint32_t zhost);
/* The same where nobody stands whom the need knows of. */
struct place_score score_demand(const struct place *p, const struct demand *d, uint32_t zhost);
/* The preferences of labels and of spread. */
int32_t preference_labels(const struct place *p, const struct need *n, uint32_t zhost,
			  const struct floors *floors);
/* Never 0; higher is better. score_prefer() adds to the preference of a key. */
uint64_t score_key(const struct demand *d, const struct place_score *s);
uint64_t score_prefer(uint64_t key, int32_t preference);

/* ---- fragmentation.c ---- */

/* How much less useful the free devices of a zhost become by the unit, thousandths of a device.
 */
int32_t fragmentation_of(const struct place *p, const struct demand *d, struct zhost *z);
/* Brings the workload up to date; before scores are asked for. */
void workload_refresh(struct place *p);
void workload_done(struct workload *w);

#endif
