/*
 * The answer to a dry run: where everything would go if it were submitted now, or why not.
 */
#ifndef SAMOZA_CORE_CONTROL_DRY_RUN_H
#define SAMOZA_CORE_CONTROL_DRY_RUN_H

#include "core/control/state/input.h"
#include "proto/view.pb-c.h"

struct control;

/* Changes nothing. The caller frees. */
Samoza__V1__TopologyView *dry_run_view(struct control *c, const struct control_submit *s);

#endif
