/*
 * The connection to zrms: dials, dials again (100 ms, 200 ms, … at most one heartbeat), and
 * passes frames on.
 */
#ifndef SAMOZA_ZHOST_UPLINK_UPLINK_H
#define SAMOZA_ZHOST_UPLINK_UPLINK_H

#include "base/error.h"
#include "zhost/zhost.h"

struct uplink;

struct uplink *uplink_new(struct zhost *z);
/* Ends the connection; uplink_is_closed() when that is done, then it can be freed. */
void uplink_close(struct uplink *u);
bool uplink_is_closed(const struct uplink *u);
void uplink_free(struct uplink *u);

/* zrms has accepted us on the present connection. */
bool uplink_is_up(const struct uplink *u);
/* For the core's messages: also before zrms has accepted. What cannot be sent is lost, as with
 * a link that breaks. */
void uplink_send(struct uplink *u, Samoza__V1__FrameType type, const ProtobufCMessage *message);
/* For messages that may be refused: 0, -EHOSTUNREACH without a link, -EAGAIN when more than
 * `room` bytes wait already. */
int uplink_try(struct uplink *u, Samoza__V1__FrameType type, const ProtobufCMessage *message,
	       size_t room);

#endif
