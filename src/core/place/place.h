/*
 * Placement: which zhost each instance without a parent gets [topology.placement], why,
 * and what would have to change where there is no place.
 *
 *   struct place
 *     ├─ zhosts       what each offers, what is free, its flags          handle: uint32_t
 *     ├─ topologies   a reference to a compiled topology (one revision    handle: uint32_t
 *     │               of it), and what its instances need
 *     ├─ units        placements: an instance without a parent, with all  handle: uint32_t
 *     │               its descendants, on one zhost or waiting for one.
 *     │               The units of one slot replace each other
 *     └─ tickets      requests that found no place, and what they lack    number: the caller's
 *
 * The engine keeps what is placed. The caller reports every change (zhosts that come, go and
 * change; placements that a record holds; units that lose their place) and asks for places.
 * A successful try is kept at once; the caller makes it durable.
 *
 * An answer is correct when every unit that it places is eligible on its zhost, given all other
 * placements. The same state and the same request give the same answer, in whatever order zhosts,
 * topologies and placements were reported; ties break by name.
 *
 * Pure: no I/O, no clock, no random numbers, no log. Handles are small integers, reused after
 * their removal. One thread at a time.
 */
#ifndef SAMOZA_CORE_PLACE_PLACE_H
#define SAMOZA_CORE_PLACE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/failure.h"
#include "model/topology.h"
#include "model/zhost.h"

struct place;

#define PLACE_NONE UINT32_MAX /* no such zhost, topology, unit */

/* Zero fields take the default. */
struct place_options {
	/* How many times one try may look at a zhost for an instance, or at what an instance relies
	 * on that it has placed, before its search gives up and says so. Default PLACE_SEARCH_STEPS.
	 * Searches over at most 6 zhosts and 8 units always run to their end. */
	uint64_t search_steps;
};
#define PLACE_SEARCH_STEPS UINT64_C(2000000)

/* NULL options: defaults. */
struct place *place_new(const struct place_options *options);
/* NULL is fine. Drops its references to topologies. */
void place_free(struct place *p);

/* ---- zhosts ---- */

/* Adds the zhost, or updates the one of that name; returns its handle. Copies what it needs.
 * `alive`: its state is deployed-started. */
uint32_t place_zhost_set(struct place *p, const struct zhost_spec *spec, bool alive,
			 bool cordoned);
void place_zhost_flags(struct place *p, uint32_t zhost, bool alive, bool cordoned);
/* PRE: no unit is placed there (place_zhost_unit()). */
void place_zhost_remove(struct place *p, uint32_t zhost);
/* PLACE_NONE when there is none of that name. */
uint32_t place_zhost_find(const struct place *p, const char *name);
/* Borrowed, good until the zhost is removed. */
const char *place_zhost_name(const struct place *p, uint32_t zhost);

/* What placements hold on a zhost. More than it offers after it shrank. */
struct place_usage {
	uint64_t cpu_offered, cpu_reserved; /* millicores */
	uint64_t memory_offered, memory_reserved;
	uint32_t devices_offered,
		devices_whole_free; /* devices of which no unit holds a share */
	uint32_t units;
};
struct place_usage place_zhost_usage(const struct place *p, uint32_t zhost);
/* Devices of one kind and model of which no unit holds a share. */
uint32_t place_zhost_devices_free(const struct place *p, uint32_t zhost, const char *kind,
				  const char *model);

/* Walks the units on a zhost, in no meaningful order: the unit after `unit`, the first for
 * PLACE_NONE; PLACE_NONE at the end. Units may not be placed or removed meanwhile. */
uint32_t place_zhost_unit(const struct place *p, uint32_t zhost, uint32_t unit);

/* ---- topologies ---- */

/* Takes a reference. `order` is the age: a lower one is tried first (the sequence of the
 * submission). Several topologies may have the same name (revisions of one application): for
 * affinities with OTHER-TOPOLOGY/SPACE all of them count. */
uint32_t place_topology_add(struct place *p, struct topology *model, uint64_t order);
/* PRE: it has no units any more. */
void place_topology_remove(struct place *p, uint32_t topology);

/* ---- units ---- */

/* A unit is one placement of a slot: the slot `api-2` has one unit that serves and, during a
 * handover, a second one. `instance`: index in topology->instances[] of an instance without a
 * parent. `slot_mate`: any other unit of the same slot, of this or of another revision;
 * PLACE_NONE: the first of its slot. Units of one slot never count for or against each other
 * in rules 4 and 5, in preferences and in spreading; each holds room of its own. */
uint32_t place_unit_new(struct place *p, uint32_t topology, uint32_t instance,
			uint32_t slot_mate);
/* Makes a unit for each instance without a parent, each the first of its slot: ret_units[i]
 * for instance i, PLACE_NONE for children and for patterns (`count: each`). */
void place_units_new(struct place *p, uint32_t topology, uint32_t *ret_units);
/* Its slot, for reasons and ties: of a pattern there are several. Borrowed while there is the unit. */
void place_unit_name(struct place *p, uint32_t unit, const char *path);
/* Frees its place too. PLACE_NONE is fine. PRE: no ticket waits for it. */
void place_unit_free(struct place *p, uint32_t unit);

/* The descendants of the slot changed (revision `topology`, where it is `instance`): the unit
 * needs what those need from now on. A placed unit stays where it is if its zhost passes rules
 * 2 to 6; false, and nothing changed, otherwise. Its devices may be others afterwards. PRE: no
 * ticket waits for it. */
bool place_unit_resize(struct place *p, uint32_t unit, uint32_t topology,
		       uint32_t instance) must_check;
/* The same of one that needs no more than before: it stays where it is, whatever the rules say. */
void place_unit_shrink(struct place *p, uint32_t unit, uint32_t topology, uint32_t instance);
/* Whether that would be true; nothing changes. PRE: placed; no ticket waits for it. */
bool place_unit_may_stay(struct place *p, uint32_t unit, uint32_t topology,
			 uint32_t instance) must_check;
/* From now on the two hold room together while they are on the same zhost: of each amount and
 * of each device as much as the one that needs more, since at most one of them runs at a time.
 * It ends when one of them is removed. PRE: units of one slot; `unit` is not placed. */
void place_share_room(struct place *p, uint32_t unit, uint32_t with);
/* It does. */
bool place_shares_room(const struct place *p, uint32_t unit, uint32_t with);
/* A placement that a record holds: accepted as it is, without checking the rules. It gets the devices of
 * place_name_devices(), otherwise the best fit of what is free. PRE: not placed. */
void place_add(struct place *p, uint32_t unit, uint32_t zhost);
/* Frees its place; does nothing when it has none. */
void place_remove(struct place *p, uint32_t unit);
/* It is about to go, or not after all: until it has lost its place it holds its room, what forbids its company
 * forbids it still, and so does it; but no affinity, spread or preference counts it. Nothing where it has no
 * place. */
void place_unit_leaves(struct place *p, uint32_t unit, bool leaves);
bool place_unit_is_leaving(const struct place *p, uint32_t unit);
/* Where it is, or PLACE_NONE. */
uint32_t place_where(const struct place *p, uint32_t unit);
/* Which devices of its zhost (index over all that it offers, in declaration order) a placed
 * unit holds: for each of its device needs in order (its own, then its descendants' in the
 * order of instances), `count` of them; UINT16_MAX for one that it lacks; then one for each capability that it and
 * its descendants declare, which is a device that the zhost has once, or as often as it is wanted. Borrowed until the
 * next change. */
const uint16_t *place_devices(const struct place *p, uint32_t unit, uint32_t *ret_count);
/* A device as a record names it. */
struct place_device {
	const char *kind, *model; /* kind "": it lacks one. model "": none. Borrowed */
	uint32_t index;		  /* among those of the kind and model on the zhost, from 0 */
};
/* What place_devices() says in place `n` of a placed unit. Good until the next change. */
struct place_device place_device(const struct place *p, uint32_t unit, uint32_t n);
/* What the next place_add() to that zhost gives the unit: what is in this list, as far as it is there, and nothing else. Of
 * another length than its needs it says nothing. PRE: not placed. */
void place_name_devices(struct place *p, uint32_t unit, uint32_t zhost,
			const struct place_device *devices, uint32_t count);
/* Zhosts on which units may hold other devices than before the last place_regiven_clear(), each once. Borrowed until the
 * next change. */
const uint32_t *place_regiven(const struct place *p, size_t *ret_count);
void place_regiven_clear(struct place *p);
/* It is placed where there are too few for it: its zhost offers less than before. It keeps what is left. */
bool place_lacks_devices(const struct place *p, uint32_t unit);

/* ---- one zhost ---- */

/* Whether the zhost passes rules 2 and 3 for the instance, which has no parent. */
bool place_fits_description(const struct place *p, uint32_t topology, uint32_t instance,
			    uint32_t zhost);
/* Rule 4, given what is placed now. */
bool place_has_company(const struct place *p, uint32_t topology, uint32_t instance,
		       uint32_t zhost);
/* Upon what that depends. */
enum place_company {
	COMPANY_NONE,	/* it has no such rule, and nothing keeps away from it */
	COMPANY_BESIDE, /* what is placed on that zhost */
	COMPANY_AROUND, /* what is placed elsewhere, too */
};
enum place_company place_company(const struct place *p, uint32_t topology, uint32_t instance);
/* Zhosts on which units were placed, lost their place or need something else since place_moved_clear(), each once,
 * in that order. Borrowed until the next change. */
const uint32_t *place_moved(const struct place *p, size_t *ret_count);
/* There is one, or was: it may have been removed since. */
bool place_has_moved(const struct place *p);
void place_moved_clear(struct place *p);

/* ---- try ---- */

/* A zhost that a unit may not take for now (repeated failure there). */
struct place_exclusion {
	uint32_t zhost;
	enum failure_code code;
	const char *sentence; /* "SPACE failed N times on ZHOST: LAST_ERROR"; borrowed */
};

/* Zero fields ask for nothing special. */
struct place_unit_request {
	uint32_t unit; /* not placed */
	const struct place_exclusion *excluded;
	uint32_t excluded_count;
	/* Stop-first: it is installed beside the unit `replaces` of its slot, and starts only
	 * when that one has stopped. It goes where that one is, while that zhost is eligible
	 * with the room of `replaces` returned, and shares that room (place_share_room()); else
	 * to the best other zhost, with room of its own. PRE: the only unit of its request. */
	bool shares_room;
	uint32_t replaces;
	/* No other zhost is eligible: it stays where it is, or belongs to that zhost. */
	bool has_only;
	uint32_t only;
	bool ignore_cordon; /* PRE: has_only */
};

enum place_mode {
	PLACE_TOGETHER, /* all or none: first placement */
	PLACE_RECOVER,	/* together; else one by one in the order of their paths, repeated
			   until a pass places none; then together those that may want each
			   other, and again */
};

struct place_request {
	enum place_mode mode;
	const struct place_unit_request *units; /* any order, each once, of any topologies */
	size_t unit_count;
	bool dry_run; /* answer, keep nothing */
};

/* Why there is no place. Strings belong to it. */
struct place_reason {
	uint32_t unit; /* the one that finds no place; PLACE_NONE where it is none of them */
	enum failure_code code; /* of the sentence; FAILURE_NONE without one */
	char *sentence;		/* FailureReason, in the words of [topology.reason] */
	char *detail;		/* figures; NULL when there are none */
	char *change; /* the smallest change that would make it fit; NULL when unknown */
	char *room_on; /* the zhosts that lack nothing but room for it: "n1", "n1 or n2"; NULL: none */
};

struct place_result {
	bool complete; /* every unit has a zhost */
	size_t placed;
	uint32_t *zhosts;	    /* of each unit of the request: its zhost or PLACE_NONE */
	struct place_reason reason; /* unless complete */
	bool budget_spent; /* the search gave up before it had seen everything; also in detail
			    */
	uint64_t steps;	   /* of the search, for metrics */
};

/* Tries; keeps what it placed unless dry_run. `ret` is filled in every case; the caller ends it
 * with place_result_done(). */
void place_try(struct place *p, const struct place_request *request, struct place_result *ret);
/* As a topology is first placed: what is not optional together; then, where that has a place, the
 * optional ones, each for itself. `units`: of place_units_new(). The result is that of the first
 * step; place_where() says which of the optional ones have a place. */
void place_try_topology(struct place *p, const struct topology *t, const uint32_t *units,
			struct place_result *ret);
void place_result_done(struct place_result *result);
void place_reason_done(struct place_reason *reason);
/* "SENTENCE" or "SENTENCE: DETAIL" with its code; the caller ends it with failure_done(). None when there is none. */
struct failure_reason place_reason_whole(const struct place_reason *reason);
/* Only the text. The caller frees. NULL when there is none. */
char *place_reason_text(const struct place_reason *reason);
/* "waits for room on n1 or n2: WHY", where zhosts lack nothing but room (`room_on`), "waits for a place: WHY" where it is
 * NULL: one form, wherever it is shown. The caller frees. */
char *place_waits_text(const char *room_on, const char *why);

/* ---- rebalance ---- */

/* How much better a unit would be placed elsewhere. Each part counts only where those before it are equal. */
struct place_gain {
	bool rules;	    /* where it is, a required rule does not hold */
	int32_t preference; /* sum of the weights of preferred affinity and spread */
	int32_t neighbours; /* strategy spread: so many fewer units of its topology beside it */
	int64_t balance; /* strategy spread: so much smaller is the sum of the squared loads of both zhosts */
	uint32_t load_from, load_to; /* of the two, with the unit: ten-thousandths */
};
/* For the sake of load alone a unit moves only where it finds so much less of it: ten percent. */
#define PLACE_LOAD_GAP 1000u

struct place_move {
	size_t index; /* in the request */
	uint32_t unit, from, to;
	struct place_gain gain;
};
struct place_rebalance {
	const struct place_unit_request
		*units; /* placed; of the requests only `excluded` counts */
	size_t unit_count;
	size_t movable; /* the first so many may move; the others are only judged */
	uint32_t max_moves;
};
struct place_moves {
	struct place_move *items; /* in the order in which they improve most */
	size_t count;
	struct place_move
		*stays; /* others that would improve still; in the order of the request */
	size_t stay_count;
};

/* The fewest moves after which no single one improves any more, at most so many; nothing changes. Units that
 * share room stay. The caller ends the result with place_moves_done(). */
void place_rebalance(struct place *p, const struct place_rebalance *request,
		     struct place_moves *ret);
void place_moves_done(struct place_moves *moves);

/* ---- waiting, and what may be tried again ---- */

/* Remembers under the caller's number `ticket` that these units found no place (right after
 * the try that said so, before any other change), and what they lack. Replaces what the ticket
 * waited for before. Until place_wait_end(), every change that may have brought what they lack
 * makes the ticket due. PRE: a unit waits under at most one ticket. */
void place_wait(struct place *p, uint32_t ticket, const struct place_request *request);
/* Of units that need places together: the one that fitted nowhere then, for which alone is watched. PLACE_NONE: each fitted. */
uint32_t place_wait_hopeless(const struct place *p, uint32_t ticket);
/* As place_wait(), in another engine in which it was that one, although it may fit by now. */
void place_wait_restore(struct place *p, uint32_t ticket, const struct place_request *request,
			uint32_t hopeless);
/* Nothing unless it waits. */
void place_wait_end(struct place *p, uint32_t ticket);
/* Makes it due at once: an exclusion ended, or a person asks. Nothing unless it waits. */
void place_wait_wake(struct place *p, uint32_t ticket);
/* The ticket that is due and whose topology is the oldest, or PLACE_NONE. It is due no longer,
 * and waits on until place_wait() or place_wait_end(). */
uint32_t place_wait_next(struct place *p);
/* The same, if that topology is older than `order`, which is that of another one (place_topology_add()). */
uint32_t place_wait_next_before(struct place *p, uint64_t order);
bool place_wait_any(const struct place *p);
/* The units that wait under the ticket, in the order of its request; none: it does not wait. Borrowed until
 * the next call. */
const uint32_t *place_wait_units(const struct place *p, uint32_t ticket, uint32_t *ret_count);

/* ---- explanation ---- */

enum place_rule_number { /* the numbers of [topology.placement.rule-1] to -6 */
			 PLACE_RULE_STATE = 1,
			 PLACE_RULE_CAPABILITY = 2,
			 PLACE_RULE_SPATIAL = 3,
			 PLACE_RULE_AFFINITY = 4,
			 PLACE_RULE_SPREAD = 5,
			 PLACE_RULE_CAPACITY = 6,
};

/* What `needs` and `free` of a failure count. */
enum place_quantity {
	PLACE_NO_QUANTITY,
	PLACE_MILLICORES,
	PLACE_BYTES,
	PLACE_DEVICES,
};

struct place_failure {
	enum place_rule_number rule;
	const char *rule_name; /* of the object: "capability", "cpu" */
	char *what;	       /* the requirement; the same on every zhost: "memory" */
	char *text;	       /* and how it failed: "memory, needs 512 MiB, 128 MiB free" */
	enum place_quantity quantity;
	int64_t needs, free;
	uint32_t requirement; /* its place in the rules of the explanation */
};

/* Something that its zhost must satisfy. */
struct place_step {
	const char *name; /* "capability" */
	char *what;	  /* "capability 'sensors.camera'"; NULL: the name says it */
	uint32_t left;	  /* zhosts that satisfy it and all before it */
};

struct place_score {
	int64_t total;	     /* higher is better; ties break by name */
	int32_t preference;  /* sum of the weights of preferred affinity and spread */
	uint32_t neighbours; /* units of the same topology there (strategy spread: fewer first)
			      */
	int32_t fragmentation; /* growth of device fragmentation, thousandths of a device */
	uint32_t load; /* of cpu or memory, the fuller, with it placed: ten-thousandths */
};

/* One zhost, judged for one unit. */
struct place_verdict {
	uint32_t zhost;
	bool eligible;
	bool chosen;
	struct place_failure *failures; /* every rule that failed, by rule */
	uint32_t failure_count;
	struct place_score score; /* of eligible ones */
};

/* Strings and arrays belong to it. */
struct place_explanation {
	uint32_t unit;
	uint32_t zhost;			/* where it is, or PLACE_NONE */
	struct place_verdict *verdicts; /* eligible ones by score, then the others; by name */
	uint32_t verdict_count;
	uint32_t eligible_count;
	struct place_step *rules; /* in the order in which they are looked at */
	uint32_t rule_count;
	struct place_reason reason; /* set when no zhost is eligible */
};

/* Judges every zhost for one unit, given everything else that is placed: a placed unit is
 * judged as if it had no place (nothing changes). */
void place_explain(struct place *p, const struct place_unit_request *request,
		   struct place_explanation *ret);
void place_explanation_done(struct place_explanation *e);

/* Zhosts of the same verdict (eligible with equal scores, or failing the same requirements),
 * for people: zhosts "edge-node-1" or "212 zhosts", text "cpu: needs 2, at most 1.5 free" */
struct place_group {
	char *zhosts;
	char *first; /* name of the first of them */
	uint32_t count;
	bool eligible;
	bool chosen;
	char **failures;
	uint32_t failure_count;
	struct place_score score;
};
struct place_groups {
	struct place_group *items;
	uint32_t count;
};
void place_explanation_group(const struct place *p, const struct place_explanation *e,
			     struct place_groups *ret);
void place_groups_done(struct place_groups *groups);

/* "preference +50, neighbours 0, load 31.20 %"; the caller frees. */
char *place_score_text(const struct place_score *score);

/* All of it for a person, several lines, each ends with a newline; the caller frees. */
char *place_explanation_text(const struct place *p, const struct place_explanation *e);

#endif
