/*
 * The certificate authority of a cluster. Several of them are valid together while one takes the
 * place of another, so each has a number in its name.
 */
#ifndef SAMOZA_ADAPTER_PKI_AUTHORITY_H
#define SAMOZA_ADAPTER_PKI_AUTHORITY_H

#include "adapter/pki/certificate.h"

#define PKI_MINUTE_MS	   INT64_C(60000)
#define PKI_DAY_MS	   (INT64_C(24) * 60 * PKI_MINUTE_MS)
#define PKI_BACKDATE_MS	   (5 * PKI_MINUTE_MS) /* clocks differ */
#define PKI_AUTHORITY_MS   (3650 * PKI_DAY_MS)
#define PKI_MACHINE_MS	   (7 * PKI_DAY_MS)  /* of a zhost */
#define PKI_SERVER_MS	   (90 * PKI_DAY_MS) /* of zrms itself */
#define PKI_RENEW_GRACE_MS (90 * PKI_DAY_MS) /* after its end, on the strength of the old key */
#define PKI_ADDRESSES_MAX  64

struct pki_authority;

/* Makes a key and a certificate that signs itself: ten years, for no further authorities. */
int pki_authority_new(const char *cluster, unsigned number, int64_t now_wall_ms,
		      struct pki_authority **ret_authority, struct error **err) must_check;
/* Of key and certificate in one PEM text. */
int pki_authority_read(const char *pem, size_t size, const char *passphrase,
		       struct pki_authority **ret_authority, struct error **err) must_check;
/* Certificate and key in one PEM text: pki_secret_free(). */
char *pki_authority_write(const struct pki_authority *authority, const char *passphrase);
/* Borrowed. */
const struct pki_certificate *pki_authority_certificate(const struct pki_authority *authority);
/* NULL is fine. */
void pki_authority_free(struct pki_authority *authority);
void pki_authority_freep(struct pki_authority **authority);

/* What the authority vouches for; nothing of it comes from the request. Borrowed. */
struct pki_subject {
	const char *role, *name; /* letters, digits and -._@ */
	/* Names and numeric addresses under which it is reached; NULL at the end, or NULL. */
	const char *const *addresses;
	int64_t lifetime_ms;
};

/* For the public key of `request`. It is valid from PKI_BACKDATE_MS before now_wall_ms and never beyond
 * the authority's own end. ERR_INVALID: a name that no certificate can hold. */
int pki_issue(const struct pki_authority *authority, const struct pki_request *request,
	      const struct pki_subject *subject, int64_t now_wall_ms,
	      struct pki_certificate **ret_certificate, struct error **err) must_check;

/* When a certificate is to be renewed: a third of its life after its beginning, and up to a tenth of it
 * later, so that many do not come together. `chance`: drawn by the caller, 0 to UINT32_MAX. */
int64_t pki_renewal_ms(int64_t not_before_ms, int64_t not_after_ms, uint32_t chance);

#endif
