/* /v1/cluster/zrms: the zrms that share the store. */
#include <string.h>

#include "adapter/log/log.h"
#include "adapter/secret/secret_keys.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/authorities.h"
#include "proto/view.pb-c.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/lead.h"
#include "zrms/own_identity.h"
#include "zrms/secret_keeper.h"

/* ---- who one is ---- */

/* The certificate of the authority that signs; borrowed. */
static const char *signer_pem(const struct zrms *zrms, const char *authorities)
{
	const Samoza__V1__AuthoritiesRecord *r = zrms->authorities.record;
	return r != NULL ? authorities_signer_record(r)->certificate : authorities;
}

static int certificate_issue(struct zrms *zrms, const Samoza__V1__ZrmsIdentityRequest *asked,
			     char **ret_pem, struct error **err)
{
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	CLEANUP(freep)
	const char **addresses = mem_new_array(const char *, asked->n_addresses + 1);
	for (size_t i = 0; i < asked->n_addresses; i++)
		addresses[i] = asked->addresses[i];
	int r = pki_request_read(asked->request, strlen(asked->request), &request, err);
	if (r == 0)
		r = authorities_signer(zrms, &authority, err);
	if (r == 0)
		r = own_identity_sign(authority, request, addresses, PKI_SERVER_MS,
				      loop_now(&zrms->loop).wall_ms, &certificate, err);
	if (r == 0)
		*ret_pem = pki_certificate_write(certificate);
	return r;
}

static bool has_key(const Samoza__V1__ZrmsIdentityRequest *asked, const struct pki_pin *pin)
{
	char text[PKI_PIN_HEX];
	pki_pin_text(pin, text);
	for (size_t i = 0; i < asked->n_keys; i++)
		if (str_equal(asked->keys[i], text))
			return true;
	return false;
}

/* What it lacks: it may have to sign next. */
static void keys_add(const struct zrms *zrms, const Samoza__V1__ZrmsIdentityRequest *asked,
		     const struct pki_trust *trust, Samoza__V1__ZrmsIdentityView *view)
{
	struct pki_pin pin;
	view->keys = mem_new_array(char *, OWN_AUTHORITY_KEYS);
	for (unsigned at = 0; at < OWN_AUTHORITY_KEYS; at++) {
		CLEANUP(pki_secret_freep)
		char *pem = own_authority_key(zrms->settings.dir, trust, at, &pin);
		if (pem != NULL && !has_key(asked, &pin))
			view->keys[view->n_keys++] = steal_ptr(&pem);
	}
}

static void keys_free(Samoza__V1__ZrmsIdentityView *view)
{
	for (size_t i = 0; i < view->n_keys; i++)
		pki_secret_free(view->keys[i]);
	free(view->keys);
}

static int identity_view(struct zrms *zrms, const Samoza__V1__ZrmsIdentityRequest *asked,
			 bool with_keys, Samoza__V1__ZrmsIdentityView *ret_view,
			 struct error **err)
{
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	int r = authorities_trust(zrms, &trust, err);
	if (r == 0 && asked->request != NULL)
		r = certificate_issue(zrms, asked, &ret_view->certificate, err);
	if (r < 0)
		return r;
	ret_view->authorities = pki_trust_write(trust);
	if (with_keys)
		keys_add(zrms, asked, trust, ret_view);
	ret_view->signer = (char *)(uintptr_t)signer_pem(zrms, ret_view->authorities);
	return 0;
}

void api_member_identity(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	Samoza__V1__ZrmsIdentityView view = SAMOZA__V1__ZRMS_IDENTITY_VIEW__INIT;
	struct error *err = NULL;
	if (!access_asker(request)->is_member) {
		http_reply_failure(request, 403, "denied",
				   "this is for zrms of the cluster, by their certificates");
		return;
	}
	Samoza__V1__ZrmsIdentityRequest *asked =
		(Samoza__V1__ZrmsIdentityRequest *)api_read_body(
			request, &samoza__v1__zrms_identity_request__descriptor);
	if (asked == NULL)
		return;
	bool is_expired = http_peer(request)->expires_wall_ms <= loop_now(&zrms->loop).wall_ms;
	if (identity_view(zrms, asked, !is_expired, &view, &err) < 0) {
		api_refuse(request, err);
	} else {
		if (!is_expired)
			secret_keeper_member(zrms->secret_keeper, asked, &view);
		api_send_view_now(request, 200, &view.base);
		if (view.certificate != NULL)
			log_info("tls", "certificate.issued", LOG_S("to", "zrms"),
				 LOG_S("peer", http_peer(request)->address));
	}
	keys_free(&view);
	secret_keeper_view_done(&view);
	free(view.authorities);
	free(view.certificate);
	if (asked->secret_key_file != NULL)
		secret_wipe(asked->secret_key_file, strlen(asked->secret_key_file));
	samoza__v1__zrms_identity_request__free_unpacked(asked, NULL);
}

/* ---- all of them ---- */

static bool is_there(const struct leader *seen, const char *name)
{
	size_t count = 0;
	const struct election_member *members = leader_members(seen, &count);
	for (size_t i = 0; i < count; i++)
		if (str_equal(members[i].name, name))
			return true;
	return false;
}

void api_zrms_list(void *context, struct http_request *request)
{
	const struct zrms *zrms = context;
	Samoza__V1__ClusterView there = SAMOZA__V1__CLUSTER_VIEW__INIT;
	Samoza__V1__ZrmsListView list = SAMOZA__V1__ZRMS_LIST_VIEW__INIT;
	const struct leader *seen = zrms->lead != NULL ? lead_seen(zrms->lead) : NULL;
	const struct election_member *all = NULL;
	size_t count = 0;
	api_leader_view(zrms, &there);
	if (seen != NULL)
		all = leader_everybody(seen, &count);
	list.zrms = mem_new_array(Samoza__V1__ZrmsView *, there.n_members + count + 1);
	for (size_t i = 0; i < there.n_members; i++)
		list.zrms[list.n_zrms++] = there.members[i];
	for (size_t i = 0; i < count; i++) {
		if (is_there(seen, all[i].name) ||
		    str_equal(all[i].name, leader_known(seen)->member.name))
			continue;
		Samoza__V1__ZrmsView *view = api_zrms_view(&all[i], false);
		view->has_read_ahead = view->has_lag = view->has_lag_ms = false;
		view->has_away = view->away = true;
		list.zrms[list.n_zrms++] = view;
	}
	api_send_view_now(request, 200, &list.base);
	for (size_t i = 0; i < list.n_zrms; i++)
		samoza__v1__zrms_view__free_unpacked(list.zrms[i], NULL);
	free(list.zrms);
	free(there.members);
	free(there.leader_moves_to);
}

/* ---- one that is gone for good ---- */

struct forgetting {
	struct zrms *zrms;
	struct http_request *request;
	char *name;
};

static void forgetting_end(struct forgetting *f, struct error *why)
{
	if (why != NULL)
		api_refuse(f->request, why);
	else
		http_reply(f->request, 204, NULL, NULL, 0);
	free(f->name);
	free(f);
}

static void on_forget_told(void *user, const struct reply *reply)
{
	struct forgetting *f = user;
	struct error *err = NULL;
	if (reply->code < 0)
		(void)error_set(&err, (enum error_code)reply->code, "%s", reply->message);
	forgetting_end(f, err);
}

/* The audit says what was done: it is written when etcd has forgotten it. */
static void on_forgotten(void *user, const struct error *why)
{
	struct forgetting *f = user;
	struct error *err = NULL;
	if (why != NULL) {
		(void)error_set(&err, (enum error_code)why->code, "%s", why->message);
		forgetting_end(f, err);
		return;
	}
	log_info("leader", "forgotten", LOG_S("zrms", f->name));
	struct control_input input = {.type = CONTROL_ZRMS_FORGET,
				      .zrms_forget = {.name = f->name}};
	access_ask(f->request, &input);
	api_ask(f->zrms, &input, on_forget_told, f);
}

static void answer_forgotten(struct zrms *zrms, struct http_request *request,
			     const struct reply *reply)
{
	(void)zrms;
	(void)reply;
	api_send_done(request);
}

/* What is refused at once is so in the audit, too. */
void api_zrms_forget(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *name = http_param(request, "name");
	struct error *err = NULL;
	if (api_repeat(zrms, request, answer_forgotten))
		return;
	if (api_refuse_while_failing(zrms, request))
		return;
	struct forgetting *f = mem_new(struct forgetting);
	*f = (struct forgetting){zrms, request, mem_strdup(name)};
	int r = zrms->lead != NULL
			? lead_forget(zrms->lead, name, on_forgotten, f, &err)
			: error_set(&err, ERR_CONFLICT, "this zrms is alone on its store");
	if (r < 0)
		forgetting_end(f, err);
}
