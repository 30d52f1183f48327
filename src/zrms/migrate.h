/*
 * `zrms store migrate --from URL --to URL`: moves everything that a zrms keeps from one store to another (port/move.h).
 *
 *   nobody uses either ─► source checked, counted ─► target emptied, marked as being filled ─► copied ─► read back
 *        ─► source marked as moved   (from here on the target is the truth)   ─► target marked as here
 *
 * It can be killed at any moment, and given again: what it finds says how far it was. What was copied before the source was marked is
 * worth nothing, and is copied again. Spaces and zhosts have no part in it: they go on, and meet the zrms that is started on the
 * target as one that was away.
 */
#ifndef SAMOZA_ZRMS_MIGRATE_H
#define SAMOZA_ZRMS_MIGRATE_H

#include "adapter/cli/cli.h"
#include "zrms/migrate_place.h"

/* Its context is the struct settings. */
extern const struct cli_command migrate_command;

/* Each is durable before it is told. */
enum migrate_step {
	MIGRATE_FILLING, /* the target is marked */
	MIGRATE_CLEARED, /* and empty */
	MIGRATE_COPIED,
	MIGRATE_MOVED, /* the source is marked */
	MIGRATE_DONE,
};

struct migrate_options {
	bool only_plans, may_replace;
	/* For tests; NULL: nobody is told. Negative: it ends there, as if it were killed. */
	int (*step)(void *user, enum migrate_step step, struct error **err);
	void *user;
	FILE *out;
};

/* Of places that are initialised, and not claimed. */
int migrate_run(struct migrate_place *from, struct migrate_place *to,
		const struct migrate_options *options, struct error **err) must_check;

#endif
