/*
 * What people ask of a rollout, and the way back: `topo promote`, `abort`, `pause`, `resume`, `rollback`.
 */
#ifndef SAMOZA_CORE_CONTROL_ROLLOUT_REQUEST_H
#define SAMOZA_CORE_CONTROL_ROLLOUT_REQUEST_H

#include <stdint.h>

struct control;
struct control_input;
struct revision;

void rollout_request(struct control *c, const struct control_input *input);
void rollback_request(struct control *c, const struct control_input *input);
/* That to which a rollback would lead: `to`, or, where that is 0, the completed one before. NULL: there is none. Borrowed. */
const struct revision *rollback_target(const struct control *c, const char *id, uint32_t to);

#endif
