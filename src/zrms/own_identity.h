/*
 * The certificate with which zrms answers other machines, and the authority of the cluster, of which it is:
 *
 *   DIR/credentials/authority.pem     certificate and key of the authority: signs those of machines
 *   DIR/credentials/authority-next.pem   the same of the other one, while a rotation lasts (authorities.h)
 *   DIR/credentials/authorities.pem   whom machines of the cluster believe
 *   DIR/credentials/identity.pem      zrms' own certificate and key
 *   DIR/credentials/identity-N.pem    the same, of the authority N, for those who do not believe that of identity.pem
 */
#ifndef SAMOZA_ZRMS_OWN_IDENTITY_H
#define SAMOZA_ZRMS_OWN_IDENTITY_H

#include "adapter/pki/trust.h"

/* DIR/credentials; the caller frees. */
char *own_identity_directory(const char *dir);
#define OWN_AUTHORITY_FILE	"authority.pem"
#define OWN_AUTHORITY_NEXT_FILE "authority-next.pem"

/* The cluster's first authority, made and stored. `passphrase`, here and below: of the key; NULL: it has none. */
int own_authority_make(const char *dir, const char *cluster, const char *passphrase,
		       int64_t now_wall_ms, struct pki_authority **ret_authority,
		       struct error **err) must_check;
/* One more, made and stored beside it. */
int own_authority_make_next(const char *dir, const char *cluster, uint32_t number,
			    const char *passphrase, int64_t now_wall_ms,
			    struct pki_authority **ret_authority,
			    struct error **err) must_check;
/* The one of a cluster that was never rotated. ERR_NOT_FOUND: it is not on this machine. */
int own_authority_read(const char *dir, const char *passphrase,
		       struct pki_authority **ret_authority, struct error **err) must_check;
/* The one of that key. ERR_NOT_FOUND, too. */
int own_authority_find(const char *dir, const struct pki_pin *pin, const char *passphrase,
		       struct pki_authority **ret_authority, struct error **err) must_check;
/* Whether that file holds the one of that key. */
bool own_authority_is(const char *path, const struct pki_pin *pin);
/* ---- on each of several zrms, as each may have to sign ---- */

#define OWN_AUTHORITY_KEYS 2
/* Certificate and key of the authority `at`, of 0 to OWN_AUTHORITY_KEYS - 1, as its file is: pki_secret_free(). NULL: there is
 * none, or it is none of `trust`. */
char *own_authority_key(const char *dir, const struct pki_trust *trust, unsigned at,
			struct pki_pin *ret_pin);
/* Stores what another one has told in this form. ERR_INVALID: it is none of `trust`. */
int own_authority_key_store(const char *dir, const struct pki_trust *trust, const char *pem,
			    struct error **err) must_check;
/* Keys of authorities that are none of `trust` any longer go. */
int own_authority_keys_follow(const char *dir, const struct pki_trust *trust,
			      struct error **err) must_check;

/* ---- zrms' own ---- */

/* A certificate of a zrms for the public key of `request`; `addresses`: NULL at the end. */
int own_identity_sign(const struct pki_authority *authority, const struct pki_request *request,
		      const char *const *addresses, int64_t lifetime_ms, int64_t now_wall_ms,
		      struct pki_certificate **ret_certificate, struct error **err) must_check;
/* Makes a new key and a certificate for `addresses`, and puts them in the place of the old ones. `other` 0: zrms' own;
 * otherwise the one for those who believe that authority only. */
int own_identity_issue(const char *dir, const struct pki_authority *authority, uint32_t other,
		       const char *const *addresses, int64_t lifetime_ms, int64_t now_wall_ms,
		       struct error **err) must_check;
/* Whether zrms' own is of one of these authorities. */
bool own_identity_is_believed(const char *dir, const struct pki_trust *trust);
/* From when on it is to be renewed, and when it ends. `chance`: as of pki_renewal_ms(). */
int own_identity_times(const char *dir, uint32_t chance, int64_t *ret_renew_wall_ms,
		       int64_t *ret_expires_wall_ms, struct error **err) must_check;

#endif
