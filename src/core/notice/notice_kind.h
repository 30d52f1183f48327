/*
 * Which events a person is told of, and in which words. What a person is told is a notice; it has the name of what it is
 * about, and of what has become of that: "topology.failed".
 *
 * Pure. Source: [observe.logs.notices].
 */
#ifndef SAMOZA_CORE_NOTICE_KIND_H
#define SAMOZA_CORE_NOTICE_KIND_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/record.pb-c.h"

struct notice_kind {
	const char *name;
	const char *help;  /* when there is one */
	const char *words; /* with a %s: of whom; or without one */
};

/* All of them; the last one has no name. */
extern const struct notice_kind notice_kinds[];

/* What asks for a notice by itself, to see whether it comes. In no list of kinds. */
#define NOTICE_TEST "test"

/* NULL: there is none of that name. */
const struct notice_kind *notice_kind_find(const char *name);
/* The name that somebody may have meant; NULL: none is like it. */
const char *notice_kind_nearest(const char *name);

/* The kind of the notice that there is of an event; NULL: there is none. */
const struct notice_kind *notice_kind_of(const Samoza__V1__EventRecord *event);

/* "topology shop has failed: api: out of attempts". The caller frees. */
char *notice_sentence(const struct notice_kind *kind, const Samoza__V1__EventRecord *event);

/* Which notices a target gets. All borrowed. */
struct notice_rule {
	char *const *on; /* names of kinds */
	size_t on_count;
	/* Patterns of names (core/access/access.h); none: all. Topologies: of what a notice of a topology or a
	 * rollout is about. Zhosts: the same of a zhost's. */
	char *const *topologies;
	size_t topology_count;
	char *const *zhosts;
	size_t zhost_count;
};

/* The kind of the notice that the rule wants of that event; NULL: none. */
const struct notice_kind *notice_rule_wants(const struct notice_rule *rule,
					    const Samoza__V1__EventRecord *event);

#endif
