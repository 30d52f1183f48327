/*
 * The views that lists consist of (view.c, view_list.c). The caller frees.
 */
#ifndef SAMOZA_CORE_CONTROL_VIEW_PARTS_H
#define SAMOZA_CORE_CONTROL_VIEW_PARTS_H

#include "base/vector.h"
#include "core/control/state/state.h"
#include "proto/view.pb-c.h"

struct list_filter;

Samoza__V1__TopologySummaryView *view_summary(const struct control_application *a);
/* Its row of the summary: how many instances are in which state, of each space, too. */
Samoza__V1__SummaryTopologyView *view_counts(const struct control_application *a);
/* One for each state of which there are some; `state_count` of them in `by_state`. */
Samoza__V1__CountView **view_state_counts(const unsigned *by_state, unsigned state_count,
					  const char *(*name)(unsigned), size_t *ret_count);
const char *view_name_of_state(unsigned state);
const char *view_name_of_topology_state(unsigned state);
/* NULL: none is under way; every one has completed. */
Samoza__V1__RolloutView *view_rollout(const struct control_application *a);
Samoza__V1__LastRolloutView *view_last_rollout(const struct control_application *a);
/* Counts of its newest revision that people have set. */
void view_scaled(const struct control_application *a, Samoza__V1__TopologyView *v);
/* `judged`: what a successor waits for is tried again, which costs a search; otherwise it is that of its last try. */
Samoza__V1__SpaceView *view_space(const struct slot_control *sc, bool judged);
/* NULL: nothing is kept. */
Samoza__V1__KeptSetView *view_kept_set(const struct control_application *a);
/* The copy of the slot that is kept; NULL: none is. */
Samoza__V1__NextView *view_kept(const struct slot_control *sc);
/* NULL: its unit is not handed over. */
Samoza__V1__HandoverView *view_handover(const struct slot_control *sc, bool judged);
/* By what they are limited; nothing where that is not known. */
void view_space_limits(const struct slot_control *sc, Samoza__V1__SpaceView *v);
/* Which devices of its zhost it has. */
void view_space_devices(const struct slot_control *sc, Samoza__V1__SpaceView *v);
/* Capabilities that are not offered, because a device node is missing. */
void view_zhost_withdrawn(const struct control_zhost *z, Samoza__V1__ZhostView *v);
/* What it may do with zrms [formats.topology.api]. */
void view_space_api(const struct slot_control *sc, Samoza__V1__SpaceView *v);
void view_space_settings(const struct slot_control *sc, Samoza__V1__SpaceView *v);
void view_zhost_limits(const struct control_zhost *z, Samoza__V1__ZhostView *v);
Samoza__V1__ZhostView *view_zhost(const struct control *c, const struct control_zhost *z);
/* Of one that has not come, or has gone. */
Samoza__V1__ZhostView *view_made_zhost(const struct made_zhost *m);
/* What is at a name: a zhost, or one that a driver makes and that has not come. */
struct named_zhost {
	const char *name; /* borrowed, as all of it */
	const struct control_zhost *zhost;
	const struct made_zhost *made;
};
typedef VECTOR(struct named_zhost) named_zhost_list;
/* By name, the first `max` of those after `name` (NULL: of all). The caller calls vector_done(). */
void view_zhosts_after(const struct control *c, const struct list_filter *filter,
		       const char *name, size_t max, named_zhost_list *ret_list);
/* What needs attention, the worst first: at most `max` of them, and how many there are. */
void view_attention(const struct control *c, const struct list_filter *filter, size_t max,
		    Samoza__V1__SummaryView *v);
/* NULL: none is running. */
Samoza__V1__RebalanceProgressView *view_rebalance_progress(const struct control *c);
/* Its field `dependents`. */
void view_dependents(const struct control_application *a, Samoza__V1__TopologyView *v);

#endif
