#include "zrms/member_identity.h"

#include <string.h>

#include "adapter/cli/address.h"
#include "adapter/http/client.h"
#include "adapter/log/log.h"
#include "adapter/pki/credentials.h"
#include "adapter/secret/secret_keys.h"
#include "base/buffer.h"
#include "base/str.h"
#include "proto/view.pb-c.h"
#include "schema/json.h"
#include "schema/message.h"
#include "zrms/artifact/fetch.h"
#include "zrms/lead.h"
#include "zrms/own_identity.h"
#include "zrms/secret/member_secrets.h"
#include "zrms/standby.h"
#include "zrms/zrms.h"

enum {
	ASK_MS = 5000,
	ASK_SOON_MS = 500, /* it has no key of secrets yet */
	RETRY_MS = 30000,  /* after a certificate was not to be had */
	CONNECT_MS = 3000,
	SILENCE_MS = 10000,
	ANSWER_MAX = 256 * 1024,
};

struct member_identity {
	struct zrms *zrms;
	char *credentials; /* DIR/credentials */
	struct loop_timer *timer;
	struct member_secrets *secrets;
	bool is_early; /* the leader has said something that it is to hear the outcome of */
	bool is_of_another; /* its certificate is not of the authority that signs */
	int64_t retry_ms;
	/* What is asked now. */
	struct http_call *call;
	struct pki_key *key; /* for which a certificate is asked; NULL: for none */
	int status;
	struct buffer answer;
};

static int64_t wall_ms(const struct member_identity *m)
{
	return loop_now(&m->zrms->loop).wall_ms;
}

/* ---- what the leader has said ---- */

/* The authorities first: with them alone it still reaches everybody. */
static int authorities_take(const struct member_identity *m, const struct pki_trust *trust,
			    bool *ret_changed, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/" PKI_AUTHORITIES_FILE, m->credentials);
	CLEANUP(freep) char *pem = pki_trust_write(trust);
	CLEANUP(pki_secret_freep) char *is = NULL;
	size_t size = 0;
	if (pki_file_read(path, &is, &size, NULL) == 0 && str_equal(is, pem))
		return 0;
	int r = pki_authorities_store(m->credentials, trust, err);
	if (r == 0)
		*ret_changed = true;
	return r;
}

static int certificate_take(const struct member_identity *m, const struct pki_trust *trust,
			    const char *pem, struct error **err)
{
	const struct pki_expectation expected = {
		.now_wall_ms = wall_ms(m), .role = "zrms", .is_server = true};
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	CLEANUP(pki_identity_done) struct pki_identity identity = {0};
	int r = pki_certificate_read(pem, strlen(pem), &certificate, err);
	if (r == 0)
		r = pki_verify(trust, &expected, certificate, NULL, 0, &identity, NULL, err);
	if (r < 0)
		return r;
	if (!pki_certificate_is_of(certificate, m->key) ||
	    !str_equal(identity.cluster, m->zrms->cluster->id))
		return error_set(err, ERR_INVALID, "it is a certificate for something else");
	return pki_identity_store(m->credentials, m->key, certificate, err);
}

/* So that it can sign when it leads. */
static int keys_take(const struct member_identity *m, const struct pki_trust *trust,
		     const Samoza__V1__ZrmsIdentityView *view, struct error **err)
{
	const char *dir = m->zrms->settings.dir;
	int r = 0;
	for (size_t i = 0; r == 0 && i < view->n_keys; i++)
		r = own_authority_key_store(dir, trust, view->keys[i], err);
	if (r == 0 && view->n_keys > 0)
		log_info("tls", "authority.copied");
	return r < 0 ? r : own_authority_keys_follow(dir, trust, err);
}

static bool is_of(const struct member_identity *m, const char *signer)
{
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	return pki_trust_read(signer, strlen(signer), &trust, NULL) < 0 ||
	       own_identity_is_believed(m->zrms->settings.dir, trust);
}

static int take(struct member_identity *m, const Samoza__V1__ZrmsIdentityView *view,
		struct error **err)
{
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	bool has_changed = false;
	bool is_renewed = m->key != NULL && view->certificate != NULL;
	int r = pki_trust_read(view->authorities, strlen(view->authorities), &trust, err);
	if (r == 0)
		r = authorities_take(m, trust, &has_changed, err);
	if (r == 0 && is_renewed)
		r = certificate_take(m, trust, view->certificate, err);
	if (r == 0)
		r = keys_take(m, trust, view, err);
	if (r == 0)
		m->is_early = member_secrets_take(m->secrets, view);
	if (r == 0 && is_renewed)
		listening_renewed(m->zrms->listening);
	else if (has_changed)
		listening_reload(m->zrms->listening);
	m->is_of_another = !is_of(m, view->signer);
	return r;
}

/* ---- asking ---- */

static int on_head(void *user, const struct http_response *response, struct error **err)
{
	struct member_identity *m = user;
	(void)err;
	m->status = response->status;
	(void)buffer_reserve(&m->answer, ANSWER_MAX); /* so that it does not move */
	return 0;
}

static int on_body(void *user, const void *data, size_t size, struct error **err)
{
	struct member_identity *m = user;
	return buffer_add(&m->answer, data, size) == 0
		       ? 0
		       : error_set(err, ERR_LIMIT, "the answer is too long");
}

static void view_wipe(Samoza__V1__ZrmsIdentityView *view)
{
	if (view->secret_key_file != NULL)
		secret_wipe(view->secret_key_file, strlen(view->secret_key_file));
	for (size_t i = 0; i < view->n_keys; i++)
		secret_wipe(view->keys[i], strlen(view->keys[i]));
}

static int answer_take(struct member_identity *m, const struct error *why, struct error **err)
{
	ProtobufCMessage *view = NULL;
	if (why != NULL)
		return error_set(err, (enum error_code)why->code, "%s", why->message);
	if (m->status != 200) {
		CLEANUP(freep) char *said = fetch_refusal(m->status, &m->answer);
		return error_set(err, ERR_UNAVAILABLE, "the leader says: %s", said);
	}
	int r = schema_read_json(&samoza__v1__zrms_identity_view__descriptor, NULL,
				 m->answer.data, m->answer.size, SCHEMA_WIPE, NULL, &view, err);
	if (r == 0) {
		r = take(m, (Samoza__V1__ZrmsIdentityView *)view, err);
		view_wipe((Samoza__V1__ZrmsIdentityView *)view);
	}
	schema_message_free(view);
	return r;
}

/* It may have had keys. */
static void answer_wipe(struct member_identity *m)
{
	secret_wipe(m->answer.data, m->answer.size);
	buffer_done(&m->answer);
}

static void asked_done(struct member_identity *m)
{
	m->call = NULL;
	m->status = 0;
	pki_key_freep(&m->key);
	m->key = NULL;
	answer_wipe(m);
	m->answer = BUFFER_INIT(ANSWER_MAX);
}

static void on_done(void *user, const struct error *why)
{
	struct member_identity *m = user;
	CLEANUP(error_freep) struct error *err = NULL;
	bool is_renewal = m->key != NULL;
	/* One that leads by now renews by itself. */
	m->is_early = false;
	if (stands_by(m->zrms) && answer_take(m, why, &err) < 0 && is_renewal) {
		log_warn("tls", "certificate.not.renewed", LOG_E(err),
			 LOG_S("then", "the leader is asked again"));
		m->retry_ms = loop_now(&m->zrms->loop).mono_ms + RETRY_MS;
	}
	asked_done(m);
	if (m->is_early || (m->is_of_another && m->retry_ms == 0))
		loop_timer_at(m->timer, loop_now(&m->zrms->loop).mono_ms);
}

static const struct http_call_handler handler = {
	.head = on_head, .body = on_body, .done = on_done};

/* Of what it has: as many as are believed by its authorities.pem. */
static size_t keys_list(const struct member_identity *m, char texts[][PKI_PIN_HEX])
{
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	size_t count = 0;
	if (authorities_trust(m->zrms, &trust, NULL) < 0)
		return 0;
	for (unsigned at = 0; at < OWN_AUTHORITY_KEYS; at++) {
		struct pki_pin pin;
		CLEANUP(pki_secret_freep)
		char *pem = own_authority_key(m->zrms->settings.dir, trust, at, &pin);
		if (pem != NULL)
			pki_pin_text(&pin, texts[count++]);
	}
	return count;
}

/* The body; the caller frees. With a request where a certificate is due. */
static char *body_make(struct member_identity *m)
{
	Samoza__V1__ZrmsIdentityRequest body = SAMOZA__V1__ZRMS_IDENTITY_REQUEST__INIT;
	const struct zrms *zrms = m->zrms;
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	CLEANUP(freep) char *pem = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	bool is_due = (m->is_of_another || listening_is_due(zrms->listening)) &&
		      loop_now(&m->zrms->loop).mono_ms >= m->retry_ms;
	if (is_due &&
	    (pki_key_new(&m->key, &err) < 0 || pki_request_new(m->key, &request, &err) < 0)) {
		log_warn("tls", "certificate.not.renewed", LOG_E(err));
		is_due = false;
	}
	if (is_due) {
		pem = pki_request_write(request);
		body.request = pem;
		body.n_addresses = zrms->cluster->n_advertise;
		body.addresses = zrms->cluster->advertise;
	}
	char texts[OWN_AUTHORITY_KEYS][PKI_PIN_HEX];
	char *keys[OWN_AUTHORITY_KEYS];
	body.n_keys = keys_list(m, texts);
	body.keys = keys;
	for (size_t i = 0; i < body.n_keys; i++)
		keys[i] = texts[i];
	body.name = (char *)(uintptr_t)leader_name(lead_seen(zrms->lead));
	member_secrets_ask(m->secrets, &body);
	char *json = schema_write_json(&body.base, SCHEMA_JSON_COMPACT);
	member_secrets_asked(m->secrets, &body);
	return json;
}

static void ask(struct member_identity *m, const char *address)
{
	struct cli_address at;
	struct stream_transport *transport = listening_transport(m->zrms->listening);
	if (transport == NULL || cli_address_parse_any(address, &at, NULL) < 0)
		return;
	CLEANUP(secret_text_freep) char *json = body_make(m);
	const struct http_call_options options = {.method = "POST",
						  .target = "/v1/cluster/zrms/identity",
						  .to = {at.host, at.port},
						  .connect_ms = CONNECT_MS,
						  .idle_ms = SILENCE_MS,
						  .body_max = ANSWER_MAX,
						  .json = json,
						  .peer_role = "zrms"};
	m->call = http_call_new(&m->zrms->loop, transport, &options, &handler, m);
}

static void on_time(void *user)
{
	struct member_identity *m = user;
	const struct zrms *zrms = m->zrms;
	if (!stands_by(zrms) || zrms->lead == NULL)
		return;
	const struct election_leader *leader = leader_known(lead_seen(zrms->lead));
	if (m->call == NULL && leader->fence != 0 && !str_is_empty(leader->member.address))
		ask(m, leader->member.address);
	loop_timer_at(m->timer,
		      loop_now(&m->zrms->loop).mono_ms +
			      (member_secrets_has_none(m->secrets) ? ASK_SOON_MS : ASK_MS));
}

/* ---- life ---- */

struct member_identity *member_identity_new(struct zrms *zrms)
{
	struct member_identity *m = mem_new(struct member_identity);
	m->zrms = zrms;
	m->credentials = own_identity_directory(zrms->settings.dir);
	m->secrets = member_secrets_new(zrms->settings.dir);
	m->answer = BUFFER_INIT(ANSWER_MAX);
	m->timer = loop_timer_new(&zrms->loop, on_time, m);
	loop_timer_at(m->timer, loop_now(&zrms->loop).mono_ms);
	return m;
}

void member_identity_free(struct member_identity *identity)
{
	struct member_identity *m = identity;
	if (m == NULL)
		return;
	http_call_cancel(m->call);
	pki_key_freep(&m->key);
	answer_wipe(m);
	loop_timer_free(m->timer);
	member_secrets_free(m->secrets);
	free(m->credentials);
	free(m);
}
