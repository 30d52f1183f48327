/*
 * The whole cluster at a glance, for who looks at thousands of zhosts.
 *
 *   head        counts, amounts, and what needs attention: everything is looked at once, nothing of it is written
 *   zhosts      in columns, a part of them each
 *   topologies  CONTROL_LIST_COUNTS of control_list_next()
 */
#ifndef SAMOZA_CORE_CONTROL_SUMMARY_H
#define SAMOZA_CORE_CONTROL_SUMMARY_H

#include "core/control/control.h"

/* Without zhosts and topologies. Of topologies that `filter->reader` may not see nothing is counted. The caller
 * frees, as all of this. */
Samoza__V1__SummaryView *control_view_summary_head(const struct control *control,
						   const struct list_filter *filter,
						   int64_t wall_ms);
/* The next zhosts, at most `max`, and where it goes on. NULL: that was the end. */
Samoza__V1__SummaryZhostsView *control_view_summary_zhosts(const struct control *control,
							   struct list_position *position,
							   size_t max);

#endif
