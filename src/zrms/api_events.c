#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "schema/json.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_reads.h"
#include "zrms/mask.h"

enum { EVENTS_MAX = 10000 };

/* The name that an event of a topology is about: "shop" of "shop/api". */
static bool is_seen(const struct principal *who, const Samoza__V1__EventRecord *event)
{
	if (str_equal(event->kind, "credential"))
		return false;
	/* It names a secret of topologies, which may be others. */
	if (str_equal(event->kind, "secret"))
		return !access_is_limited(who);
	if (str_is_empty(event->topology))
		return true;
	CLEANUP(freep) char *name = mem_strndup(event->subject, strcspn(event->subject, "/"));
	return access_sees(who, name);
}

Samoza__V1__EventView *api_event_view(void *user, const struct principal *who,
				      const Samoza__V1__EventRecord *event)
{
	const struct zrms *zrms = user;
	if (!is_seen(who, event))
		return NULL;
	Samoza__V1__EventView *view = event_view_new(event);
	mask_message(zrms->control, access_is_limited(who) ? who : NULL, &view->base);
	return view;
}

/* Who may not see all: NULL: an administrator. */
static const struct principal *limited_reader(const struct http_request *request)
{
	const struct principal *who = access_principal(request);
	return who->role == ACCESS_ADMIN ? NULL : who;
}

/* A list of the stored events: what somebody may not see is read over. */
struct event_list {
	struct zrms *zrms;
	struct http_request *request;
	char *id; /* of the topology, or NULL */
	uint32_t limit;
	Samoza__V1__EventListView *view;
};

static void event_list_free(struct event_list *l)
{
	samoza__v1__event_list_view__free_unpacked(l->view, NULL);
	free(l->id);
	free(l);
}

static void add_event(struct event_list *l, const Samoza__V1__EventRecord *event)
{
	const struct principal *who = limited_reader(l->request);
	Samoza__V1__EventView *view =
		who == NULL ? event_view_new(event) : api_event_view(l->zrms, who, event);
	if (view != NULL)
		l->view->events[l->view->n_events++] = view;
}

static void list_events(struct event_list *l, uint64_t after);

static void events_listed(void *user, int code, const struct error *error,
			  Samoza__V1__EventRecord **events, size_t count, bool more)
{
	struct event_list *l = user;
	if (code < 0) {
		http_reply_failure(l->request, 500, "io", error->message);
		event_list_free(l);
		return;
	}
	l->view->events = mem_resize(l->view->events, l->view->n_events + count + 1,
				     sizeof(Samoza__V1__EventView *));
	for (size_t k = 0; k < count; k++)
		add_event(l, events[k]);
	if (more && count > 0 && l->view->n_events < l->limit) {
		list_events(l, events[count - 1]->seq);
		return;
	}
	api_send_view_now(l->request, 200, &l->view->base);
	event_list_free(l);
}

static void list_events(struct event_list *l, uint64_t after)
{
	/* What is on disk: it need not wait for a commit that fails. */
	l->zrms->store->ops->events(l->zrms->store, after, l->id,
				    l->limit - (uint32_t)l->view->n_events, events_listed, l);
}

static void send_stored(struct zrms *zrms, struct http_request *request, uint64_t after,
			const char *topology, uint32_t limit)
{
	struct event_list *l = mem_new(struct event_list);
	*l = (struct event_list){.zrms = zrms,
				 .request = request,
				 .limit = limit,
				 .id = mem_strdup(topology),
				 .view = mem_new(Samoza__V1__EventListView)};
	samoza__v1__event_list_view__init(l->view);
	list_events(l, after);
}

/* The history outlives the topology: the full id of a removed one is fine too. */
static bool topology_find(struct zrms *zrms, struct http_request *request, const char **ret_id)
{
	const char *text = http_query(request, "topology");
	CLEANUP(error_freep) struct error *err = NULL;
	*ret_id = NULL;
	if (str_is_empty(text) ||
	    control_resolve(api_control(zrms), access_reader(request), text, ret_id, &err) == 0)
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
	    !api_query_u64(request, "newest", INT64_MAX, INT64_MAX, &among) ||
	    !wants_stream(request, &stream) || !topology_find(zrms, request, &topology))
		return;
	/* What a browser sends when it comes back is newer than the address it began with. */
	const char *last = http_header(request, "Last-Event-ID");
	uint64_t seen = 0;
	if (last != NULL && str_to_u64(last, &seen) == 0 && seen > after)
		after = seen;
	uint64_t newest = control_newest_event(api_control(zrms));
	if (newest > among && newest - among > after)
		after = newest - among;
	if (stream) {
		const struct principal *who = limited_reader(request);
		subscribers_add(zrms->subscribers, request,
				who != NULL ? access_principal_copy(who) : NULL,
				asker_hash(access_asker(request)), after, topology);
		return;
	}
	send_stored(zrms, request, after, topology, (uint32_t)limit);
}
