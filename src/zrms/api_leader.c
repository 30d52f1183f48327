/* /v1/cluster/leader, and who else shares the store. */
#include "base/memory.h"
#include "base/str.h"
#include "proto/view.pb-c.h"
#include "zrms/api.h"
#include "zrms/api_answer.h"
#include "zrms/api_handlers.h"
#include "zrms/lead.h"

/* ---- members ---- */

Samoza__V1__ZrmsView *api_zrms_view(const struct election_member *m, bool leads)
{
	Samoza__V1__ZrmsView *view = mem_new(Samoza__V1__ZrmsView);
	samoza__v1__zrms_view__init(view);
	view->name = mem_strdup(m->name);
	view->address = mem_strdup(m->address);
	view->version = mem_strdup(m->version);
	view->leads = leads;
	if (leads)
		return view;
	view->has_read_ahead = m->copied.transactions > 0;
	view->has_lag = view->has_lag_ms = view->has_read_ahead;
	view->read_ahead = m->copied.transactions;
	view->lag = m->copied.lag;
	view->lag_ms = (uint64_t)m->copied.lag_ms;
	return view;
}

void api_leader_view(const struct zrms *zrms, Samoza__V1__ClusterView *view)
{
	size_t count = 0;
	if (zrms->lead == NULL)
		return;
	const struct leader *seen = lead_seen(zrms->lead);
	const struct election_leader *leader = leader_known(seen);
	const struct election_member *members = leader_members(seen, &count);
	view->members = mem_new_array(Samoza__V1__ZrmsView *, count + 1);
	view->has_term = true;
	view->term = lead_term(zrms->lead);
	view->leader_moves_to = mem_strdup(leader_moves_to(seen));
	if (leader->fence != 0)
		view->members[view->n_members++] = api_zrms_view(&leader->member, true);
	for (size_t i = 0; i < count; i++)
		if (leader->fence == 0 || !str_equal(members[i].name, leader->member.name))
			view->members[view->n_members++] = api_zrms_view(&members[i], false);
}

/* ---- another one is to lead ---- */

struct move {
	struct zrms *zrms;
	struct http_request *request;
	char *to; /* NULL: to the one that lags least */
};

static void move_free(struct move *m)
{
	free(m->to);
	free(m);
}

static void answer(struct zrms *zrms, struct http_request *request, const struct reply *reply)
{
	Samoza__V1__ClusterView *view = control_view_cluster(zrms->control);
	(void)reply;
	api_leader_view(zrms, view);
	api_send_view_durable(request, 202, &view->base);
	samoza__v1__cluster_view__free_unpacked(view, NULL);
}

static void on_told(void *user, const struct reply *reply)
{
	struct move *m = user;
	struct error *err = NULL;
	int r = reply->code;
	if (r < 0)
		(void)error_set(&err, (enum error_code)r, "%s", reply->message);
	else
		r = lead_move(m->zrms->lead, m->to, &err);
	if (r < 0)
		api_refuse(m->request, err);
	else
		answer(m->zrms, m->request, reply);
	move_free(m);
}

/* What is refused at once is so in the audit, too. */
static int move_check(const struct zrms *zrms, const char *to, struct error **err)
{
	size_t count = 0;
	if (zrms->lead == NULL)
		return error_set(err, ERR_CONFLICT, "this zrms is alone on its store");
	const struct leader *seen = lead_seen(zrms->lead);
	const char *self = leader_known(seen)->member.name;
	const struct election_member *members = leader_members(seen, &count);
	if (str_equal(to, self))
		return error_set(err, ERR_CONFLICT, "%s leads already", to);
	for (size_t i = 0; i < count; i++)
		if (!str_equal(members[i].name, self) &&
		    (to == NULL || str_equal(to, members[i].name)))
			return 0;
	return to == NULL ? error_set(err, ERR_CONFLICT, "no other zrms stands by")
			  : error_set(err, ERR_NOT_FOUND, "no zrms named '%s' stands by", to);
}

void api_leader_move(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	Samoza__V1__LeaderMoveRequest *body = (Samoza__V1__LeaderMoveRequest *)api_read_body(
		request, &samoza__v1__leader_move_request__descriptor);
	struct error *err = NULL;
	if (body == NULL)
		return;
	if (api_repeat(zrms, request, answer)) {
		samoza__v1__leader_move_request__free_unpacked(body, NULL);
		return;
	}
	if (move_check(zrms, body->to, &err) < 0) {
		api_refuse(request, err);
	} else if (!api_refuse_while_failing(zrms, request)) {
		struct move *m = mem_new(struct move);
		*m = (struct move){zrms, request, mem_strdup(body->to)};
		struct control_input input = {.type = CONTROL_LEADER_MOVE,
					      .leader_move = {.to = m->to}};
		access_ask(request, &input);
		api_ask(zrms, &input, on_told, m);
	}
	samoza__v1__leader_move_request__free_unpacked(body, NULL);
}
