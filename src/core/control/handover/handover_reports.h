/*
 * What zhosts say of the copies beside the one that serves: successors, and what stands by. A slot has no
 * part in it; their moves are events of kind `copy`.
 */
#ifndef SAMOZA_CORE_CONTROL_HANDOVER_REPORTS_H
#define SAMOZA_CORE_CONTROL_HANDOVER_REPORTS_H

#include "core/control/state/application.h"
#include "proto/wire.pb-c.h"

void handover_report(struct control *c, struct copy *copy, const Samoza__V1__InstanceReport *r);
/* As its zhost has reported it, in the words of states: "starting". */
const char *copy_phase_name(const struct copy *copy);
/* Its zhost has nothing of it. */
void handover_report_missing(struct control *c, struct copy *copy);
/* Its zhost is silent. */
void handover_lost(struct control *c, struct copy *copy);

#endif
