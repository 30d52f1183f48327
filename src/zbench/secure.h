/*
 * What a cluster of machines that reach each other over TLS needs beyond one on loopback: zrms init, and an identity for
 * each zhost, as joining gives it.
 */
#ifndef SAMOZA_ZBENCH_SECURE_H
#define SAMOZA_ZBENCH_SECURE_H

#include "base/error.h"

#define SECURE_ADDRESS_TEXT 64

/* An address of this machine that is not loopback. ERR_NOT_FOUND: it has none. */
int secure_own_address(char to[SECURE_ADDRESS_TEXT], struct error **err) must_check;
/* Of the zhost `name` into DIRECTORY/NAME/credentials, by the authority in DIRECTORY/zrms. */
int secure_identity(const char *directory, const char *name, struct error **err) must_check;

#endif
