/*
 * A rotation of the certificate authority: begun, finished with fewer than all zhosts, taken back.
 *
 * Source: [machines.identity.renewal].
 */
#ifndef SAMOZA_CORE_CONTROL_AUTHORITY_REQUEST_H
#define SAMOZA_CORE_CONTROL_AUTHORITY_REQUEST_H

#include "core/control/state/input.h"

struct control;

void authority_request(struct control *c, const struct control_input *input);

#endif
