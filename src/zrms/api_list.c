#include "zrms/api_list.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "core/control/view/list_filter.h"
#include "schema/json.h"
#include "zrms/api_reads.h"
#include "zrms/api_slices.h"

enum {
	VIEWS_AT_ONCE = 32,
	PAGE_MAX = 100000,
};

struct list {
	struct zrms *zrms;
	enum control_list kind;
	const char *member; /* borrowed */
	char *id;
	struct principal *reader; /* whose names limit it; NULL: none */
	bool hides_values;
	struct list_filter filter;
	struct list_position position;
	uint64_t left;	      /* of the page; UINT64_MAX: all */
	bool begun, has_view; /* a view was written */
};

static void list_free(void *user)
{
	struct list *l = user;
	list_filter_done(&l->filter);
	list_position_done(&l->position);
	access_principal_free(l->reader);
	free(l->id);
	free(l);
}

static void add_view(struct list *l, struct buffer *slice, ProtobufCMessage *take_view)
{
	if (l->hides_values && l->kind == CONTROL_LIST_SPACES)
		api_hide_values((Samoza__V1__SpaceView *)take_view);
	if (l->has_view)
		api_slice_add(slice, ",");
	l->has_view = true;
	api_slice_add_view(l->zrms, l->reader, slice, take_view);
}

static void add_end(struct list *l, struct buffer *slice, bool more)
{
	api_slice_add(slice, "]");
	if (more) {
		CLEANUP(freep) char *next = list_position_text(&l->position);
		api_slice_add(slice, ",\"next\":");
		int r = schema_add_json_string(slice, next);
		INVARIANT(r == 0);
	}
	api_slice_add(slice, "}");
}

/* Writes down what fits into a slice. */
static bool list_next(void *user, struct buffer *slice)
{
	struct list *l = user;
	ProtobufCMessage *views[VIEWS_AT_ONCE];
	bool all = false;
	if (!l->begun) {
		CLEANUP(freep) char *begin = str_printf("{\"%s\":[", l->member);
		api_slice_add(slice, begin);
		l->begun = true;
	}
	while (!all && l->left > 0 && slice->size < API_SLICE_BYTES) {
		size_t max = l->left < VIEWS_AT_ONCE ? (size_t)l->left : VIEWS_AT_ONCE;
		size_t count = control_list_next(api_control(l->zrms), l->kind, l->id,
						 &l->filter, &l->position, views, max);
		for (size_t k = 0; k < count; k++)
			add_view(l, slice, views[k]);
		if (l->left != UINT64_MAX)
			l->left -= count;
		all = count < max;
	}
	if (!all && l->left > 0)
		return false;
	add_end(l, slice, !all);
	return true;
}

static const struct api_slices_writer list_writer = {.next = list_next, .free = list_free};

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
	l->member = member;
	l->hides_values = access_hides_values(request);
	if (access_reader(request) != NULL)
		l->reader = access_principal_copy(access_reader(request));
	if (!read_page(l, request) || !read_filter(l, request)) {
		list_free(l);
		return;
	}
	l->id = mem_strdup(id);
	api_slices_send(zrms, request, &list_writer, l);
}
