/*
 * What zhosts report of their instances, taken into the life cycle.
 *
 * A report is about one epoch; a report of an older one changes nothing. In the ordinary course a
 * report is the end of an action that zrms asked for. After a silence (of the zhost, or of zrms) the
 * state that the zhost reports is adopted, whatever was known before, and an event is published only
 * where it differs.
 */
#ifndef SAMOZA_CORE_CONTROL_REPORTS_H
#define SAMOZA_CORE_CONTROL_REPORTS_H

#include <stdbool.h>

#include "core/control/state/zhost_registry.h"

struct control;

/* `adopting`: it comes with a HELLO. */
void report_apply(struct control *c, struct control_zhost *z,
		  const Samoza__V1__InstanceReport *report, bool adopting);
/* After all instances of a HELLO: what the zhost should hold and did not list is gone. */
void report_missing(struct control *c, struct control_zhost *z, const Samoza__V1__Hello *hello);

#endif
