/*
 * Transport of messages between spaces on different zhosts. The mesh of a zhost (zhost/mesh)
 * decides where a message goes; a transport carries it there.
 *
 *   mesh_transport_send(to_zhost) ──► … ──► received() at the transport of that zhost
 *
 * Implementations: through the hub in zrms over the zhost's link (zhost/mesh/hub_transport.h), directly
 * with the hub for the rest (zhost/direct/direct_transport.h), and simulated (adapter/sim/mesh.h).
 *
 * A message arrives at most once and unchanged; messages of one zhost to another arrive in the
 * order in which they were sent. One that was sent may still be lost, when a connection breaks or
 * the other side takes no more.
 */
#ifndef SAMOZA_PORT_MESH_H
#define SAMOZA_PORT_MESH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "port/frame.h"

struct mesh_transport;

/* `message` is borrowed. */
typedef void mesh_received_fn(void *user, const Samoza__V1__MeshMessage *message);

/* Somebody who waits for messages to settle. Embedded. */
struct mesh_settle {
	/* Once. `is_settled` false: it was forgotten. */
	void (*fn)(struct mesh_settle *settle, bool is_settled);
	void *waits; /* private to the transport */
	struct mesh_settle *next;
};

/* By which way messages to another zhost go. */
enum mesh_by {
	MESH_BY_NONE, /* not known yet: it is being changed */
	MESH_BY_HUB,
	MESH_BY_LINK,
};

/* What a transport knows of messages to and from one other zhost. */
struct mesh_way_view {
	enum mesh_by by;       /* now */
	int64_t since_ms;      /* monotonic; 0: always */
	int64_t round_trip_us; /* over a direct link, as last measured; 0: not yet */
	uint64_t direct, hub;  /* sent */
	uint64_t late;	       /* of those that came: overtaken on another way, and dropped */
	uint64_t lost;	       /* of those sent: both ways failed while they changed */
};

struct mesh_transport_ops {
	int (*send)(struct mesh_transport *transport, const Samoza__V1__MeshMessage *message);
	size_t (*room)(const struct mesh_transport *transport, const char *zhost);
	/* False: it knows nothing of that zhost. NULL: all that is sent goes through zrms. */
	bool (*way)(const struct mesh_transport *transport, const char *zhost,
		    struct mesh_way_view *ret);
	/* Both NULL: all that is sent goes through zrms. */
	void (*settle)(struct mesh_transport *transport, struct mesh_settle *settle);
	void (*forget)(struct mesh_transport *transport);
	void (*free)(struct mesh_transport *transport);
};

/* Implementations begin with it. */
struct mesh_transport {
	const struct mesh_transport_ops *ops;
	mesh_received_fn *received; /* NULL: messages are dropped */
	void *user;
	enum mesh_by sent_by; /* the message that was sent last */
};

/* From now on messages go to `received`, always from the loop. */
static inline void mesh_transport_receive(struct mesh_transport *transport,
					  mesh_received_fn *received, void *user)
{
	transport->received = received;
	transport->user = user;
}

/* To message->to_zhost; transport->sent_by says how. As emit_to reports it: 0, -EHOSTUNREACH when there is no way to that
 * zhost now, -EAGAIN when there is no room. */
static inline int mesh_transport_send(struct mesh_transport *transport,
				      const Samoza__V1__MeshMessage *message)
{
	transport->sent_by = MESH_BY_HUB;
	return transport->ops->send(transport, message);
}

/* About how many bytes of messages to that zhost can be sent before -EAGAIN; 0: none, or there is
 * no way. */
static inline size_t mesh_transport_room(const struct mesh_transport *transport,
					 const char *zhost)
{
	return transport->ops->room(transport, zhost);
}

/* False: it knows nothing of that zhost; what is sent there goes through zrms. */
static inline bool mesh_transport_way(const struct mesh_transport *transport, const char *zhost,
				      struct mesh_way_view *ret)
{
	*ret = (struct mesh_way_view){.by = MESH_BY_HUB};
	return transport->ops->way != NULL && transport->ops->way(transport, zhost, ret);
}

/* Calls settle->fn, maybe at once, when each message that was sent so far is lost, or taken by its zhost, or
 * comes to zrms before what this zhost sends there from then on. In the order of the calls. */
static inline void mesh_transport_settle(struct mesh_transport *transport,
					 struct mesh_settle *settle)
{
	if (transport->ops->settle != NULL)
		transport->ops->settle(transport, settle);
	else
		settle->fn(settle, true);
}

/* Calls those that wait still: what they wait for is of no use any more. */
static inline void mesh_transport_forget(struct mesh_transport *transport)
{
	if (transport->ops->forget != NULL)
		transport->ops->forget(transport);
}

/* NULL is fine. */
static inline void mesh_transport_free(struct mesh_transport *transport)
{
	if (transport != NULL)
		transport->ops->free(transport);
}

/* ---- for who passes messages on ---- */

enum { MESH_ZHOST_NAME_MAX = 255 };

/* The zhost that a MESH_MESSAGE frame is for, without decoding the rest of it. ERR_INVALID: it
 * names none, or cannot be read. */
int mesh_frame_destination(const struct frame *frame,
			   char ret_zhost[static MESH_ZHOST_NAME_MAX + 1],
			   struct error **err) must_check;

/* Whether it says that it is of that zhost, or of none: an older one does not say. */
bool mesh_frame_is_of(const struct frame *frame, const char *zhost);

#endif
