#include "core/control/slot/copy_token.h"

#include "core/control/slot/copies.h"
#include "core/control/slot/handover_facts.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/sign_in_request.h"
#include "model/zhost.h"

/* It says the token of each process, also on each link. */
static bool gives_tokens(const struct control_zhost *z)
{
	return zhost_spec_offers(&z->spec, CAPABILITY_CLUSTER_API);
}

void copy_token_missing(struct control *c, const struct copy *copy)
{
	struct credential *shown = credentials_find_copy(&c->credentials, copy->of_slot.epoch);
	if (shown == NULL || shown->is_over)
		return;
	credentials_end_process(&c->credentials, shown);
	sign_ins_end_of(c, shown->hash);
	records_write_credential(c, shown);
	credentials_review(&c->credentials, copy->of_slot.epoch);
}

void copy_token_report(struct control *c, const struct copy *copy,
		       const Samoza__V1__InstanceReport *r)
{
	bool is_another = r->restarts != copy->restarts && !gives_tokens(copy_zhost(copy));
	if (!phase_is_active(r->phase) || is_another)
		copy_token_missing(c, copy);
}
