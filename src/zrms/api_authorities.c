/* /v1/authorities: whom the cluster believes, and the rotation of that. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "schema/message.h"
#include "zrms/api.h"
#include "zrms/api_answer.h"
#include "zrms/api_handlers.h"
#include "zrms/api_reads.h"
#include "zrms/store_trust.h"

static bool is_refused(struct zrms *zrms, struct http_request *request)
{
	struct error *err = NULL;
	if (zrms->cluster != NULL)
		return false;
	(void)error_set(&err, ERR_CONFLICT,
			"this cluster has no certificate authority: make one with zrms init "
			"--dir %s --listen ADDRESS:PORT",
			zrms->settings.dir);
	api_refuse(request, err);
	return true;
}

/* NULL: refused already. */
static Samoza__V1__AuthorityListView *
view_make(struct zrms *zrms, const struct control *control, struct http_request *request)
{
	Samoza__V1__AuthorityRecord *first = NULL;
	struct error *err = NULL;
	if (zrms->cluster != NULL && control_authorities(control) == NULL &&
	    authorities_first(zrms, &first, &err) < 0) {
		api_refuse(request, err);
		return NULL;
	}
	Samoza__V1__AuthorityListView *view = control_view_authorities(control, first);
	schema_message_free(first);
	return view;
}

void api_authorities_list(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (!api_read_ready(zrms, request))
		return;
	Samoza__V1__AuthorityListView *view = view_make(zrms, api_control(zrms), request);
	if (view != NULL)
		api_send_view(zrms, request, &view->base);
}

static void answer(struct zrms *zrms, struct http_request *request, const struct reply *reply)
{
	(void)reply;
	Samoza__V1__AuthorityListView *view = view_make(zrms, zrms->control, request);
	if (view == NULL)
		return;
	api_send_view_now(request, 200, &view->base);
	schema_message_free(view);
}

/* ---- rotating ---- */

struct beginning {
	struct zrms *zrms;
	struct http_request *request;
};

static void answer_begun(struct zrms *zrms, struct http_request *request)
{
	Samoza__V1__AuthorityListView *view = view_make(zrms, zrms->control, request);
	if (view == NULL)
		return;
	api_send_view_durable(request, 200, &view->base);
	schema_message_free(view);
}

static void on_begin_told(void *user, const struct reply *reply)
{
	struct beginning *b = user;
	struct error *err = NULL;
	b->zrms->authorities.begins = false;
	if (reply->code < 0) { /* the key that was made for it goes */
		(void)!authorities_settle(b->zrms, NULL);
		(void)error_set(&err, (enum error_code)reply->code, "%s", reply->message);
		api_refuse(b->request, err);
	} else {
		answer_begun(b->zrms, b->request);
	}
	free(b);
}

void api_rotation_begin(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	Samoza__V1__AuthorityRecord *first = NULL, *next = NULL;
	struct error *err = NULL;
	if (api_repeat(zrms, request, answer) || is_refused(zrms, request) ||
	    api_refuse_while_failing(zrms, request))
		return;
	int r = authorities_first(zrms, &first, &err);
	if (r == 0)
		r = authorities_make_next(zrms, &next, &err);
	if (r < 0) {
		api_refuse(request, err);
	} else {
		struct beginning *b = mem_new(struct beginning);
		*b = (struct beginning){zrms, request};
		struct control_input input = {
			.type = CONTROL_AUTHORITY,
			.authority = {.action = AUTHORITY_BEGIN,
				      .first = first,
				      .next = next,
				      .asks_store = store_trust_is_asked(zrms)}};
		zrms->authorities.begins = true;
		access_ask(request, &input);
		api_ask(zrms, &input, on_begin_told, b);
	}
	schema_message_free(first);
	schema_message_free(next);
}

void api_rotation_finish(void *context, struct http_request *request)
{
	struct control_input input = {.type = CONTROL_AUTHORITY,
				      .authority = {.action = AUTHORITY_FINISH}};
	if (!api_repeat(context, request, answer) && !is_refused(context, request) &&
	    api_query_bool(request, "force", false, &input.authority.force))
		api_change(context, request, &input, answer);
}

void api_rotation_abort(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	struct control_input input = {.type = CONTROL_AUTHORITY,
				      .authority = {.action = AUTHORITY_ABORT}};
	struct error *err = NULL;
	if (api_repeat(zrms, request, answer) || is_refused(zrms, request))
		return;
	if (!authorities_can_return(zrms)) {
		(void)error_set(&err, ERR_CONFLICT,
				"the key of the certificate authority of before is not on "
				"this machine: the rotation cannot be taken back, but "
				"finished");
		api_refuse(request, err);
		return;
	}
	api_change(zrms, request, &input, answer);
}
