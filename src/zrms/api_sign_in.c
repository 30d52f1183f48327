/*
 * Signing in: codes, sessions, and who asks.
 *
 *   POST /v1/sign-in-codes   with a token ─► code
 *   POST /v1/sign-in         code or token ─► cookie, and the word that changes show besides
 */
#include <sodium.h>
#include <string.h>

#include "adapter/token/token.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/sign_ins.h"
#include "core/control/state/iso8601.h"
#include "schema/message.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_reads.h"
#include "zrms/session_cookie.h"

enum { ID_BYTES = 8 /* of the hash: it says nothing about the secret */ };

/* A code or session that waits for its commit. */
struct new_sign_in {
	struct zrms *zrms;
	struct http_request *request;
	char *secret, *word; /* word NULL: it is a code */
	char *page;	     /* NULL: for zrms */
	uint8_t hash[TOKEN_HASH_SIZE], word_hash[TOKEN_HASH_SIZE];
	char id[2 * ID_BYTES + 1];
};

static struct new_sign_in *sign_in_new(struct zrms *zrms, struct http_request *request,
				       bool is_code)
{
	struct new_sign_in *n = mem_new(struct new_sign_in);
	n->zrms = zrms;
	n->request = request;
	n->secret = token_new(is_code ? SIGN_IN_CODE_PREFIX : SIGN_IN_SESSION_PREFIX);
	token_hash(n->secret, n->hash);
	(void)sodium_bin2hex(n->id, sizeof(n->id), n->hash, ID_BYTES);
	if (!is_code) {
		n->word = token_new(SIGN_IN_WORD_PREFIX);
		token_hash(n->word, n->word_hash);
	}
	return n;
}

static void sign_in_free(struct new_sign_in *n)
{
	token_free(n->secret);
	token_free(n->word);
	free(n->page);
	free(n);
}

/* ---- answers ---- */

static void answer_code(const struct new_sign_in *n, const Samoza__V1__SignInRecord *record)
{
	CLEANUP(freep) char *expires = iso8601_text(record->expires_ms);
	Samoza__V1__SignInCodeView view = SAMOZA__V1__SIGN_IN_CODE_VIEW__INIT;
	view.code = n->secret;
	view.expires = expires;
	view.page = n->page;
	api_send_view_now(n->request, 201, &view.base);
}

/* `session` NULL: it has shown a token. */
static void answer_self(struct http_request *request, const struct principal *p,
			const Samoza__V1__SignInRecord *session, char *word)
{
	CLEANUP(freep)
	char *expires = session != NULL ? iso8601_text(session->expires_ms) : NULL;
	Samoza__V1__SelfView view = SAMOZA__V1__SELF_VIEW__INIT;
	view.user = p->name;
	view.role = (char *)(uintptr_t)access_role_name(p->role);
	view.topologies = p->topologies;
	view.n_topologies = p->topology_count;
	view.session = session != NULL ? session->id : NULL;
	view.expires = expires;
	view.word = word;
	api_send_view_now(request, 200, &view.base);
}

static void answer_session(const struct new_sign_in *n, const Samoza__V1__SignInRecord *record)
{
	session_cookie_set(n->request, control_cluster(n->zrms->control), n->secret,
			   record->expires_ms - record->created_ms);
	answer_self(n->request, access_principal(n->request), record, n->word);
}

static void on_told(void *user, const struct reply *reply)
{
	struct new_sign_in *n = user;
	bool is_code = n->word == NULL;
	struct error *err = NULL;
	const Samoza__V1__SignInRecord *record = control_sign_in(
		n->zrms->control, n->hash, is_code, n->page, loop_now(&n->zrms->loop).wall_ms);
	if (reply->code < 0)
		(void)error_set(&err, (enum error_code)reply->code, "%s", reply->message);
	else if (record == NULL)
		(void)error_set(&err, ERR_CONFLICT, "it was ended in the same moment");
	if (err != NULL)
		api_refuse(n->request, err);
	else if (is_code)
		answer_code(n, record);
	else
		answer_session(n, record);
	sign_in_free(n);
}

/* `credential`: whose the proof is. */
static void ask(struct zrms *zrms, struct http_request *request, enum sign_in_action action,
		const uint8_t *proof, const uint8_t *credential)
{
	struct new_sign_in *n = sign_in_new(zrms, request, action == SIGN_IN_CODE);
	if (action == SIGN_IN_CODE)
		n->page = mem_strdup(http_query(request, "page"));
	Samoza__V1__SignInRecord record = SAMOZA__V1__SIGN_IN_RECORD__INIT;
	record.id = n->id;
	record.hash = (ProtobufCBinaryData){sizeof(n->hash), n->hash};
	record.has_word = n->word != NULL;
	record.word = (ProtobufCBinaryData){sizeof(n->word_hash), n->word_hash};
	record.page = n->page;
	record.address = n->word != NULL ? access_asker(request)->address : NULL;
	struct control_input input = {.type = CONTROL_SIGN_IN,
				      .sign_in = {.action = action,
						  .proof = proof,
						  .local = access_local_hash(zrms, credential),
						  .record = &record}};
	api_ask_for(zrms, request, &input, on_told, n);
}

/* ---- codes ---- */

static void ask_for_code(struct zrms *zrms, struct http_request *request,
			 const uint8_t *credential)
{
	ask(zrms, request, SIGN_IN_CODE, credential, credential);
}

void api_sign_in_code(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const struct asker *asker = access_asker(request);
	if (asker->is_session) /* it would never end */
		http_reply_failure(request, 403, "denied",
				   "a sign-in code is made with a token, not by a session");
	else if (!api_refuse_while_failing(zrms, request))
		ask_for_code(zrms, request,
			     asker->has_credential ? asker->hash
						   : zrms->access.local_admin_hash);
}

/* ---- signing in ---- */

/* Whose the code or token is, and its credential; NULL: nobody's. */
static const struct principal *find_proof(struct zrms *zrms,
					  const Samoza__V1__SignInRequest *asked,
					  uint8_t hash[TOKEN_HASH_SIZE],
					  uint8_t credential[TOKEN_HASH_SIZE])
{
	const char *text = asked->code != NULL ? asked->code : asked->token;
	bool is_one = asked->code != NULL ? token_has_form(text, SIGN_IN_CODE_PREFIX)
					  : token_is_well_formed(text);
	if (!is_one)
		return NULL;
	token_hash(text, hash);
	memcpy(credential, hash, TOKEN_HASH_SIZE);
	if (asked->code == NULL)
		return access_credential(zrms, hash);
	const Samoza__V1__SignInRecord *code =
		control_sign_in(zrms->control, hash, true, NULL, loop_now(&zrms->loop).wall_ms);
	if (code == NULL)
		return NULL;
	memcpy(credential, code->credential.data, TOKEN_HASH_SIZE);
	return access_credential(zrms, credential);
}

static void sign_in(struct zrms *zrms, struct http_request *request,
		    const Samoza__V1__SignInRequest *asked)
{
	uint8_t hash[TOKEN_HASH_SIZE], credential[TOKEN_HASH_SIZE];
	const struct principal *p = find_proof(zrms, asked, hash, credential);
	access_identify(zrms, request, p);
	if (p == NULL)
		access_refuse_wrong(
			zrms, request,
			mem_strdup("the code or token is not known here: it was used, removed "
				   "or replaced, is over, or belongs to another cluster"));
	else if (p->role == ACCESS_ZHOST)
		http_reply_failure(request, 403, "denied", "a zhost does not sign in");
	else
		ask(zrms, request, asked->code != NULL ? SIGN_IN_WITH_CODE : SIGN_IN_CREDENTIAL,
		    hash, credential);
}

void api_sign_in(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (api_refuse_while_failing(zrms, request))
		return;
	Samoza__V1__SignInRequest *asked = (Samoza__V1__SignInRequest *)api_read_body(
		request, &samoza__v1__sign_in_request__descriptor);
	if (asked == NULL)
		return;
	if ((asked->code == NULL) == (asked->token == NULL))
		http_reply_failure(request, 422, "invalid",
				   "expected either a code or a token");
	else
		sign_in(zrms, request, asked);
	samoza__v1__sign_in_request__free_unpacked(asked, NULL);
}

/* ---- sessions ---- */

void api_self(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const struct asker *asker = access_asker(request);
	answer_self(request, asker->principal,
		    asker->is_session ? control_sign_in(zrms->control, asker->hash, false, NULL,
							loop_now(&zrms->loop).wall_ms)
				      : NULL,
		    NULL);
}

static void answer_ended(struct zrms *zrms, struct http_request *request,
			 const struct reply *reply)
{
	(void)reply;
	if (access_asker(request)->is_session)
		session_cookie_set(request, control_cluster(zrms->control), NULL, 0);
	api_send_done(request);
}

void api_sign_out(void *context, struct http_request *request)
{
	const struct asker *asker = access_asker(request);
	struct control_input input = {.type = CONTROL_SIGN_IN,
				      .sign_in = {.action = SIGN_IN_OUT, .proof = asker->hash}};
	if (!asker->is_session)
		http_reply_failure(request, 409, "conflict",
				   "nobody is signed in: the request shows no session");
	else
		api_change(context, request, &input, answer_ended);
}

void api_sessions_list(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (api_read_ready(zrms, request))
		api_send_view(
			zrms, request,
			&control_view_sessions(api_control(zrms), loop_now(&zrms->loop).wall_ms)
				 ->base);
}

static void answer_removed(struct zrms *zrms, struct http_request *request,
			   const struct reply *reply)
{
	(void)zrms;
	(void)reply;
	api_send_done(request);
}

void api_session_end(void *context, struct http_request *request)
{
	Samoza__V1__SignInRecord record = SAMOZA__V1__SIGN_IN_RECORD__INIT;
	record.id = (char *)(uintptr_t)http_param(request, "id");
	struct control_input input = {.type = CONTROL_SIGN_IN,
				      .sign_in = {.action = SIGN_IN_END, .record = &record}};
	api_change(context, request, &input, answer_removed);
}
