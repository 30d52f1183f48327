/*
 * Several zrms on one store, of which one leads: the real core/leader of each, over the simulated election.
 * One that is paused, or cut off from the store, is deposed without knowing (controller.h, sim_life); one
 * that ends starts again as a standby a moment later.
 */
#ifndef SAMOZA_ZSIM_WORLD_MEMBERS_H
#define SAMOZA_ZSIM_WORLD_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/leader/leader.h"
#include "zsim/world/watching.h"

struct sim_event;
struct world;

struct sim_member {
	struct world *world;
	char *name;
	unsigned index;	       /* in world.members */
	struct leader *leader; /* NULL: it does not run */
	struct election *election;
	struct leader_outbox outbox;
	uint64_t run;		 /* grows with each start */
	uint64_t life;		 /* that leads or led, in this run; 0: none */
	int64_t paused_until_ms; /* as a standby; a leader stalls */
	int64_t cut_until_ms;	 /* off the store */
	int64_t starts_ms;	 /* when it does not run */
	int64_t asked_ms;	 /* when the last call arrives at the store */
	int64_t answered_ms;	 /* and when its answer comes */
	bool yields;
	struct watching watching;
};

struct sim_member_counts {
	uint64_t takeovers, deposed_alive, moves, lost_answers;
};

/* `count` of them, which start now. */
void members_begin(struct world *w, unsigned count);
void members_done(struct world *w);
/* The member that leads; NULL: nobody, or there are no members. */
struct sim_member *members_leading(const struct world *w);
/* It dies, as by kill -9, and starts again after `restarts_ms`. */
void member_kill(struct sim_member *m, int64_t restarts_ms);
/* It is cut off from the store for so long. */
void member_cut(struct sim_member *m, int64_t duration_ms);
/* It gives its place to another one, if it can. */
bool member_move(struct sim_member *m);
/* No fault is left: all run, and nothing is paused or cut off. */
void members_calm(struct world *w);

/* One thing that is due; false: nothing is. */
bool members_step(struct world *w);
int64_t members_next_ms(const struct world *w);
void members_dispatch(struct world *w, const struct sim_event *h);

#endif
