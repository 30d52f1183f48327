/*
 * Links: frames in order, packed; what is on its way is lost when they break.
 */
#ifndef SAMOZA_ZSIM_WORLD_LINK_H
#define SAMOZA_ZSIM_WORLD_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/wire.pb-c.h"

struct sim_machine;
struct world;

/* One connection. Numbers are never used again. */
struct sim_link {
	unsigned machine; /* its index */
	uint64_t life;	  /* of the zrms at the other end */
	bool open;
	bool greeted;	/* its first frame to zrms has arrived: a HELLO */
	bool is_member; /* zrms has accepted its HELLO */
	/* When the core has taken its HELLO, when the answer to it was sent, and when zrms noticed that it is closed; NEVER_MS: not
	 * so far. */
	int64_t hello_ms, answered_ms, closed_ms;
	int64_t last_ms[2]; /* when the last frame of each direction arrives: order is kept */
};

/* To the zrms of that life. */
uint64_t sim_link_open(struct world *w, struct sim_machine *n, uint64_t life);
/* Packs and sends. A link that is closed drops it. */
void sim_link_send(struct world *w, uint64_t number, bool to_agent, Samoza__V1__FrameType type,
		   const ProtobufCMessage *message);
/* Closes after what was sent to the agent. */
void sim_link_close_after(struct world *w, uint64_t number);
/* Breaks now: what it carried is lost. The chosen ends notice at once. */
void sim_link_break(struct world *w, uint64_t number, bool control_notices, bool agent_notices);
/* The machine's zhost tries to connect, now or after `delay_ms`. */
void sim_link_connect_later(struct world *w, struct sim_machine *n, int64_t delay_ms);

#endif
