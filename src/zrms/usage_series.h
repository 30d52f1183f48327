/*
 * What zhosts have used and reserved over time, in memory: it begins when zrms does, or when it begins to lead.
 *
 *   sample, every 5 s ─► hour:  180 means of 20 s
 *                    ├─► day:   144 means of 10 min
 *                    └─► week:  168 means of 1 h
 *
 * 8 KiB a zhost when all are full. Pure: time is an argument.
 */
#ifndef SAMOZA_ZRMS_USAGE_SERIES_H
#define SAMOZA_ZRMS_USAGE_SERIES_H

#include "core/control/view/usage.h"

enum usage_span { USAGE_HOUR, USAGE_DAY, USAGE_WEEK, USAGE_SPANS };

struct usage_series;

struct usage_series *usage_series_new(void);
/* NULL is fine. */
void usage_series_free(struct usage_series *series);

/* One sample of each zhost: begin, take for each, end. Those that were not taken are forgotten at the end. */
void usage_series_begin(struct usage_series *series, int64_t wall_ms);
void usage_series_take(struct usage_series *series, const struct zhost_usage *usage);
void usage_series_end(struct usage_series *series);

/* "1h", "24h", "7d"; false: another text. */
bool usage_span_parse(const char *text, enum usage_span *ret_span);
/* Of which the last mean is of a time that goes on; empty where nothing was sampled. The caller frees. */
Samoza__V1__ZhostUsageView *usage_series_view(const struct usage_series *series,
					      const char *zhost, enum usage_span span);

#endif
