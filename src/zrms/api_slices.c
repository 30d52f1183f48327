#include "zrms/api_slices.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "schema/json.h"
#include "zrms/api_reads.h"
#include "zrms/mask.h"

enum { WAITING_MAX = 64 * 1024 * 1024 };

struct slices {
	struct zrms *zrms;
	const struct api_slices_writer *writer;
	void *user;
	struct api_read read;	    /* the request, until the first slice is durable */
	struct http_stream *stream; /* then; NULL: the client has left, or was refused */
	bool ended;		    /* nothing follows */
	bool is_committing;	    /* the slice waits until what it shows is durable */
	struct buffer slice;	    /* not sent yet */
};

static void on_drained(void *user, struct http_stream *stream);
static void on_closed(void *user, struct http_stream *stream);
static const struct http_stream_handler handler = {.closed = on_closed, .drained = on_drained};

static void slices_free(struct slices *s)
{
	s->writer->free(s->user);
	buffer_done(&s->slice);
	free(s);
}

void api_slice_add(struct buffer *slice, const char *text)
{
	int r = buffer_add_string(slice, text);
	INVARIANT(r == 0);
}

void api_slice_add_view(const struct zrms *zrms, const struct principal *reader,
			struct buffer *slice, ProtobufCMessage *take_view)
{
	mask_message(api_control(zrms), reader, take_view);
	int r = schema_add_json(slice, take_view, SCHEMA_JSON_COMPACT);
	INVARIANT(r == 0);
	protobuf_c_message_free_unpacked(take_view, NULL);
}

static void send_slice(struct slices *s)
{
	int r = http_stream_write(s->stream, s->slice.data, s->slice.size);
	INVARIANT(r == 0); /* the one before was taken */
	buffer_clear(&s->slice);
	if (s->ended)
		http_stream_end(s->stream);
}

static void begin_answer(struct slices *s)
{
	struct http_request *request = steal_ptr(&s->read.request);
	http_add_header(request, "Cache-Control", "no-store");
	if (s->ended) {
		size_t size = s->slice.size;
		http_reply(request, 200, "application/json", buffer_steal(&s->slice), size);
		slices_free(s);
		return;
	}
	s->stream =
		http_reply_stream(request, "application/json", false, WAITING_MAX, &handler, s);
	send_slice(s);
}

static void take_slice(struct slices *s)
{
	if (s->stream == NULL)
		begin_answer(s);
	else
		send_slice(s);
}

static void slice_durable(void *user)
{
	struct slices *s = user;
	s->is_committing = false;
	if (s->stream != NULL || api_read_end(s->zrms, &s->read))
		take_slice(s);
	else
		slices_free(s);
}

static void next_slice(struct slices *s)
{
	s->ended = s->writer->next(s->user, &s->slice);
	if (api_control_is_durable(s->zrms)) {
		if (s->stream == NULL)
			api_read_notice(s->read.request);
		take_slice(s);
		return;
	}
	s->is_committing = true;
	if (s->stream == NULL)
		api_read_begin(s->zrms, &s->read, s->read.request);
	commit_driver_after(s->zrms->commits, slice_durable, s);
}

static void on_drained(void *user, struct http_stream *stream)
{
	(void)stream;
	struct slices *s = user;
	if (!s->ended && !s->is_committing)
		next_slice(s);
}

static void on_closed(void *user, struct http_stream *stream)
{
	(void)stream;
	struct slices *s = user;
	s->stream = NULL;
	if (!s->is_committing)
		slices_free(s);
}

void api_slices_send(struct zrms *zrms, struct http_request *request,
		     const struct api_slices_writer *writer, void *take_user)
{
	struct slices *s = mem_new(struct slices);
	s->zrms = zrms;
	s->writer = writer;
	s->user = take_user;
	s->slice = BUFFER_INIT(WAITING_MAX);
	s->read.request = request;
	next_slice(s);
}
