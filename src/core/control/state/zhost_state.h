/*
 * The states of a zhost, a root instance [lifecycle.root]. Their names are those of an instance's
 * states.
 *
 *   (new) ──► not-deployed ──hello──► deployed-started ◄──── hello ────► problem
 *                 ▲                          │         silent too long      │
 *                 │                          ▼                              │
 *                 └───────────────────── undeploying ◄───── removed ────────┘
 */
#ifndef SAMOZA_CORE_CONTROL_ZHOST_STATE_H
#define SAMOZA_CORE_CONTROL_ZHOST_STATE_H

#include "base/state_machine.h"
#include "core/lifecycle/state.h"

enum __attribute__((packed)) zhost_state {
	ZHOST_NOT_DEPLOYED,
	ZHOST_STARTED,
	ZHOST_PROBLEM,
	ZHOST_UNDEPLOYING,
};

extern const struct state_machine_state zhost_states[];
#define ZHOST_STATE_COUNT 4

/* The state of an instance that has the same name: what records, views and metrics hold. */
enum instance_state zhost_state_public(enum zhost_state state);
/* The other way round; `deploying` is not-deployed here. */
enum zhost_state zhost_state_of(enum instance_state state);

#endif
