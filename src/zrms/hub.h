/*
 * The links of the zhosts, by the number that the core knows them by, and the hub: a message
 * between spaces on two zhosts comes in on one link and goes out on another, as it stands.
 *
 *   first frame HELLO ──► core ──► HELLO_ACK accepted: from now on a member
 *   REPORT, HEARTBEAT, DATA_REQUEST ──► core
 *   MESH_MESSAGE ──► the link of its `to_zhost`      at most once: dropped and counted when
 *                                                    there is no such link or it is full
 *   LOG_CHUNK ──► logs.h
 */
#ifndef SAMOZA_ZRMS_HUB_H
#define SAMOZA_ZRMS_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "adapter/wire/wire_link.h"
#include "base/metrics.h"
#include "core/control/control.h"
#include "zrms/commit_driver.h"

struct hub;

struct hub_listener {
	void (*log_chunk)(void *user, uint64_t link, const Samoza__V1__LogChunk *chunk);
	void (*gone)(void *user, uint64_t link);
};

/* All borrowed. */
struct hub *hub_new(struct loop *loop, struct commit_driver *commits, struct control *control,
		    const struct hub_listener *listener, void *user);
/* PRE: hub_is_empty(). NULL is fine. */
void hub_free(struct hub *hub);

/* A connection that has become a link; taken over. */
void hub_add(struct hub *hub, struct stream *stream);
/* What the core wants to say. A link that cannot take it is closed: its zhost comes back and
 * gets everything anew. */
void hub_send(struct hub *hub, const struct link_message *message);
/* ERR_UNAVAILABLE: there is no such link, or it takes no more. */
int hub_send_frame(struct hub *hub, uint64_t link, Samoza__V1__FrameType type,
		   const ProtobufCMessage *message, struct error **err) must_check;
void hub_answer(struct hub *hub, const struct data_change *change, struct data_answer *answer);

/* Closes all, behind what waits to be written. */
void hub_close_all(struct hub *hub);
bool hub_is_empty(const struct hub *hub);
extern const struct metric_source hub_metrics; /* of struct hub */

#endif
