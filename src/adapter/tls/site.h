/*
 * The certificate of a site that is for everybody: of an authority that browsers know, in the files that its tools
 * write.
 */
#ifndef SAMOZA_ADAPTER_TLS_SITE_H
#define SAMOZA_ADAPTER_TLS_SITE_H

#include <openssl/ssl.h>

#include "base/error.h"

/* `certificate`: with its chain. Links are followed, and the group may read the key: the tools that renew such
 * certificates keep them so. ERR_NOT_FOUND; ERR_DENIED: everybody can read the key, or we cannot; ERR_INVALID: no
 * PEM, or the key is of another certificate. */
int site_certificate_set(SSL_CTX *ssl, const char *certificate, const char *key,
			 struct error **err) must_check;

#endif
