/*
 * Whether a zhost gets a secret that it asks for: for a copy of its own, in the epoch that it names, which runs or is to run, whose
 * space names the secret, and in a version that is kept and that its topology may have.
 *
 * The core has the version sealed; zrms opens it, and answers (zrms/secret_delivery.h). Asking changes nothing, so it is no input,
 * and in no recording.
 *
 * Source: [workloads.configuration.secrets], [machines.identity.itself].
 */
#ifndef SAMOZA_CORE_CONTROL_SECRET_GRANT_H
#define SAMOZA_CORE_CONTROL_SECRET_GRANT_H

#include "core/control/control.h"
#include "proto/record.pb-c.h"
#include "proto/wire.pb-c.h"

struct secret_grant {
	const Samoza__V1__SecretVersion
		*version;    /* borrowed until the next input; NULL: it gets none */
	const char *refused; /* why not; static */
	bool is_foreign;     /* it asks for what is no business of its own, or not any more */
};

struct secret_grant control_secret_grant(const struct control *c, uint64_t link_id,
					 const Samoza__V1__SecretAsk *ask);

#endif
