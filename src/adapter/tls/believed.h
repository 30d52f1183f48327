/*
 * What a client says of whom it believes (TLS_BELIEVED_EXTENSION): the pins, one after the other.
 */
#ifndef SAMOZA_ADAPTER_TLS_BELIEVED_H
#define SAMOZA_ADAPTER_TLS_BELIEVED_H

#include <openssl/ssl.h>

#include "adapter/pki/trust.h"

/* The body of the extension. 1: it is there, for believed_free(). 0: there is nothing to say. */
int believed_write(const struct pki_trust *trust, const unsigned char **ret_bytes,
		   size_t *ret_size);
/* For SSL_CTX_add_custom_ext(). */
void believed_free(SSL *ssl, unsigned type, unsigned context, const unsigned char *bytes,
		   void *arg);

#endif
