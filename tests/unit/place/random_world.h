/*
 * A random cluster, twice: in the engine, and as facts of the oracle. What the engine answers is
 * checked against the oracle, which knows the rules from the specification alone.
 */
#ifndef TESTS_PLACE_RANDOM_WORLD_H
#define TESTS_PLACE_RANDOM_WORLD_H

#include "core/place/place.h"
#include "oracle.h"
#include "random_case.h"

#define WORLD_TOPOLOGIES 6

struct world {
	uint64_t seed;
	bool verbose; /* prints what is drawn */
	struct chance chance;
	struct theme theme;
	struct oracle oracle;
	char *zhost_texts[ORACLE_ZHOSTS];
	struct place *place;
	uint32_t zhosts[ORACLE_ZHOSTS]; /* handles, by number of the oracle */
	struct topology *models[WORLD_TOPOLOGIES];
	unsigned topology_count;
	uint32_t units[ORACLE_FACTS]; /* handles, by fact */
};

/* Draws theme and zhosts; the engine does not exist yet. */
void world_init(struct world *w, uint64_t seed, bool verbose);
void world_done(struct world *w);
/* Draws the next model; false where what was drawn is refused. */
bool world_draw_topology(struct world *w, const char *name, unsigned units);
/* Gives one zhost another description. */
void world_redraw_zhost(struct world *w, unsigned z);
/* The number of a zhost in the oracle, -1 for PLACE_NONE. */
int world_zhost(const struct world *w, uint32_t handle);
/* Takes over from the engine where fact `f` is, and with which devices. */
void world_read_fact(struct world *w, unsigned f);
/* Prints the world, and fails the test. */
_Noreturn void complain(const struct world *w, const char *what, const char *why);

/* A request to the engine, and the facts that it is about. */
struct drawn_request {
	struct place_unit_request units[ORACLE_FACTS];
	unsigned facts[ORACLE_FACTS]; /* by position in units */
	struct place_exclusion exclusions[ORACLE_FACTS];
	struct place_request request;
	struct place_result result;
	unsigned incumbent; /* fact with which units[0] shares room */
};

/* Adds fact `f`. Then, maybe: excluded from one zhost; only one zhost is eligible; in the room
 * of `incumbent`. What the oracle needs to know is set in the fact. */
struct place_unit_request *request_add(struct world *w, struct drawn_request *q, unsigned f);
void request_exclude(struct world *w, struct drawn_request *q, unsigned position);
void request_only(struct world *w, struct drawn_request *q, unsigned position);
void request_share_room(struct world *w, struct drawn_request *q, unsigned incumbent);
/* Copies, with pointers into the copy. */
void request_copy(struct drawn_request *to, const struct drawn_request *from);
/* Tries it, and checks the result: what is placed breaks no rule; where there is no place, the
 * oracle finds none; a unit that may share room does. Recovery is repeated by the oracle, unit
 * by unit. The result stays in `q`. */
void request_try(struct world *w, struct drawn_request *q);
/* Judges fact `f` on every zhost, as the engine explains it. */
void check_explanation(struct world *w, const struct place_unit_request *request, unsigned f);
/* Room in the engine is what the facts say. */
void check_room(const struct world *w);
/* The devices of all facts are assigned rightly. */
void check_devices(const struct world *w);

#endif
