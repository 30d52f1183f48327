/*
 * [workloads.configuration.secrets] Secrets, as they were committed.
 *
 * - no number of a version comes twice, also not after a removal and over crashes of zrms
 * - no process is started, or updated, with a version that topologies of its name may not have, or that was never set
 * - an instance is unresolved for want of a secret only while that is so, and does not start meanwhile
 * - when all is idle, a process has the newest version that there is for it, or there is a reason that is shown
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_SECRETS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_SECRETS_H

#include <stdint.h>

#include "base/vector.h"
#include "core/outbox.h"
#include "proto/view.pb-c.h"

struct agent_order;
struct fuzz;
struct space;
struct submitted;

#define SECRET_NAMES 4 /* "s0", … */

/* One that was set. */
struct set_version {
	uint64_t number;
	char *topologies;
};

struct secret_history {
	bool is_set;
	uint64_t newest; /* of all that were set */
	VECTOR(struct set_version) versions;
};

struct secret_histories {
	struct secret_history of[SECRET_NAMES];
};

/* NULL: this life draws none. */
struct secret_histories *check_secrets_of(struct fuzz *f);
void check_secrets_done(struct fuzz *f);
void check_secrets_committed(struct fuzz *f, const struct outbox *o);
void check_secrets_action(struct fuzz *f, const struct agent_order *order);
/* One that the space names, and that is not there for topologies of that name; NULL: there is none. */
const char *check_secrets_missing(const struct fuzz *f, const char *topology,
				  const struct space *space);
void check_secrets(struct fuzz *f, const struct submitted *s,
		   const Samoza__V1__SpaceView *const *views);

#endif
