#include "zrms/subscribers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "core/access/access.h"
#include "schema/json.h"
#include "zrms/access_watch.h"

enum {
	PAGE_EVENTS = 500,
	CAUSE_MAX = 8 * 1024,	      /* shown of a cause: it may quote what a space printed */
	STREAM_MAX = 1024 * 1024,     /* bytes that wait for one subscriber */
	EVENT_TEXT_MAX = 1024 * 1024, /* one event; larger ones do not exist */
};

struct subscriber {
	struct subscriber *next, **link;
	struct subscribers *subscribers;
	struct http_stream *stream;
	struct access_watch watch;
	uint64_t cursor;       /* the last event that was written */
	char *topology;	       /* id, or NULL */
	struct principal *who; /* NULL: sees all */
	bool listing;	       /* the store is asked */
	bool live;
	bool gone; /* the stream has closed while the store was asked */
};

struct subscribers {
	struct store *store;
	struct access_watches *open;
	event_view_fn *view;
	void *user; /* of view() */
	struct subscriber *first;
	struct http_stream_handler handler;
	char *lasting; /* what new ones are to hear, too; or NULL */
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

static Samoza__V1__EventView *view_for(const struct subscriber *s,
				       const Samoza__V1__EventRecord *event)
{
	const struct subscribers *all = s->subscribers;
	return s->who == NULL ? event_view_new(event) : all->view(all->user, s->who, event);
}

/* "id: 17\ndata: {...}\n\n"; nothing where the subscriber does not see it. */
static void event_text(struct buffer *out, const struct subscriber *s,
		       const Samoza__V1__EventRecord *event)
{
	Samoza__V1__EventView *view = view_for(s, event);
	buffer_clear(out);
	if (view == NULL)
		return;
	int r = buffer_printf(out, "id: %" PRIu64 "\ndata: ", event->seq);
	if (r == 0)
		r = schema_add_json(out, &view->base, SCHEMA_JSON_COMPACT);
	if (r == 0)
		r = buffer_add_string(out, "\n\n");
	INVARIANT(r == 0);
	samoza__v1__event_view__free_unpacked(view, NULL);
}

/* ---- catching up ---- */

static void subscriber_free(struct subscriber *s)
{
	access_principal_free(s->who);
	free(s->topology);
	free(s);
}

static void subscriber_list(struct subscriber *s);

static void events_listed(void *user, int code, const struct error *error,
			  Samoza__V1__EventRecord **events, size_t count, bool more)
{
	(void)error;
	struct subscriber *s = user;
	s->listing = false;
	if (s->gone) {
		subscriber_free(s);
		return;
	}
	if (code < 0) { /* the client comes back, with Last-Event-ID */
		http_stream_end(s->stream);
		return;
	}
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(EVENT_TEXT_MAX);
	bool full = false;
	for (size_t i = 0; i < count && !full; i++) {
		event_text(&text, s, events[i]);
		full = text.size > 0 && http_stream_write(s->stream, text.data, text.size) < 0;
		if (!full)
			s->cursor = events[i]->seq;
	}
	s->live = !full && !more;
	/* Otherwise the next page follows when this one is read: subscriber_drained(). */
}

static void subscriber_list(struct subscriber *s)
{
	s->listing = true;
	s->subscribers->store->ops->events(s->subscribers->store, s->cursor, s->topology,
					   PAGE_EVENTS, events_listed, s);
}

static void subscriber_drained(void *user, struct http_stream *stream)
{
	(void)stream;
	struct subscriber *s = user;
	if (!s->live && !s->listing)
		subscriber_list(s);
}

/* ---- live ---- */

static bool subscriber_wants(const struct subscriber *s, const Samoza__V1__EventRecord *event)
{
	return s->live && event->seq > s->cursor &&
	       (s->topology == NULL || str_equal(s->topology, event->topology));
}

void subscribers_event(struct subscribers *subscribers, const Samoza__V1__EventRecord *event)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(EVENT_TEXT_MAX);
	for (struct subscriber *s = subscribers->first; s != NULL; s = s->next) {
		if (!subscriber_wants(s, event))
			continue;
		if (text.size == 0 || s->who != NULL)
			event_text(&text, s, event);
		if (text.size > 0 && http_stream_write(s->stream, text.data, text.size) < 0)
			s->live = false; /* too slow: from the store, when it has read this */
		else
			s->cursor = event->seq;
		if (s->who != NULL)
			buffer_clear(&text); /* the next one may see more, or less */
	}
}

/* ---- what keeps events from coming ---- */

/* A stream without room for it has enough to read. */
static void subscriber_say(const struct subscriber *s, const char *text)
{
	CLEANUP(freep) char *comment = str_printf(": notice: %s\n\n", text);
	(void)!http_stream_write(s->stream, comment, strlen(comment));
}

void subscribers_say(struct subscribers *subscribers, const char *text, bool lasts)
{
	PRE(strchr(text, '\n') == NULL);
	free(subscribers->lasting);
	subscribers->lasting = lasts ? mem_strdup(text) : NULL;
	for (const struct subscriber *s = subscribers->first; s != NULL; s = s->next)
		subscriber_say(s, text);
}

/* ---- life ---- */

static void subscriber_closed(void *user, struct http_stream *stream)
{
	(void)stream;
	struct subscriber *s = user;
	access_unwatch(&s->watch);
	*s->link = s->next;
	if (s->next != NULL)
		s->next->link = s->link;
	s->gone = true;
	if (!s->listing)
		subscriber_free(s);
}

static void on_credential_ended(void *user)
{
	struct subscriber *s = user;
	http_stream_end(s->stream);
}

void subscribers_add(struct subscribers *subscribers, struct http_request *request,
		     struct principal *take_who, const uint8_t *hash, uint64_t after,
		     const char *topology)
{
	struct subscriber *s = mem_new(struct subscriber);
	s->who = take_who;
	s->subscribers = subscribers;
	s->cursor = after;
	s->topology = mem_strdup(topology);
	s->next = subscribers->first;
	s->link = &subscribers->first;
	if (s->next != NULL)
		s->next->link = &s->next;
	subscribers->first = s;
	s->stream = http_reply_stream(request, "text/event-stream", true, STREAM_MAX,
				      &subscribers->handler, s);
	access_watch(subscribers->open, &s->watch, hash, on_credential_ended, s);
	/* At once, so that the client knows that it is heard. */
	int r = http_stream_write(s->stream, ":\n\n", 3);
	INVARIANT(r == 0);
	if (subscribers->lasting != NULL)
		subscriber_say(s, subscribers->lasting);
	subscriber_list(s);
}

void subscribers_end_all(struct subscribers *subscribers)
{
	for (struct subscriber *s = subscribers->first; s != NULL; s = s->next)
		http_stream_end(s->stream);
}

struct subscribers *subscribers_new(struct store *store, struct access_watches *open,
				    event_view_fn *view, void *user)
{
	struct subscribers *subscribers = mem_new(struct subscribers);
	subscribers->store = store;
	subscribers->open = open;
	subscribers->view = view;
	subscribers->user = user;
	subscribers->handler = (struct http_stream_handler){.closed = subscriber_closed,
							    .drained = subscriber_drained};
	return subscribers;
}

void subscribers_free(struct subscribers *subscribers)
{
	if (subscribers == NULL)
		return;
	PRE(subscribers->first == NULL);
	free(subscribers->lasting);
	free(subscribers);
}
