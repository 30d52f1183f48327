/*
 * For each rule of placement, and each thing that it wakes on: a request that only this rule
 * blocks, something that does not concern it, and the change after which it has a place.
 *
 * A new rule needs cases here: wake_cases_missing() goes through the table of rules.
 */
#ifndef TESTS_PLACE_WAKE_CASES_H
#define TESTS_PLACE_WAKE_CASES_H

#include "core/place/rule/rule.h"

enum wake_step_kind {
	STEP_NONE,
	STEP_ZHOST,  /* adds or describes the zhost `text` */
	STEP_CORDON, /* the zhost named `text`; UNCORDON, LOSE, RETURN likewise */
	STEP_UNCORDON,
	STEP_LOSE,
	STEP_RETURN,
	STEP_PLACE, /* places the spaces `text` of a topology `other` */
	STEP_ADD, /* the first unit of `before` is placed on the zhost named `text`, as recorded */
	STEP_REMOVE,  /* it loses its place */
	STEP_FORGIVE, /* the exclusion ends, and the caller wakes the request */
};

struct wake_step {
	enum wake_step_kind kind;
	const char *text;
};

struct wake_case {
	const char *rule; /* its name */
	enum place_wake wakes_on;
	const char *zhosts[3];
	const char *before;   /* spaces of a topology `shop` that is placed first; NULL */
	const char *spaces;   /* of `app`; its first instance waits */
	const char *excluded; /* a zhost that the request excludes; NULL */
	struct wake_step prepare, unrelated, change;
	bool revision; /* `before` is of a topology `app` too */
};

extern const struct wake_case wake_cases[];
extern const size_t wake_case_count;

/* NULL when the request is tried again exactly at the change; else what went wrong. The caller
 * frees. */
char *wake_case_run(const struct wake_case *c);
/* NULL when there is a case for each thing that each rule wakes on; else the first that is
 * missing. The caller frees. */
char *wake_cases_missing(const struct wake_case *cases, size_t count);

#endif
