/*
 * Certificates: what one says, and requests for one.
 *
 *   subject         O=CLUSTER, CN=NAME             an authority: CN="Samoza CA 1"
 *   names           URI:samoza:CLUSTER/ROLE/NAME   who it is, for us
 *                   DNS:…, IP:…                    where it can be reached, for browsers and curl
 *   lifetime        from not_before_ms to not_after_ms, wall clock
 */
#ifndef SAMOZA_ADAPTER_PKI_CERTIFICATE_H
#define SAMOZA_ADAPTER_PKI_CERTIFICATE_H

#include "adapter/pki/key.h"

struct pki_certificate;
struct pki_request;

/* Who a certificate is of. An authority's has no role. */
struct pki_identity {
	char *cluster, *role, *name;
	struct pki_pin key;
	int64_t not_before_ms, not_after_ms;
};

void pki_identity_done(struct pki_identity *identity);

/* The first certificate in `pem`. ERR_INVALID: none, or a broken one. */
int pki_certificate_read(const char *pem, size_t size, struct pki_certificate **ret_certificate,
			 struct error **err) must_check;
int pki_certificate_read_der(const void *der, size_t size,
			     struct pki_certificate **ret_certificate,
			     struct error **err) must_check;
/* PEM; the caller frees. */
char *pki_certificate_write(const struct pki_certificate *certificate);
/* NULL is fine. */
void pki_certificate_free(struct pki_certificate *certificate);
void pki_certificate_freep(struct pki_certificate **certificate);

/* ERR_INVALID: it does not say who it is of. */
int pki_certificate_identity(const struct pki_certificate *certificate,
			     struct pki_identity *ret_identity, struct error **err) must_check;
struct pki_pin pki_certificate_pin(const struct pki_certificate *certificate);
bool pki_certificate_is_of(const struct pki_certificate *certificate,
			   const struct pki_key *key);

/* ---- requests: the key stays where it was made, its public half travels ---- */

int pki_request_new(const struct pki_key *key, struct pki_request **ret_request,
		    struct error **err) must_check;
/* ERR_INVALID: broken, not signed by its own key, or a key that is not of P-256. */
int pki_request_read(const char *pem, size_t size, struct pki_request **ret_request,
		     struct error **err) must_check;
char *pki_request_write(const struct pki_request *request);
struct pki_pin pki_request_pin(const struct pki_request *request);
/* NULL is fine. */
void pki_request_free(struct pki_request *request);
void pki_request_freep(struct pki_request **request);

#endif
