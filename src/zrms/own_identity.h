/*
 * The certificate with which zrms answers other machines, and the authority of the cluster, of which it is:
 *
 *   DIR/credentials/authority.pem     certificate and key of the authority: signs those of machines
 *   DIR/credentials/authorities.pem   whom machines of the cluster believe
 *   DIR/credentials/identity.pem      zrms' own certificate and key
 */
#ifndef SAMOZA_ZRMS_OWN_IDENTITY_H
#define SAMOZA_ZRMS_OWN_IDENTITY_H

#include "adapter/pki/authority.h"

/* DIR/credentials; the caller frees. */
char *own_identity_directory(const char *dir);
/* The cluster's first authority, made and stored. */
int own_authority_make(const char *dir, const char *cluster, int64_t now_wall_ms,
		       struct pki_authority **ret_authority, struct error **err) must_check;
/* ERR_NOT_FOUND: it is not on this machine. */
int own_authority_read(const char *dir, struct pki_authority **ret_authority,
		       struct error **err) must_check;
/* Makes a new key and a certificate for `addresses`, and puts them in the place of the old ones. */
int own_identity_issue(const char *dir, const struct pki_authority *authority,
		       const char *const *addresses, int64_t lifetime_ms, int64_t now_wall_ms,
		       struct error **err) must_check;
/* From when on it is to be renewed, and when it ends. `chance`: as of pki_renewal_ms(). */
int own_identity_times(const char *dir, uint32_t chance, int64_t *ret_renew_wall_ms,
		       int64_t *ret_expires_wall_ms, struct error **err) must_check;

#endif
