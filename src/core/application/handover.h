/*
 * A handover replaces the copies of a unit (a root slot with everything below it) by others, on another
 * zhost: as a table, without I/O and clock. Who owns one says what is the case (struct handover_facts),
 * is told to which state it moves, and does what belongs to the move (core/control/handover/handovers.h).
 *
 * start-first: the successor runs before it takes over.
 *
 *   (new) ──► placing ──placed──► rising ──healthy──► proving ──long enough──► draining
 *               ▲  │ ▲               │  successor       │ ▲ sharing: canary, as   │ routes
 *               │  │ │               │                  │ └─ long as it is held ─►│
 *               │  │ └─its zhost lost┴──────────────────┤                         │ are known
 *               │  │ nothing runs                       ▼                         ▼
 *               │  └───────────────────────────► ... removing ──gone──► done ◄── retiring
 *
 * stop-first: the successor is installed, then the incumbent stops, then the successor starts.
 *
 *   (new) ──► placing ──placed──► preparing ──deployed──► stopping ──ended──► starting ──healthy──► proving
 *                                    │ failed                │                   │ failed             │
 *                                    ▼                       ▼                   ▼                    ▼
 *                         done ◄── removing ◄──successor ended────────────── returning          retiring ──► done
 *
 * sharing: the successor of a single slot gets a share of what it gets, and its incumbent goes on serving. A
 * stop-first one that is held stays in preparing. It takes the slot at once when the attempts of what serves are
 * used up: nothing else is tried while it stands beside.
 *
 * ready: blue-green. The successor is proven, and takes over together with others, or not at all: its owner makes the
 * move. While it is joint, an incumbent that is lost is placed again first, and its successor afterwards.
 *
 * The successor serves from draining (start-first) or starting (stop-first) on: that is one step, in one
 * commit. In returning it serves still, and stops; entering removing from there makes the incumbent
 * serve again. A successor whose zhost is lost is placed again, from every state before retiring. An
 * incumbent whose zhost is lost while a successor is started, or installed, is not waited for: retiring
 * follows. In retiring and removing, copies that are to go are waited for, or their zhost cannot be reached.
 * A unit that is to be undeployed ends its handover: removing, or retiring where the successor serves.
 */
#ifndef SAMOZA_CORE_APPLICATION_HANDOVER_H
#define SAMOZA_CORE_APPLICATION_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/state_machine.h"

/* The values are those of proto/record.proto. */
enum __attribute__((packed)) handover_kind { HANDOVER_START_FIRST, HANDOVER_STOP_FIRST };
enum __attribute__((packed)) handover_state {
	HANDOVER_PLACING,
	HANDOVER_RISING,
	HANDOVER_PREPARING,
	HANDOVER_STOPPING,
	HANDOVER_STARTING,
	HANDOVER_PROVING,
	HANDOVER_DRAINING,
	HANDOVER_RETURNING,
	HANDOVER_RETIRING,
	HANDOVER_REMOVING,
	HANDOVER_SHARING,
	HANDOVER_READY,
	HANDOVER_DONE,
};
#define HANDOVER_STATE_COUNT 13
extern const struct state_machine_type handover_machine;

struct handover {
	enum handover_kind kind;
	enum handover_state state;
	int64_t placed_wall_ms;	  /* when the successor was placed; 0: it is not */
	int64_t late_at_ms;	  /* monotonic: it must be healthy by then; 0: no limit yet */
	int64_t healthy_since_ms; /* monotonic, not kept over a restart; 0: it is not */
	int64_t drain_from_ms; /* monotonic: draining ends no earlier; 0: whenever routes are known */
	int64_t drained_at_ms; /* monotonic: routes count as known then; 0: not draining */
	uint64_t leaving;      /* the placement that is to go (epoch of its root); 0: none */
};

/* Draining ends between these two, once routes are known; `from_ms` 0: whenever they are. PRE: it is
 * draining, or about to. */
void handover_set_drain(struct handover *h, int64_t from_ms, int64_t until_ms);

/* What is the case now. */
struct handover_facts {
	bool cancelled; /* the unit is to be undeployed */
	bool placed; /* a successor, on a zhost that is not lost and can run it as it is to */
	bool placed_lost; /* a successor, and its zhost is lost */
	bool deployed;	  /* as much of the successor as is to be deployed */
	bool held;	  /* others are to stop with it: its owner says when */
	bool shares;	  /* it does not take over before its owner says so */
	bool joint;	  /* it takes over with others, when its owner says so */
	bool healthy;	  /* as much of the successor as is to run runs, and its probes pass */
	bool starting; /* what is not healthy has not failed: it is about to start, or to stop */
	bool failed;   /* of the successor: its attempts are used up */
	bool active;   /* the copies that serve: some runs, or an action is under way */
	bool ended; /* the copies that serve: certainly none runs, and none starts by itself */
	bool others_stop;	/* of what stops with it in one order, some has not ended */
	bool serving_lost;	/* their zhost is lost */
	bool serving_exhausted; /* their attempts are used up */
	bool standby;		/* the incumbent may serve again */
	bool routes_known;	/* every reachable zhost has the new routes */
	bool gone;		/* what is leaving has gone, or cannot be reached */
};

/* How long the successor must be healthy, and how long that may take from its placement on; NEVER_MS: it is not limited. */
struct handover_limits {
	int64_t healthy_for_ms, healthy_within_ms;
};

/* PRE: `h` is zero but for its kind. */
void handover_begin(struct handover *h);
/* One that a record holds: `within` goes on by the wall clock, but what was healthy has to prove it
 * again, for which `least_ms` remain. */
void handover_restore(struct handover *h, enum handover_state state,
		      const struct handover_limits *limits, int64_t now_wall_ms, int64_t now_ms,
		      int64_t least_ms);
/* One that goes on without an interruption: in that very state. PRE: it is restored. */
void handover_continue(struct handover *h, enum handover_state state);
/* When one whose time begins now is late (`late_at_ms`). */
int64_t handover_late_at_ms(const struct handover_limits *limits, int64_t now_ms);
/* Takes the facts; the state that follows, which may be the present one. */
enum handover_state handover_next(struct handover *h, const struct handover_facts *facts,
				  const struct handover_limits *limits, int64_t now_ms);
/* The gate. */
void handover_enter(struct handover *h, enum handover_state to);
/* The incumbent serves. */
bool handover_is_before_switch(const struct handover *h);
/* A successor serves, and the incumbent may again. */
bool handover_is_between(const struct handover *h);
/* When handover_next() may answer something else though no fact has changed; NEVER_MS: never. */
int64_t handover_due_ms(const struct handover *h, const struct handover_limits *limits);

const char *handover_kind_name(enum handover_kind kind);
const char *handover_state_name(enum handover_state state); /* of the interface: "rising" */
/* What happens, for people: "the new copy takes over". */
const char *handover_state_text(enum handover_state state);

#endif
