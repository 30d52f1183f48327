/*
 * Kinds of space as zhost runs them. One file has all that a kind does here; model/meson.build lists them.
 *
 *     core/agent ── task ──► resident.c (state, one action at a time) ──► struct space_runtime
 *                                  ▲                                            │
 *                                  └── resident_done, _failed, _started, _ended ┘
 *
 * Each of deploy, start, update, stop and undeploy begins an action, which completes exactly
 * once: by resident_done() or resident_failed(), perhaps from within the call, or by
 * resident_ended() when the process of the action has ended (resident.h). After it completed,
 * `r` may be gone.
 */
#ifndef SAMOZA_ZHOST_SPACE_SPACE_RUNTIME_H
#define SAMOZA_ZHOST_SPACE_SPACE_RUNTIME_H

#include <stdbool.h>

#include "base/error.h"
#include "model/space_kind.h"
#include "zhost/environment/imports.h"
#include "zhost/process/process_usage.h"

struct resident;
struct native_config_file;

struct space_runtime {
	const struct space_kind *kind; /* what it is */
	/* The imports of a start or update in the form that the kind takes. NULL: it has none. */
	void (*imports)(import_vector *to, Samoza__V1__Provider *const *providers, size_t n);

	/* Writes the files of `config` where its programs read them, before a start and an update. NULL: their contents go with
	 * the imports. `files` is borrowed. */
	int (*config)(struct resident *r, const struct native_config_file *files, size_t count,
		      struct error **err);

	/* Fetches the artifacts; makes what outlives the process. */
	void (*deploy)(struct resident *r);
	/* Runs the instance; its exports are filled in. */
	void (*start)(struct resident *r);
	/* Hands over new imports. */
	void (*update)(struct resident *r, const import_vector *imports);
	void (*stop)(struct resident *r, int64_t grace_ms);
	void (*undeploy)(struct resident *r);

	/* Ends at once what the action under way waits for, or the process. `is_update`: it is an
	 * update that takes too long. */
	void (*kill)(struct resident *r, bool is_update);
	/* The instance has another lease now, or none any longer. NULL: it runs in no process. */
	void (*renew)(struct resident *r);

	/* After a restart of zhost. find() takes over what an earlier zhost left running; NULL:
	 * nothing can have been left. probe(): whether the instance runs. */
	void (*find)(struct resident *r);
	bool (*probe)(const struct resident *r);
	/* Adds what the instance uses now. NULL: nothing of its own. */
	void (*usage)(const struct resident *r, struct usage_sum *sum);
	/* The process has ended. NULL: there is nothing to clean up. */
	void (*ended)(struct resident *r);
};

#define SPACE_RUNTIME_DECLARE(name) extern const struct space_runtime space_runtime_##name;
SPACE_KINDS(SPACE_RUNTIME_DECLARE)

/* Never NULL for a type that the model accepts (model/space_kind.h). */
const struct space_runtime *space_runtime_of(Samoza__V1__SpaceType type);

#endif
