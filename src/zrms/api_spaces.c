#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "schema/json.h"
#include "schema/message.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_list.h"
#include "zrms/api_reads.h"
#include "zrms/hub.h"
#include "zrms/last_lines.h"
#include "zrms/topology_logs.h"

enum {
	STATUS_LOG_LINES = 20, /* of one space's status */
	STATUS_LOG_WAIT_MS = 1000,
	LOG_LINES = 100,
	LOG_LINES_MAX = 10000,
	LOG_WAIT_MS = 5000,
	LOG_TEXT_MAX = 1000,
};

/* ---- lists ---- */

void api_spaces_list(void *context, struct http_request *request)
{
	const char *topology = http_query(request, "topology"), *id = NULL;
	if (!api_read_ready(context, request))
		return;
	if (topology == NULL || api_resolve(context, request, topology, &id))
		api_send_list(context, request, CONTROL_LIST_SPACES, "spaces", id);
}

void api_topology_spaces(void *context, struct http_request *request)
{
	const char *id;
	if (!api_read_ready(context, request))
		return;
	if (api_resolve(context, request, http_param(request, "id"), &id))
		api_send_list(context, request, CONTROL_LIST_SPACES, "spaces", id);
}

void api_mesh_spaces(void *context, struct http_request *request)
{
	const char *topology = http_query(request, "topology"), *id = NULL;
	if (!api_read_ready(context, request))
		return;
	if (topology == NULL || api_resolve(context, request, topology, &id))
		api_send_list(context, request, CONTROL_LIST_MESH, "spaces", id);
}

/* ---- one, with its log ---- */

struct space_wait {
	struct zrms *zrms;
	struct http_request *request;
};

/* The instance as it is now, without its log where it has none of its own: *ret_view. False: refused. */
static bool space_find(struct zrms *zrms, struct http_request *request, const char **ret_id,
		       Samoza__V1__SpaceView **ret_view)
{
	struct error *err = NULL;
	if (!api_resolve(zrms, request, http_param(request, "id"), ret_id))
		return false;
	if (control_view_space(api_control(zrms), *ret_id, http_param(request, "path"),
			       ret_view, &err) == 0)
		return true;
	api_refuse(request, err);
	return false;
}

/* Of the instance, or (`zhost`) what it printed there. Of a zhost that is between two links: without a link. */
static int log_find(struct zrms *zrms, const char *id, const char *path, const char *zhost,
		    struct logs_of *ret_of, struct error **err)
{
	CLEANUP(error_freep) struct error *why = NULL;
	uint64_t link_id = 0;
	bool is_named = !str_is_empty(zhost);
	int r = is_named ? control_link_of_zhost(zrms->control, zhost, &link_id, &why)
			 : control_link_of_instance(zrms->control, id, path, &link_id, &why);
	const char *name = is_named ? zhost : control_zhost_of_log(zrms->control, id, path);
	if (r < 0 && (r != ERR_UNAVAILABLE || name == NULL || !hub_keeps(zrms->hub, name)))
		return error_move(err, steal_ptr(&why));
	*ret_of = (struct logs_of){
		.topology = id, .path = path, .zhost = name, .link_id = link_id};
	return 0;
}

static void space_log_done(void *user, int code, const char *message, char **lines,
			   size_t count)
{
	(void)message;
	struct space_wait *wait = user;
	struct zrms *zrms = wait->zrms;
	struct http_request *request = wait->request;
	Samoza__V1__SpaceView *view = NULL;
	const char *id;
	free(wait);
	if (!space_find(zrms, request, &id, &view))
		return;
	if (access_hides_values(request)) {
		api_hide_values(view);
	} else if (code == 0 && view->n_log == 0) {
		view->log = mem_new_array(char *, count);
		for (size_t i = 0; i < count; i++)
			view->log[i] = mem_strdup(lines[i]);
		view->n_log = count;
	}
	api_send_view(zrms, request, &view->base);
}

void api_space_get(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *id, *path = http_param(request, "path");
	Samoza__V1__SpaceView *view = NULL;
	struct logs_of of;
	if (!api_read_ready(zrms, request) || !space_find(zrms, request, &id, &view))
		return;
	if (log_find(zrms, id, path, NULL, &of, NULL) < 0) {
		if (access_hides_values(request))
			api_hide_values(view);
		api_send_view(zrms, request, &view->base);
		return;
	}
	struct space_wait *wait = mem_new(struct space_wait);
	*wait = (struct space_wait){zrms, request};
	logs_ask(zrms->logs, &of, STATUS_LOG_LINES, STATUS_LOG_WAIT_MS, space_log_done, wait);
	samoza__v1__space_view__free_unpacked(view, NULL);
}

/* ---- goal ---- */

static void answer_space(struct zrms *zrms, struct http_request *request,
			 const struct reply *reply)
{
	Samoza__V1__SpaceView *view = NULL;
	struct error *err = NULL;
	INVARIANT(reply->topology != NULL && reply->path != NULL);
	if (control_view_space(zrms->control, reply->topology, reply->path, &view, &err) < 0) {
		api_answer_gone(request, err);
		return;
	}
	api_send_view_now(request, 200, &view->base);
	samoza__v1__space_view__free_unpacked(view, NULL);
}

void api_space_goal(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *id;
	if (api_repeat(zrms, request, answer_space) ||
	    !api_resolve(zrms, request, http_param(request, "id"), &id))
		return;
	Samoza__V1__GoalRequest *goal = (Samoza__V1__GoalRequest *)api_read_body(
		request, &samoza__v1__goal_request__descriptor);
	if (goal == NULL)
		return;
	struct control_input input = {
		.type = CONTROL_GOAL,
		.goal = {.id = id,
			 .path = http_param(request, "path"),
			 .goal = goal->goal,
			 .is_stop_command = str_equal(goal->command, "stop")}};
	api_change(zrms, request, &input, answer_space);
	samoza__v1__goal_request__free_unpacked(goal, NULL);
}

/* ---- move ---- */

void api_space_move(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *id;
	if (api_repeat(zrms, request, answer_space) ||
	    !api_resolve(zrms, request, http_param(request, "id"), &id))
		return;
	Samoza__V1__MoveRequest *move = (Samoza__V1__MoveRequest *)api_read_body(
		request, &samoza__v1__move_request__descriptor);
	if (move == NULL)
		return;
	struct control_input input = {
		.type = CONTROL_MOVE,
		.move = {.id = id, .path = http_param(request, "path"), .zhost = move->zhost}};
	api_change(zrms, request, &input, answer_space);
	samoza__v1__move_request__free_unpacked(move, NULL);
}

/* ---- log ---- */

static void logs_done(void *user, int code, const char *message, char **lines, size_t count)
{
	struct http_request *request = user;
	if (code < 0) {
		struct error *err = NULL;
		(void)error_set(&err, (enum error_code)code, "%s",
				message != NULL ? message : "no log available");
		api_refuse(request, err);
		return;
	}
	Samoza__V1__LogView view = SAMOZA__V1__LOG_VIEW__INIT;
	view.lines = lines;
	view.n_lines = count;
	api_send_view_now(request, 200, &view.base);
}

/* Where its zhost cannot be reached: what was kept of it when it failed. */
static bool send_kept(struct zrms *zrms, struct http_request *request, const char *id,
		      const char *path)
{
	Samoza__V1__LogView *view =
		zrms->last_lines != NULL ? last_lines_find(zrms->last_lines, id, path) : NULL;
	if (view == NULL)
		return false;
	api_send_view_now(request, 200, &view->base);
	samoza__v1__log_view__free_unpacked(view, NULL);
	return true;
}

/* Of all instances. */
static void topology_logs(struct zrms *zrms, struct http_request *request, uint64_t lines,
			  bool follow)
{
	const char *id, *text = http_query(request, "grep");
	uint64_t since = 0;
	if (!api_query_u64(request, "since", 0, INT64_MAX, &since))
		return;
	if (text != NULL && strlen(text) > LOG_TEXT_MAX) {
		http_reply_failure(request, 400, "invalid",
				   "the text of grep is longer than 1000 bytes");
		return;
	}
	if (!str_is_empty(http_query(request, "zhost"))) {
		http_reply_failure(request, 400, "invalid",
				   "zhost needs a path: the instance that was there");
		return;
	}
	if (!api_resolve(zrms, request, http_param(request, "id"), &id))
		return;
	const struct topology_logs_wish wish = {.lines = (uint32_t)lines,
						.since_ms = (int64_t)since,
						.text = str_is_empty(text) ? NULL : text,
						.follow = follow};
	topology_logs_ask(zrms->topology_logs, id, &wish, asker_hash(access_asker(request)),
			  request);
}

void api_topology_logs(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *id, *path = http_query(request, "path");
	uint64_t lines = 0;
	struct logs_of of;
	bool follow = false;
	if (!api_query_u64(request, "lines", LOG_LINES, LOG_LINES_MAX, &lines) ||
	    !api_query_bool(request, "follow", false, &follow))
		return;
	if (str_is_empty(path)) {
		topology_logs(zrms, request, lines, follow);
		return;
	}
	if (!api_resolve(zrms, request, http_param(request, "id"), &id))
		return;
	struct error *err = NULL;
	/* What it printed where it was before is still there. */
	int r = log_find(zrms, id, path, http_query(request, "zhost"), &of, &err);
	if (r < 0 && !follow && send_kept(zrms, request, id, path))
		error_free(err);
	else if (r < 0)
		api_refuse(request, err);
	else if (follow)
		logs_follow(zrms->logs, &of, (uint32_t)lines, asker_hash(access_asker(request)),
			    request);
	else
		logs_ask(zrms->logs, &of, (uint32_t)lines, LOG_WAIT_MS, logs_done, request);
}
