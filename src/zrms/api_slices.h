/*
 * Answers that may be long: JSON that is written a slice at a time, so that no answer keeps zrms from its work.
 *
 *   slice ─► what it shows is durable ─► sent ─► taken by the client ─► the next slice
 *
 * One that fits into a slice is an answer as any other.
 */
#ifndef SAMOZA_ZRMS_API_SLICES_H
#define SAMOZA_ZRMS_API_SLICES_H

#include "base/buffer.h"
#include "zrms/api.h"

/* A slice has about so much: it may end later, with what was begun. */
#define API_SLICE_BYTES ((size_t)64 * 1024)

struct api_slices_writer {
	/* Adds what follows; true: that was the end. */
	bool (*next)(void *user, struct buffer *slice);
	void (*free)(void *user);
};

/* PRE: api_read_ready(). Takes `user`, also where the client leaves before the end. */
void api_slices_send(struct zrms *zrms, struct http_request *request,
		     const struct api_slices_writer *writer, void *take_user);

/* Text of ours, far below the limit of a slice. */
void api_slice_add(struct buffer *slice, const char *text);
/* The view as JSON, without what `reader` may not see (mask.h); NULL: it sees all. Frees it. */
void api_slice_add_view(const struct zrms *zrms, const struct principal *reader,
			struct buffer *slice, ProtobufCMessage *take_view);

#endif
