/* Counters and gauges of a zhost as Prometheus text. */
#ifndef SAMOZA_ZHOST_METRICS_H
#define SAMOZA_ZHOST_METRICS_H

#include "base/buffer.h"
#include "zhost/zhost.h"

void metrics_write(const struct zhost *z, struct buffer *to);

#endif
