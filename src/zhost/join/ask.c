#include "zhost/join/ask.h"

#include <stdio.h>
#include <string.h>

#include "adapter/cli/address.h"
#include "adapter/http/client.h"
#include "adapter/log/log.h"
#include "adapter/pki/certificate.h"
#include "adapter/pki/trust.h"
#include "adapter/tls/tls.h"
#include "adapter/uv/loop.h"
#include "adapter/uv/stream_kinds.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "schema/json.h"

enum {
	ANSWER_MAX = 256 * 1024,
	IDLE_MS = 20000,
	CONNECT_MS = 10000,
	HOST_MAX = 256,
	ELSEWHERE_MAX = 2,
	ELECTION_MS = 15000, /* as zshell waits for one that leads */
	AGAIN_MS = 500
};

struct asking {
	struct loop loop;
	struct stream_transport *transport;
	struct buffer answer;
	int status;
	bool none_leads;   /* as one has said that was reached */
	char *elsewhere;   /* HOST:PORT of the leader, as one says that stands by */
	struct error *why; /* there was no answer */
};

/* ---- one request ---- */

/* "HOST:PORT" of "https://HOST:PORT/…"; NULL: it is none. The caller frees. */
static char *address_of(const char *location)
{
	static const char scheme[] = "https://";
	if (location == NULL || !str_has_prefix(location, scheme))
		return NULL;
	location += strlen(scheme);
	return mem_strndup(location, strcspn(location, "/"));
}

static int on_head(void *user, const struct http_response *response, struct error **err)
{
	struct asking *a = user;
	(void)err;
	a->status = response->status;
	if (a->status == 307)
		a->elsewhere = address_of(http_response_field(response, "Location"));
	return 0;
}

static int on_body(void *user, const void *data, size_t size, struct error **err)
{
	struct asking *a = user;
	if (buffer_add(&a->answer, data, size) < 0)
		return error_set(err, ERR_LIMIT, "the answer is too long");
	return 0;
}

static void on_done(void *user, const struct error *why)
{
	struct asking *a = user;
	if (why != NULL)
		(void)error_set(&a->why, why->code, "%s", why->message);
	loop_stop(&a->loop);
}

static const struct http_call_handler handler = {
	.head = on_head, .body = on_body, .done = on_done};

static enum error_code code_of(int status)
{
	switch (status) {
	case 403:
		return ERR_DENIED;
	case 409:
		return ERR_CONFLICT;
	case 500:
	case 503:
		return ERR_UNAVAILABLE;
	default:
		return ERR_INVALID;
	}
}

/* What zrms says, in its own words. */
static int refusal(const struct asking *a, struct error **err)
{
	ProtobufCMessage *message = NULL;
	if (schema_read_json(&samoza__v1__error_view__descriptor, NULL, a->answer.data,
			     a->answer.size, 0, NULL, &message, NULL) < 0)
		return error_set(err, code_of(a->status), "it answers with the status %d",
				 a->status);
	int r = error_set(err, code_of(a->status), "%s",
			  ((Samoza__V1__ErrorView *)message)->error->message);
	protobuf_c_message_free_unpacked(message, NULL);
	return r;
}

static int answer_read(struct asking *a, Samoza__V1__JoinView **ret_view, struct error **err)
{
	ProtobufCMessage *message = NULL;
	if (a->why != NULL)
		return error_move(err, steal_ptr(&a->why));
	if (buffer_add(&a->answer, "", 1) < 0) /* its NUL byte */
		return error_set(err, ERR_LIMIT, "the answer is too long");
	a->answer.size--;
	if (a->status != 200)
		return refusal(a, err);
	int r = schema_read_json(&samoza__v1__join_view__descriptor, NULL, a->answer.data,
				 a->answer.size, 0, NULL, &message, err);
	if (r == 0)
		*ret_view = (Samoza__V1__JoinView *)message;
	return r;
}

static int ask_at(struct asking *a, const char *address, const char *body,
		  Samoza__V1__JoinView **ret_view, struct error **err)
{
	char host[HOST_MAX];
	uint64_t port = 0;
	if (cli_address_split(address, host, sizeof(host), &port) < 0)
		return error_set(err, ERR_INVALID, "'%s' is no address", address);
	const struct http_call_options options = {.method = "POST",
						  .target = "/v1/join",
						  .to = {host, (uint16_t)port},
						  .connect_ms = CONNECT_MS,
						  .idle_ms = IDLE_MS,
						  .body_max = ANSWER_MAX,
						  .peer_role = "zrms",
						  .json = body};
	buffer_clear(&a->answer);
	a->status = 0;
	free(steal_ptr(&a->elsewhere));
	(void)http_call_new(&a->loop, a->transport, &options, &handler, a);
	loop_run(&a->loop);
	int r = answer_read(a, ret_view, err);
	a->none_leads = a->none_leads || a->status == 503;
	return r < 0 ? error_wrap(err, "zrms at %s", address) : 0;
}

/* ---- all addresses ---- */

/* Worth a try elsewhere: it is not there, or another one is. */
static bool is_of_the_address(const struct asking *a)
{
	return a->status == 0 || a->status == 503 || a->status == 307;
}

/* One that stands by tells where the leader is, of which the same is demanded: the pins, and to be a zrms. */
static int ask_leader(struct asking *a, const char *address, const char *body,
		      Samoza__V1__JoinView **ret_view, struct error **err)
{
	CLEANUP(error_freep) struct error *why = NULL;
	int r = ask_at(a, address, body, ret_view, &why);
	for (int i = 0; i < ELSEWHERE_MAX && r < 0 && a->elsewhere != NULL; i++) {
		CLEANUP(freep) char *leader = steal_ptr(&a->elsewhere);
		error_free(steal_ptr(&why));
		r = ask_at(a, leader, body, ret_view, &why);
	}
	return r < 0 ? error_move(err, steal_ptr(&why)) : 0;
}

static int ask_all(struct asking *a, const struct join_token *token, const char *body,
		   Samoza__V1__JoinView **ret_view, struct error **err)
{
	CLEANUP(error_freep) struct error *best = NULL;
	for (size_t i = 0; i < token->address_count; i++) {
		CLEANUP(error_freep) struct error *why = NULL;
		if (ask_leader(a, token->addresses[i], body, ret_view, &why) == 0)
			return 0;
		if (!is_of_the_address(a))
			return error_move(err, steal_ptr(&why));
		log_warn("join", "no.answer", LOG_E(why));
		/* Who was reached, and is not believed, says more than who was not. */
		if (best == NULL || best->code == ERR_UNAVAILABLE) {
			error_free(steal_ptr(&best));
			best = steal_ptr(&why);
		}
	}
	return error_move(err, steal_ptr(&best));
}

static void on_time(void *user)
{
	struct asking *a = user;
	loop_stop(&a->loop);
}

/* While one of several zrms is elected, which takes a moment, they are asked again. */
static int ask_until_one_leads(struct asking *a, const struct join_token *token,
			       const char *body, Samoza__V1__JoinView **ret_view,
			       struct error **err)
{
	int64_t end_ms = loop_now(&a->loop).mono_ms + ELECTION_MS;
	for (;;) {
		CLEANUP(error_freep) struct error *why = NULL;
		a->none_leads = false;
		int r = ask_all(a, token, body, ret_view, &why);
		int64_t now_ms = loop_now(&a->loop).mono_ms;
		if (r == 0 || !a->none_leads || !is_of_the_address(a) || now_ms >= end_ms)
			return r == 0 ? 0 : error_move(err, steal_ptr(&why));
		struct loop_timer *timer = loop_timer_new(&a->loop, on_time, a);
		loop_timer_at(timer, now_ms + AGAIN_MS);
		loop_run(&a->loop);
		loop_timer_free(timer);
	}
}

static char *body_write(const struct join_token *token, const char *name, bool replace,
			const struct pki_request *request)
{
	CLEANUP(pki_secret_freep) char *secret = join_token_secret(token);
	CLEANUP(freep) char *pem = pki_request_write(request);
	Samoza__V1__JoinRequest body = SAMOZA__V1__JOIN_REQUEST__INIT;
	body.token = (char *)(uintptr_t)token->id;
	body.secret = secret;
	body.name = (char *)(uintptr_t)name;
	body.request = pem;
	body.has_replace = body.replace = replace;
	return schema_write_json(&body.base, SCHEMA_JSON_COMPACT);
}

int join_ask(const struct join_token *token, const char *name, bool replace,
	     const struct pki_key *key, Samoza__V1__JoinView **ret_view, struct error **err)
{
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	struct stream_transport *plain = NULL;
	struct asking a = {.answer = BUFFER_INIT(ANSWER_MAX + 1)};
	int r = pki_request_new(key, &request, err);
	if (r == 0)
		r = pki_trust_pinned(token->pins, token->pin_count, &trust, err);
	if (r == 0)
		r = loop_init(&a.loop, err);
	if (r < 0)
		return r;
	CLEANUP(pki_secret_freep) char *body = body_write(token, name, replace, request);
	const struct tls_options options = {.trust = trust};
	r = stream_transport_open(&a.loop, "plain", NULL, &plain, err);
	if (r == 0)
		r = tls_transport_new(&a.loop, plain, &options, &a.transport, err);
	if (r == 0)
		r = ask_until_one_leads(&a, token, body, ret_view, err);
	stream_transport_free(a.transport);
	loop_done(&a.loop);
	free(a.elsewhere);
	buffer_done(&a.answer);
	return r;
}
