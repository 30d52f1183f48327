#include "zrms/renewals.h"

#include "adapter/log/log.h"
#include "base/str.h"
#include "zrms/api.h"
#include "zrms/joining.h"

struct renewal {
	struct zrms *zrms;
	uint64_t link_id;
	char *name;
	struct pki_request *asked;
};

static void renewal_free(struct renewal *r)
{
	pki_request_free(r->asked);
	free(r->name);
	free(r);
}

/* The link may be gone: then it asks again. */
static void tell(const struct renewal *r, const Samoza__V1__Renewed *renewed)
{
	(void)!links_send_frame(r->zrms->links, r->link_id,
				SAMOZA__V1__FRAME_TYPE__FRAME_RENEWED, &renewed->base, NULL);
}

static void refuse(const struct renewal *r, const struct error *why)
{
	CLEANUP(freep) char *text = error_text(why);
	Samoza__V1__Renewed renewed = SAMOZA__V1__RENEWED__INIT;
	log_warn("link", "renewal.refused", LOG_S("zhost", r->name), LOG_E(why));
	renewed.refusal = text;
	tell(r, &renewed);
}

static int issue(const struct renewal *r, struct error **err)
{
	const Samoza__V1__IdentityRecord *identity =
		control_identity(r->zrms->control, r->name);
	const struct pki_pin key = pki_request_pin(r->asked);
	Samoza__V1__Renewed renewed = SAMOZA__V1__RENEWED__INIT;
	CLEANUP(freep) char *certificate = NULL;
	CLEANUP(freep) char *authorities = NULL;
	if (identity == NULL || !control_admits(r->zrms->control, r->name, key.bytes))
		return error_set(err, ERR_CONFLICT, "%s was removed in this moment", r->name);
	int result = joining_issue(r->zrms, r->asked, r->name, identity->expires_ms,
				   &certificate, &authorities, err);
	if (result < 0)
		return result;
	renewed.certificate = certificate;
	renewed.authorities = authorities;
	tell(r, &renewed);
	return 0;
}

static void on_told(void *user, const struct reply *reply)
{
	struct renewal *r = user;
	CLEANUP(error_freep) struct error *err = NULL;
	int result = reply->code;
	if (result < 0)
		(void)error_set(&err, (enum error_code)result, "%s", reply->message);
	else
		result = issue(r, &err);
	if (result < 0)
		refuse(r, err);
	renewal_free(r);
}

void renewals_take(struct zrms *zrms, uint64_t link_id, const char *name, const uint8_t *own,
		   const struct control_certified *certified, const Samoza__V1__Renew *renew)
{
	CLEANUP(error_freep) struct error *err = NULL;
	struct renewal *r = mem_new(struct renewal);
	*r = (struct renewal){.zrms = zrms, .link_id = link_id, .name = mem_strdup(name)};
	int result = pki_request_read(renew->request, strlen(renew->request), &r->asked, &err);
	if (result == 0)
		result = joining_check(zrms, &err);
	if (result < 0) {
		refuse(r, err);
		renewal_free(r);
		return;
	}
	const struct pki_pin key = pki_request_pin(r->asked);
	struct control_input input = {.type = CONTROL_RENEW,
				      .renew = {.name = name,
						.own = own,
						.key = key.bytes,
						.certified = *certified,
						.expires_ms = loop_now(&zrms->loop).wall_ms +
							      zrms->settings.certificate_ms}};
	api_ask(zrms, &input, on_told, r);
}
