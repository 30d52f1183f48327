#include "zrms/secret_delivery.h"

#include <stdlib.h>

#include "adapter/log/log.h"
#include "base/memory.h"
#include "core/control/request/secret_grant.h"
#include "zrms/certain.h"
#include "zrms/links.h"
#include "zrms/secret/secret_store.h"
#include "zrms/zrms.h"

static void answer(struct zrms *zrms, uint64_t link_id, Samoza__V1__SecretAnswer *a)
{
	(void)!links_send_frame(zrms->links, link_id,
				SAMOZA__V1__FRAME_TYPE__FRAME_SECRET_ANSWER, &a->base, NULL);
}

static void refuse(struct zrms *zrms, uint64_t link_id, uint64_t request, const char *why)
{
	Samoza__V1__SecretAnswer a = SAMOZA__V1__SECRET_ANSWER__INIT;
	a.request = request;
	a.refused = (char *)(uintptr_t)why;
	answer(zrms, link_id, &a);
}

/* It is asked again. */
static void answer_later(struct zrms *zrms, uint64_t link_id, uint64_t request)
{
	Samoza__V1__SecretAnswer a = SAMOZA__V1__SECRET_ANSWER__INIT;
	a.request = request;
	a.has_later = a.later = true;
	answer(zrms, link_id, &a);
}

static void give(struct zrms *zrms, uint64_t link_id, const Samoza__V1__SecretAsk *ask,
		 const Samoza__V1__SecretVersion *version)
{
	Samoza__V1__SecretAnswer a = SAMOZA__V1__SECRET_ANSWER__INIT;
	CLEANUP(error_freep) struct error *err = NULL;
	char *value = NULL;
	size_t size = 0;
	/* What needs attention names a key that is missing; somebody brings it, or another zrms leads. */
	if (zrms->vault == NULL || !secret_vault_has(zrms->vault, version->key)) {
		answer_later(zrms, link_id, ask->request);
		return;
	}
	if (secret_open_value(zrms->vault, ask->name, version, &value, &size, &err) < 0) {
		log_error("secrets", "closed", LOG_S("secret", ask->name), LOG_E(err));
		refuse(zrms, link_id, ask->request,
		       "zrms cannot open it, its record was changed: set it again");
		return;
	}
	a.request = ask->request;
	a.has_value = true;
	a.value = (ProtobufCBinaryData){size, (uint8_t *)value};
	answer(zrms, link_id, &a);
	secret_wipe(value, size);
	free(value);
}

bool secret_delivery_ask(struct zrms *zrms, uint64_t link_id, const Samoza__V1__SecretAsk *ask,
			 const char **ret_refused)
{
	*ret_refused = NULL;
	if (!certain_is(zrms->certain)) {
		answer_later(zrms, link_id, ask->request);
		return true;
	}
	const struct secret_grant grant = control_secret_grant(zrms->control, link_id, ask);
	if (grant.version != NULL) {
		give(zrms, link_id, ask, grant.version);
		return true;
	}
	refuse(zrms, link_id, ask->request, grant.refused);
	zrms->secrets_refused += grant.is_foreign;
	*ret_refused = grant.refused;
	return !grant.is_foreign;
}
