/*
 * Our verification for a library that makes its TLS by itself, libcurl: it hands out the SSL_CTX before each
 * connection.
 */
#ifndef SAMOZA_ADAPTER_TLS_VERIFIER_H
#define SAMOZA_ADAPTER_TLS_VERIFIER_H

#include "adapter/pki/trust.h"

struct tls_verifier {
	const struct pki_trust *trust; /* borrowed */
	const char *role;	       /* of the server */
	int64_t now_wall_ms;
	struct error *why; /* of the last one that was not believed; or NULL */
};

/* `ssl_ctx`: an SSL_CTX of a client. The verifier must outlive its connections. Returns 0, or -1. */
int tls_verifier_install(struct tls_verifier *verifier, void *ssl_ctx);

/* What a server presents, before anybody believes it: the handshake goes no further. */
struct tls_presented {
	bool was_called, has_authority;
	struct pki_pin authority; /* key of the authority in its chain */
};

/* As above. */
int tls_presented_install(struct tls_presented *presented, void *ssl_ctx);

#endif
