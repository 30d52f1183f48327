/*
 * What people ask of machines that drivers make, and what they may not ask of their zhosts meanwhile.
 *
 * Source: [machines.drivers].
 */
#ifndef SAMOZA_CORE_CONTROL_MACHINE_REQUEST_H
#define SAMOZA_CORE_CONTROL_MACHINE_REQUEST_H

#include <stdbool.h>

#include "core/control/state/input.h"

struct control;

#define MACHINES_MAX	      1000
#define MACHINE_SETTINGS_MAX  100
#define MACHINE_SETTING_BYTES 4096 /* of its value */

/* zhost create, zhost destroy. The same creation asked for again is answered as before, or, where it has
 * failed, tried again. */
void machine_request(struct control *c, const struct control_input *input);
/* True: `cluster rm` or `uncordon` of a zhost that a driver makes was refused, or it is forgotten. */
bool machine_takes_zhost_request(struct control *c, const struct control_input *input);

/* A name that is being made is kept for who has one of its tokens: false: it was refused. */
bool machine_admits_join(struct control *c, const struct control_input *input);
bool machine_admits_hello(struct control *c, const struct control_input *input);

#endif
