/*
 * Requests that set, remove and seal secrets with another key (core/access/secrets.h).
 *
 * Source: [workloads.configuration].
 */
#ifndef SAMOZA_CORE_CONTROL_SECRET_REQUEST_H
#define SAMOZA_CORE_CONTROL_SECRET_REQUEST_H

#include "core/control/state/input.h"

struct control;

void secret_request(struct control *c, const struct control_input *input);

#endif
