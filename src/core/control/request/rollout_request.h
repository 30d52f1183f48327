/*
 * What people ask of a rollout, and the way back: `topo promote`, `abort`, `pause`, `resume`, `rollback`.
 */
#ifndef SAMOZA_CORE_CONTROL_ROLLOUT_REQUEST_H
#define SAMOZA_CORE_CONTROL_ROLLOUT_REQUEST_H

struct control;
struct control_input;

void rollout_request(struct control *c, const struct control_input *input);
void rollback_request(struct control *c, const struct control_input *input);

#endif
