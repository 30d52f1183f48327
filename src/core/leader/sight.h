/* What this zrms has seen of the others. */
#ifndef SAMOZA_CORE_LEADER_SIGHT_H
#define SAMOZA_CORE_LEADER_SIGHT_H

#include "core/leader/internal.h"

/* Takes a reading; false: a newer one was taken before it. */
bool sight_take(struct leader *leader, uint64_t number, const struct election_answer *answer);
/* A campaign ended: who leads. */
void sight_leader(struct leader *leader, const struct election_leader *by);
/* How often it looks. */
int64_t sight_period_ms(const struct leader *leader);
/* Since nobody leads, from when on it may campaign; NEVER_MS: somebody does. */
int64_t sight_turn_ms(const struct leader *leader);
/* The one of that name; NULL: the one that lags least. NULL: there is none besides this zrms. */
const struct leader_member *sight_find_standby(const struct leader *leader, const char *name);
void sight_done(struct leader *leader);

#endif
