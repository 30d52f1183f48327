/*
 * The queue of what will happen, by time and then by insertion.
 */
#ifndef SAMOZA_ZSIM_WORLD_EVENT_H
#define SAMOZA_ZSIM_WORLD_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "proto/wire.pb-c.h"

struct world;

enum sim_event_type {
	SIM_EVENT_FRAME,	/* arrives */
	SIM_EVENT_CLOSE,	/* sim_link_close_after() */
	SIM_EVENT_CLOSED,	/* zrms notices that a link is gone */
	SIM_EVENT_DOWN,		/* an agent notices */
	SIM_EVENT_CONNECT,	/* an agent tries; settle does not wait for it */
	SIM_EVENT_ACTION,	/* an action ends */
	SIM_EVENT_END,		/* a process ends itself; settle does not wait for it */
	SIM_EVENT_HEALTH,	/* an illness ends; settle does not wait for it */
	SIM_EVENT_TRIED,	/* an agent has tried an address; settle does not wait for it */
	SIM_EVENT_DRIVER,	/* a call of a driver ends */
	SIM_EVENT_DRIVER_WORKS, /* it does what it said it would */
	SIM_EVENT_ELECTION,  /* a step of a call of the election; settle does not wait for it */
	SIM_EVENT_COMMITTED, /* the store of zrms, or the kv of a zhost, answers */
};

#define MACHINE_NONE UINT32_MAX

struct sim_event {
	struct heap_node node;
	enum sim_event_type type;
	uint64_t link_id;
	bool to_agent;
	Samoza__V1__FrameType frame;
	uint8_t *data;
	size_t size;
	unsigned machine; /* MACHINE_NONE: zrms */
	uint64_t life, number;
	char *id;
};

struct sim_event *world_plan(struct world *w, int64_t at_ms, enum sim_event_type type);
/* One that waited for its machine happens now. */
void world_plan_delayed(struct world *w, struct sim_event *h);
/* Whether the world is not settled while one of this type is in the queue. */
bool sim_event_is_foreground(enum sim_event_type type);
void sim_event_free(struct sim_event *h);

#endif
