#include "adapter/cli/build_metrics.h"

#include "adapter/cli/version.h"

static const struct metric metrics[] = {
	{"samoza_build_info", METRIC_INFO, "Which program this is, and which version.",
	 "program,version"},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	metric_add(to, 0, (const char *const[]){part, SAMOZA_VERSION}, 1);
}

const struct metric_source cli_build_metrics = METRIC_SOURCE(metrics, read_metrics);
