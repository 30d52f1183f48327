/*
 * FailureReasons ([topology.reason]): one sentence for people, and the code of its kind. The sentence has names and
 * figures; the code is for programs, and names the section of the manual that says what to do
 * (docs/manual/reasons.md; zrms serves it as /docs/reasons.html#CODE).
 *
 * A reason is made here and nowhere else, so there is none without a code. A code, once released, keeps its name and its meaning
 * for ever: REST, recordings and the stores of zrms have it.
 */
#ifndef SAMOZA_MODEL_FAILURE_H
#define SAMOZA_MODEL_FAILURE_H

#include <stdbool.h>

enum failure_code {
	FAILURE_NONE, /* there is no reason */

	/* Why no zhost can take it. */
	FAILURE_NO_ZHOST,
	FAILURE_CAPABILITY,
	FAILURE_PAGE_ACCESS,
	FAILURE_CLUSTER_API,
	FAILURE_SETTINGS,
	FAILURE_SECRETS,
	FAILURE_CONSTRAINT,
	FAILURE_DISTANCE,
	FAILURE_AFFINITY,
	FAILURE_ANTI_AFFINITY,
	FAILURE_KEPT_AWAY,
	FAILURE_SPREAD,
	FAILURE_CAPACITY,
	FAILURE_EACH,
	FAILURE_ALREADY_THERE,
	FAILURE_ZHOST_OUTDATED,
	FAILURE_NO_PLACE,

	/* Why an instance does not run. */
	FAILURE_ATTEMPTS,
	FAILURE_EXITED,
	FAILURE_REPLACEMENT,
	FAILURE_RETRY,
	FAILURE_START,
	FAILURE_TRANSITION,
	FAILURE_UNDEPLOY,
	FAILURE_WHOLE,
	FAILURE_PARENT,
	FAILURE_IMPORT,
	FAILURE_IMPORT_CYCLE,
	FAILURE_IMPORT_ABSENT,
	FAILURE_IMPORT_PRIVATE,
	FAILURE_IMPORT_UNDECLARED,
	FAILURE_IMPORT_STOPPED,
	FAILURE_SECRET_MISSING,
	FAILURE_ZHOST_SILENT,
	FAILURE_ZHOST_LOST,
	FAILURE_EXCLUSIVE,
	FAILURE_EXCLUSIVE_REMOVED,

	/* What else needs attention. */
	FAILURE_INSTANCES,
	FAILURE_ROLLOUT_WAITING,
	FAILURE_ROLLOUT_PAUSED,
	FAILURE_ROLLOUT_RETURNING,
	FAILURE_ROLLOUT_FAILED,
	FAILURE_DISK_FULL,
	FAILURE_DATA_FULL,
	FAILURE_DRAIN,
	FAILURE_MACHINE,

	FAILURE_CODE_COUNT,
};

/* Owns its text, which is NULL where there is no reason, and only there. */
struct failure_reason {
	enum failure_code code;
	char *text;
};

/* "insufficient-capacity"; NULL for FAILURE_NONE. */
const char *failure_code_name(enum failure_code code);
/* FAILURE_NONE: there is no such code. `name` may be NULL. */
enum failure_code failure_code_find(const char *name);

/* PRE: not FAILURE_NONE. */
struct failure_reason failure_new(enum failure_code code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same with a text that exists; of NULL: none. */
struct failure_reason failure_take(enum failure_code code, char *take_text);
struct failure_reason failure_copy(const struct failure_reason *reason);
bool failure_equal(const struct failure_reason *a, const struct failure_reason *b);
/* Frees the text; there is no reason then. Also for CLEANUP(). */
void failure_done(struct failure_reason *reason);
/* Moves it out; there is none then. */
struct failure_reason failure_steal(struct failure_reason *reason);
/* Into two fields of a message, which are NULL: the sentence, and the code beside it. */
void failure_show(struct failure_reason take_reason, char **ret_text, char **ret_code);

#endif
