/*
 * The phases of a copy on its zhost: what is really there, as reports and records say it.
 *
 *  (new) ──► absent ─────► deploying ─────► deployed ─────► starting ─────► started
 *             ▲  ▲             │             │ ▲ ▲ ▲ ▲          │ │            │ │
 *             │  └── failed ───┘             │ │ │ │ └─ failed ─┘ │            │ │
 *             │                              │ │ │ └───────── process ended ───┘ │
 *             │                              ▼ │ └────── stopping ◄─┴────────────┘
 *             └─────────────────── undeploying ┘ failed
 *
 * A record of an earlier agent is adopted: absent becomes deployed, starting or started. A
 * starting copy is stopped only then: nobody saw whether its start succeeded.
 */
#ifndef SAMOZA_CORE_AGENT_PHASE_H
#define SAMOZA_CORE_AGENT_PHASE_H

#include <stdbool.h>

#include "base/state_machine.h"

/* The values are those of proto/wire.proto. */
enum __attribute__((packed)) agent_phase {
	PHASE_ABSENT,
	PHASE_DEPLOYING,
	PHASE_DEPLOYED, /* installed, no process */
	PHASE_STARTING,
	PHASE_STARTED,
	PHASE_STOPPING,
	PHASE_UNDEPLOYING,
};
#define PHASE_HAS_PROCESS STATE_MACHINE_OWN_FLAG

/* Its objects are copies (internal.h); only copy_enter() and copy_adopt() move them. */
extern const struct state_machine_type phase_machine;

/* There is, or may be, a process: starting, started, stopping. */
bool phase_has_process(enum agent_phase phase);

#endif
