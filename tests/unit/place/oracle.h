/*
 * The rules of placement once more, written from the specification alone: strings, loops, no
 * index, no counter. The answers of the engine are checked against it.
 */
#ifndef TESTS_PLACE_ORACLE_H
#define TESTS_PLACE_ORACLE_H

#include "model/topology.h"
#include "model/zhost.h"

#define ORACLE_ZHOSTS 8
#define ORACLE_FACTS  64

/* A unit (an instance without a parent, with all its descendants), and its zhost. */
struct fact {
	const struct topology *topology;
	unsigned root;
	unsigned slot;	   /* facts of one slot replace each other */
	unsigned room;	   /* facts of one room share it where they are on one zhost */
	int zhost;	   /* -1: nowhere */
	unsigned excluded; /* bit set of zhosts on which it may not be placed */
	bool ignore_cordon;
	bool leaves; /* it is about to go: it holds room and forbids, and counts for nothing else */
	const uint16_t *devices; /* of its zhost; NULL: not known yet */
};

struct oracle {
	struct zhost_spec zhosts[ORACLE_ZHOSTS];
	bool alive[ORACLE_ZHOSTS], cordoned[ORACLE_ZHOSTS];
	unsigned zhost_count;
	struct fact facts[ORACLE_FACTS];
	unsigned fact_count;
};

/* NULL when fact `f` may be placed on zhost `z`, given the places of all other facts; else the
 * rule that it breaks. Devices: whether they could be assigned, beside the known ones. */
const char *oracle_breaks(const struct oracle *o, unsigned f, unsigned z);
/* Whether places for facts `first` .. exist such that none of them breaks a rule. */
bool oracle_solvable(struct oracle *o, unsigned first);
/* NULL when the known devices of zhost `z` are assigned correctly. */
const char *oracle_devices(const struct oracle *o, unsigned z);
/* What is held on zhost `z`. */
uint64_t oracle_cpu(const struct oracle *o, unsigned z);
uint64_t oracle_memory(const struct oracle *o, unsigned z);

#endif
