/*
 * Adding and dissolving deployments: what it takes beyond their registry.
 */
#ifndef SAMOZA_CORE_CONTROL_DEPLOYMENTS_H
#define SAMOZA_CORE_CONTROL_DEPLOYMENTS_H

#include "core/control/deployment.h"

struct control;

struct deployment *deployment_add(struct control *c, Samoza__V1__TopologyRecord *take_record,
				  struct topology *topology);
/* Its copies leave their zhosts, its marks and timers end, and it is freed. Its records stay:
 * records_delete(). */
void deployment_dissolve(struct control *c, struct deployment *d);

#endif
