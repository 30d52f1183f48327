/*
 * Whether the servers of a store in etcd follow a rotation of the certificate authority: they read whom they believe when they
 * start, so somebody has to restart them, and the rotation waits until each of them has been seen to follow.
 *
 *   adding      a certificate of the next authority is shown to each server: does it let zrms in?
 *   reissuing   the same with one of the authority that signs, and only that is believed: is the server's own of it, too?
 *
 * Each LOOK_MS while a rotation waits for them; what is seen goes to the core (AUTHORITY_STORE). Where zrms has certificates
 * for etcd that are not of this cluster (--store-certificate), nobody is asked.
 *
 * Source: [machines.identity.renewal].
 */
#ifndef SAMOZA_ZRMS_STORE_TRUST_H
#define SAMOZA_ZRMS_STORE_TRUST_H

#include <stdbool.h>

struct store_trust;
struct zrms;

/* Whether a rotation has to ask the servers of the store. */
bool store_trust_is_asked(const struct zrms *zrms);
/* It leads, and its records are loaded. */
struct store_trust *store_trust_new(struct zrms *zrms);
/* Nothing is under way. NULL is. */
bool store_trust_is_idle(const struct store_trust *trust);
/* PRE: it is idle. NULL is fine. */
void store_trust_free(struct store_trust *trust);

#endif
