/*
 * The drain of a zhost: everything is to leave it.
 *
 *                     all is gone
 *   (new)──►draining ─────────────► drained        `cluster uncordon` takes it away from every state;
 *              │  │                 ▲ ▲            asked for again, it begins again
 *              │  └─deadline, force─► stopping     what is left is stopped
 *              └────deadline──► ended ─┘           the cordon stays
 *
 * Source: [change.drain.drain].
 */
#ifndef SAMOZA_CORE_CONTROL_DRAIN_H
#define SAMOZA_CORE_CONTROL_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/state_machine.h"
#include "base/vector.h"

enum __attribute__((packed)) drain_state {
	DRAIN_DRAINING,
	DRAIN_STOPPING,
	DRAIN_DRAINED,
	DRAIN_ENDED,
};
#define DRAIN_STATE_COUNT 4

/* What is on the zhost still, and why. */
struct drain_left {
	char *name; /* "shop/api-2" */
	char *why;
};

struct zhost_drain {
	enum drain_state state;
	bool force;
	char *by; /* who asked */
	int64_t began_wall_ms;
	int64_t deadline_wall_ms;	/* 0: none */
	int64_t deadline_ms;		/* monotonic; NEVER_MS */
	VECTOR(struct drain_left) left; /* as of the last look */
};

extern const struct state_machine_type drain_machine;

const char *drain_state_name(enum drain_state state);
/* It is under way: draining, or stopping what is left. */
bool drain_is_active(const struct zhost_drain *d);
struct zhost_drain *drain_new(enum drain_state state, const char *by);
void drain_free(struct zhost_drain *d);
void drain_forget_left(struct zhost_drain *d);
/* Takes the text. */
void drain_add_left(struct zhost_drain *d, const char *application, const char *path,
		    char *take_why);

#endif
