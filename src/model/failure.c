#include "model/failure.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

/* Each has a section in docs/manual/reasons.md. Never change one that was released. */
static const char *const names[FAILURE_CODE_COUNT] = {
	[FAILURE_NO_ZHOST] = "no-zhost-available",
	[FAILURE_CAPABILITY] = "capability-missing",
	[FAILURE_PAGE_ACCESS] = "page-access-unsupported",
	[FAILURE_CLUSTER_API] = "cluster-api-unsupported",
	[FAILURE_SETTINGS] = "settings-unsupported",
	[FAILURE_SECRETS] = "secrets-unsupported",
	[FAILURE_CONSTRAINT] = "constraint-unsatisfied",
	[FAILURE_DISTANCE] = "distance-exceeded",
	[FAILURE_AFFINITY] = "affinity-unsatisfied",
	[FAILURE_ANTI_AFFINITY] = "anti-affinity-unsatisfied",
	[FAILURE_KEPT_AWAY] = "kept-away-by-others",
	[FAILURE_SPREAD] = "spread-unsatisfied",
	[FAILURE_CAPACITY] = "insufficient-capacity",
	[FAILURE_EACH] = "no-zhost-fits-each",
	[FAILURE_ALREADY_THERE] = "already-there",
	[FAILURE_ZHOST_OUTDATED] = "zhost-outdated",
	[FAILURE_NO_PLACE] = "no-place",
	[FAILURE_ATTEMPTS] = "attempts-exhausted",
	[FAILURE_EXITED] = "service-exited",
	[FAILURE_REPLACEMENT] = "replacement-not-serving",
	[FAILURE_RETRY] = "retry-scheduled",
	[FAILURE_START] = "start-pending",
	[FAILURE_TRANSITION] = "in-transition",
	[FAILURE_UNDEPLOY] = "undeploy-failed",
	[FAILURE_WHOLE] = "waiting-for-whole-topology",
	[FAILURE_PARENT] = "waiting-for-ancestor",
	[FAILURE_IMPORT] = "import-unresolved",
	[FAILURE_IMPORT_CYCLE] = "import-cycle",
	[FAILURE_IMPORT_ABSENT] = "import-topology-missing",
	[FAILURE_IMPORT_PRIVATE] = "import-not-public",
	[FAILURE_IMPORT_UNDECLARED] = "import-not-declared",
	[FAILURE_IMPORT_STOPPED] = "import-topology-stopped",
	[FAILURE_SECRET_MISSING] = "secret-missing",
	[FAILURE_ZHOST_SILENT] = "zhost-silent",
	[FAILURE_ZHOST_LOST] = "zhost-lost",
	[FAILURE_EXCLUSIVE] = "exclusive-copy-stopping",
	[FAILURE_EXCLUSIVE_REMOVED] = "exclusive-copy-unreachable",
	[FAILURE_INSTANCES] = "instances-not-running",
	[FAILURE_ROLLOUT_WAITING] = "rollout-waiting",
	[FAILURE_ROLLOUT_PAUSED] = "rollout-paused",
	[FAILURE_ROLLOUT_RETURNING] = "rollout-returning",
	[FAILURE_ROLLOUT_FAILED] = "rollout-failed",
	[FAILURE_DISK_FULL] = "zhost-disk-full",
	[FAILURE_DATA_FULL] = "instance-data-full",
	[FAILURE_DRAIN] = "drain-unfinished",
	[FAILURE_MACHINE] = "machine-driver-failed",
};

const char *failure_code_name(enum failure_code code)
{
	return names[code];
}

enum failure_code failure_code_find(const char *name)
{
	for (unsigned k = 0; name != NULL && k < FAILURE_CODE_COUNT; k++)
		if (str_equal(names[k], name))
			return (enum failure_code)k;
	return FAILURE_NONE;
}

struct failure_reason failure_take(enum failure_code code, char *take_text)
{
	PRE(code != FAILURE_NONE || take_text == NULL);
	return take_text != NULL ? (struct failure_reason){code, take_text}
				 : (struct failure_reason){0};
}

struct failure_reason failure_new(enum failure_code code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = str_vprintf(format, args);
	va_end(args);
	return failure_take(code, text);
}

struct failure_reason failure_copy(const struct failure_reason *reason)
{
	return failure_take(reason->code, mem_strdup(reason->text));
}

bool failure_equal(const struct failure_reason *a, const struct failure_reason *b)
{
	return a->code == b->code && str_equal(a->text, b->text);
}

void failure_done(struct failure_reason *reason)
{
	free(reason->text);
	*reason = (struct failure_reason){0};
}

struct failure_reason failure_steal(struct failure_reason *reason)
{
	struct failure_reason moved = *reason;
	*reason = (struct failure_reason){0};
	return moved;
}

void failure_show(struct failure_reason take_reason, char **ret_text, char **ret_code)
{
	*ret_text = take_reason.text;
	*ret_code = mem_strdup(failure_code_name(take_reason.code));
}
