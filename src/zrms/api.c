#include "zrms/api.h"
#include "zrms/api_answer.h"
#include "zrms/api_reads.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "proto/view.pb-c.h"
#include "schema/json.h"
#include "schema/message.h"
#include "zrms/mask.h"

struct waiting {
	UT_hash_handle hh;
	uint64_t number;
	struct http_request *request; /* NULL: none is answered by the reply alone */
	api_answer_fn *answer;
	api_told_fn *told;	       /* NULL: answer() */
	void *user;		       /* of told() */
	struct submission *submission; /* NULL: the change is none */
	struct api_answer ready;       /* since it is decided */
};

struct api {
	struct zrms *zrms;
	struct waiting *waiting; /* by number */
	uint64_t last_number;
	struct waiting *deciding; /* whose answer is rendered; NULL: none is */
};

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

/* NULL: nothing is hidden, also where everybody may ask. */
static const struct principal *limited_reader(const struct http_request *request)
{
	return http_user(request) != NULL ? access_reader(request) : NULL;
}

/* What a principal that sees some names only may read of a refusal; NULL: all of it. The caller frees. */
static char *masked(const struct http_request *request, const char *text)
{
	const struct principal *reader = limited_reader(request);
	if (reader == NULL)
		return NULL;
	CLEANUP(freep) char *said = http_said(request);
	/* Words that were written so as not to be found would tell which names there are. */
	if (strstr(said, "\\u") != NULL)
		return mem_strdup("refused; write the request without \\u to learn why");
	return mask_text(access_asker(request)->zrms->control, reader, text, said);
}

/* Who asks; NULL: it was not asked for. */
static struct zrms *zrms_of(const struct http_request *request)
{
	return http_user(request) != NULL ? access_asker(request)->zrms : NULL;
}

/* Sends the answer, which is zero then; that of a change that is being decided waits for its batch. */
static void send_answer(struct http_request *request, struct api_answer *answer)
{
	const struct zrms *zrms = zrms_of(request);
	struct waiting *w = zrms != NULL && zrms->api != NULL ? zrms->api->deciding : NULL;
	if (w == NULL || w->request != request) {
		api_answer_send(request, answer);
		return;
	}
	PRE(w->ready.status == 0);
	w->ready = *answer;
	*answer = (struct api_answer){0};
}

/* Something of the core's may be shown that is not durable yet, and will be. */
static bool is_ahead(const struct zrms *zrms)
{
	return zrms != NULL && zrms->commits != NULL && zrms->api->deciding == NULL &&
	       !store_is_failing(zrms->store) && !commit_driver_is_idle(zrms->commits);
}

/* That there is nothing of a name may be as new as what an answer shows. */
static void refuse(struct http_request *request, const struct error *error, const char *message,
		   char **details, size_t detail_count)
{
	const char *code = error_code_name(error->code);
	struct zrms *zrms = zrms_of(request);
	struct api_answer answer = {.status = status_of(error->code),
				    .code = code,
				    .message = mem_strdup(message),
				    .json = error_json(code, message, details, detail_count)};
	if (is_ahead(zrms))
		api_answer_send_durable(zrms, request, &answer);
	else
		send_answer(request, &answer);
}

void api_refuse_details(struct http_request *request, const struct error *error, char **details,
			size_t detail_count)
{
	CLEANUP(freep) char *message = error_text(error);
	refuse(request, error, message, details, detail_count);
}

void api_refuse(struct http_request *request, struct error *error)
{
	CLEANUP(freep) char *message = error_text(error);
	CLEANUP(freep) char *other = masked(request, message);
	refuse(request, error, other != NULL ? other : message, NULL, 0);
	error_free(error);
}

static struct api_answer answer_of(struct http_request *request, unsigned status,
				   const ProtobufCMessage *view)
{
	http_add_header(request, "Cache-Control", "no-store");
	return (struct api_answer){.status = status,
				   .json = schema_write_json(view, SCHEMA_JSON_COMPACT)};
}

/* The same without what who asks may not see. */
static struct api_answer masked_answer(struct http_request *request, unsigned status,
				       const ProtobufCMessage *view)
{
	const struct principal *reader = limited_reader(request);
	if (reader == NULL || view->descriptor == &samoza__v1__log_view__descriptor)
		return answer_of(request, status, view); /* what a space prints is its own */
	ProtobufCMessage *copy = schema_message_copy(view);
	mask_message(access_asker(request)->zrms->control, reader, copy);
	struct api_answer answer = answer_of(request, status, copy);
	schema_message_free(copy);
	return answer;
}

void api_answer_gone(struct http_request *request, struct error *error)
{
	struct error *gone = NULL;
	(void)error_set(&gone, ERR_CONFLICT,
			"%s: it was done, and removed in the same moment by another request",
			error->message);
	error_free(error);
	api_refuse(request, gone);
}

void api_send_view_now(struct http_request *request, unsigned status,
		       const ProtobufCMessage *view)
{
	struct api_answer answer = masked_answer(request, status, view);
	send_answer(request, &answer);
}

void api_send_view_durable(struct http_request *request, unsigned status,
			   const ProtobufCMessage *view)
{
	struct api_answer answer = masked_answer(request, status, view);
	api_answer_send_durable(access_asker(request)->zrms, request, &answer);
}

void api_send_done(struct http_request *request)
{
	struct api_answer answer = {.status = 204};
	send_answer(request, &answer);
}

struct view_wait {
	struct api_read read;
	struct zrms *zrms;
	char *json;
};

static void view_durable(void *user)
{
	struct view_wait *wait = user;
	if (api_read_end(wait->zrms, &wait->read)) {
		size_t size = strlen(wait->json);
		http_add_header(wait->read.request, "Cache-Control", "no-store");
		http_reply(wait->read.request, 200, "application/json", steal_ptr(&wait->json),
			   size);
	}
	free(wait->json);
	free(wait);
}

void api_hide_values(Samoza__V1__SpaceView *view)
{
	for (size_t k = 0; k < view->n_exports; k++)
		schema_set_string(&view->exports[k]->value, NULL, "");
	for (size_t k = 0; k < view->n_log; k++)
		free(view->log[k]);
	view->n_log = 0;
}

void api_send_view(struct zrms *zrms, struct http_request *request, ProtobufCMessage *view)
{
	mask_message(api_control(zrms), access_reader(request), view);
	if (!api_read_ready(zrms, request)) { /* it fails since the handler began */
		protobuf_c_message_free_unpacked(view, NULL);
		return;
	}
	if (api_control_is_durable(zrms)) {
		api_read_notice(request);
		struct api_answer answer = answer_of(request, 200, view);
		api_answer_send(request, &answer);
		protobuf_c_message_free_unpacked(view, NULL);
		return;
	}
	struct view_wait *wait = mem_new(struct view_wait);
	api_read_begin(zrms, &wait->read, request);
	wait->zrms = zrms;
	wait->json = schema_write_json(view, SCHEMA_JSON_COMPACT);
	protobuf_c_message_free_unpacked(view, NULL);
	commit_driver_after(zrms->commits, view_durable, wait);
}

/* ---- changes ---- */

void api_change(struct zrms *zrms, struct http_request *request, struct control_input *input,
		api_answer_fn *answer)
{
	if (!api_refuse_while_failing(zrms, request))
		api_change_submitted(zrms, request, input, answer, NULL);
}

bool api_repeat(struct zrms *zrms, struct http_request *request, api_answer_fn *answer)
{
	struct control_input input = {.type = CONTROL_REPEAT};
	if (!request_key_is_known(access_asker(request)))
		return false;
	api_change(zrms, request, &input, answer);
	return true;
}

bool api_refuse_while_failing(struct zrms *zrms, struct http_request *request)
{
	struct error *err = NULL;
	if (!store_is_failing(zrms->store))
		return false;
	bool is_shared = zrms->lead != NULL;
	if (is_shared)
		http_add_header(request, "Retry-After", "1");
	(void)error_set(
		&err, is_shared ? ERR_UNAVAILABLE : ERR_IO,
		"zrms cannot write its store in %s now (is %s?): it tries again for a while, "
		"and nothing was changed; try again later",
		is_shared ? "etcd" : zrms->settings.dir,
		is_shared ? "a majority of it away" : "its disk full, or away");
	api_refuse(request, err);
	return true;
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
	access_ask(request, input);
	commit_driver_input(zrms->commits, input);
}

static void ask(struct zrms *zrms, struct http_request *request, struct control_input *input,
		api_told_fn *told, void *user)
{
	struct api *api = zrms->api;
	struct waiting *w = mem_new(struct waiting);
	w->number = ++api->last_number;
	w->request = request;
	w->told = told;
	w->user = user;
	HASH_ADD(hh, api->waiting, number, sizeof w->number, w);
	input->request = w->number;
	commit_driver_input(zrms->commits, input);
}

void api_ask(struct zrms *zrms, struct control_input *input, api_told_fn *told, void *user)
{
	ask(zrms, NULL, input, told, user);
}

void api_ask_for(struct zrms *zrms, struct http_request *request, struct control_input *input,
		 api_told_fn *answer, void *user)
{
	access_ask(request, input);
	ask(zrms, request, input, answer, user);
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

static struct waiting *find_waiting(const struct api *api, const struct reply *reply)
{
	struct waiting *w = NULL;
	HASH_FIND(hh, api->waiting, &reply->request, sizeof reply->request, w);
	return w;
}

void api_decided(struct api *api, const struct reply *reply)
{
	struct waiting *w = find_waiting(api, reply);
	if (w == NULL || w->request == NULL)
		return;
	api->deciding = w;
	if (w->told != NULL)
		w->told(w->user, reply);
	else if (reply->code < 0)
		reply_refused(w->request, reply);
	else
		w->answer(api->zrms, w->request, reply);
	api->deciding = NULL;
	POST(w->ready.status != 0);
}

void api_reply(struct api *api, const struct reply *reply)
{
	struct waiting *w = find_waiting(api, reply);
	if (w == NULL)
		return;
	HASH_DEL(api->waiting, w);
	if (w->submission != NULL)
		submission_decided(w->submission);
	if (w->request != NULL)
		api_answer_send(w->request, &w->ready);
	else
		w->told(w->user, reply);
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
		api_answer_done(&w->ready);
		free(w);
	}
	free(api);
}

/* ---- parameters ---- */

bool api_resolve(struct zrms *zrms, struct http_request *request, const char *text,
		 const char **ret_id)
{
	struct error *err = NULL;
	if (control_resolve(api_control(zrms), access_reader(request), text, ret_id, &err) == 0)
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

ProtobufCMessage *api_read_body(struct http_request *request,
				const ProtobufCMessageDescriptor *type)
{
	CLEANUP(error_freep) struct error *err = NULL;
	struct diagnostics findings = {0};
	ProtobufCMessage *message = NULL;
	if (schema_read_json(type, NULL, http_body_data(request), http_body_size(request),
			     SCHEMA_WIPE, &findings, &message, &err) < 0)
		http_reply_failure(request, 400, "invalid", err->message);
	diagnostics_done(&findings);
	return message;
}
