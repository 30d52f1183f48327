/*
 * The links of the zhosts, by the id that the core knows them by. Frames that come in are passed
 * on; what goes out is sent here.
 *
 *   stream ─► links_add ─► waits for HELLO (10 s, 8 MiB, 4 of one name) ─► input(HELLO) ─► core
 *                                                                     │
 *   member ◄───────────────────────────────────────── HELLO_ACK accepted
 *
 *   frames of the core (core/control/control_frames.h) ─► input
 *   EXEC_REPLY ─► exec_reply
 *   RENEW ─► renew, also before HELLO; one whose certificate has expired may send nothing else,
 *           and no more than 64 KiB
 *   MESH_ASK ─► mesh_ask, of members
 *   MESH_ANSWER ─► mesh_answer    PAGE_ASK ─► page_ask    SECRET_REQUEST ─► secret_ask, all of members
 *   LEAVE ─► left: what waits is written, then the link is closed
 *   LOG_CHUNK ─► log_chunk          MESH_MESSAGE ─► mesh_frame, as it came
 */
#ifndef SAMOZA_ZRMS_LINKS_H
#define SAMOZA_ZRMS_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "adapter/wire/wire_link.h"
#include "base/metrics.h"
#include "core/control/state/input.h"
#include "core/outbox.h"

struct links;

enum { LINKS_FOREIGN_MAX = 16, LINKS_SECRETS_MAX = 100, LINKS_SECRETS_MS = 60000 };

/* Messages and frames are borrowed for the call. */
struct links_listener {
	/* A frame of the core, as its input. */
	void (*input)(void *user, const struct control_input *input);
	void (*log_chunk)(void *user, uint64_t link_id, const Samoza__V1__LogChunk *chunk);
	void (*exec_reply)(void *user, uint64_t link_id, Samoza__V1__ExecReply *reply);
	/* The zhost `name`, which has proved `key` in the handshake, asks for a certificate for another one. */
	void (*renew)(void *user, uint64_t link_id, const char *name, const uint8_t *key,
		      const struct control_certified *certified,
		      const Samoza__V1__Renew *renew);
	/* Negative: the link is closed. */
	int (*mesh_ask)(void *user, uint64_t link_id, const Samoza__V1__MeshAsk *ask,
			struct error **err);
	void (*mesh_answer)(void *user, uint64_t link_id, const Samoza__V1__MeshAnswer *answer);
	/* Of the zhost of that name. */
	void (*page_ask)(void *user, uint64_t link_id, const char *zhost,
			 const Samoza__V1__PageAsk *ask);
	/* Of a member. False: it is no business of its own, and LINKS_SECRETS_MAX of these within a minute close the link. *ret_refused:
	 * why it gets none; static, NULL: it is not refused. */
	bool (*secret_ask)(void *user, uint64_t link_id, const Samoza__V1__SecretAsk *ask,
			   const char **ret_refused);
	/* `member`: whose it is; NULL: zrms has not accepted it. Negative: the link is closed; positive: it is of another zhost, and
	 * LINKS_FOREIGN_MAX of these close the link [machines.identity.itself]. */
	int (*mesh_frame)(void *user, const char *member, const struct frame *frame,
			  struct error **err);
	/* A member leaves its link for another one: it sends nothing more on this one, and takes nothing more. */
	void (*left)(void *user, uint64_t link_id, const char *zhost,
		     const Samoza__V1__Leave *last);
	/* It has become a member on that link, and its HELLO_ACK is on the way. */
	void (*accepted)(void *user, uint64_t link_id, const char *zhost);
	/* `had_hello`: input() was called for it. */
	void (*closed)(void *user, uint64_t link_id, bool had_hello);
};

/* `heartbeat_ms`: what zhosts are told to send theirs in, for metrics. */
struct links *links_new(struct loop *loop, int64_t heartbeat_ms,
			const struct links_listener *listener, void *user);
/* PRE: links_is_empty(). NULL is fine. */
void links_free(struct links *links);

/* A stream whose other end sends frames; taken over, as is `take_who`, for whom it may speak (NULL: for
 * every zhost). One that was opened with a certificate is closed when that ends. */
void links_add(struct links *links, struct principal *take_who, struct stream *stream);
/* Texts that each HELLO_ACK has from now on as `closed`: copied. */
void links_set_closed(struct links *links, char *const *texts, size_t count);
/* A message of the core. A link that cannot take it is closed: its zhost reconnects and both
 * sides exchange their state again. */
void links_send(struct links *links, const struct link_message *message);
/* Only after the HELLO_ACK that accepts its zhost. ERR_UNAVAILABLE: there is no such link, it is closing, or its zhost is
 * not accepted on it yet. ERR_LIMIT: it takes no more. */
int links_send_frame(struct links *links, uint64_t link_id, Samoza__V1__FrameType type,
		     const ProtobufCMessage *message, struct error **err) must_check;
/* Commands that were asked for on it so far. */
uint64_t links_exec_starts(struct links *links, uint64_t link_id);
/* Whether its zhost has said HELLO and has no answer yet: links_listener.accepted() comes, or its end. */
bool links_is_beginning(struct links *links, uint64_t link_id);
/* Whether its zhost has left it for another one. */
bool links_has_left(struct links *links, uint64_t link_id);
/* Whether commands can be run at its other end, as its HELLO said. ERR_UNSUPPORTED: its zhost is of an earlier version;
 * ERR_DENIED: it does not allow it; ERR_UNAVAILABLE. */
int links_check_exec(struct links *links, uint64_t link_id, struct error **err) must_check;
/* Whose it is, as its HELLO said; borrowed. NULL: there is no such link, or no HELLO yet. */
const char *links_zhost(struct links *links, uint64_t link_id);
/* A frame as it came from another link; as wire_link_forward(). */
int links_forward(struct links *links, uint64_t link_id, const struct frame *frame, size_t room,
		  struct error **err) must_check;

/* Closes all of them, after what waits to be written. */
void links_close_all(struct links *links);
bool links_is_empty(const struct links *links);
/* Frames that no zhost may send, or not then: each has ended its link. */
uint64_t links_refused(const struct links *links);
extern const struct metric_source links_metrics; /* of struct links */

#endif
