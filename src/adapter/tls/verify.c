#include "adapter/tls/verify.h"

#include "adapter/pki/private.h"

enum { CHAIN_MAX = 4 };

/* OpenSSL makes the alert of it. */
static int error_for(enum pki_fault fault)
{
	switch (fault) {
	case PKI_FOREIGN:
		return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY; /* unknown_ca */
	case PKI_EXPIRED:
		return X509_V_ERR_CERT_HAS_EXPIRED;
	case PKI_NOT_YET:
		return X509_V_ERR_CERT_NOT_YET_VALID; /* bad_certificate */
	case PKI_SOMEBODY_ELSE:
	case PKI_MALFORMED:
	case PKI_NO_FAULT:
		break;
	}
	return X509_V_ERR_CERT_REJECTED; /* bad_certificate */
}

int tls_verify(X509_STORE_CTX *store, const struct pki_trust *trust,
	       const struct pki_expectation *expected, struct pki_identity *ret_identity,
	       enum pki_fault *ret_fault, struct error **err)
{
	STACK_OF(X509) *presented = X509_STORE_CTX_get0_untrusted(store);
	const struct pki_certificate leaf = {.x509 = X509_STORE_CTX_get0_cert(store)};
	struct pki_certificate chain[CHAIN_MAX];
	const struct pki_certificate *pointers[CHAIN_MAX];
	size_t count = 0;
	for (int i = 0; i < sk_X509_num(presented) && count < CHAIN_MAX; i++) {
		chain[count].x509 = sk_X509_value(presented, i);
		pointers[count] = &chain[count];
		count++;
	}
	int r = pki_verify(trust, expected, &leaf, pointers, count, ret_identity, ret_fault,
			   err);
	X509_STORE_CTX_set_error(store, r == 0 ? X509_V_OK : error_for(*ret_fault));
	return r == 0;
}
