/*
 * Which zhosts suit a space with `count: each`: there is an instance `agent@n1` while the zhost n1 is part of the
 * cluster, passes rules 2 and 3 of the placement, and is not emptied by a drain. Source: [change.counts.each].
 */
#ifndef SAMOZA_CORE_CONTROL_EACH_FIT_H
#define SAMOZA_CORE_CONTROL_EACH_FIT_H

#include "core/control/state/application.h"

/* To which the instance, and all that is inside of it, belongs; NULL: it was removed from the cluster, or the
 * slot is of no such space. */
struct control_zhost *each_zhost(const struct slot *s);
/* It belongs to one that was removed from the cluster, and goes. */
bool each_has_no_zhost(const struct slot_control *root);
/* Of what belongs to it, the roots, also in other revisions than those that are wanted. */
void each_roots_on(const struct control_application *a, const struct control_zhost *z,
		   slot_list *to);
/* The instance is part of that revision; one of a space with `count: each`: its zhost suits it. PRE: it is
 * declared. */
bool revision_declares(const struct revision *r, const struct slot *s);
/* The same where no zhost is drained. */
bool revision_declares_undrained(const struct revision *r, const struct slot *s);
/* A drain of the zhost stops also what belongs to it: nothing else is left there. */
bool drain_takes_each(const struct control_zhost *z);
/* A new instance may appear there, as far as its drain is concerned. */
bool drain_allows_each(const struct control_zhost *z);
/* The drain of the zhost that it belongs to stops it now, or lets it not be placed any more: it would go at once. */
bool drain_takes_slot(const struct control_zhost *z, const struct slot *s);
/* How many units of that root space the revision has. */
uint32_t revision_unit_count(const struct control_application *a, const struct revision *r,
			     const struct space *root);
/* What all instances of that revision may keep together. */
uint64_t revision_data_bytes(const struct control_application *a, const struct revision *r);

#endif
