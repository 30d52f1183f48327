/* What a report of a zhost says, also one of an older protocol. */
#ifndef SAMOZA_CORE_CONTROL_REPORT_FACTS_H
#define SAMOZA_CORE_CONTROL_REPORT_FACTS_H

#include <stdbool.h>

#include "base/str.h"
#include "proto/wire.pb-c.h"

/* Protocol 1 has no `failed_action`; there the error begins with the action's name. */
static inline bool report_undeploy_failed(const Samoza__V1__InstanceReport *r)
{
	if (r->has_failed_action)
		return r->failed_action == SAMOZA__V1__FAILED_ACTION__FAILED_UNDEPLOY;
	return r->error != NULL && str_has_prefix(r->error, "undeploy:");
}

#endif
