/*
 * What drivers keep, compared with what is known: at each start of zrms, and every hour. A machine of this
 * cluster that nobody knows is said, once, and so is one that a driver no longer has. Nothing follows from
 * it: what it is worth, somebody has to decide.
 *
 * Keys begin with the cluster's own prefix: what else a driver lists is another cluster's.
 */
#ifndef SAMOZA_CORE_CONTROL_DRIVER_LISTS_H
#define SAMOZA_CORE_CONTROL_DRIVER_LISTS_H

#include <stdbool.h>

#include "core/control/state/input.h"
#include "core/control/state/state.h"

#define DRIVER_LIST_MS (INT64_C(60) * 60 * 1000)

/* Of a machine: "3f2a90c1-17"; the caller frees. */
char *driver_key_new(struct control *c);

void driver_lists_start(struct control *c);
/* False: it is the outcome of another call. */
bool driver_lists_take(struct control *c, const struct control_input *input);
void driver_lists_tick(struct control *c);
int64_t driver_lists_next_ms(const struct control *c);

#endif
