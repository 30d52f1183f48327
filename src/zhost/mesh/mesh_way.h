/*
 * Which way messages to one other zhost go: through the hub, or over a direct link. The sending side
 * decides, the receiving side (mesh_arrivals) keeps the order. Pure.
 *
 *                      link stands: a mark is sent through the hub
 *         ┌─────────┐ ────────────────────────────────────────► ┌──────────┐
 *         │ WAY_HUB │                                           │WAY_MOVING│  what is sent is kept
 *         └─────────┘ ◄──────────────────────────────────────── └──────────┘
 *              ▲            link lost: it goes through the hub        │
 *              │                                                     │ the other end has seen the mark, or
 *              │ link lost                                           ▼ MESH_MARK_MS are over
 *              └─────────────────────────────────────────────── ┌──────────┐
 *                                                               │WAY_DIRECT│
 *                                                               └──────────┘
 *
 * A link that is closed on purpose is left first: as while the way moves, what is sent is kept, until all that is on the
 * link is taken (WAY_LEAVING); then the link is as if it had broken, and nothing was on it.
 *
 * Order. Each stretch on one way is a generation, which each message carries; they only grow. Each way
 * keeps the order of what is sent on it. The receiving side never takes a message of an older generation
 * than it has taken, so what is late is lost, and never comes after what was sent later.
 *
 * Loss. Nothing is on its way through the hub any more when the mark has come, so moving to the direct link
 * loses nothing. What was on a link that broke is lost, and never sent again: at most once. When
 * the mark does not come, because the hub has lost one of the two, what is still under way there is lost.
 *
 * Restarts. A run of the sending zhost comes before the generation. It begins as if something were on its
 * way through the hub: what its spaces sent in the run before.
 *
 * Source: [machines.transport.mesh].
 */
#ifndef SAMOZA_ZHOST_MESH_MESH_WAY_H
#define SAMOZA_ZHOST_MESH_MESH_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "proto/wire.pb-c.h"

enum {
	MESH_MARK_MS = 2000,	       /* so long the mark is waited for */
	MESH_MARK_AGAIN_MS = 100,      /* the hub had no room for it */
	MESH_KEPT_BYTES = 1024 * 1024, /* of what is sent meanwhile */
	MESH_RUN_NUMBER_BITS = 24,
};

/* Stands for one run of a zhost: of its identity, and of the number that grows with each start. */
uint64_t mesh_run(const char *identity, uint64_t incarnation);

/* ---- sending ---- */

enum mesh_way_state { MESH_WAY_HUB, MESH_WAY_MOVING, MESH_WAY_DIRECT, MESH_WAY_LEAVING };

/* As mesh_transport_send(). The message is borrowed. */
struct mesh_way_ports {
	int (*hub)(void *user, const Samoza__V1__MeshMessage *message);
	int (*direct)(void *user, const Samoza__V1__MeshMessage *message);
};

/* Of all ways of a zhost. */
struct mesh_sender {
	uint64_t run;
	uint64_t generation; /* the newest that any way has begun */
};

struct mesh_way_counters {
	uint64_t by_hub, direct; /* messages */
	uint64_t moved, fell;	 /* to the direct link; to the hub */
	uint64_t unmarked;	 /* moved without the mark */
	uint64_t lost;		 /* were kept, and both ways failed */
};

/* Fields are private, but for state, counters and since_ms. */
struct mesh_way {
	enum mesh_way_state state;
	struct mesh_way_counters counters;
	struct mesh_sender *sender; /* borrowed */
	const struct mesh_way_ports *ports;
	void *user;
	const char *zhost, *own_zhost; /* borrowed */
	uint64_t generation;	       /* of what is sent now */
	bool has_link;
	bool is_clear;	    /* nothing is on its way through the hub */
	struct buffer kept; /* frames; after a link was lost, until the hub has room again */
	int64_t due_ms;
	int64_t since_ms; /* in this state; 0: from the beginning */
};

/* All borrowed. `zhost`: the other one. */
void mesh_way_init(struct mesh_way *w, struct mesh_sender *sender, const char *own_zhost,
		   const char *zhost, const struct mesh_way_ports *ports, void *user);
void mesh_way_done(struct mesh_way *w);

/* 0, -EAGAIN: no room, -EHOSTUNREACH: neither way is open. */
int mesh_way_send(struct mesh_way *w, int64_t now_ms, const Samoza__V1__MeshMessage *message);
/* A direct link stands, or none does any more. Where another one takes its place: both; where it was left, and all on it
 * is taken: that one stands. */
void mesh_way_link(struct mesh_way *w, int64_t now_ms, bool stands);
/* The link is to be closed: nothing more is sent on it. mesh_way_link() says when all that was is taken. */
void mesh_way_leave(struct mesh_way *w, int64_t now_ms);
/* The other end says over the link that this mark has come; it may be one of a run before. */
void mesh_way_marked(struct mesh_way *w, int64_t now_ms, uint64_t run, uint64_t generation);
/* To be called then; NEVER_MS: never. */
int64_t mesh_way_due(const struct mesh_way *w);
void mesh_way_tick(struct mesh_way *w, int64_t now_ms);
/* Messages that are kept, in bytes. */
size_t mesh_way_kept(const struct mesh_way *w);

/* What a message says of its way, where nothing is known of the other zhost that would need a way. */
void mesh_sender_stamp(const struct mesh_sender *sender, Samoza__V1__MeshMessage *message);

/* ---- receiving ---- */

/* From one zhost that has, or had, a direct link to this one. All zero at first. */
struct mesh_arrivals {
	uint64_t run, generation; /* the newest of which something was taken */
	uint64_t late;		  /* messages that were dropped */
};

/* Its link says which run it is. */
void mesh_arrivals_begin(struct mesh_arrivals *a, uint64_t run);
/* A message or a mark has come, whichever way. False: it is late, and must be dropped. */
bool mesh_arrivals_take(struct mesh_arrivals *a, const Samoza__V1__MeshMessage *message);

#endif
