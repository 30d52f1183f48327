#include "adapter/tls/verifier.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "adapter/pki/private.h"
#include "adapter/tls/believed.h"
#include "adapter/tls/context.h"
#include "adapter/tls/verify.h"

static int on_verify(X509_STORE_CTX *store, void *arg)
{
	struct tls_verifier *v = arg;
	const struct pki_expectation expected = {
		.now_wall_ms = v->now_wall_ms,
		.role = v->role,
		.is_server = true,
		.advice = "check the address; where this cluster has rotated its authority, "
			  "log in "
			  "again (zshell login), or give its new --ca or --fingerprint"};
	CLEANUP(pki_identity_done) struct pki_identity identity = {0};
	enum pki_fault fault = PKI_NO_FAULT;
	error_free(steal_ptr(&v->why));
	return tls_verify(store, v->trust, &expected, &identity, &fault, &v->why);
}

/* So that a server that has certificates of several authorities shows one of these. */
static int on_believed(SSL *ssl, unsigned type, unsigned context, const unsigned char **out,
		       size_t *out_size, X509 *x509, size_t chain_at, int *alert, void *arg)
{
	(void)ssl, (void)type, (void)context, (void)x509, (void)chain_at, (void)alert;
	const struct tls_verifier *v = arg;
	return believed_write(v->trust, out, out_size);
}

int tls_verifier_install(struct tls_verifier *verifier, void *ssl_ctx)
{
	SSL_CTX_set_cert_verify_callback(ssl_ctx, on_verify, verifier);
	SSL_CTX_set_verify(ssl_ctx, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_add_custom_ext(ssl_ctx, TLS_BELIEVED_EXTENSION, SSL_EXT_CLIENT_HELLO,
				   on_believed, believed_free, verifier, NULL, NULL) != 1)
		return -1;
	return SSL_CTX_set_min_proto_version(ssl_ctx, TLS1_3_VERSION) == 1 ? 0 : -1;
}

static int on_presented(X509_STORE_CTX *store, void *arg)
{
	struct tls_presented *p = arg;
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(store);
	p->was_called = true;
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *x509 = sk_X509_value(chain, i);
		if (X509_check_ca(x509) == 0)
			continue;
		p->authority = x509_pin(x509);
		p->has_authority = true;
	}
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

int tls_presented_install(struct tls_presented *presented, void *ssl_ctx)
{
	SSL_CTX_set_cert_verify_callback(ssl_ctx, on_presented, presented);
	SSL_CTX_set_verify(ssl_ctx, SSL_VERIFY_PEER, NULL);
	return SSL_CTX_set_min_proto_version(ssl_ctx, TLS1_3_VERSION) == 1 ? 0 : -1;
}
