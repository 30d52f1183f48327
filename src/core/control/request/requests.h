/*
 * What people and programs ask of topologies and instances. Each request is refused with a reason,
 * or its goals are set; the answer goes out when they are durable.
 */
#ifndef SAMOZA_CORE_CONTROL_REQUESTS_H
#define SAMOZA_CORE_CONTROL_REQUESTS_H

#include "core/control/state/input.h"

struct control;

void request_submit(struct control *c, const struct control_input *input);
/* Start, stop, recover, remove, grouped operations. */
void request_topology(struct control *c, const struct control_input *input);
/* Of one instance. */
void request_goal(struct control *c, const struct control_input *input);

#endif
