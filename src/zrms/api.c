#include "zrms/api.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "proto/view.pb-c.h"
#include "schema/json.h"

#define VIEW(name) &samoza__v1__##name##__descriptor

/* clang-format off */
static const struct http_route routes[] = {
	{"GET", "/v1/cluster", api_cluster, 0, NULL, "Summary of the cluster",
	 NULL, VIEW(cluster_view)},
	{"GET", "/v1/topologies", api_topologies_list, 0, NULL, "All topologies",
	 NULL, VIEW(topology_list_view)},
	{"POST", "/v1/topologies", api_topologies_submit, HTTP_BODY_SPOOL, "start dry_run",
	 "Submit a MEX (the body); start=0: all goals not-deployed; dry_run=1: only compute "
	 "where it would be placed", NULL, VIEW(topology_view)},
	{"GET", "/v1/topologies/{id}", api_topology_get, 0, NULL,
	 "One topology, with its placements", NULL, VIEW(topology_view)},
	{"DELETE", "/v1/topologies/{id}", api_topology_remove, 0, "data",
	 "Forget a topology; data=1: delete the data of its spaces, too", NULL, VIEW(topology_view)},
	{"GET", "/v1/topologies/{id}/explain", api_topology_explain, 0, "path",
	 "Why each space is where it is, or has no place", NULL, VIEW(explain_view)},
	{"POST", "/v1/topologies/{id}/start", api_topology_start, 0, NULL,
	 "Deploy and start everything, with new placements", NULL, VIEW(topology_view)},
	{"POST", "/v1/topologies/{id}/stop", api_topology_stop, 0, NULL,
	 "Stop and undeploy everything", NULL, VIEW(topology_view)},
	{"POST", "/v1/topologies/{id}/recover", api_topology_recover, 0, NULL,
	 "End exclusions, make all attempts available, and try again", NULL, VIEW(topology_view)},
	{"POST", "/v1/topologies/{id}/deploy-all", api_topology_deploy_all, 0, "path",
	 "Grouped: deploy and start all, or PATH and everything below", NULL, VIEW(topology_view)},
	{"POST", "/v1/topologies/{id}/start-all", api_topology_start_all, 0, "path",
	 "Grouped: start what is stopped", NULL, VIEW(topology_view)},
	{"POST", "/v1/topologies/{id}/stop-all", api_topology_stop_all, 0, "path",
	 "Grouped: stop what is started", NULL, VIEW(topology_view)},
	{"POST", "/v1/topologies/{id}/undeploy-all", api_topology_undeploy_all, 0, "path",
	 "Grouped: undeploy", NULL, VIEW(topology_view)},
	{"GET", "/v1/topologies/{id}/logs", api_topology_logs, 0, "path lines follow",
	 "Last lines of an instance's log; follow=1: a stream of server-sent events",
	 NULL, VIEW(log_view)},
	{"GET", "/v1/topologies/{id}/spaces", api_topology_spaces, 0, NULL,
	 "Instances of a topology", NULL, VIEW(space_list_view)},
	{"PUT", "/v1/topologies/{id}/spaces/{path*}/goal", api_space_goal, HTTP_BODY_MEMORY, NULL,
	 "Set the goal of one instance", VIEW(goal_request), VIEW(space_view)},
	{"GET", "/v1/topologies/{id}/spaces/{path*}", api_space_get, 0, NULL,
	 "One instance, with the last lines of its log", NULL, VIEW(space_view)},
	{"GET", "/v1/spaces", api_spaces_list, 0, NULL, "Instances of all topologies",
	 NULL, VIEW(space_list_view)},
	{"GET", "/v1/mesh/spaces", api_mesh_spaces, 0, NULL, "Every space registered in the mesh",
	 NULL, VIEW(mesh_space_list_view)},
	{"GET", "/v1/zhosts", api_zhosts_list, 0, NULL, "All zhosts", NULL, VIEW(zhost_list_view)},
	{"GET", "/v1/zhosts/{name}", api_zhost_get, 0, NULL, "One zhost", NULL, VIEW(zhost_view)},
	{"DELETE", "/v1/zhosts/{name}", api_zhost_remove, 0, NULL,
	 "Remove a zhost from the cluster", NULL, VIEW(zhost_list_view)},
	{"POST", "/v1/zhosts/{name}/cordon", api_zhost_cordon, 0, NULL,
	 "Exclude a zhost from new placements", NULL, VIEW(zhost_view)},
	{"POST", "/v1/zhosts/{name}/uncordon", api_zhost_uncordon, 0, NULL,
	 "Allow placements on a zhost again", NULL, VIEW(zhost_view)},
	{"GET", "/v1/events", api_events, 0, "after topology stream limit",
	 "Events after `after`, as they occur (server-sent events); stream=0: the stored ones",
	 NULL, VIEW(event_list_view)},
	{"GET", "/v1/artifacts/sha256/{digest}", api_artifact, 0, NULL,
	 "A module, native code, page or recipe by its digest", NULL, NULL},
	{"GET", "/v1/link", api_link, 0, NULL, NULL, NULL, NULL},
	{"GET", "/healthz", api_health, 0, NULL, "Whether zrms is healthy", NULL, NULL},
	{"GET", "/metrics", api_metrics, 0, NULL, "Counters and gauges, as Prometheus text",
	 NULL, NULL},
	{"GET", "/openapi.json", api_openapi, 0, NULL, "This interface", NULL, NULL},
};
/* clang-format on */

const struct http_route *api_routes(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(routes);
	return routes;
}

/* ---- answers ---- */

/* base/error.h: the comments of enum error_code. */
static unsigned status_of(int code)
{
	switch ((enum error_code)code) {
	case ERR_INVALID:
	case ERR_UNSUPPORTED:
		return 422;
	case ERR_NOT_FOUND:
		return 404;
	case ERR_CONFLICT:
	case ERR_STALE:
		return 409;
	case ERR_DENIED:
		return 403;
	case ERR_LIMIT:
		return 413;
	case ERR_IO:
		return 500;
	case ERR_TIMEOUT:
	case ERR_UNAVAILABLE:
		return 503;
	}
	return 500;
}

static char *error_json(const char *code, const char *message, char **details,
			size_t detail_count)
{
	Samoza__V1__ErrorBody body = SAMOZA__V1__ERROR_BODY__INIT;
	body.code = (char *)(uintptr_t)code;
	body.message = (char *)(uintptr_t)message;
	body.details = details;
	body.n_details = detail_count;
	Samoza__V1__ErrorView view = SAMOZA__V1__ERROR_VIEW__INIT;
	view.error = &body;
	return schema_write_json(&view.base, SCHEMA_JSON_COMPACT);
}

char *api_error_body(void *context, const char *code, const char *message,
		     const char **ret_type)
{
	(void)context;
	*ret_type = "application/json";
	return error_json(code, message, NULL, 0);
}

void api_refuse_details(struct http_request *request, const struct error *error, char **details,
			size_t detail_count)
{
	CLEANUP(freep) char *message = error_text(error);
	char *json = error_json(error_code_name(error->code), message, details, detail_count);
	http_reply(request, status_of(error->code), "application/json", json, strlen(json));
}

void api_refuse(struct http_request *request, struct error *error)
{
	api_refuse_details(request, error, NULL, 0);
	error_free(error);
}

void api_send_view_now(struct http_request *request, unsigned status,
		       const ProtobufCMessage *view)
{
	char *json = schema_write_json(view, SCHEMA_JSON_COMPACT);
	http_add_header(request, "Cache-Control", "no-store");
	http_reply(request, status, "application/json", json, strlen(json));
}

struct view_wait {
	struct http_request *request;
	char *json;
};

static void view_durable(void *user)
{
	struct view_wait *wait = user;
	http_reply(wait->request, 200, "application/json", wait->json, strlen(wait->json));
	free(wait);
}

void api_send_view(struct zrms *zrms, struct http_request *request, ProtobufCMessage *view)
{
	struct view_wait *wait = mem_new(struct view_wait);
	wait->request = request;
	wait->json = schema_write_json(view, SCHEMA_JSON_COMPACT);
	protobuf_c_message_free_unpacked(view, NULL);
	http_add_header(request, "Cache-Control", "no-store");
	commit_driver_after(zrms->commits, view_durable, wait);
}

/* ---- changes ---- */

struct waiting {
	UT_hash_handle hh;
	uint64_t number;
	struct http_request *request;
	api_answer_fn *answer;
	struct submission *submission; /* NULL: the change is none */
};

struct api {
	struct zrms *zrms;
	struct waiting *waiting; /* by number */
	uint64_t last_number;
};

void api_change(struct zrms *zrms, struct http_request *request, struct control_input *input,
		api_answer_fn *answer)
{
	api_change_submitted(zrms, request, input, answer, NULL);
}

void api_change_submitted(struct zrms *zrms, struct http_request *request,
			  struct control_input *input, api_answer_fn *answer,
			  struct submission *submission)
{
	struct api *api = zrms->api;
	struct waiting *w = mem_new(struct waiting);
	w->number = ++api->last_number;
	w->request = request;
	w->answer = answer;
	w->submission = submission;
	HASH_ADD(hh, api->waiting, number, sizeof w->number, w);
	input->request = w->number;
	commit_driver_input(zrms->commits, input);
}

static void reply_refused(struct http_request *request, const struct reply *reply)
{
	struct error *err = NULL;
	if (reply->error != NULL)
		(void)error_set_at(&err, (enum error_code)reply->code, reply->error->file,
				   reply->error->line, reply->error->column, "%s",
				   reply->error->message);
	else
		(void)error_set(&err, (enum error_code)reply->code, "%s",
				reply->message != NULL ? reply->message : "refused");
	api_refuse(request, err);
}

void api_reply(struct api *api, const struct reply *reply)
{
	struct waiting *w = NULL;
	HASH_FIND(hh, api->waiting, &reply->request, sizeof reply->request, w);
	if (w == NULL)
		return;
	HASH_DEL(api->waiting, w);
	if (w->submission != NULL)
		submission_decided(w->submission);
	if (reply->code < 0)
		reply_refused(w->request, reply);
	else
		w->answer(api->zrms, w->request, reply);
	free(w);
}

size_t api_waiting(const struct api *api)
{
	return HASH_COUNT(api->waiting);
}

struct api *api_new(struct zrms *zrms)
{
	struct api *api = mem_new(struct api);
	api->zrms = zrms;
	return api;
}

void api_free(struct api *api)
{
	if (api == NULL)
		return;
	struct waiting *w, *next;
	HASH_ITER (hh, api->waiting, w, next) {
		HASH_DEL(api->waiting, w);
		free(w);
	}
	free(api);
}

/* ---- parameters ---- */

bool api_resolve(struct zrms *zrms, struct http_request *request, const char *text,
		 const char **ret_id)
{
	struct error *err = NULL;
	if (control_resolve(zrms->control, text, ret_id, &err) == 0)
		return true;
	api_refuse(request, err);
	return false;
}

bool api_query_bool(struct http_request *request, const char *name, bool fallback, bool *ret)
{
	const char *text = http_query(request, name);
	*ret = text == NULL ? fallback : str_equal(text, "1") || str_equal(text, "true");
	if (text == NULL || *ret || str_equal(text, "0") || str_equal(text, "false"))
		return true;
	CLEANUP(freep)
	char *message = str_printf("invalid value '%s' for %s: expected 0, 1, true or "
				   "false",
				   text, name);
	http_reply_failure(request, 400, "invalid", message);
	return false;
}

bool api_query_u64(struct http_request *request, const char *name, uint64_t fallback,
		   uint64_t max, uint64_t *ret)
{
	const char *text = http_query(request, name);
	*ret = fallback;
	if (text == NULL || (str_to_u64(text, ret) == 0 && *ret <= max))
		return true;
	CLEANUP(freep)
	char *message = str_printf("invalid value '%s' for %s: expected a number up to %llu",
				   text, name, (unsigned long long)max);
	http_reply_failure(request, 400, "invalid", message);
	return false;
}
