/* Groups: all instances of one space of topologies of one name. Counters: how many of a group,
 * or of the instances that forbid, prefer or avoid it, are in each domain of a scope. A rule of
 * affinity or spread reads one number, and a placement changes a few. */
#ifndef SAMOZA_CORE_PLACE_STATE_GROUPS_H
#define SAMOZA_CORE_PLACE_STATE_GROUPS_H

#include "core/place/state/state.h"

/* Both take a reference. */
uint32_t group_take(struct place *p, const char *topology, const char *space);
uint32_t counter_take(struct place *p, enum counter_kind kind, uint32_t group, uint32_t column,
		      int32_t weight);
void group_drop(struct place *p, uint32_t group);
void counter_drop(struct place *p, uint32_t counter);
/* What an instance is for others: there, so that it is forbidden and forbids; and company, for as long as it does not
 * leave. */
enum { PART_PRESENCE = 1, PART_COMPANY = 2 };
/* `count` instances of the group are that on a zhost (negative: no longer). */
void group_move(struct place *p, uint32_t group, uint32_t zhost, int32_t count, unsigned parts);
void counter_move(struct place *p, uint32_t counter, uint32_t zhost, int32_t count);
/* `count` instances of the group are requested (negative: no longer). */
void group_pend(struct place *p, uint32_t group, int32_t count);
void groups_done(struct place *p);

#endif
