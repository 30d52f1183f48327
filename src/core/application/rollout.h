/*
 * A rollout leads an application from the revision that runs to another one, as a table without I/O and
 * clock. Who owns one says what is the case (struct rollout_facts), is told the next state, and makes
 * handovers (handover.h) of the units that are not current for the revision that is wanted
 * (core/control/rollout/rollouts.h). How far it is is not stored: it follows from the copies.
 *
 *                        ┌──promote, resume──┐
 *                        ▼                   │
 *   (new) ──submit──► advancing ──pause──► paused     a new submission: advancing to the newer revision,
 *                      │  │ │ ▲              │ ▲      from every state
 *                      │  │ │ └─promote, time, a loss──── waiting: canary, a step is done
 *                      │  │ └──a step is done───────────►   (pause, failures, abort: as from advancing)
 *                      │  │ │                │ ▲
 *      all is served   │  │ └─fails: pause───┼─┘
 *                      │  └─fails: rollback──┼──► returning ◄── abort
 *                      ▼                     │        │ all is current for the base
 *                  completed                 └─abort──┘──► returned
 *
 * Canary goes by steps: how many were promoted is kept. After the last one it is as any other. A step that is
 * disturbed by a loss is led to again, and then waits again.
 *
 * A rollout that has no base (no revision completed before) does not return: it pauses. A return does
 * not fail. Source: [change.rollout].
 */
#ifndef SAMOZA_CORE_APPLICATION_ROLLOUT_H
#define SAMOZA_CORE_APPLICATION_ROLLOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/state_machine.h"
#include "model/rollout.h"
#include "model/topology.h"

/* The first ones are those of proto/record.proto. */
enum __attribute__((packed)) rollout_state {
	ROLLOUT_ADVANCING,
	ROLLOUT_PAUSED,
	ROLLOUT_RETURNING,
	ROLLOUT_WAITING,
	ROLLOUT_COMPLETED,
	ROLLOUT_RETURNED,
};
#define ROLLOUT_STATE_COUNT 6
extern const struct state_machine_type rollout_machine;

struct rollout {
	enum rollout_state state;
	struct rollout_spec spec; /* of the target's package; of a rollback: at once */
	bool has_base;		  /* a revision that it may go back to */
	bool aborted;		  /* it goes back because a person asked */
	uint32_t step; /* canary: how many were promoted; blue-green: 1 from the switch on */
};

/* What is the case now. */
struct rollout_facts {
	bool failed; /* a copy of the target's has failed, or did not become healthy in time */
	bool complete;	/* every unit is served in the target, and all that is to run runs */
	bool returned;	/* every unit is current for the base, and nothing is handed over */
	bool step_done; /* canary: so is what belongs to the step, for the target */
	bool due;	/* waiting: everything has been healthy for as long as was asked */
};

enum rollout_command { ROLLOUT_PROMOTE, ROLLOUT_ABORT, ROLLOUT_PAUSE, ROLLOUT_RESUME };

void rollout_begin(struct rollout *r);
/* One that a record holds. */
void rollout_restore(struct rollout *r, enum rollout_state state);
/* The state that follows, which may be the present one. */
enum rollout_state rollout_next(const struct rollout *r, const struct rollout_facts *facts);
/* The state that a request leads to. ERR_CONFLICT: it is refused, and why. */
int rollout_command(const struct rollout *r, enum rollout_command command,
		    enum rollout_state *ret_state, struct error **err) must_check;
/* The gate. `promotes`: one step further. */
void rollout_enter(struct rollout *r, enum rollout_state to, bool promotes);
/* It goes by steps, and is not after the last. */
bool rollout_is_in_steps(const struct rollout *r);
/* It is blue-green, and everything is still to be handed over in one step. */
bool rollout_switches_later(const struct rollout *r);
/* It is blue-green, everything was handed over, and it does not go back. */
bool rollout_has_switched(const struct rollout *r);
/* PRE: it switches later. */
void rollout_enter_switched(struct rollout *r);
const char *rollout_state_name(enum rollout_state state);
/* NULL: `text` is none of "promote", "abort", "pause", "resume". */
const char *rollout_command_name(enum rollout_command command);

/* ---- the order of a rolling one ---- */

/* The place of each root space (by index) in the order of imports, from 0: after the spaces from which
 * it, or what is inside of it, imports; of a cycle the smallest name first. Of spaces inside of others:
 * the one of their root. */
void rollout_order(const struct topology *t, uint32_t *ret_places);

#endif
