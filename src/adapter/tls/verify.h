/*
 * pki_verify() for what OpenSSL has received, and the alert that a peer is sent when it says no.
 */
#ifndef SAMOZA_ADAPTER_TLS_VERIFY_H
#define SAMOZA_ADAPTER_TLS_VERIFY_H

#include <openssl/x509_vfy.h>

#include "adapter/pki/trust.h"

/* 1, or 0 with `*ret_fault` and `*err`. `*ret_identity` is the caller's. */
int tls_verify(X509_STORE_CTX *store, const struct pki_trust *trust,
	       const struct pki_expectation *expected, struct pki_identity *ret_identity,
	       enum pki_fault *ret_fault, struct error **err);

#endif
