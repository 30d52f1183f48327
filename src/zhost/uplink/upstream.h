/*
 * zrms as the parts of zhost see it: somewhere to send frames. The uplink implements it over its
 * connection; tests implement it by recording.
 */
#ifndef SAMOZA_ZHOST_UPLINK_UPSTREAM_H
#define SAMOZA_ZHOST_UPLINK_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/wire.pb-c.h"

struct upstream;

struct upstream_methods {
	/* zrms has accepted this zhost on the present connection. */
	bool (*is_up)(const struct upstream *u);
	/* For the agent's messages, also before zrms has accepted. A message that cannot be sent
	 * is lost, as when the connection breaks. */
	void (*send)(struct upstream *u, Samoza__V1__FrameType type,
		     const ProtobufCMessage *message);
	/* For messages that may be refused: 0, -EHOSTUNREACH without a connection, -EAGAIN when
	 * more than `room` bytes are waiting to be written. */
	int (*try_send)(struct upstream *u, Samoza__V1__FrameType type,
			const ProtobufCMessage *message, size_t room);
	/* For messages between spaces: as try_send(), but what comes while another connection takes the place of this
	 * one is kept for it. */
	int (*pass)(struct upstream *u, Samoza__V1__FrameType type,
		    const ProtobufCMessage *message, size_t room);
	/* Whether pass() has a way, or will have one. */
	bool (*passes)(const struct upstream *u);
	/* Bytes that are waiting to be written. */
	size_t (*waiting)(const struct upstream *u);
};

/* The first member of what implements it. */
struct upstream {
	const struct upstream_methods *methods;
};

static inline bool upstream_is_up(const struct upstream *u)
{
	return u->methods->is_up(u);
}

static inline void upstream_send(struct upstream *u, Samoza__V1__FrameType type,
				 const ProtobufCMessage *message)
{
	u->methods->send(u, type, message);
}

static inline int upstream_try_send(struct upstream *u, Samoza__V1__FrameType type,
				    const ProtobufCMessage *message, size_t room)
{
	return u->methods->try_send(u, type, message, room);
}

static inline int upstream_pass(struct upstream *u, Samoza__V1__FrameType type,
				const ProtobufCMessage *message, size_t room)
{
	return u->methods->pass(u, type, message, room);
}

static inline bool upstream_passes(const struct upstream *u)
{
	return u->methods->passes(u);
}

static inline size_t upstream_waiting(const struct upstream *u)
{
	return u->methods->waiting(u);
}

#endif
