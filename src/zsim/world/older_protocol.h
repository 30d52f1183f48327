/*
 * A zhost that speaks an older protocol of the link (proto/wire.proto): what that protocol does not know is
 * left out of each frame, on its way to the zhost and from it.
 *
 *     agent ──► HELLO, reports ──► without what was added since ──► zrms
 *     agent ◄── without what it would not read ◄── DESIRED ◄─────── zrms
 *
 * A zhost of protocol 1 found parents by their paths, of which it held one copy each; the `placement` of
 * later protocols stands for that here.
 */
#ifndef SAMOZA_ZSIM_WORLD_OLDER_PROTOCOL_H
#define SAMOZA_ZSIM_WORLD_OLDER_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/wire.pb-c.h"

#define PROTOCOL_NEWEST 5

static inline bool older_protocol_is(uint32_t protocol)
{
	return protocol < PROTOCOL_NEWEST;
}
/* It says what it knows of the mesh, and where its directory is. */
static inline bool older_protocol_says_itself(uint32_t protocol)
{
	return protocol >= 3;
}
/* Changes `message`, which the caller owns. `protocol`: the zhost's, from 1. */
void older_protocol_to_agent(uint32_t protocol, Samoza__V1__FrameType type,
			     ProtobufCMessage *message);
/* The same message, or a copy without what the protocol does not know. Free with
 * schema_message_free() when it is another one. */
ProtobufCMessage *older_protocol_from_agent(uint32_t protocol, Samoza__V1__FrameType type,
					    const ProtobufCMessage *message);

#endif
