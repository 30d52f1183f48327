#include "zhost/space/log_budget.h"

void log_budget_take(struct spacelog *log, uint32_t *revision,
		     const Samoza__V1__InstanceSpec *spec)
{
	if (!spec->has_log_bytes || !spec->has_log_keep_ms || !spec->has_log_rate ||
	    spec->log_keep_ms > INT64_MAX / 2 || spec->revision < *revision)
		return;
	*revision = spec->revision;
	spacelog_set_budget(log,
			    &(struct spacelog_budget){.bytes = spec->log_bytes,
						      .keep_ms = (int64_t)spec->log_keep_ms,
						      .rate = spec->log_rate});
}
