/*
 * The machine's identity towards zrms: DIR/credentials (adapter/pki/credentials.h), and the streams that prove it.
 * The files are looked at every two seconds: a renewed certificate is used from then on, without a restart.
 */
#ifndef SAMOZA_ZHOST_UPLINK_IDENTITY_H
#define SAMOZA_ZHOST_UPLINK_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "port/stream.h"

struct identity;

/* Whether `dir` has one: the machine has joined a cluster. */
bool identity_is_there(const char *dir);

/* Opens it for the zhost `name`; `changed` is told when it was read again. ERR_CONFLICT: it is that of another one.
 * ERR_NOT_FOUND: the machine has not joined a cluster. Others as of pki_credentials_load(). */
int identity_open(struct loop *loop, const char *dir, const char *name,
		  void (*changed)(void *user), void *user, struct identity **ret_identity,
		  struct error **err) must_check;
/* Over TLS, as this machine; borrowed. */
struct stream_transport *identity_transport(struct identity *identity);
/* When its certificate ends, wall clock. */
int64_t identity_expires_ms(const struct identity *identity);
/* From when on it is to be renewed, wall clock. `chance`: as of pki_renewal_ms(). */
int64_t identity_renewal_ms(const struct identity *identity, uint32_t chance);
/* DIR/credentials; borrowed. */
const char *identity_directory(const struct identity *identity);
/* Reads the files now; on an error the old ones stay in use, and the log says why. Nothing while they are held. */
void identity_reload(struct identity *identity);
/* They are being written: they are not read, also where they have changed, until that has ended. */
void identity_hold(struct identity *identity, bool is_held);
/* PRE: the transport's streams are closed. NULL is fine. */
void identity_free(struct identity *identity);

#endif
