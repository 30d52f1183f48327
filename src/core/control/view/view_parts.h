/*
 * The views that lists consist of (view.c, view_list.c). The caller frees.
 */
#ifndef SAMOZA_CORE_CONTROL_VIEW_PARTS_H
#define SAMOZA_CORE_CONTROL_VIEW_PARTS_H

#include "core/control/state/state.h"
#include "proto/view.pb-c.h"

Samoza__V1__TopologySummaryView *view_summary(const struct control_application *a);
/* NULL: none is under way; every one has completed. */
Samoza__V1__RolloutView *view_rollout(const struct control_application *a);
Samoza__V1__LastRolloutView *view_last_rollout(const struct control_application *a);
/* Counts of its newest revision that people have set. */
void view_scaled(const struct control_application *a, Samoza__V1__TopologyView *v);
Samoza__V1__SpaceView *view_space(const struct slot_control *sc);
/* NULL: nothing is kept. */
Samoza__V1__KeptSetView *view_kept_set(const struct control_application *a);
/* The copy of the slot that is kept; NULL: none is. */
Samoza__V1__NextView *view_kept(const struct slot_control *sc);
/* NULL: its unit is not handed over. */
Samoza__V1__HandoverView *view_handover(const struct slot_control *sc);
/* By what they are limited; nothing where that is not known. */
void view_space_limits(const struct slot_control *sc, Samoza__V1__SpaceView *v);
void view_zhost_limits(const struct control_zhost *z, Samoza__V1__ZhostView *v);
Samoza__V1__ZhostView *view_zhost(const struct control *c, const struct control_zhost *z);
/* Of one that has not come, or has gone. */
Samoza__V1__ZhostView *view_made_zhost(const struct made_zhost *m);
/* NULL: none is running. */
Samoza__V1__RebalanceProgressView *view_rebalance_progress(const struct control *c);
/* Its field `dependents`. */
void view_dependents(const struct control_application *a, Samoza__V1__TopologyView *v);

#endif
