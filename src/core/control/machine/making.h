/*
 * Machines that drivers make, from the request on until they are gone (state/made_zhost.h has the states).
 *
 *   request ─► record, token ─► durable ─► driver: create, key K ─► outcome ─► first heartbeat
 *   request ─► cordon, drain ─► empty ───► driver: destroy, K ────► absent, and silent ─► removed
 *
 * A driver is believed as far as it can be checked: a machine is there when its zhost is heard, whatever
 * the driver said; and gone when the driver says so and nothing is heard from there.
 *
 * A machine has one key from the request on, over all attempts. What happens when one of them dies in between:
 *
 *   zrms        before the commit: nothing was asked, nothing is known; the answer did not go out
 *               after it: asks for the status by the key, and creates only what is absent
 *   the driver  the call has failed; asked again by the key, it continues
 *   the zhost   the deadline of its first heartbeat; afterwards it is a zhost like any other
 *
 * Source: [machines.drivers].
 */
#ifndef SAMOZA_CORE_CONTROL_MAKING_H
#define SAMOZA_CORE_CONTROL_MAKING_H

#include <stdbool.h>

#include "core/control/state/input.h"
#include "core/control/state/state.h"

/* The driver may be at work for so long, over all that it is asked. */
#define MAKING_MS (INT64_C(30) * 60 * 1000)
/* From its word that the machine is ready to the first heartbeat. */
#define MAKING_HEARTBEAT_MS (INT64_C(5) * 60 * 1000)
/* Between two questions to a driver that is at work. */
#define MAKING_ASK_MS INT64_C(5000)

/* An event of its zhost. */
void making_event(struct control *c, const struct made_zhost *m, const char *from,
		  const char *to, const char *cause);
/* Begins, or begins again. PRE: being created. */
void making_create(struct control *c, struct made_zhost *m,
		   const Samoza__V1__JoinTokenRecord *token);
/* Begins a further attempt. PRE: it has failed. */
void making_create_again(struct control *c, struct made_zhost *m, const char *cause,
			 const Samoza__V1__JoinTokenRecord *token);
/* It is to go: now, or when it is empty. PRE: it is not leaving, or stuck. */
void making_destroy(struct control *c, struct made_zhost *m, bool drains, const char *cause);
/* It is known no longer, whatever its driver keeps. ERR_CONFLICT: its zhost is heard, and instances are placed there. PRE: failed
 * or stuck. */
int making_forget(struct control *c, struct made_zhost *m, const char *cause,
		  struct error **err) must_check;

/* What a call came to. */
void making_outcome(struct control *c, const struct control_input *input);
/* After each input: zhosts that have come. */
void making_heard(struct control *c);
/* In a flush: what follows from zhosts that are gone or empty. True: there is more to do in this flush. */
bool making_run(struct control *c);

/* Calls that were under way are asked about. */
void making_start(struct control *c);
void making_tick(struct control *c);
int64_t making_next_ms(const struct control *c);

#endif
