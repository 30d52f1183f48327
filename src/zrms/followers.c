#include "zrms/followers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "schema/json.h"

enum {
	PAGE_EVENTS = 500,
	CAUSE_MAX = 8 * 1024,	      /* shown of a cause: it may quote what a space printed */
	STREAM_MAX = 1024 * 1024,     /* bytes that wait for one follower */
	EVENT_TEXT_MAX = 1024 * 1024, /* one event; larger ones do not exist */
};

struct follower {
	struct follower *next, **link;
	struct followers *followers;
	struct http_stream *stream;
	uint64_t cursor; /* the last event that was written */
	char *topology;	 /* id, or NULL */
	bool listing;	 /* the store is asked */
	bool live;
	bool gone; /* the stream has closed while the store was asked */
};

struct followers {
	struct store *store;
	struct follower *first;
	struct http_stream_handler handler;
};

/* ---- what an event looks like ---- */

static char *time_text(int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts;
	char text[64];
	(void)gmtime_r(&seconds, &parts);
	size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
	(void)snprintf(text + n, sizeof text - n, ".%03dZ", (int)(wall_ms % 1000));
	return mem_strdup(text);
}

Samoza__V1__EventView *event_view_new(const Samoza__V1__EventRecord *event)
{
	Samoza__V1__EventView *view = mem_new(Samoza__V1__EventView);
	samoza__v1__event_view__init(view);
	view->seq = event->seq;
	view->time = time_text(event->time_ms);
	view->kind = mem_strdup(event->kind);
	view->subject = mem_strdup(event->subject);
	view->from = mem_strdup(event->from);
	view->to = mem_strdup(event->to);
	view->cause = mem_strndup(event->cause, strnlen(event->cause, CAUSE_MAX));
	view->topology = mem_strdup(event->topology);
	return view;
}

/* "id: 17\ndata: {...}\n\n" */
static void event_text(struct buffer *out, const Samoza__V1__EventRecord *event)
{
	Samoza__V1__EventView *view = event_view_new(event);
	buffer_clear(out);
	int r = buffer_printf(out, "id: %" PRIu64 "\ndata: ", event->seq);
	if (r == 0)
		r = schema_add_json(out, &view->base, SCHEMA_JSON_COMPACT);
	if (r == 0)
		r = buffer_add_string(out, "\n\n");
	INVARIANT(r == 0);
	samoza__v1__event_view__free_unpacked(view, NULL);
}

/* ---- behind ---- */

static void follower_free(struct follower *f)
{
	free(f->topology);
	free(f);
}

static void follower_list(struct follower *f);

static void events_listed(void *user, int code, const struct error *error,
			  Samoza__V1__EventRecord **events, size_t count, bool more)
{
	(void)error;
	struct follower *f = user;
	f->listing = false;
	if (f->gone) {
		follower_free(f);
		return;
	}
	if (code < 0) { /* the client comes back, with Last-Event-ID */
		http_stream_end(f->stream);
		return;
	}
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(EVENT_TEXT_MAX);
	bool full = false;
	for (size_t i = 0; i < count && !full; i++) {
		event_text(&text, events[i]);
		full = http_stream_write(f->stream, text.data, text.size) < 0;
		if (!full)
			f->cursor = events[i]->seq;
	}
	f->live = !full && !more;
	/* Otherwise the next page follows when this one is read: follower_drained(). */
}

static void follower_list(struct follower *f)
{
	f->listing = true;
	f->followers->store->ops->events(f->followers->store, f->cursor, f->topology,
					 PAGE_EVENTS, events_listed, f);
}

static void follower_drained(void *user, struct http_stream *stream)
{
	(void)stream;
	struct follower *f = user;
	if (!f->live && !f->listing)
		follower_list(f);
}

/* ---- live ---- */

static bool follower_wants(const struct follower *f, const Samoza__V1__EventRecord *event)
{
	return f->live && event->seq > f->cursor &&
	       (f->topology == NULL || str_equal(f->topology, event->topology));
}

void followers_event(struct followers *followers, const Samoza__V1__EventRecord *event)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(EVENT_TEXT_MAX);
	for (struct follower *f = followers->first; f != NULL; f = f->next) {
		if (!follower_wants(f, event))
			continue;
		if (text.size == 0)
			event_text(&text, event);
		if (http_stream_write(f->stream, text.data, text.size) < 0)
			f->live = false; /* too slow: from the store, when it has read this */
		else
			f->cursor = event->seq;
	}
}

/* ---- life ---- */

static void follower_closed(void *user, struct http_stream *stream)
{
	(void)stream;
	struct follower *f = user;
	*f->link = f->next;
	if (f->next != NULL)
		f->next->link = f->link;
	f->gone = true;
	if (!f->listing)
		follower_free(f);
}

void followers_add(struct followers *followers, struct http_request *request, uint64_t after,
		   const char *topology)
{
	struct follower *f = mem_new(struct follower);
	f->followers = followers;
	f->cursor = after;
	f->topology = mem_strdup(topology);
	f->next = followers->first;
	f->link = &followers->first;
	if (f->next != NULL)
		f->next->link = &f->next;
	followers->first = f;
	f->stream = http_reply_stream(request, "text/event-stream", true, STREAM_MAX,
				      &followers->handler, f);
	/* At once, so that the client knows that it is heard. */
	int r = http_stream_write(f->stream, ":\n\n", 3);
	INVARIANT(r == 0);
	follower_list(f);
}

void followers_end_all(struct followers *followers)
{
	for (struct follower *f = followers->first; f != NULL; f = f->next)
		http_stream_end(f->stream);
}

struct followers *followers_new(struct store *store)
{
	struct followers *followers = mem_new(struct followers);
	followers->store = store;
	followers->handler = (struct http_stream_handler){.closed = follower_closed,
							  .drained = follower_drained};
	return followers;
}

void followers_free(struct followers *followers)
{
	if (followers == NULL)
		return;
	PRE(followers->first == NULL);
	free(followers);
}
