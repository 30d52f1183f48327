/*
 * One end of a link: frames (port/frame.h) over a stream (port/stream.h), on the event loop. zrms
 * has one per zhost, zhost has one (wire_dial.h).
 *
 *   stream ─► scratch ─► frames ─► handler->frame()           (no copies of whole frames)
 *   wire_link_send() ─► output buffer ─► one write before the loop waits
 *
 * Heartbeats and their answers pass all other frames that wait. The rest of a frame that has begun to
 * arrive must come within 10 s, or 1 MiB of it: then the link is closed.
 *
 * Rules of ownership:
 *  1. wire_link_new() takes the stream over.
 *  2. After handler->closed() the link is gone. It is called exactly once, from the loop, never
 *     from inside a function of this file; also after wire_link_close().
 *  3. Between wire_link_close() and closed() the link may be used; sending gives
 *     ERR_UNAVAILABLE.
 */
#ifndef SAMOZA_ADAPTER_WIRE_WIRE_LINK_H
#define SAMOZA_ADAPTER_WIRE_WIRE_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "port/frame.h"
#include "port/stream.h"

struct wire_link;

struct wire_link_handler {
	/* One frame, borrowed for the call. Negative: the link is closed with that error. */
	int (*frame)(void *user, struct wire_link *link, const struct frame *frame,
		     struct error **err);
	/* `why` is NULL when the peer ended the connection or wire_link_close() was called
	 * without a reason; borrowed. */
	void (*closed)(void *user, struct wire_link *link, const struct error *why);
};

/* PRE: connected. `output_max`: bytes that may wait to be written; 0: 64 MiB. `handler` must
 * outlive the link. */
struct wire_link *wire_link_new(struct stream *stream, size_t output_max,
				const struct wire_link_handler *handler, void *user);
/* Who is at the other end; borrowed. */
const struct stream_peer *wire_link_peer(const struct wire_link *link);

/* As stream_set_patience(). */
void wire_link_set_patience(struct wire_link *link, int64_t ms);

/* Appends a frame. ERR_LIMIT: the output is full (the peer does not read), nothing was
 * appended. ERR_UNAVAILABLE: closing. */
int wire_link_send(struct wire_link *link, Samoza__V1__FrameType type,
		   const ProtobufCMessage *message, struct error **err) must_check;
/* A frame as it came from another link. ERR_LIMIT when more than `room` bytes wait already, so
 * that messages that may be lost leave room for those that may not. */
int wire_link_forward(struct wire_link *link, const struct frame *frame, size_t room,
		      struct error **err) must_check;
/* A frame of more bytes than this ends the link before it is read; at first FRAME_MAX_BYTES. */
void wire_link_limit(struct wire_link *link, size_t frame_bytes);
/* From now on what comes is dropped as it comes: it is no frames, and holds no memory. Also from
 * inside handler->frame(), whose frame is valid until it returns, and the last one. */
void wire_link_ignore(struct wire_link *link);
/* No further frame is taken and nothing is read until it continues: the peer waits. */
void wire_link_pause(struct wire_link *link, bool is_paused);
/* Bytes that wait to be written. */
size_t wire_link_waiting(const struct wire_link *link);

/* Closes soon; what waits is dropped. `why` may be NULL; it is copied. */
void wire_link_close(struct wire_link *link, const struct error *why);
/* Closes when what waits is written, within 5 s. */
void wire_link_close_after(struct wire_link *link);
/* The last frame is appended: the peer closes when it has read it, within `most_ms`. What comes
 * meanwhile is dropped. The one that closes while the other one still sends, resets the connection, and what that one has not
 * read may be lost. */
void wire_link_await_close(struct wire_link *link, int64_t most_ms);
/* As that, but frames that come meanwhile are still taken. Either again: the time begins again. */
void wire_link_close_within(struct wire_link *link, int64_t most_ms);

#endif
