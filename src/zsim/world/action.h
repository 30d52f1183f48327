/*
 * Actions that agents order.
 */
#ifndef SAMOZA_ZSIM_WORLD_ACTION_H
#define SAMOZA_ZSIM_WORLD_ACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "core/agent/agent.h"

struct sim_machine;
struct world;

/* An action that the agent asked for. */
struct action {
	uint64_t number;
	enum agent_action kind;
	char *id; /* of the copy */
	bool fails;
	bool unreached;	      /* update, fails: its process got nothing of it */
	bool settings_failed; /* update, fails: its process got its imports alone */
	bool finished;	      /* start: its process has ended well meanwhile */
	bool exited;	      /* start: so did its program, with exit status 0 */
	char **export_names, **export_values; /* of a start */
	size_t export_count;
	UT_hash_handle hh;
};

struct action *action_find(struct sim_machine *n, uint64_t number);
/* Begins what the agent ordered; its end is an event. */
void action_begin(struct world *w, struct sim_machine *n, const struct agent_order *o);
/* It ends now. */
void action_end_now(struct world *w, struct sim_machine *n, struct action *a, bool fails);
/* Ends one at once: it fails, with its process. */
void action_kill(struct world *w, struct sim_machine *n, const struct agent_order *o);
void action_free(struct sim_machine *n, struct action *a);
void actions_drop(struct sim_machine *n);

#endif
