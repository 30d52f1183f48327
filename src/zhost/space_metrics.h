/*
 * What each instance on this zhost uses and does, for `GET /metrics`: here, and not at zrms, so that what one page
 * holds grows with one machine and not with the cluster (docs/metrics.md).
 */
#ifndef SAMOZA_ZHOST_SPACE_METRICS_H
#define SAMOZA_ZHOST_SPACE_METRICS_H

#include "base/metrics.h"
#include "zhost/space/residents.h"

struct space_figures;

/* `residents` is borrowed. */
struct space_figures *space_figures_new(const struct residents *residents);
void space_figures_visit(const struct space_figures *f,
			 void (*visit)(void *user, const struct resident_view *view),
			 void *user);
/* NULL is fine. */
void space_figures_free(struct space_figures *f);

extern const struct metric_source space_metrics; /* of struct space_figures */

#endif
