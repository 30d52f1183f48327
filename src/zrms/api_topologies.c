#include <unistd.h>

#include "base/check.h"
#include "base/str.h"
#include "core/application/rollout.h"
#include "schema/message.h"
#include "zrms/access.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_list.h"
#include "zrms/api_reads.h"
#include "zrms/submission/submissions.h"

/* ---- reading ---- */

void api_topologies_list(void *context, struct http_request *request)
{
	if (!api_read_ready(context, request))
		return;
	api_send_list(context, request, CONTROL_LIST_TOPOLOGIES, "topologies", NULL);
}

void api_topology_get(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *id;
	Samoza__V1__TopologyView *view = NULL;
	struct error *err = NULL;
	if (!api_read_ready(zrms, request))
		return;
	if (!api_resolve(zrms, request, http_param(request, "id"), &id))
		return;
	if (control_view_topology(api_control(zrms), id, &view, &err) < 0)
		api_refuse(request, err);
	else
		api_send_view(zrms, request, &view->base);
}

void api_topology_explain(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *id, *path = http_query(request, "path");
	Samoza__V1__ExplainView *view = NULL;
	struct error *err = NULL;
	bool each = false;
	if (!api_query_bool(request, "each", false, &each))
		return;
	if (each && path == NULL) {
		http_reply_failure(request, 400, "invalid", "each=1 needs a path");
		return;
	}
	if (!api_read_ready(zrms, request))
		return;
	if (!api_resolve(zrms, request, http_param(request, "id"), &id))
		return;
	if (control_view_explain(api_control(zrms), id, path, each, &view, &err) < 0)
		api_refuse(request, err);
	else
		api_send_view(zrms, request, &view->base);
}

void api_topology_revisions(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *id;
	Samoza__V1__RevisionListView *view = NULL;
	struct error *err = NULL;
	if (!api_read_ready(zrms, request))
		return;
	if (!api_resolve(zrms, request, http_param(request, "id"), &id))
		return;
	if (control_view_revisions(api_control(zrms), id, &view, &err) < 0)
		api_refuse(request, err);
	else
		api_send_view(zrms, request, &view->base);
}

/* A viewer sees that there are exports, but no values [machines.people.users]. */
static void hide_exports(Samoza__V1__Topology *topology)
{
	for (size_t k = 0; k < topology->n_spaces; k++)
		for (size_t i = 0; i < topology->spaces[k]->n_exports; i++)
			schema_set_string(&topology->spaces[k]->exports[i]->value, NULL, "");
}

void api_topology_revision(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *id;
	uint64_t number = 0;
	Samoza__V1__RevisionContentView *view = NULL;
	struct error *err = NULL;
	if (!api_read_ready(zrms, request))
		return;
	if (!api_resolve(zrms, request, http_param(request, "id"), &id))
		return;
	if (str_to_u64(http_param(request, "revision"), &number) < 0 || number > UINT32_MAX) {
		http_reply_failure(request, 404, "not-found", "a revision is a number");
		return;
	}
	if (control_view_revision(api_control(zrms), id, (uint32_t)number, &view, &err) < 0) {
		api_refuse(request, err);
		return;
	}
	if (access_hides_values(request))
		hide_exports(view->topology);
	api_send_view(zrms, request, &view->base);
}

/* ---- changing: the answer is the topology as it is then ---- */

static void topology_answer(struct zrms *zrms, struct http_request *request,
			    const struct reply *reply, unsigned status)
{
	Samoza__V1__TopologyView *view = NULL;
	struct error *err = NULL;
	INVARIANT(reply->topology != NULL);
	if (control_view_topology(zrms->control, reply->topology, &view, &err) < 0) {
		api_answer_gone(request, err);
		return;
	}
	view->effect = mem_strdup(reply->effect);
	if (reply->message != NULL) {
		free(view->notice);
		view->notice = mem_strdup(reply->message);
	}
	api_send_view_now(request, status, &view->base);
	samoza__v1__topology_view__free_unpacked(view, NULL);
}

static void answer_changed(struct zrms *zrms, struct http_request *request,
			   const struct reply *reply)
{
	topology_answer(zrms, request, reply, 200);
}

static void answer_created(struct zrms *zrms, struct http_request *request,
			   const struct reply *reply)
{
	if (reply->view != NULL) { /* a dry run */
		api_send_view_now(request, 200, reply->view);
		return;
	}
	CLEANUP(freep) char *location = str_printf("/v1/topologies/%s", reply->topology);
	http_add_header(request, "Location", location);
	topology_answer(zrms, request, reply,
			str_equal(reply->effect, "unchanged") ? 200 : 201);
}

static void topology_change(struct zrms *zrms, struct http_request *request,
			    enum topology_action action, bool data, api_answer_fn *answer)
{
	const char *id;
	if (api_repeat(zrms, request, answer) ||
	    !api_resolve(zrms, request, http_param(request, "id"), &id))
		return;
	struct control_input input = {.type = CONTROL_TOPOLOGY,
				      .topology = {.id = id,
						   .action = action,
						   .path = http_query(request, "path"),
						   .data = data}};
	api_change(zrms, request, &input, answer);
}

#define TOPOLOGY_HANDLER(name, action)                                            \
	void name(void *context, struct http_request *request)                    \
	{                                                                         \
		topology_change(context, request, action, false, answer_changed); \
	}

TOPOLOGY_HANDLER(api_topology_start, TOPOLOGY_START)
TOPOLOGY_HANDLER(api_topology_stop, TOPOLOGY_STOP)
TOPOLOGY_HANDLER(api_topology_recover, TOPOLOGY_RECOVER)
TOPOLOGY_HANDLER(api_topology_deploy_all, TOPOLOGY_DEPLOY_ALL)
TOPOLOGY_HANDLER(api_topology_start_all, TOPOLOGY_START_ALL)
TOPOLOGY_HANDLER(api_topology_stop_all, TOPOLOGY_STOP_ALL)
TOPOLOGY_HANDLER(api_topology_undeploy_all, TOPOLOGY_UNDEPLOY_ALL)

/* ---- rollouts ---- */

static void rollout_change(struct zrms *zrms, struct http_request *request,
			   enum rollout_command command)
{
	const char *id;
	if (api_repeat(zrms, request, answer_changed) ||
	    !api_resolve(zrms, request, http_param(request, "id"), &id))
		return;
	struct control_input input = {.type = CONTROL_ROLLOUT,
				      .rollout = {.id = id, .command = (int)command}};
	api_change(zrms, request, &input, answer_changed);
}

#define ROLLOUT_HANDLER(name, command)                         \
	void name(void *context, struct http_request *request) \
	{                                                      \
		rollout_change(context, request, command);     \
	}

ROLLOUT_HANDLER(api_topology_promote, ROLLOUT_PROMOTE)
ROLLOUT_HANDLER(api_topology_abort, ROLLOUT_ABORT)
ROLLOUT_HANDLER(api_topology_pause, ROLLOUT_PAUSE)
ROLLOUT_HANDLER(api_topology_resume, ROLLOUT_RESUME)

/* Several zrms fetch from each other what one of them lacks. True: it was refused. */
static bool refuse_lost_package(struct zrms *zrms, struct http_request *request, const char *id,
				uint32_t to)
{
	uint32_t number = 0;
	struct error *err = NULL;
	CLEANUP(freep)
	char *record = zrms->copies == NULL
			       ? control_rollback_record(zrms->control, id, to, &number)
			       : NULL;
	const char *lost = record != NULL ? artifacts_lost(zrms->artifacts, record) : NULL;
	if (lost == NULL)
		return false;
	(void)error_set(&err, ERR_CONFLICT,
			"the package of revision %u is gone: artifact %.12s is not in %s any "
			"more; submit the package again (with --allow-downgrade where its "
			"version is lower)",
			number, lost, zrms->settings.dir);
	api_refuse(request, err);
	return true;
}

/* 0: not given. False: refused already. */
static bool read_revision(struct http_request *request, uint64_t *ret_to)
{
	if (!api_query_u64(request, "to", 0, UINT32_MAX, ret_to))
		return false;
	if (*ret_to > 0 || http_query(request, "to") == NULL)
		return true;
	http_reply_failure(
		request, 400, "invalid",
		"no revision has the number 0: the first one is 1, and `topo history` "
		"lists those that are kept; without `to` it is the completed one before");
	return false;
}

void api_topology_rollback(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *id;
	uint64_t to = 0;
	if (api_repeat(zrms, request, answer_changed) ||
	    !api_resolve(zrms, request, http_param(request, "id"), &id) ||
	    !read_revision(request, &to) ||
	    refuse_lost_package(zrms, request, id, (uint32_t)to))
		return;
	/* Keys in files may have been taken away. Where a file cannot be read, those that were known count. */
	(void)!submissions_look_at_keys(zrms->submissions, NULL);
	struct control_input input = {.type = CONTROL_ROLLBACK,
				      .rollback = {.id = id, .to = (uint32_t)to}};
	api_change(zrms, request, &input, answer_changed);
}

void api_topology_scale(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *id;
	if (api_repeat(zrms, request, answer_changed) ||
	    !api_resolve(zrms, request, http_param(request, "id"), &id))
		return;
	struct control_input input = {
		.type = CONTROL_SCALE,
		.scale = {.id = id, .counts = http_query(request, "spaces")}};
	api_change(zrms, request, &input, answer_changed);
}

/* It is gone: there is nothing to show. */
static void answer_removed(struct zrms *zrms, struct http_request *request,
			   const struct reply *reply)
{
	(void)zrms;
	(void)reply;
	api_send_done(request);
}

void api_topology_remove(void *context, struct http_request *request)
{
	bool data = false;
	if (api_query_bool(request, "data", false, &data))
		topology_change(context, request, TOPOLOGY_REMOVE, data, answer_removed);
}

/* ---- submitting ---- */

/* The body, which the request gives up. */
static int take_upload(struct http_request *request, struct upload *ret_upload,
		       struct error **err)
{
	struct upload upload = {.body_size = http_body_size(request), .fd = -1};

	upload.body = http_body_take(request);
	if (upload.body == NULL && (upload.fd = dup(http_body_fd(request))) < 0)
		return error_errno(err, "cannot read the upload");
	*ret_upload = upload;
	return 0;
}

void api_topologies_submit(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	struct upload upload;
	struct error *err = NULL;
	struct submission_options options = {0};
	const struct submit_values values = {.name = http_query(request, "name"),
					     .sets = http_query(request, "set"),
					     .file = http_query(request, "values"),
					     .file_name = http_query(request, "values_name")};

	if (api_repeat(zrms, request, answer_created) ||
	    !api_query_bool(request, "start", true, &options.start) ||
	    !api_query_bool(request, "dry_run", false, &options.dry_run) ||
	    !api_query_bool(request, "plan", false, &options.plan) ||
	    !api_query_bool(request, "reset_values", false, &options.resets) ||
	    !api_query_bool(request, "allow_downgrade", false, &options.downgrades) ||
	    !api_query_bool(request, "no_surge", false, &options.no_surge))
		return;
	options.dry_run = options.dry_run || options.plan;
	if (options.dry_run)
		access_only_reads(request);
	if (api_refuse_while_failing(zrms, request))
		return;
	if (!options.dry_run && store_is_tight(zrms->store)) {
		(void)error_set(
			&err, ERR_CONFLICT,
			"the disk of zrms (%s) is full: nothing new is accepted, but stop, "
			"rm and rm --data work; free at least 8 MiB there, then submit "
			"again",
			zrms->settings.dir);
		api_refuse(request, err);
		return;
	}
	if (take_upload(request, &upload, &err) < 0)
		api_refuse(request, err);
	else
		submissions_add(zrms->submissions, &upload, request, &options, &values);
}

static void on_ready(void *user, void *request, struct submission *submission,
		     const struct control_submit *submit)
{
	struct zrms *zrms = user;
	struct control_input input = {.type = CONTROL_SUBMIT, .submit = *submit};
	const struct plan_request plan = {.kind = PLAN_SUBMIT,
					  .record = submit->record,
					  .options = submit->options,
					  .kept = submit->kept};

	/* What it would be computed of may be lost again. */
	if (submit->options.dry_run && api_refuse_while_failing(zrms, request)) {
		submission_decided(submission);
		return;
	}
	if (submission_is_plan(submission)) {
		plans_make(zrms->plans, request, &plan);
		submission_decided(submission);
		return;
	}
	api_change_submitted(user, request, &input, answer_created, submission);
}

static void on_refused(void *user, void *request, const struct error *error, char **details,
		       size_t detail_count)
{
	(void)user;
	api_refuse_details(request, error, details, detail_count);
}

static char *kept_values(void *user, void *request, const char *name, struct values *to)
{
	struct zrms *zrms = user;
	/* Who may not see it is refused; what it keeps is not for the refusal. */
	if (control_hides(zrms->control, access_principal(request), name))
		return NULL;
	return control_kept_values(zrms->control, name, to);
}

static const struct signing_keys *recorded_keys(void *user)
{
	struct zrms *zrms = user;
	return control_signing_keys(zrms->control);
}

static void on_key_files(void *user, Samoza__V1__SigningKeyRecord *const *files, size_t count)
{
	struct zrms *zrms = user;
	const struct control_input input = {.type = CONTROL_SIGNING_KEY,
					    .signing_key = {.action = SIGNING_KEY_FILES,
							    .files = files,
							    .file_count = count}};
	commit_driver_input(zrms->commits, &input);
}

static void on_spread(void *user, char *const *digests, size_t count,
		      void (*done)(void *submission, const struct error *why), void *submission)
{
	struct zrms *zrms = user;
	if (zrms->copies == NULL)
		done(submission, NULL);
	else
		copies_spread(zrms->copies, digests, count, done, submission);
}

const struct submit_listener api_submit_listener = {.on_ready = on_ready,
						    .kept_values = kept_values,
						    .spread = on_spread,
						    .on_refused = on_refused,
						    .recorded_keys = recorded_keys,
						    .on_key_files = on_key_files};
