/*
 * The zhost of a machine: its agent, its commits, and how it ends.
 */
#ifndef SAMOZA_ZSIM_WORLD_MACHINE_AGENT_H
#define SAMOZA_ZSIM_WORLD_MACHINE_AGENT_H

#include "zsim/world/machine_state.h"

extern const struct agent_loop_listener machine_agent_listener; /* its user is the machine */
extern const struct sim_kv_hooks machine_kv_hooks;		/* without a user */

/* An input for its agent. */
void machine_take(struct world *w, struct sim_machine *n, const struct agent_input *input);
/* Ends the batch of its agent. */
void machine_turn(struct world *w, struct sim_machine *n);
/* The oldest commit that waits has ended. */
void machine_answer_commit(struct world *w, struct sim_machine *n);
/* Only the zhost process dies; processes continue. */
void machine_stop_agent(struct world *w, struct sim_machine *n);
/* The machine is awake: what came meanwhile happens now. */
void machine_wake(struct world *w, struct sim_machine *n);
/* The machine dies with all on it. */
void machine_kill(struct world *w, struct sim_machine *n);

#endif
