/* /v1/history: what zrms tell each other of events that the store no longer keeps. */
#include "base/check.h"
#include "base/memory.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/own_history.h"

static void on_page(void *user, const Samoza__V1__EventPage *page, const struct error *why)
{
	struct http_request *request = user;
	if (page == NULL) {
		http_reply_failure(request, 503, "unavailable", why->message);
		return;
	}
	size_t size = protobuf_c_message_get_packed_size(&page->base);
	uint8_t *packed = mem_calloc(1, size + 1);
	(void)protobuf_c_message_pack(&page->base, packed);
	http_reply(request, 200, "application/x-protobuf", (char *)packed, size);
}

void api_history(void *context, struct http_request *request)
{
	const struct zrms *zrms = context;
	uint64_t after = 0, until = INT64_MAX;
	if (!api_query_u64(request, "after", 0, INT64_MAX, &after) ||
	    !api_query_u64(request, "until", INT64_MAX, INT64_MAX, &until))
		return;
	if (zrms->own_history == NULL) {
		http_reply_failure(request, 404, "not-found",
				   "this zrms has no history but its store's");
		return;
	}
	own_history_page(zrms->own_history, after, until, on_page, request);
}
