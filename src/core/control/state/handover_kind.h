/*
 * Whether a unit is served by its incumbent while its successor starts (start-first), or its incumbent
 * stops before (stop-first).
 *
 *   by what its spaces are or declare [change.handover.kind]
 *     stop-first where one member is: one of the old revision, or of the new one
 *   by the zhosts, once the place of the successor is known
 *     stop-first where a zhost program is older and cannot keep the two copies apart
 */
#ifndef SAMOZA_CORE_CONTROL_HANDOVER_KIND_H
#define SAMOZA_CORE_CONTROL_HANDOVER_KIND_H

#include "core/control/state/application.h"

/* Of a unit whose copies stay in this revision. PRE: the revision is declared. */
enum handover_kind handover_kind_of(struct slot *root, const struct revision *revision);
/* An instance of the unit has another name in `to`: it changes stop-first [change.counts.numbered]. */
bool handover_renames(const struct slot *root, const struct revision *from,
		      const struct revision *to);
/* Of a unit that changes to that revision. PRE: both are declared. */
enum handover_kind handover_kind_of_change(const struct slot_control *root,
					   const struct revision *to);
/* The zhost of the two because of which a unit that starts first stops first; NULL: none. `from`, `to` NULL: not
 * considered. */
const struct control_zhost *handover_older(const struct control_zhost *from,
					   const struct control_zhost *to);
/* Now that it is known where the successor goes. The cause of its placement; the caller frees. PRE: the
 * unit has a handover. */
char *handover_choose_kind(struct slot_control *root, const struct control_zhost *to);
/* Both zhost programs, as far as they are known, can run what serves the unit and its start-first successor, which is
 * on `to`: an older one may have come since that was placed. */
bool handover_may_go_on(const struct slot_control *root, const struct control_zhost *to);
/* The zhost program there, as far as it is known, can run a copy that is kept, while the one that serves is on
 * `serving`. NULL: nothing serves. */
bool handover_may_keep(const struct control_zhost *there, const struct control_zhost *serving);
/* There is no room for a second copy, and the change was asked for with --no-surge: the incumbent stops first
 * [change.handover.room]. False: it waits. PRE: the unit has a handover, without a place, and is to take over. */
bool handover_stop_first(struct slot_control *root);
/* The copy beside which this one may have a process on its zhost: it is its successor, start-first. 0: none. */
uint64_t handover_beside(const struct copy *copy);

#endif
