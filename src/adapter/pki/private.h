/*
 * What the files of this directory, and adapter/tls, know of OpenSSL's types.
 */
#ifndef SAMOZA_ADAPTER_PKI_PRIVATE_H
#define SAMOZA_ADAPTER_PKI_PRIVATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "adapter/pki/trust.h"

struct pki_key {
	EVP_PKEY *pkey;
};

struct pki_certificate {
	X509 *x509;
};

struct pki_request {
	X509_REQ *req;
};

/* Sets an error with what OpenSSL says last, and forgets that. Where it had no memory the program ends,
 * as everywhere (base/memory.h). */
int openssl_error(struct error **err, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* `p`, or the end of the program: for what fails only without memory. */
void *openssl_need(void *p);
/* What was written to `bio`, which is freed. The caller frees. */
char *bio_text(BIO *bio);
BIO *bio_of(const char *text, size_t size);

/* NULL: pins only. Borrowed. */
STACK_OF(X509) * trust_authorities(const struct pki_trust *trust);

/* Whether it is a key of the one kind that we use. */
bool pkey_is_p256(EVP_PKEY *pkey);
struct pki_pin x509_pin(const X509 *x509);
/* Wall clock. */
int64_t x509_time_ms(const ASN1_TIME *at);

#endif
