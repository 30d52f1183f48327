/*
 * A life of the engine under test: applications, their units, and requests that wait.
 */
#ifndef TEST_PLACE_RANDOM_LIFE_H
#define TEST_PLACE_RANDOM_LIFE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "random_world.h"

#define APPLICATIONS_MAX 3
#define REVISIONS	 2
#define REQUEST_MAX	 4 /* units */
#define TICKETS		 4
#define NONE		 UINT_MAX
/* Far more than one change can make due. */
#define RETRIES_MAX 1000

struct ticket {
	bool waits;
	struct drawn_request request;
};

struct step_counts {
	unsigned lives, refused, steps, placed, shared, only, waited, retried, found, cancelled,
		kept_size, changed_size, successors, handovers, leaves, stays;
};

struct life {
	struct world world; /* model number: application * REVISIONS + revision */
	uint32_t handles[WORLD_TOPOLOGIES];
	unsigned position[ORACLE_FACTS]; /* of the slot in its application */
	bool gone[ORACLE_FACTS];
	unsigned ticket_of[ORACLE_FACTS]; /* or NONE */
	unsigned rooms;			  /* numbers that were given so far */
	struct ticket tickets[TICKETS];
	struct step_counts *counts;
};

struct fact *fact_at(struct life *l, unsigned f);
unsigned model_of(const struct life *l, unsigned f);
/* The instance at that position among those without a parent; NONE where there are fewer. */
unsigned root_at(const struct topology *t, unsigned position);
/* `mate`: another unit of its slot, or NONE. */
void unit_add(struct life *l, unsigned model, unsigned position, unsigned mate);
/* The other unit of its slot, or NONE. */
unsigned mate_of(const struct life *l, unsigned f);
bool is_placed(const struct life *l, unsigned f);
bool is_free(const struct life *l, unsigned f);
bool is_unplaced(const struct life *l, unsigned f);
bool has_mate(const struct life *l, unsigned f);
bool is_alone(const struct life *l, unsigned f);
/* A unit of which that is true, or NONE. */
unsigned draw_unit(struct life *l, bool (*holds)(const struct life *l, unsigned f));
/* It has no place any more: neither does it share room. */
void fact_leaves(struct life *l, unsigned f);

#endif
