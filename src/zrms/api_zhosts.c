#include "adapter/cli/version.h"
#include "base/check.h"
#include "model/quantity.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_list.h"
#include "zrms/api_reads.h"
#include "zrms/recorder.h"
#include "zrms/usage_sampler.h"

void api_zhosts_list(void *context, struct http_request *request)
{
	if (!api_read_ready(context, request))
		return;
	api_send_list(context, request, CONTROL_LIST_ZHOSTS, "zhosts", NULL);
}

void api_cluster(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (!api_read_ready(zrms, request))
		return;
	Samoza__V1__ClusterView *view = control_view_cluster(api_control(zrms));
	view->version = mem_strdup(SAMOZA_VERSION);
	view->recorder_fails = recorder_failure(zrms->recorder);
	api_leader_view(zrms, view);
	api_send_view(zrms, request, &view->base);
}

void api_zhost_get(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	Samoza__V1__ZhostView *view = NULL;
	struct error *err = NULL;
	if (!api_read_ready(zrms, request))
		return;
	if (control_view_zhost(api_control(zrms), http_param(request, "name"), &view, &err) < 0)
		api_refuse(request, err);
	else
		api_send_view(zrms, request, &view->base);
}

void api_zhost_usage(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *name = http_param(request, "name"), *text = http_query(request, "span");
	enum usage_span span = USAGE_HOUR;
	struct error *err = NULL;
	Samoza__V1__ZhostView *zhost = NULL;
	if (text != NULL && !usage_span_parse(text, &span)) {
		http_reply_failure(request, 400, "invalid",
				   "query parameter 'span': expected 1h, 24h or 7d");
		return;
	}
	if (!api_read_ready(zrms, request))
		return;
	if (control_view_zhost(api_control(zrms), name, &zhost, &err) < 0) {
		api_refuse(request, err);
		return;
	}
	samoza__v1__zhost_view__free_unpacked(zhost, NULL);
	api_send_view(zrms, request,
		      &usage_series_view(usage_sampler_series(zrms->usage), name, span)->base);
}

/* ---- changing ---- */

static void answer_zhost(struct zrms *zrms, struct http_request *request,
			 const struct reply *reply)
{
	(void)reply;
	Samoza__V1__ZhostView *view = NULL;
	struct error *err = NULL;
	if (control_view_zhost(zrms->control, http_param(request, "name"), &view, &err) < 0) {
		api_answer_gone(request, err);
		return;
	}
	api_send_view_now(request, 200, &view->base);
	samoza__v1__zhost_view__free_unpacked(view, NULL);
}

static void answer_removed(struct zrms *zrms, struct http_request *request,
			   const struct reply *reply)
{
	(void)zrms;
	(void)reply;
	api_send_done(request);
}

static void zhost_change(struct zrms *zrms, struct http_request *request,
			 enum zhost_action action, api_answer_fn *answer)
{
	struct control_input input = {
		.type = CONTROL_ZHOST,
		.zhost = {.name = http_param(request, "name"), .action = action}};
	api_change(zrms, request, &input, answer);
}

void api_zhost_cordon(void *context, struct http_request *request)
{
	zhost_change(context, request, ZHOST_CORDON, answer_zhost);
}

void api_zhost_uncordon(void *context, struct http_request *request)
{
	zhost_change(context, request, ZHOST_UNCORDON, answer_zhost);
}

/* Longer than anybody waits. */
#define DEADLINE_MAX_MS (UINT64_C(30) * 24 * 3600 * 1000)

static bool read_deadline(struct http_request *request, const char *text, uint64_t *ret_ms)
{
	CLEANUP(error_freep) struct error *err = NULL;
	*ret_ms = 0;
	if (text == NULL)
		return true;
	if (duration_parse(text, ret_ms, &err) < 0) {
		http_reply_failure(request, 422, "invalid", err->message);
		return false;
	}
	if (*ret_ms > 0 && *ret_ms <= DEADLINE_MAX_MS)
		return true;
	http_reply_failure(request, 422, "invalid",
			   "the deadline must be more than 0s, and at most 30d");
	return false;
}

void api_zhost_drain(void *context, struct http_request *request)
{
	Samoza__V1__DrainRequest *drain = (Samoza__V1__DrainRequest *)api_read_body(
		request, &samoza__v1__drain_request__descriptor);
	struct zrms *zrms = context;
	uint64_t ms = 0;
	bool plan = false;
	if (drain == NULL)
		return;
	struct control_input input = {
		.type = CONTROL_ZHOST,
		.zhost = {.name = http_param(request, "name"), .action = ZHOST_DRAIN}};
	/* A plan, too: what it would be computed of may be lost again. */
	bool is_read = api_query_bool(request, "plan", false, &plan) &&
		       read_deadline(request, drain->deadline, &ms) &&
		       !api_refuse_while_failing(zrms, request);
	if (is_read && plan) {
		plans_make(zrms->plans, request,
			   &(struct plan_request){.kind = PLAN_DRAIN,
						  .zhost = input.zhost.name,
						  .deadline_ms = (int64_t)ms,
						  .force = drain->force});
	} else if (is_read) {
		input.zhost.deadline_ms = (int64_t)ms;
		input.zhost.force = drain->force;
		api_change(context, request, &input, answer_zhost);
	}
	samoza__v1__drain_request__free_unpacked(drain, NULL);
}

void api_zhost_remove(void *context, struct http_request *request)
{
	zhost_change(context, request, ZHOST_REMOVE, answer_removed);
}
