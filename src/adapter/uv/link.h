/*
 * One end of a link: frames (port/frame.h) over a connected stream socket, on the event loop.
 * zrms has one per zhost (the socket comes from the HTTP server's Upgrade), zhost has one
 * (link_dial.h).
 *
 *   socket ─► scratch ─► frames ─► handler->frame()           (zero copies for whole frames)
 *   link_send() ─► output buffer ─► one write before the loop waits
 *
 * Rules of ownership:
 *  1. link_new() takes the socket over (it is given back through handler->give_back, or
 * closed).
 *  2. After handler->closed() the link is gone. It is called exactly once, from the loop, never
 *     from inside a function of this file; also after link_close().
 *  3. Between link_close() and closed() the link may be used; sending gives ERR_UNAVAILABLE.
 */
#ifndef SAMOZA_ADAPTER_UV_LINK_H
#define SAMOZA_ADAPTER_UV_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/uv/loop.h"
#include "base/error.h"
#include "port/frame.h"

struct link;

struct link_handler {
	/* One frame, borrowed for the call. Negative: the link is closed with that error. */
	int (*frame)(void *user, struct link *link, const struct frame *frame,
		     struct error **err);
	/* `why` is NULL when the peer ended the connection or link_close() was asked without
	 * a reason; borrowed. */
	void (*closed)(void *user, struct link *link, const struct error *why);
	/* Who lent the socket takes it back here, after closed(); NULL: it is closed. */
	void (*give_back)(void *lender, int fd);
};

struct link_options {
	size_t output_max; /* bytes that may wait to be written; 0: 64 MiB */
	void *lender;	   /* for give_back */
};

/* `extra`: bytes that were read from the socket already (behind the HTTP header). `handler`
 * must outlive the link. Frames in `extra` are handled in the loop's next turn. */
struct link *link_new(struct loop *loop, int fd, const void *extra, size_t extra_size,
		      const struct link_options *options, const struct link_handler *handler,
		      void *user);

/* Appends a frame. ERR_LIMIT: the output is full (the peer does not read), nothing was
 * appended. ERR_UNAVAILABLE: closing. */
int link_send(struct link *link, Samoza__V1__FrameType type, const ProtobufCMessage *message,
	      struct error **err) must_check;
/* A frame as it came from another link. With `room`: refused (ERR_LIMIT) when more than so many
 * bytes wait already, so that messages that may be lost leave room for those that may not. */
int link_forward(struct link *link, const struct frame *frame, size_t room,
		 struct error **err) must_check;
/* Bytes that wait to be written. */
size_t link_waiting(const struct link *link);

/* Closes soon; what waits is dropped. `why` may be NULL; it is copied. */
void link_close(struct link *link, const struct error *why);
/* Closes when what waits is written, within 5 s. */
void link_close_after(struct link *link);

#endif
