#include "adapter/token/token.h"
#include "base/check.h"
#include "base/memory.h"
#include "model/quantity.h"
#include "schema/message.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_reads.h"

void api_users_list(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (api_read_ready(zrms, request))
		api_send_view(zrms, request, &control_view_users(api_control(zrms))->base);
}

/* ---- a new token: it is told when its hash is durable ---- */

struct new_token {
	struct zrms *zrms;
	struct http_request *request;
	char *token, *name;
	bool is_user; /* is answered with the whole user */
};

static void new_token_free(struct new_token *n)
{
	token_free(n->token);
	free(n->name);
	free(n);
}

static void answer_token(const struct new_token *n)
{
	Samoza__V1__TokenView view = SAMOZA__V1__TOKEN_VIEW__INIT;
	view.token = n->token;
	api_send_view_now(n->request, 200, &view.base);
}

static void answer_user(const struct new_token *n)
{
	Samoza__V1__UserView *view = NULL;
	struct error *err = NULL;
	if (control_view_user(n->zrms->control, n->name, &view, &err) < 0) {
		api_answer_gone(n->request, err);
		return;
	}
	view->token = mem_strdup(n->token);
	api_send_view_now(n->request, 201, &view->base);
	samoza__v1__user_view__free_unpacked(view, NULL);
}

static void on_told(void *user, const struct reply *reply)
{
	struct new_token *n = user;
	struct error *err = NULL;
	if (reply->code < 0) {
		(void)error_set(&err, (enum error_code)reply->code, "%s", reply->message);
		api_refuse(n->request, err);
	} else if (n->is_user) {
		answer_user(n);
	} else {
		answer_token(n);
	}
	new_token_free(n);
}

/* Asks for a credential as `record` says, with a new secret. Of the record, only hash is set here. */
static void ask_for_token(struct zrms *zrms, struct http_request *request,
			  enum credential_action action, Samoza__V1__CredentialRecord *record,
			  bool is_user)
{
	uint8_t hash[TOKEN_HASH_SIZE];
	struct control_input input = {.type = CONTROL_CREDENTIAL,
				      .credential = {.action = action, .record = record}};
	if (api_refuse_while_failing(zrms, request))
		return;
	struct new_token *n = mem_new(struct new_token);
	*n = (struct new_token){.zrms = zrms,
				.request = request,
				.token = token_new(record->role == ACCESS_ZHOST
							   ? TOKEN_OF_ZHOST
							   : TOKEN_OF_PERSON),
				.name = mem_strdup(record->name),
				.is_user = is_user};
	token_hash(n->token, hash);
	record->hash = (ProtobufCBinaryData){sizeof(hash), hash};
	api_ask_for(zrms, request, &input, on_told, n);
	record->hash = (ProtobufCBinaryData){0};
}

static bool read_end(struct zrms *zrms, struct http_request *request, const char *ttl,
		     int64_t *ret_ms)
{
	struct error *err = NULL;
	uint64_t ms = 0;
	*ret_ms = 0;
	if (ttl == NULL)
		return true;
	if (duration_parse(ttl, &ms, &err) < 0 || ms == 0) {
		error_free(err);
		http_reply_failure(request, 422, "invalid",
				   "ttl is no duration: expected such as 90d or 12h");
		return false;
	}
	*ret_ms = loop_now(&zrms->loop).wall_ms + (int64_t)ms;
	return true;
}

void api_user_create(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	Samoza__V1__UserRequest *asked = (Samoza__V1__UserRequest *)api_read_body(
		request, &samoza__v1__user_request__descriptor);
	if (asked == NULL)
		return;
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	record.name = asked->name;
	record.role = access_role_of_person(asked->role);
	record.topologies = asked->topologies;
	record.n_topologies = asked->n_topologies;
	record.has_expires_ms = true;
	if (read_end(zrms, request, asked->ttl, &record.expires_ms))
		ask_for_token(zrms, request, CREDENTIAL_CREATE, &record, true);
	samoza__v1__user_request__free_unpacked(asked, NULL);
}

void api_user_token(void *context, struct http_request *request)
{
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	record.name = (char *)http_param(request, "name");
	record.role = ACCESS_VIEWER; /* of a person; its role stays */
	ask_for_token(context, request, CREDENTIAL_ROTATE, &record, false);
}

void api_zhost_token(void *context, struct http_request *request)
{
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	record.name = (char *)http_param(request, "name");
	record.role = ACCESS_ZHOST;
	ask_for_token(context, request, CREDENTIAL_CREATE, &record, false);
}

static void answer_removed(struct zrms *zrms, struct http_request *request,
			   const struct reply *reply)
{
	(void)zrms;
	(void)reply;
	api_send_done(request);
}

void api_user_remove(void *context, struct http_request *request)
{
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	record.name = (char *)http_param(request, "name");
	record.role = ACCESS_VIEWER; /* of a person */
	struct control_input input = {
		.type = CONTROL_CREDENTIAL,
		.credential = {.action = CREDENTIAL_REMOVE, .record = &record}};
	api_change(context, request, &input, answer_removed);
}
