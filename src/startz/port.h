/*
 * Ports of this machine.
 */
#ifndef SAMOZA_STARTZ_PORT_H
#define SAMOZA_STARTZ_PORT_H

#include <stdbool.h>

#include "adapter/cli/cli.h"

/* Whether a process listens there, or the address cannot be bound. */
bool port_is_taken(const struct cli_address *address);
/* A random free port on 127.0.0.1, below the range that the kernel uses for outgoing
 * connections, so that it will be free the next time, too. ERR_CONFLICT: none found. */
int port_draw(uint16_t *ret_port, struct error **err) must_check;

#endif
