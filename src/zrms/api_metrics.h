/*
 * Everything that GET /metrics prints.
 */
#ifndef SAMOZA_ZRMS_API_METRICS_H
#define SAMOZA_ZRMS_API_METRICS_H

#include "zrms/zrms.h"

/* Registers the metrics of all parts with zrms->metrics. PRE: all parts are there. */
void api_register_metrics(struct zrms *zrms);
/* The sources that it registers, for the manual; ends with NULL. */
extern const struct metric_source *const api_metric_sources[];

#endif
