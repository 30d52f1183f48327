/*
 * Events of zhosts: one of the cluster, and one for each topology that has instances there, so that
 * the history of a topology says what happened to its zhosts [topology.events.zhosts].
 */
#ifndef SAMOZA_CORE_CONTROL_ZHOST_EVENT_H
#define SAMOZA_CORE_CONTROL_ZHOST_EVENT_H

#include "core/control/state/state.h"

/* The state in which it is shown: its own, but for what a driver makes of it (made_zhost.h). */
enum instance_state zhost_shown(const struct control *c, const struct control_zhost *z);
/* Whether its zhost has come, and is there still. */
bool made_zhost_has_zhost(const struct control *c, const struct made_zhost *made);
/* As emit_event(), before its consequences are decided. */
void zhost_event(struct control *c, const struct control_zhost *z, const char *from,
		 const char *to, const char *cause);
/* The same; its state stays. */
void zhost_event_within(struct control *c, const struct control_zhost *z, const char *cause);

#endif
