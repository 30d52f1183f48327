/*
 * How far the notices to each target have got: durable, so that each is sent at least once, whichever zrms leads.
 *
 *   named by the settings ──► position: the newest event ──► further, as notices are sent or given up
 *                                        │ not named any more
 *                                        └──► kept for NOTICE_ABSENT_MS ──► forgotten, with what waited
 *
 * A target that the leader's settings do not name is kept for a while: several zrms get a change of their settings
 * one after the other, and a target that comes back goes on where it was.
 *
 * Source: [observe.logs.notices].
 */
#ifndef SAMOZA_CORE_CONTROL_NOTICE_TARGETS_H
#define SAMOZA_CORE_CONTROL_NOTICE_TARGETS_H

#include "core/control/control.h"
#include "core/control/state/state.h"

/* Takes the record over. */
void notice_targets_load(struct control *c, Samoza__V1__NoticeTargetRecord *take);
void notice_targets_done(struct control *c);
void notice_targets_named(struct control *c, const struct control_input *input);
void notice_targets_sent(struct control *c, const struct control_input *input);

#endif
