/*
 * What zrms needs to let machines join: its authority, and the word that a token is.
 *
 *   cluster token create ─► joining_word() ─► commit ─► the word, once
 *   POST /v1/join ─► joining_check() ─► commit: key recorded, use counted ─► joining_issue() ─► certificate
 *
 * The authority is read before the commit, so that no use is lost where it cannot sign, and once more afterwards: another one
 * may have taken its place.
 *
 * Source: [machines.identity.token], [machines.identity.join].
 */
#ifndef SAMOZA_ZRMS_JOINING_H
#define SAMOZA_ZRMS_JOINING_H

#include "adapter/pki/authority.h"
#include "adapter/pki/token.h"

struct zrms;

/* Draws id and secret, for those whom the cluster believes and where zrms is reached: join_token_done().
 * ERR_CONFLICT: zrms init was not run. */
int joining_word(const struct zrms *zrms, struct join_token *ret_token,
		 struct error **err) must_check;
/* ERR_CONFLICT: zrms init was not run. ERR_NOT_FOUND: the authority is not on this machine. */
int joining_check(const struct zrms *zrms, struct error **err) must_check;
/* A certificate for a zhost of that name, until that time, and all authorities, as PEM; the caller frees. Both are as
 * the durable record of the authorities says now: what the core has recorded for the key relies on it. */
int joining_issue(struct zrms *zrms, const struct pki_request *request, const char *name,
		  int64_t expires_wall_ms, char **ret_certificate, char **ret_authorities,
		  struct error **err) must_check;

#endif
