#include "zrms/api_list.h"
#include "zrms/api_reads.h"

#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "core/control/view/list_filter.h"
#include "schema/json.h"
#include "zrms/mask.h"

enum {
	VIEWS_AT_ONCE = 32,
	SLICE_BYTES = 64 * 1024, /* about: it ends with a whole view */
	WAITING_MAX = 64 * 1024 * 1024,
	PAGE_MAX = 100000,
};

struct list {
	struct zrms *zrms;
	struct api_read read;	    /* the request, until the first slice is durable */
	struct http_stream *stream; /* then; NULL: the client has left, or was refused */
	enum control_list kind;
	char *id;
	struct principal *reader; /* whose names limit it; NULL: none */
	bool hides_values;
	struct list_filter filter;
	struct list_position position;
	uint64_t left;	     /* of the page; UINT64_MAX: all */
	bool begun, ended;   /* a view was written; none follows */
	bool is_committing;  /* the slice waits until what it shows is durable */
	struct buffer slice; /* not sent yet */
};

static void on_drained(void *user, struct http_stream *stream);
static void on_closed(void *user, struct http_stream *stream);
static const struct http_stream_handler handler = {.closed = on_closed, .drained = on_drained};

static void list_free(struct list *l)
{
	list_filter_done(&l->filter);
	list_position_done(&l->position);
	buffer_done(&l->slice);
	access_principal_free(l->reader);
	free(l->id);
	free(l);
}

static void add_text(struct list *l, const char *text)
{
	int r = buffer_add_string(&l->slice, text);
	INVARIANT(r == 0); /* far below the limit */
}

static void add_view(struct list *l, ProtobufCMessage *take_view)
{
	mask_message(api_control(l->zrms), l->reader, take_view);
	if (l->hides_values && l->kind == CONTROL_LIST_SPACES)
		api_hide_values((Samoza__V1__SpaceView *)take_view);
	char *json = schema_write_json(take_view, SCHEMA_JSON_COMPACT);
	if (l->begun)
		add_text(l, ",");
	l->begun = true;
	add_text(l, json);
	free(json);
	protobuf_c_message_free_unpacked(take_view, NULL);
}

static void add_end(struct list *l, bool more)
{
	add_text(l, "]");
	if (more) {
		CLEANUP(freep) char *next = list_position_text(&l->position);
		add_text(l, ",\"next\":");
		int r = schema_add_json_string(&l->slice, next);
		INVARIANT(r == 0);
	}
	add_text(l, "}");
	l->ended = true;
}

static void send_slice(struct list *l)
{
	int r = http_stream_write(l->stream, l->slice.data, l->slice.size);
	INVARIANT(r == 0); /* the one before was taken */
	buffer_clear(&l->slice);
	if (l->ended)
		http_stream_end(l->stream);
}

/* A list of one slice is an answer as any other. */
static void begin_answer(struct list *l)
{
	struct http_request *request = steal_ptr(&l->read.request);
	http_add_header(request, "Cache-Control", "no-store");
	if (l->ended) {
		size_t size = l->slice.size;
		http_reply(request, 200, "application/json", buffer_steal(&l->slice), size);
		list_free(l);
		return;
	}
	l->stream =
		http_reply_stream(request, "application/json", false, WAITING_MAX, &handler, l);
	send_slice(l);
}

static void take_slice(struct list *l)
{
	if (l->stream == NULL)
		begin_answer(l);
	else
		send_slice(l);
}

static void slice_durable(void *user)
{
	struct list *l = user;
	l->is_committing = false;
	if (l->stream != NULL || api_read_end(l->zrms, &l->read))
		take_slice(l);
	else
		list_free(l);
}

/* Writes down what fits into a slice. */
static void next_slice(struct list *l)
{
	ProtobufCMessage *views[VIEWS_AT_ONCE];
	bool all = false;
	while (!all && l->left > 0 && l->slice.size < SLICE_BYTES) {
		size_t max = l->left < VIEWS_AT_ONCE ? (size_t)l->left : VIEWS_AT_ONCE;
		size_t count = control_list_next(api_control(l->zrms), l->kind, l->id,
						 &l->filter, &l->position, views, max);
		for (size_t k = 0; k < count; k++)
			add_view(l, views[k]);
		if (l->left != UINT64_MAX)
			l->left -= count;
		all = count < max;
	}
	if (all || l->left == 0)
		add_end(l, !all);
	if (api_control_is_durable(l->zrms)) {
		if (l->stream == NULL)
			api_read_notice(l->read.request);
		take_slice(l);
		return;
	}
	l->is_committing = true;
	if (l->stream == NULL)
		api_read_begin(l->zrms, &l->read, l->read.request);
	commit_driver_after(l->zrms->commits, slice_durable, l);
}

static void on_drained(void *user, struct http_stream *stream)
{
	(void)stream;
	struct list *l = user;
	if (!l->ended && !l->is_committing)
		next_slice(l);
}

static void on_closed(void *user, struct http_stream *stream)
{
	(void)stream;
	struct list *l = user;
	l->stream = NULL;
	if (!l->is_committing)
		list_free(l);
}

/* The page that the query asks for. False: refused already. */
static bool read_page(struct list *l, struct http_request *request)
{
	const char *after = http_query(request, "after");
	if (!api_query_u64(request, "limit", UINT64_MAX, PAGE_MAX, &l->left))
		return false;
	if (l->left == 0) {
		http_reply_failure(request, 400, "invalid",
				   "invalid value '0' for limit: expected 1 or more");
		return false;
	}
	if (after == NULL || list_position_parse(l->kind, after, &l->position) == 0)
		return true;
	CLEANUP(freep)
	char *message = str_printf("invalid value '%s' for after: expected the 'next' of the "
				   "previous page",
				   after);
	http_reply_failure(request, 400, "invalid", message);
	return false;
}

/* What of the list the query asks for. False: refused already. */
static bool read_filter(struct list *l, struct http_request *request)
{
	const struct list_filter_text text = {.reader = l->reader,
					      .states = http_query(request, "state"),
					      .zhost = http_query(request, "zhost"),
					      .labels = http_query(request, "label"),
					      .topology_states =
						      http_query(request, "topology_state"),
					      .named = http_query(request, "named"),
					      .prefix = http_query(request, "prefix"),
					      .path = http_query(request, "path")};
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__ZhostView *zhost = NULL;
	if (list_filter_parse(l->kind, &text, &l->filter, &err) < 0) {
		http_reply_failure(request, 400, "invalid", err->message);
		return false;
	}
	if (text.zhost == NULL)
		return true;
	if (control_view_zhost(api_control(l->zrms), text.zhost, &zhost, &err) < 0) {
		api_refuse(request, steal_ptr(&err));
		return false;
	}
	samoza__v1__zhost_view__free_unpacked(zhost, NULL);
	return true;
}

void api_send_list(struct zrms *zrms, struct http_request *request, enum control_list kind,
		   const char *member, const char *id)
{
	struct list *l = mem_new(struct list);
	l->zrms = zrms;
	l->kind = kind;
	l->slice = BUFFER_INIT(WAITING_MAX);
	l->hides_values = access_hides_values(request);
	if (access_reader(request) != NULL)
		l->reader = access_principal_copy(access_reader(request));
	if (!read_page(l, request) || !read_filter(l, request)) {
		list_free(l);
		return;
	}
	l->read.request = request;
	l->id = mem_strdup(id);
	CLEANUP(freep) char *begin = str_printf("{\"%s\":[", member);
	add_text(l, begin);
	next_slice(l);
}
