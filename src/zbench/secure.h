/*
 * Where a cluster whose zhosts reach zrms and each other over TLS listens on this machine.
 */
#ifndef SAMOZA_ZBENCH_SECURE_H
#define SAMOZA_ZBENCH_SECURE_H

#include "base/error.h"

#define SECURE_ADDRESS_TEXT 64

/* An address of this machine that is not loopback. ERR_NOT_FOUND: it has none. */
int secure_own_address(char to[SECURE_ADDRESS_TEXT], struct error **err) must_check;

#endif
