/*
 * Requests that make, replace and remove credentials (core/access/credentials.h).
 */
#ifndef SAMOZA_CORE_CONTROL_CREDENTIAL_REQUEST_H
#define SAMOZA_CORE_CONTROL_CREDENTIAL_REQUEST_H

#include "core/control/state/input.h"

struct control;

void credential_request(struct control *c, const struct control_input *input);
/* A zhost of that name is remembered no longer. */
void credential_forget_zhost(struct control *c, const char *name);

#endif
