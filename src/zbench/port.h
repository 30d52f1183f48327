/*
 * Ports for servers that are ended and started again. They are below those that the kernel gives to outgoing connections
 * (net.ipv4.ip_local_port_range begins at 32768): nobody takes one while its server is away.
 */
#ifndef SAMOZA_ZBENCH_PORT_H
#define SAMOZA_ZBENCH_PORT_H

#include <stdint.h>

#include "base/error.h"

/* One that is free now at this address (host order), and that this process was not given before. 0, or negative with an
 * error: none is left. */
int port_find(uint32_t address, uint16_t *ret_port, struct error **err);

#endif
