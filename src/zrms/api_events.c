#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "schema/json.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_reads.h"

enum { EVENTS_MAX = 10000 };

static void events_listed(void *user, int code, const struct error *error,
			  Samoza__V1__EventRecord **events, size_t count, bool more)
{
	(void)more;
	struct http_request *request = user;
	if (code < 0) {
		http_reply_failure(request, 500, "io", error->message);
		return;
	}
	Samoza__V1__EventListView *view = mem_new(Samoza__V1__EventListView);
	samoza__v1__event_list_view__init(view);
	view->events = mem_new_array(Samoza__V1__EventView *, count);
	view->n_events = count;
	for (size_t i = 0; i < count; i++)
		view->events[i] = event_view_new(events[i]);
	api_send_view_now(request, 200, &view->base);
	samoza__v1__event_list_view__free_unpacked(view, NULL);
}

/* The history outlives the topology: the full id of a removed one is fine too. */
static bool topology_find(struct zrms *zrms, struct http_request *request, const char **ret_id)
{
	const char *text = http_query(request, "topology");
	CLEANUP(error_freep) struct error *err = NULL;
	*ret_id = NULL;
	if (str_is_empty(text) || control_resolve(api_control(zrms), NULL, text, ret_id, &err) == 0)
		return true;
	if (err->code == ERR_NOT_FOUND && strlen(text) == 36 &&
	    strspn(text, "0123456789abcdef-") == 36) {
		*ret_id = text;
		return true;
	}
	api_refuse(request, steal_ptr(&err));
	return false;
}

static bool wants_stream(struct http_request *request, bool *ret_stream)
{
	const char *accept = http_header(request, "Accept");
	bool json = accept != NULL && strstr(accept, "application/json") != NULL &&
		    strstr(accept, "text/event-stream") == NULL;
	return api_query_bool(request, "stream", !json, ret_stream);
}

void api_events(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *topology;
	uint64_t after = 0, limit = 0, among = 0;
	bool stream = false;
	if (!api_read_ready(zrms, request))
		return;
	if (!api_query_u64(request, "after", 0, INT64_MAX, &after) ||
	    !api_query_u64(request, "limit", EVENTS_MAX, EVENTS_MAX, &limit) ||
	    !api_query_u64(request, "newest", 0, INT64_MAX, &among) ||
	    !wants_stream(request, &stream) || !topology_find(zrms, request, &topology))
		return;
	/* What a browser sends when it comes back is newer than the address it began with. */
	const char *last = http_header(request, "Last-Event-ID");
	uint64_t seen = 0;
	if (last != NULL && str_to_u64(last, &seen) == 0 && seen > after)
		after = seen;
	uint64_t newest = control_newest_event(api_control(zrms));
	if (among > 0 && newest > among && newest - among > after)
		after = newest - among;
	if (stream) {
		subscribers_add(zrms->subscribers, request, after, topology);
		return;
	}
	/* What is on disk: it need not wait for a commit that fails. */
	zrms->store->ops->events(zrms->store, after, topology, (uint32_t)limit, events_listed,
				 request);
}
