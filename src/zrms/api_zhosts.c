#include "base/check.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_list.h"
#include "zrms/api_reads.h"

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
	api_send_view(zrms, request, &control_view_cluster(api_control(zrms))->base);
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

/* ---- changing ---- */

static void answer_zhost(struct zrms *zrms, struct http_request *request,
			 const struct reply *reply)
{
	(void)reply;
	Samoza__V1__ZhostView *view = NULL;
	struct error *err = NULL;
	if (control_view_zhost(zrms->control, http_param(request, "name"), &view, &err) < 0) {
		api_refuse(request, err);
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
	http_reply(request, 204, NULL, NULL, 0);
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

void api_zhost_remove(void *context, struct http_request *request)
{
	zhost_change(context, request, ZHOST_REMOVE, answer_removed);
}
