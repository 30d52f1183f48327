#include "zrms/audit.h"

#include <inttypes.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/iso8601.h"
#include "schema/json.h"

enum {
	PAGE_LINES = 500,
	STREAM_MAX = 1024 * 1024,  /* bytes that wait for one follower */
	LINE_TEXT_MAX = 64 * 1024, /* a line is much smaller */
};

struct follower {
	struct follower *next, **link;
	struct audit_feed *feed;
	struct http_stream *stream;
	struct access_watch watch;
	struct audit_query query; /* after: the last line that was written; its user is owned */
	bool listing;		  /* the store is asked */
	bool again;		  /* a line has come meanwhile */
	bool full;		  /* the client has to read first */
	bool gone;		  /* the stream has closed while the store was asked */
};

struct audit_feed {
	struct store *store;
	struct access_watches *open;
	struct follower *first;
	struct http_stream_handler handler;
};

Samoza__V1__AuditView *audit_view_new(const Samoza__V1__AuditRecord *line)
{
	Samoza__V1__AuditView *view = mem_new(Samoza__V1__AuditView);
	samoza__v1__audit_view__init(view);
	view->seq = line->seq;
	view->time = iso8601_text(line->time_ms);
	view->user = mem_strdup(line->user);
	view->address = mem_strdup(line->address);
	view->request = mem_strdup(line->request);
	view->action = mem_strdup(line->action);
	view->outcome = mem_strdup(line->outcome);
	view->why = mem_strdup(line->why);
	view->topology = mem_strdup(line->topology);
	view->has_revision = line->has_revision;
	view->revision = line->revision;
	return view;
}

/* ---- followers ---- */

static void follower_free(struct follower *f)
{
	free((char *)f->query.user);
	free(f);
}

/* False: the client has to read first. */
static bool write_line(struct follower *f, const Samoza__V1__AuditRecord *line)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(LINE_TEXT_MAX);
	Samoza__V1__AuditView *view = audit_view_new(line);
	int r = buffer_printf(&text, "id: %" PRIu64 "\ndata: ", line->seq);
	if (r == 0)
		r = schema_add_json(&text, &view->base, SCHEMA_JSON_COMPACT);
	if (r == 0)
		r = buffer_add_string(&text, "\n\n");
	INVARIANT(r == 0);
	samoza__v1__audit_view__free_unpacked(view, NULL);
	if (http_stream_write(f->stream, text.data, text.size) < 0)
		return false;
	f->query.after = line->seq;
	return true;
}

static void follower_list(struct follower *f);

static void on_listed(void *user, int code, const struct error *error,
		      Samoza__V1__AuditRecord **lines, size_t count, bool more)
{
	(void)error;
	struct follower *f = user;
	f->listing = false;
	if (f->gone) {
		follower_free(f);
		return;
	}
	if (code < 0) { /* the client comes back, with the last that it has seen */
		http_stream_end(f->stream);
		return;
	}
	for (size_t k = 0; k < count && !f->full; k++)
		f->full = !write_line(f, lines[k]);
	if (!f->full && (more || f->again))
		follower_list(f);
}

static void follower_list(struct follower *f)
{
	f->listing = true;
	f->again = false;
	f->feed->store->ops->audit(f->feed->store, &f->query, on_listed, f);
}

static void on_drained(void *user, struct http_stream *stream)
{
	(void)stream;
	struct follower *f = user;
	if (!f->full || f->listing)
		return;
	f->full = false;
	follower_list(f);
}

static void on_closed(void *user, struct http_stream *stream)
{
	(void)stream;
	struct follower *f = user;
	access_unwatch(&f->watch);
	*f->link = f->next;
	if (f->next != NULL)
		f->next->link = f->link;
	f->gone = true;
	if (!f->listing)
		follower_free(f);
}

static void on_token_gone(void *user)
{
	struct follower *f = user;
	http_stream_end(f->stream);
}

void audit_feed_line(struct audit_feed *feed)
{
	for (struct follower *f = feed->first; f != NULL; f = f->next) {
		f->again = f->listing;
		if (!f->listing && !f->full)
			follower_list(f);
	}
}

void audit_feed_add(struct audit_feed *feed, struct http_request *request,
		    const struct audit_query *query)
{
	struct follower *f = mem_new(struct follower);
	f->feed = feed;
	f->query = *query;
	f->query.limit = PAGE_LINES;
	f->query.user = mem_strdup(query->user);
	f->next = feed->first;
	f->link = &feed->first;
	if (f->next != NULL)
		f->next->link = &f->next;
	feed->first = f;
	access_watch(feed->open, &f->watch, asker_hash(access_asker(request)), on_token_gone,
		     f);
	f->stream = http_reply_stream(request, "text/event-stream", true, STREAM_MAX,
				      &feed->handler, f);
	int r = http_stream_write(f->stream, ":\n\n", 3);
	INVARIANT(r == 0);
	follower_list(f);
}

void audit_feed_end_all(struct audit_feed *feed)
{
	for (struct follower *f = feed->first; f != NULL; f = f->next)
		http_stream_end(f->stream);
}

struct audit_feed *audit_feed_new(struct store *store, struct access_watches *open)
{
	struct audit_feed *feed = mem_new(struct audit_feed);
	feed->store = store;
	feed->open = open;
	feed->handler =
		(struct http_stream_handler){.closed = on_closed, .drained = on_drained};
	return feed;
}

void audit_feed_free(struct audit_feed *feed)
{
	if (feed == NULL)
		return;
	PRE(feed->first == NULL);
	free(feed);
}
