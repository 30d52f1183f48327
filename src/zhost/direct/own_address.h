/*
 * The address of this machine that another one sees.
 */
#ifndef SAMOZA_ZHOST_DIRECT_OWN_ADDRESS_H
#define SAMOZA_ZHOST_DIRECT_OWN_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "port/stream.h"

/* By which packets to `other`, a numeric address, leave this machine. False: it is not numeric, or there is no way to
 * it. Sends nothing. */
bool own_address_towards(const struct stream_address *other, char *ret_host, size_t size);

#endif
