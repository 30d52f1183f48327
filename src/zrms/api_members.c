/* /v1/cluster/zrms: the zrms that share the store. */
#include "adapter/log/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/authorities.h"
#include "proto/view.pb-c.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/own_identity.h"

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

static int identity_view(struct zrms *zrms, const Samoza__V1__ZrmsIdentityRequest *asked,
			 Samoza__V1__ZrmsIdentityView *ret_view, struct error **err)
{
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	int r = authorities_trust(zrms, &trust, err);
	if (r == 0 && asked->request != NULL)
		r = certificate_issue(zrms, asked, &ret_view->certificate, err);
	if (r < 0)
		return r;
	ret_view->authorities = pki_trust_write(trust);
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
	if (identity_view(zrms, asked, &view, &err) < 0) {
		api_refuse(request, err);
	} else {
		api_send_view_now(request, 200, &view.base);
		if (view.certificate != NULL)
			log_info("tls", "certificate.issued", LOG_S("to", "zrms"),
				 LOG_S("peer", http_peer(request)->address));
	}
	free(view.authorities);
	free(view.certificate);
	samoza__v1__zrms_identity_request__free_unpacked(asked, NULL);
}
