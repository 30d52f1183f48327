/*
 * A rule of placement ([topology.placement]) as an object. To add one: a file in this directory
 * with its `struct place_rule`, a line in rules.c, and a case for each thing that it wakes on
 * in tests/unit/place/wake_cases.c. Eligibility, reasons, explanations and waiting then know
 * it.
 *
 *   struct place_rule       one of rules.c
 *     └─ struct requirement  what it demands of a zhost for one need: `region == eu`. A rule has
 *                            none, one or several for a need
 *   struct filter           the requirements of a need, and what they are judged by
 *
 * Rules differ in how a decision finds out that a zhost passes:
 *
 *   RULE_BY_DESCRIPTION  it depends on the zhost's description alone. The zhosts that pass are
 *                        kept as a bit set (need/feasible_set.c), which is brought up to date when
 *                        a description changes
 *   RULE_BUILT_IN        choose/ decides it from counters and amounts, and indexes rely on it.
 *                        holds() says the same, slowly; tests compare the two
 *   RULE_BY_LOOKING      holds() is asked for each zhost at each decision. Needs with such a
 *                        requirement use no index. A new rule begins like this
 */
#ifndef SAMOZA_CORE_PLACE_RULE_RULE_H
#define SAMOZA_CORE_PLACE_RULE_RULE_H

#include "core/place/rule/minimums.h"
#include "core/place/state/state.h"
#include "core/place/state/view.h"

struct place_rule;

enum rule_decision { RULE_BY_DESCRIPTION, RULE_BUILT_IN, RULE_BY_LOOKING };

/* What may satisfy a requirement that nothing satisfied: a request that waits is tried again
 * when it happens. */
enum place_wake {
	WAKE_STATE = 1u << 0, /* a zhost runs (again), or is uncordoned */
	WAKE_DESCRIPTION =
		1u << 1,     /* a zhost is new, or has other labels, capabilities, position */
	WAKE_ROOM = 1u << 2, /* a zhost has more free: a unit left it, or it offers more */
	WAKE_MEMBERS_CAME = 1u << 3, /* instances of requirement.group were placed */
	WAKE_MEMBERS_LEFT = 1u << 4, /* they left, or units that keep away from them did */
	WAKE_ANY_MOVE = 1u << 5,     /* a unit came or left, or a zhost changed, anywhere */
	WAKE_CALLER = 1u << 6,	     /* only the caller knows (place_wait_wake()) */
};
#define WAKE_COUNT 7u

#define GROUP_NONE UINT32_MAX

struct requirement {
	const struct place_rule *rule;
	unsigned wakes_on;	/* of the rule, unless its compile() says otherwise */
	uint32_t group;		/* of WAKE_MEMBERS_*; or GROUP_NONE */
	const void *declared;	/* the rest is the rule's: what the topology declares */
	uint32_t number, other; /* an index, a counter, an aspect */
	char *text;		/* owned by the requirement */
};

/* Requirements of one need, and what they are judged by. */
struct filter {
	struct place *place;
	const struct topology *topology; /* and the sub-tree at instance `root` */
	uint32_t root;
	const struct need *need;		  /* NULL: only rules by description */
	const struct place_unit_request *request; /* NULL: nothing is judged yet */
	enum strictness strictness;
	struct spread_minimums minimums; /* of rule 5; measured where a filter was opened */
	struct view view;
	VECTOR(struct requirement) requirements; /* by rule number, then as declared */
};

/* Zhosts that are available to a request, as far as they pass the rules looked at so far. */
struct remaining {
	uint32_t *zhosts; /* by name */
	uint32_t count;
};

struct place_rule {
	enum place_rule_number number;
	const char *name;
	enum failure_code code; /* of the FailureReason where no zhost satisfies it */
	enum rule_decision decision;
	unsigned wakes_on; /* of enum place_wake */

	/* Adds the requirements that space `s` of the unit has (filter_add()); called for each
	 * space in the order of their first instances, then with NULL for the unit as a whole.
	 */
	void (*compile)(struct filter *f, const struct space *s);
	bool (*holds)(const struct filter *f, const struct requirement *r, uint32_t zhost);

	/* For people; the caller frees. What is required: "memory", "constraint 'rack == a'" */
	char *(*what)(const struct filter *f, const struct requirement *r);
	/* How it fails on a zhost where it does: "region is us"; may set figures in `ret`. */
	char *(*failure)(const struct filter *f, const struct requirement *r, uint32_t zhost,
			 struct place_failure *ret);
	/* The FailureReason where no zhost satisfies it. NULL: "no zhost satisfies WHAT" */
	char *(*sentence)(const struct filter *f, const struct requirement *r);
	/* The code of that sentence, where it is not always `code`. NULL: it is */
	enum failure_code (*code_of)(const struct requirement *r);
	/* Its details. NULL: which unit needs it, and of how many zhosts none satisfies it */
	char *(*detail)(const struct filter *f, const char *path, const struct remaining *left);
	/* What would have to change on the zhost so that it holds there: "label region=eu" */
	char *(*smallest_change)(const struct filter *f, const struct requirement *r,
				 uint32_t zhost);
	/* The label without which no zhost can satisfy it; NULL: none. Borrowed. */
	const char *(*label)(const struct filter *f, const struct requirement *r);
	/* How much is missing there, relative to the need. NULL: 1 */
	double (*missing)(const struct filter *f, const struct requirement *r, uint32_t zhost);

	/* RULE_BY_DESCRIPTION: a text that is the same where holds() is. NULL for others. */
	char *(*key)(const struct requirement *r);
};

/* All rules, in the order of their numbers; NULL ends the list. */
extern const struct place_rule *const place_rules[];

/* Adds a requirement of the rule, with its wakes_on and without a group. Good until the next.
 */
static inline struct requirement *filter_add(struct filter *f, const struct place_rule *rule)
{
	struct requirement *r = vector_add(&f->requirements);
	*r = (struct requirement){
		.rule = rule, .wakes_on = rule->wakes_on, .group = GROUP_NONE};
	return r;
}

#endif
