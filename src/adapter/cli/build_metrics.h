/* Which build of a program runs, as a metric. */
#ifndef SAMOZA_ADAPTER_CLI_BUILD_METRICS_H
#define SAMOZA_ADAPTER_CLI_BUILD_METRICS_H

#include "base/metrics.h"

extern const struct metric_source cli_build_metrics; /* of the program's name, const char * */

#endif
