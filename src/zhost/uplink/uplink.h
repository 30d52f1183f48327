/*
 * The connection to zrms: connects, reconnects (after 100 ms, 200 ms, … at most one heartbeat or 10 s, and
 * up to twice as much by chance), and passes frames on. What zrms refuses is known when the first frame does not
 * come, not when the connection stands (docs/design/011-transport-security.md). What happens with a frame is the listener's business, except that
 * HELLO_ACK also decides whether the connection is accepted.
 *
 * A zrms that stands by answers with LEADER: the address that it tells is tried next, at once.
 *
 * Where a connection is made again on purpose, the other one stands before this one is left, and messages between spaces
 * are neither lost nor sent twice:
 *
 *   uplink_again() ─► another one is dialled, this one carries on
 *                     it stands ─► LEAVE, the last frame ─► zrms has read all, writes what waits, and closes
 *                     disconnected() ─► connected() on the other one ─► HELLO ─► accepted ─► what was kept meanwhile
 *
 * A zrms that does not know LEAVE loses what is on the way, as with every loss.
 */
#ifndef SAMOZA_ZHOST_UPLINK_UPLINK_H
#define SAMOZA_ZHOST_UPLINK_UPLINK_H

#include <stdint.h>

#include "base/error.h"
#include "base/histogram.h"
#include "port/stream.h"
#include "zhost/uplink/token_source.h"
#include "zhost/uplink/upstream.h"
#include "zhost/uplink/zrms_addresses.h"

struct uplink;

/* What zrms last announced in HELLO_ACK; until then zhost's own defaults. */
struct cluster_timing {
	int64_t heartbeat_ms, failure_timeout_ms;
};

struct uplink_listener {
	/* A connection stands: HELLO may be sent. */
	void (*connected)(void *user);
	/* The other connection stands, and this one is to be left for it: writes what its last frame says. False: not now, and
	 * the listener asks for another one when that is over. NULL: always, without a word. */
	bool (*leaves)(void *user, Samoza__V1__Leave *last);
	void (*disconnected)(void *user);
	/* A frame of zrms. `message` is taken over. An error closes the connection. */
	int (*frame)(void *user, Samoza__V1__FrameType type, ProtobufCMessage *message,
		     struct error **err);
};

struct uplink_options {
	struct loop *loop;
	struct stream_transport *transport;
	struct zrms_addresses *zrms; /* it goes to the next one after each attempt that fails */
	struct token_source *token;  /* NULL: none is shown */
	struct cluster_timing *timing;
	/* A number below `bound`, so that many zhosts do not come at the same time; NULL: always 0. */
	uint32_t (*draw)(uint32_t bound);
};

/* Nothing happens before uplink_start(). All borrowed. */
struct uplink *uplink_new(const struct uplink_options *options,
			  const struct uplink_listener *listener, void *user);
void uplink_start(struct uplink *u);
/* Makes the connection again at once, because of what has changed: HELLO says something new, or the credentials are others. */
void uplink_again(struct uplink *u, const char *why);
/* Closes the connection and makes no other; uplink_is_closed() when that is done. */
void uplink_close(struct uplink *u);
bool uplink_is_closed(const struct uplink *u);
/* PRE: closed, or never started. NULL is fine. */
void uplink_free(struct uplink *u);

/* The same connection as the other parts see it; borrowed. */
struct upstream *uplink_upstream(struct uplink *u);
/* From a heartbeat to its acknowledgement; borrowed. */
const struct histogram *uplink_heartbeats(const struct uplink *u);
/* Where zrms was reached, "10.0.0.5:7331"; NULL: it is not connected. Borrowed. */
const char *uplink_peer(const struct uplink *u);
/* Connections made so far. */
uint64_t uplink_connections(const struct uplink *u);

#endif
