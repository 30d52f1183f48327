#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_reads.h"
#include "zrms/audit.h"

enum { LINES_MAX = 10000, LINES_USUAL = 1000 };

static void on_listed(void *user, int code, const struct error *error,
		      Samoza__V1__AuditRecord **lines, size_t count, bool more)
{
	struct http_request *request = user;
	Samoza__V1__AuditListView view = SAMOZA__V1__AUDIT_LIST_VIEW__INIT;
	if (code < 0) {
		http_reply_failure(request, 500, "io", error->message);
		return;
	}
	CLEANUP(freep)
	Samoza__V1__AuditView **views = mem_new_array(Samoza__V1__AuditView *, count + 1);
	for (; view.n_lines < count; view.n_lines++)
		views[view.n_lines] = audit_view_new(lines[view.n_lines]);
	view.lines = views;
	view.has_next = more && count > 0;
	view.next = count > 0 ? lines[count - 1]->seq : 0;
	api_send_view_now(request, 200, &view.base);
	for (size_t k = 0; k < count; k++)
		samoza__v1__audit_view__free_unpacked(views[k], NULL);
}

void api_audit(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	uint64_t after = 0, limit = 0, since = 0;
	bool follow = false;
	if (!api_read_ready(zrms, request) ||
	    !api_query_u64(request, "after", 0, INT64_MAX, &after) ||
	    !api_query_u64(request, "since", 0, INT64_MAX, &since) ||
	    !api_query_u64(request, "limit", LINES_USUAL, LINES_MAX, &limit) ||
	    !api_query_bool(request, "follow", false, &follow))
		return;
	if (limit == 0) {
		http_reply_failure(request, 400, "invalid",
				   "limit is 0: expected a number from 1 to 10000");
		return;
	}
	const char *last = http_header(request, "Last-Event-ID");
	uint64_t seen = 0;
	if (last != NULL && str_to_u64(last, &seen) == 0 && seen > after)
		after = seen;
	const struct audit_query query = {.after = after,
					  .since_ms = (int64_t)since,
					  .user = http_query(request, "user"),
					  .limit = (uint32_t)limit};
	if (follow)
		audit_feed_add(zrms->audit, request, &query);
	else
		zrms->store->ops->audit(zrms->store, &query, on_listed, request);
}
