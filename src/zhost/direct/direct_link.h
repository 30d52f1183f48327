/*
 * A direct link to another zhost: messages, and what its ends say to each other beside them (MeshLink), over a
 * stream (adapter/wire/wire_link.h). Either end sends messages on it.
 *
 *   ─► run            first, from each end: the link stands when the other one's has come
 *   ─► MESH_MESSAGE
 *   ─► ping N         once a second while messages go either way; answered when all before it are taken
 *   ◄─ pong N
 *
 *   ─► leave          no more messages of this end; once both have said it, and all is taken, the link is closed
 *
 * An end that gets no answer for DIRECT_STALL_MS takes the link as broken, also one that only gets messages.
 */
#ifndef SAMOZA_ZHOST_DIRECT_DIRECT_LINK_H
#define SAMOZA_ZHOST_DIRECT_DIRECT_LINK_H

#include "port/stream.h"
#include "proto/wire.pb-c.h"

#define MESH_PROTOCOL "samoza-mesh/1"

enum {
	DIRECT_WAITING_MAX = 4 * 1024 * 1024, /* bytes that may wait on a link */
	DIRECT_FRAME_MAX = 80 * 1024,
	DIRECT_TICK_MS = 1000,
	DIRECT_STALL_MS = 3000,
	DIRECT_HELLO_MS = 10000, /* for the other end's first frame */
};

struct direct_link;

struct direct_link_events {
	void (*stands)(void *user, struct direct_link *link);
	/* Borrowed. */
	void (*message)(void *user, struct direct_link *link,
			const Samoza__V1__MeshMessage *message);
	void (*marked)(void *user, struct direct_link *link, uint64_t run, uint64_t generation);
	void (*ponged)(void *user, struct direct_link *link);
	/* The other end sends no more messages on it. */
	void (*leaves)(void *user, struct direct_link *link);
	/* It has ended, and is freed afterwards. `why`: borrowed, or NULL. Never from inside a function of this
	 * file. */
	void (*gone)(void *user, struct direct_link *link, const struct error *why);
};

/* Takes the stream, which is connected. `events` must outlive the link. */
struct direct_link *direct_link_new(struct stream *stream, uint64_t own_run,
				    const struct direct_link_events *events, void *user);
/* Both are left to the owner. */
void *direct_link_user(const struct direct_link *link);
const struct stream_peer *direct_link_peer(const struct direct_link *link);
bool direct_link_stands(const struct direct_link *link);
/* Of the other end; PRE: it stands. */
uint64_t direct_link_run(const struct direct_link *link);

/* 0, or -EAGAIN: no room. PRE: it stands. */
int direct_link_send(struct direct_link *link, const Samoza__V1__MeshMessage *message);
void direct_link_say_marked(struct direct_link *link, uint64_t run, uint64_t generation);
/* No message is sent on it any more. Once. */
void direct_link_leave(struct direct_link *link);
/* The other end has said so. */
bool direct_link_is_left(const struct direct_link *link);
int64_t direct_link_begun_ms(const struct direct_link *link);
/* Messages sent so far; whether the other end has taken the first so many of them, which it is asked where it
 * was not yet. */
uint64_t direct_link_sent(const struct direct_link *link);
bool direct_link_has_taken(struct direct_link *link, uint64_t sent);
/* Bytes that wait. */
size_t direct_link_waiting(const struct direct_link *link);
/* Of its last ping; 0: none was answered yet. */
int64_t direct_link_round_trip_us(const struct direct_link *link);
/* When a message last went either way. */
int64_t direct_link_used_ms(const struct direct_link *link);
/* Once every DIRECT_TICK_MS. */
void direct_link_tick(struct direct_link *link, int64_t now_ms);
/* gone() follows. `why` is copied, or NULL. */
void direct_link_close(struct direct_link *link, const struct error *why);

#endif
