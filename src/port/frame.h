/*
 * Frames of the link between zhost and zrms (proto/wire.proto):
 *
 *     ┌───────────────┬─────────┬───────────────────┐
 *     │ length u32 LE │ type u8 │ protobuf message  │     length counts type and message
 *     └───────────────┴─────────┴───────────────────┘
 *
 * Reading is incremental: keep what arrived in a buffer, take frames off its front.
 *
 *     while ((r = frame_next(b.data + used, b.size - used, &frame, err)) > 0) {
 *             r = frame_decode(&frame, &message, err); ... used += frame.whole_size;
 *     }
 *     buffer_consume(&b, used);
 */
#ifndef SAMOZA_PORT_FRAME_H
#define SAMOZA_PORT_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "proto/wire.pb-c.h"

#define FRAME_MAX_BYTES	   ((size_t)16 * 1024 * 1024) /* type and message */
#define FRAME_HEADER_BYTES ((size_t)5)		      /* length and type */

/* One whole frame; borrowed from the bytes that frame_next() looked at. */
struct frame {
	unsigned type;	     /* as it stands there: may be unknown to us */
	const uint8_t *body; /* the message */
	size_t body_size;
	const uint8_t *whole; /* with the header: what a hub passes on */
	size_t whole_size;
};

/* What a frame of this type carries; NULL for a type that we do not know. */
const ProtobufCMessageDescriptor *frame_descriptor(unsigned type);
/* "heartbeat", for logs and metrics; "unknown". */
const char *frame_type_name(unsigned type);

/* Appends one frame. PRE: the message is of the type's descriptor. ERR_LIMIT when it is larger
 * than FRAME_MAX_BYTES or than what `to` can still take; `to` is then unchanged. */
int frame_encode(struct buffer *to, Samoza__V1__FrameType type, const ProtobufCMessage *message,
		 struct error **err) must_check;

/* 1: *ret_frame is the first frame in `data`. 0: more bytes are needed. ERR_INVALID: no frame
 * can begin like this (length 0, or over the maximum); the link is of no use any more. */
int frame_next(const void *data, size_t size, struct frame *ret_frame,
	       struct error **err) must_check;

/* The message, for the caller to free with protobuf_c_message_free_unpacked(m, NULL).
 * ERR_UNSUPPORTED: a type that we do not know. ERR_INVALID: not a message of its type, or an
 * enum value that we do not know. Bytes of a string that are not UTF-8 become '?': what a
 * guest prints must not cost a machine its link. */
int frame_decode(const struct frame *frame, ProtobufCMessage **ret_message,
		 struct error **err) must_check;

/* A string or bytes field of the frame's message without decoding the rest: 1 and a borrowed
 * range (the last one, as protobuf has it), 0 when absent, ERR_INVALID when it is not protobuf.
 * For the hub, which needs only `to_zhost` of a message of up to 64 KiB. */
int frame_peek(const struct frame *frame, unsigned field, const char **ret_text,
	       size_t *ret_size, struct error **err) must_check;

#endif
