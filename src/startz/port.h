/*
 * Ports of this machine.
 */
#ifndef SAMOZA_STARTZ_PORT_H
#define SAMOZA_STARTZ_PORT_H

#include <stdbool.h>

#include "adapter/cli/cli.h"

/* Whether something listens there, or may not be listened on. */
bool port_is_taken(const struct cli_address *address);
/* A free port of 127.0.0.1, drawn below the range from which the kernel takes ports for
 * outgoing connections, so that it is free the next time too. ERR_CONFLICT when none was found.
 */
int port_draw(uint16_t *ret_port, struct error **err) must_check;

#endif
