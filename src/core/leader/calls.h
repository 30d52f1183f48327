/* What is asked of the election, and not answered yet. */
#ifndef SAMOZA_CORE_LEADER_CALLS_H
#define SAMOZA_CORE_LEADER_CALLS_H

#include "core/leader/internal.h"

/* Renewals that wait for their answer at one time: a hanging connection is not filled. */
#define CALLS_RENEWALS_MAX 3

void calls_ask(struct leader *leader, enum leader_call_type type);
/* How many of the type wait. */
size_t calls_waiting(const struct leader *leader, enum leader_call_type type);
/* What waits of the type is given up. */
void calls_forget(struct leader *leader, enum leader_call_type type);
/* False: it was given up. */
bool calls_take(struct leader *leader, uint64_t number, struct leader_asked *ret_asked);
/* The oldest that has waited too long, taken. */
bool calls_take_overdue(struct leader *leader, struct leader_asked *ret_asked);
/* When the next one has; NEVER_MS: none waits. */
int64_t calls_next_ms(const struct leader *leader);
void calls_done(struct leader *leader);

#endif
