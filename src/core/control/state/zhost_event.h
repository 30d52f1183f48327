/*
 * Events of zhosts: one of the cluster, and one for each topology that has instances there, so that
 * the history of a topology says what happened to its zhosts [topology.events.zhosts].
 */
#ifndef SAMOZA_CORE_CONTROL_ZHOST_EVENT_H
#define SAMOZA_CORE_CONTROL_ZHOST_EVENT_H

#include "core/control/state/state.h"

/* As emit_event(), before its consequences are decided. */
void zhost_event(struct control *c, const struct control_zhost *z, const char *from,
		 const char *to, const char *cause);

#endif
