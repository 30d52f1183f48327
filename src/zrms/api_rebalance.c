/* /v1/cluster/rebalance */
#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "core/control/state/rebalance.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_reads.h"

void api_rebalance_get(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (!api_read_ready(zrms, request))
		return;
	api_send_view(zrms, request, &control_view_rebalance(api_control(zrms))->base);
}

static void answer(struct zrms *zrms, struct http_request *request, const struct reply *reply)
{
	(void)reply;
	Samoza__V1__RebalanceView *view = control_view_rebalance(zrms->control);
	api_send_view_now(request, 200, &view->base);
	samoza__v1__rebalance_view__free_unpacked(view, NULL);
}

void api_rebalance_stop(void *context, struct http_request *request)
{
	struct control_input input = {.type = CONTROL_REBALANCE, .rebalance = {.stop = true}};
	api_change(context, request, &input, answer);
}

static bool check_moves(struct http_request *request, const Samoza__V1__RebalanceRequest *body)
{
	if (!body->has_max_moves ||
	    (body->max_moves > 0 && body->max_moves <= REBALANCE_MOVES_MAX))
		return true;
	CLEANUP(freep)
	char *text = str_printf("max_moves must be from 1 to %u", REBALANCE_MOVES_MAX);
	http_reply_failure(request, 422, "invalid", text);
	return false;
}

/* They have been chosen beside the loop; what has changed meanwhile is seen at the turn of each. */
static void begin(struct zrms *zrms, struct http_request *request,
		  const Samoza__V1__RebalanceRecord *chosen)
{
	struct control_input input = {.type = CONTROL_REBALANCE,
				      .rebalance = {.max_moves = chosen->max_moves,
						    .include = chosen->include,
						    .include_count = chosen->n_include,
						    .chosen = chosen}};
	api_change(zrms, request, &input, answer);
}

void api_rebalance(void *context, struct http_request *request)
{
	Samoza__V1__RebalanceRequest *body = (Samoza__V1__RebalanceRequest *)api_read_body(
		request, &samoza__v1__rebalance_request__descriptor);
	struct zrms *zrms = context;
	bool plan = false;
	if (body == NULL)
		return;
	if (api_repeat(zrms, request, answer)) {
		samoza__v1__rebalance_request__free_unpacked(body, NULL);
		return;
	}
	const struct plan_request of = {.kind = PLAN_REBALANCE,
					.max_moves = body->max_moves,
					.include = body->include,
					.include_count = body->n_include};
	bool is_read =
		api_query_bool(request, "plan", false, &plan) && check_moves(request, body);
	if (is_read && plan)
		plans_make(zrms->plans, request, &of);
	else if (is_read && !api_refuse_while_failing(zrms, request))
		plans_choose(zrms->plans, request, &of, begin);
	samoza__v1__rebalance_request__free_unpacked(body, NULL);
}
