/* What instances use and do, for zrms that asks (MESH_QUERY): for `spaces top`. */
#ifndef SAMOZA_ZHOST_SPACE_REPORT_H
#define SAMOZA_ZHOST_SPACE_REPORT_H

#include "zhost/space_metrics.h"
#include "zhost/uplink/upstream.h"

enum { SPACE_REPORT_MAX = 10000 }; /* copies in one answer */

/* Borrowed. */
struct space_report {
	struct loop *loop;
	const struct space_figures *figures;
	struct upstream *upstream;
};

void space_report_take(const struct space_report *r, const Samoza__V1__MeshQuery *query);

#endif
