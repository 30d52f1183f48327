/* Tokens, and machines that join with them. */
#include "adapter/pki/token.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/join.h"
#include "core/control/state/iso8601.h"
#include "model/quantity.h"
#include "schema/message.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_reads.h"
#include "zrms/joining.h"

_Static_assert(JOIN_TOKEN_HASH_SIZE == TOKEN_HASH_BYTES && IDENTITY_KEY_SIZE == PKI_PIN_BYTES,
	       "the core keeps hashes as they are made");

enum { JOINS_MAX = 64 /* that wait for their commit */ };

/* ---- tokens ---- */

void api_tokens_list(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (api_read_ready(zrms, request))
		api_send_view(zrms, request,
			      &control_view_join_tokens(api_control(zrms))->base);
}

struct new_join_token {
	struct zrms *zrms;
	struct http_request *request;
	struct join_token token;
};

static void answer_token(struct new_join_token *n)
{
	Samoza__V1__JoinTokenView *view = NULL;
	struct error *err = NULL;
	if (control_view_join_token(n->zrms->control, n->token.id, &view, &err) < 0) {
		api_refuse(n->request, err); /* it was removed in the same moment */
		return;
	}
	view->token = join_token_write(&n->token);
	api_send_view_now(n->request, 201, &view->base);
	pki_secret_free(steal_ptr(&view->token));
	schema_message_free(view);
}

static void on_token_told(void *user, const struct reply *reply)
{
	struct new_join_token *n = user;
	struct error *err = NULL;
	if (reply->code < 0) {
		(void)error_set(&err, (enum error_code)reply->code, "%s", reply->message);
		api_refuse(n->request, err);
	} else {
		answer_token(n);
	}
	join_token_done(&n->token);
	free(n);
}

static void ask_for_token(struct zrms *zrms, struct http_request *request,
			  const Samoza__V1__JoinTokenRequest *asked, uint64_t ttl_ms)
{
	struct error *err = NULL;
	struct new_join_token *n = mem_new(struct new_join_token);
	*n = (struct new_join_token){.zrms = zrms, .request = request};
	if (joining_word(zrms, &n->token, &err) < 0) {
		free(n);
		api_refuse(request, err);
		return;
	}
	struct token_hash hash = join_token_hash(&n->token);
	CLEANUP(freep)
	Samoza__V1__LabelRecord *labels =
		mem_new_array(Samoza__V1__LabelRecord, asked->n_labels + 1);
	CLEANUP(freep)
	Samoza__V1__LabelRecord **list =
		mem_new_array(Samoza__V1__LabelRecord *, asked->n_labels + 1);
	for (size_t k = 0; k < asked->n_labels; k++) {
		samoza__v1__label_record__init(&labels[k]);
		labels[k].name = asked->labels[k]->name;
		labels[k].value = asked->labels[k]->value;
		list[k] = &labels[k];
	}
	Samoza__V1__JoinTokenRecord record = SAMOZA__V1__JOIN_TOKEN_RECORD__INIT;
	record.id = n->token.id;
	record.hash = (ProtobufCBinaryData){sizeof(hash.bytes), hash.bytes};
	record.expires_ms = loop_now(&zrms->loop).wall_ms + (int64_t)ttl_ms;
	record.uses = asked->uses;
	record.pattern = asked->name;
	record.labels = list;
	record.n_labels = asked->n_labels;
	struct control_input input = {.type = CONTROL_TOKEN,
				      .token = {.action = TOKEN_CREATE, .record = &record}};
	api_ask_for(zrms, request, &input, on_token_told, n);
}

void api_token_create(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	CLEANUP(error_freep) struct error *err = NULL;
	uint64_t ttl_ms = 0;
	Samoza__V1__JoinTokenRequest *asked = (Samoza__V1__JoinTokenRequest *)api_read_body(
		request, &samoza__v1__join_token_request__descriptor);
	if (asked == NULL)
		return;
	if (duration_parse(asked->ttl, &ttl_ms, &err) < 0)
		http_reply_failure(request, 422, "invalid",
				   "ttl is no duration: expected such as 1h or 30m");
	else if (!api_refuse_while_failing(zrms, request))
		ask_for_token(zrms, request, asked, ttl_ms);
	samoza__v1__join_token_request__free_unpacked(asked, NULL);
}

static void answer_removed(struct zrms *zrms, struct http_request *request,
			   const struct reply *reply)
{
	(void)zrms;
	(void)reply;
	api_send_done(request);
}

void api_token_remove(void *context, struct http_request *request)
{
	Samoza__V1__JoinTokenRecord record = SAMOZA__V1__JOIN_TOKEN_RECORD__INIT;
	record.id = (char *)(uintptr_t)http_param(request, "id");
	struct control_input input = {.type = CONTROL_TOKEN,
				      .token = {.action = TOKEN_REMOVE, .record = &record}};
	api_change(context, request, &input, answer_removed);
}

/* ---- joining: open to everybody; the secret of the token is the proof ---- */

struct joining {
	struct zrms *zrms;
	struct http_request *request;
	struct pki_request *asked;
	char *name;
};

static void joining_free(struct joining *j)
{
	pki_request_free(j->asked);
	free(j->name);
	free(j);
}

static int answer_join(struct joining *j, struct error **err)
{
	const Samoza__V1__IdentityRecord *identity =
		control_identity(j->zrms->control, j->name);
	struct pki_pin key = pki_request_pin(j->asked);
	Samoza__V1__JoinView view = SAMOZA__V1__JOIN_VIEW__INIT;
	CLEANUP(freep) char *certificate = NULL;
	CLEANUP(freep) char *authorities = NULL;
	if (identity == NULL || !control_admits(j->zrms->control, j->name, key.bytes))
		return error_set(err, ERR_CONFLICT,
				 "%s was removed, or another machine has taken its name, in "
				 "this moment",
				 j->name);
	int r = joining_issue(j->zrms, j->asked, j->name, identity->expires_ms, &certificate,
			      &authorities, err);
	if (r < 0)
		return r;
	CLEANUP(freep) char *expires = iso8601_text(identity->expires_ms);
	view.cluster = j->zrms->cluster->id;
	view.name = j->name;
	view.certificate = certificate;
	view.authorities = authorities;
	view.expires = expires;
	api_send_view_now(j->request, 200, &view.base);
	return 0;
}

static void on_join_told(void *user, const struct reply *reply)
{
	struct joining *j = user;
	struct error *err = NULL;
	int r = reply->code;
	j->zrms->joins--;
	if (r < 0)
		(void)error_set(&err, (enum error_code)r, "%s", reply->message);
	else
		r = answer_join(j, &err);
	if (r < 0)
		api_refuse(j->request, err);
	joining_free(j);
}

static void ask_to_join(struct zrms *zrms, struct joining *j,
			const Samoza__V1__JoinRequest *asked, const struct token_hash *secret)
{
	struct pki_pin key = pki_request_pin(j->asked);
	struct join_request join = {.token = asked->token,
				    .name = asked->name,
				    .replace = asked->replace,
				    .expires_ms = loop_now(&zrms->loop).wall_ms +
						  zrms->settings.certificate_ms};
	memcpy(join.secret, secret->bytes, sizeof(join.secret));
	memcpy(join.key, key.bytes, sizeof(join.key));
	struct control_input input = {.type = CONTROL_JOIN, .join = &join};
	zrms->joins++;
	api_ask(zrms, &input, on_join_told, j);
}

static int join_begin(struct zrms *zrms, struct http_request *request,
		      const Samoza__V1__JoinRequest *asked, struct error **err)
{
	struct token_hash secret;
	struct joining *j = mem_new(struct joining);
	*j = (struct joining){
		.zrms = zrms, .request = request, .name = mem_strdup(asked->name)};
	int r = join_token_secret_hash(asked->secret, &secret, err);
	if (r == 0)
		r = pki_request_read(asked->request, strlen(asked->request), &j->asked, err);
	if (r == 0)
		r = joining_check(zrms, err);
	if (r < 0) {
		joining_free(j);
		return r;
	}
	ask_to_join(zrms, j, asked, &secret);
	return 0;
}

void api_join(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	struct error *err = NULL;
	if (zrms->joins >= JOINS_MAX) {
		http_reply_failure(request, 503, "unavailable",
				   "many machines join at the moment; try again");
		return;
	}
	if (api_refuse_while_failing(zrms, request))
		return;
	Samoza__V1__JoinRequest *asked = (Samoza__V1__JoinRequest *)api_read_body(
		request, &samoza__v1__join_request__descriptor);
	if (asked == NULL)
		return;
	if (join_begin(zrms, request, asked, &err) < 0)
		api_refuse(request, err);
	samoza__v1__join_request__free_unpacked(asked, NULL);
}
