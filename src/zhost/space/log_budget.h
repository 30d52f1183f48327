/*
 * The budget that a space declares for the logs of its instances (`logs` in topology.yaml), as specs of zrms say it.
 *
 * Source: [observe.logs.budget].
 */
#ifndef SAMOZA_ZHOST_SPACE_LOG_BUDGET_H
#define SAMOZA_ZHOST_SPACE_LOG_BUDGET_H

#include "proto/wire.pb-c.h"
#include "zhost/log/spacelog.h"

/* `revision`: of the spec that was taken last, 0 at first; one of an older revision changes nothing, nor does one of a zrms that
 * does not say. */
void log_budget_take(struct spacelog *log, uint32_t *revision,
		     const Samoza__V1__InstanceSpec *spec);

#endif
