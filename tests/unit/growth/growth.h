/*
 * The same thing done at a size n and at 4 n, for test_growth.py, which compares the instructions of the two.
 *
 *     begin() ──► callgrind counts ──► measure() ──► callgrind stops
 */
#ifndef SAMOZA_TESTS_GROWTH_H
#define SAMOZA_TESTS_GROWTH_H

#include "core/control/control.h"
#include "proto/checkpoint.pb-c.h"
#include "zbench/fleet.h"
#include "zbench/shapes.h"

struct world {
	unsigned n;
	struct fleet fleet;
	bool has_fleet;
	uint64_t heartbeats;
	struct control *control; /* a second one, and what comes out of it */
	struct outbox outbox;
	Samoza__V1__Checkpoint *checkpoint;
	char *last_page; /* where it begins */
	struct shape shape;
	struct shape_run run;
};

/* How often the instructions for n those for 4 n may be. LINEAR: each of n costs the same, so they are 4.0 times as many, a
 * little more with a sort among it. CONSTANT: the same few things are done, beside n others. */
#define LINEAR	 4.2
#define CONSTANT 1.06

struct part {
	const char *name;
	unsigned n;
	double bound;
	void (*begin)(struct world *w);
	void (*measure)(struct world *w);
};

extern const struct part control_parts[]; /* one without a name ends them */
extern const struct part plan_parts[];
extern const struct part place_parts[];

/* ---- world.c: zrms' core, and zhosts that do at once what they are asked ---- */

/* `zhosts` of them, of which the first `joined` are there. */
void world_cluster(struct world *w, unsigned zhosts, unsigned joined);
/* HELLO of some of them, with what they hold. */
void world_join(struct world *w, unsigned from, unsigned to);
/* One topology; COUNT in its spaces is n. */
void world_submit(struct world *w, const char *name, const char *spaces);
/* What a submission of it would bring, with another module of its first space; the caller frees. */
Samoza__V1__RevisionRecord *world_record(const struct world *w, const char *name,
					 const char *spaces);
/* n of them, "shop-0" …. */
void world_submit_each(struct world *w, const char *spaces);
void world_take(struct world *w, const struct control_input *input);
void world_heartbeat(struct world *w, unsigned zhost);
/* Time goes on until the core wants to be asked. */
void world_pass(struct world *w);
/* Copies on that zhost; of all: on all of them. */
unsigned world_held(const struct world *w, unsigned zhost);
unsigned world_held_by_all(const struct world *w);
/* Of the k-th topology that was submitted, from 1 on; until the next call. */
const char *world_id(unsigned k);
void world_done(struct world *w);

#endif
