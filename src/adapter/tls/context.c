#include "adapter/tls/context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "adapter/pki/credentials.h"
#include "adapter/pki/private.h"
#include "adapter/tls/believed.h"
#include "adapter/tls/site.h"

/* ---- questions of OpenSSL ---- */

static int on_verify(X509_STORE_CTX *store, void *arg)
{
	const struct tls_questions *ask = arg;
	const SSL *ssl =
		X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	return ask->verify(SSL_get_app_data(ssl), store);
}

static int on_protocols(SSL *ssl, const unsigned char **out, unsigned char *out_size,
			const unsigned char *in, unsigned in_size, void *arg)
{
	const struct tls_questions *ask = arg;
	const struct stream_protocol *p = NULL;
	int r = ask->protocol(SSL_get_app_data(ssl), in, in_size, &p);
	if (r <= 0)
		return r == 0 ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_ALERT_FATAL;
	if (p->needs_identity)
		SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	*out = (const unsigned char *)p->name;
	*out_size = (unsigned char)strlen(p->name);
	return SSL_TLSEXT_ERR_OK;
}

/* ---- the clock of each end ---- */

enum { CLOCK_BYTES = 8 };

static int clock_add(SSL *ssl, unsigned type, unsigned context, const unsigned char **out,
		     size_t *out_size, X509 *x509, size_t chain_at, int *alert, void *arg)
{
	(void)type, (void)context, (void)x509, (void)chain_at, (void)alert;
	const struct tls_questions *ask = arg;
	uint64_t s = (uint64_t)ask->clock_ms(SSL_get_app_data(ssl)) / 1000;
	unsigned char *bytes = OPENSSL_malloc(CLOCK_BYTES);
	if (bytes == NULL)
		return 0; /* left out */
	for (unsigned i = 0; i < CLOCK_BYTES; i++)
		bytes[i] = (unsigned char)(s >> (8 * (CLOCK_BYTES - 1 - i)));
	*out = bytes;
	*out_size = CLOCK_BYTES;
	return 1;
}

static void clock_free(SSL *ssl, unsigned type, unsigned context, const unsigned char *out,
		       void *arg)
{
	(void)ssl, (void)type, (void)context, (void)arg;
	OPENSSL_free((void *)(uintptr_t)out);
}

/* Only for messages: nothing is decided by what a peer says here, so nothing of it is refused. */
static int clock_read(SSL *ssl, unsigned type, unsigned context, const unsigned char *in,
		      size_t in_size, X509 *x509, size_t chain_at, int *alert, void *arg)
{
	(void)type, (void)context, (void)x509, (void)chain_at, (void)alert;
	const struct tls_questions *ask = arg;
	uint64_t s = 0;
	for (size_t i = 0; i < in_size && i < CLOCK_BYTES; i++)
		s = s << 8 | in[i];
	if (in_size == CLOCK_BYTES && s < UINT64_C(1) << 40)
		ask->peer_clock(SSL_get_app_data(ssl), (int64_t)s * 1000);
	return 1;
}

static int clock_install(SSL_CTX *ssl, const struct tls_questions *ask)
{
	void *arg = (void *)(uintptr_t)ask;
	return SSL_CTX_add_custom_ext(ssl, TLS_CLOCK_EXTENSION,
				      SSL_EXT_CLIENT_HELLO |
					      SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS,
				      clock_add, clock_free, arg, clock_read, arg);
}

/* ---- whom a client believes ---- */

static int believed_add(SSL *ssl, unsigned type, unsigned context, const unsigned char **out,
			size_t *out_size, X509 *x509, size_t chain_at, int *alert, void *arg)
{
	(void)type, (void)context, (void)x509, (void)chain_at, (void)alert;
	const struct tls_questions *ask = arg;
	return believed_write(ask->believed(SSL_get_app_data(ssl)), out, out_size);
}

/* What it says decides only which of the server's certificates it gets. */
static int believed_read(SSL *ssl, unsigned type, unsigned context, const unsigned char *in,
			 size_t in_size, X509 *x509, size_t chain_at, int *alert, void *arg)
{
	(void)type, (void)context, (void)x509, (void)chain_at, (void)alert;
	const struct tls_questions *ask = arg;
	if (SSL_is_server(ssl))
		ask->peer_believes(SSL_get_app_data(ssl), in, in_size);
	return 1;
}

static int believed_install(SSL_CTX *ssl, const struct tls_questions *ask)
{
	void *arg = (void *)(uintptr_t)ask;
	return SSL_CTX_add_custom_ext(ssl, TLS_BELIEVED_EXTENSION, SSL_EXT_CLIENT_HELLO,
				      believed_add, believed_free, arg, believed_read, arg);
}

static int on_certificate(SSL *ssl, void *arg)
{
	const struct tls_questions *ask = arg;
	if (!SSL_is_server(ssl))
		return 1;
	const struct tls_other *other = ask->other(SSL_get_app_data(ssl));
	if (other == NULL)
		return 1;
	SSL_certs_clear(ssl);
	return SSL_use_certificate(ssl, other->certificate->x509) == 1 &&
	       SSL_use_PrivateKey(ssl, other->key->pkey) == 1 &&
	       (int)SSL_add1_chain_cert(ssl, other->authority) == 1;
}

/* ---- making one ---- */

static X509 *issuer_of(const struct pki_trust *trust, X509 *x509)
{
	STACK_OF(X509) *authorities = trust_authorities(trust);
	for (int i = 0; i < sk_X509_num(authorities); i++)
		if (X509_check_issued(sk_X509_value(authorities, i), x509) == X509_V_OK)
			return sk_X509_value(authorities, i);
	return NULL; /* of an authority that was dropped */
}

/* The authority goes with the certificate, so that one who has only its pin can check the chain, and another cluster
 * can say whose certificate this is. */
static int chain_set(SSL_CTX *ssl, const struct pki_credentials *c)
{
	X509 *authority = issuer_of(c->trust, c->certificate->x509);
	return authority != NULL ? (int)SSL_CTX_add1_chain_cert(ssl, authority) : 1;
}

static void others_take(struct tls_context *context, struct pki_credentials *c)
{
	X509 *own = c->certificate != NULL ? issuer_of(c->trust, c->certificate->x509) : NULL;
	context->has_pin = own != NULL;
	if (own != NULL)
		context->pin = x509_pin(own);
	for (size_t k = 0; k < c->other_count; k++) {
		X509 *authority = issuer_of(c->trust, c->others[k].certificate->x509);
		if (authority == NULL)
			continue;
		context->others[context->other_count++] =
			(struct tls_other){.key = steal_ptr(&c->others[k].key),
					   .certificate = steal_ptr(&c->others[k].certificate),
					   .authority = authority,
					   .pin = x509_pin(authority)};
	}
}

static int identity_set(SSL_CTX *ssl, const struct pki_credentials *c)
{
	STACK_OF(X509) *authorities = trust_authorities(c->trust);
	for (int i = 0; i < sk_X509_num(authorities); i++)
		if (SSL_CTX_add_client_CA(ssl, sk_X509_value(authorities, i)) != 1)
			return 0;
	if (c->key == NULL)
		return 1;
	return SSL_CTX_use_certificate(ssl, c->certificate->x509) == 1 &&
	       SSL_CTX_use_PrivateKey(ssl, c->key->pkey) == 1 && chain_set(ssl, c) == 1;
}

static int settings_set(SSL_CTX *ssl, const struct tls_questions *ask)
{
	void *arg = (void *)(uintptr_t)ask;
	/* A buffer of the inner stream moves and may be taken in part. Memory of idle streams goes. */
	(void)SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* One record per call, so that a peer that sends nothing but key updates keeps nobody else waiting. */
	(void)SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_read_ahead(ssl, 1);
	/* No resumption: it would keep the word of a certificate beyond its end. */
	(void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ssl, on_verify, arg);
	SSL_CTX_set_alpn_select_cb(ssl, on_protocols, arg);
	SSL_CTX_set_cert_cb(ssl, on_certificate, arg);
	return SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(ssl, 0) == 1 && clock_install(ssl, ask) == 1 &&
	       believed_install(ssl, ask) == 1;
}

/* Nobody is asked who he is. */
static int site_fill(struct tls_context *context, const struct tls_options *options,
		     const struct tls_questions *ask, struct error **err)
{
	ERR_clear_error();
	context->ssl = openssl_need(SSL_CTX_new(TLS_server_method()));
	if (!settings_set(context->ssl, ask))
		return openssl_error(err, ERR_INVALID, "cannot prepare TLS");
	SSL_CTX_set_verify(context->ssl, SSL_VERIFY_NONE, NULL);
	return site_certificate_set(context->ssl, options->site_certificate, options->site_key,
				    err);
}

static int context_fill(struct tls_context *context, const struct tls_options *options,
			const struct tls_questions *ask, struct error **err)
{
	CLEANUP(pki_credentials_done) struct pki_credentials c = {0};
	int r = options->directory != NULL ? pki_credentials_load(options->directory, &c, err)
					   : 0;
	if (r < 0)
		return r;
	ERR_clear_error();
	context->ssl = openssl_need(SSL_CTX_new(TLS_method()));
	if (!settings_set(context->ssl, ask) ||
	    (options->directory != NULL && !identity_set(context->ssl, &c)))
		return openssl_error(err, ERR_INVALID, "cannot use the credentials%s%s",
				     options->directory != NULL ? " in " : "",
				     options->directory != NULL ? options->directory : "");
	context->is_anonymous = c.key == NULL;
	if (c.trust != NULL)
		others_take(context, &c);
	context->own_trust = steal_ptr(&c.trust);
	context->trust = context->own_trust != NULL ? context->own_trust : options->trust;
	return 0;
}

int tls_context_new(const struct tls_options *options, const struct tls_questions *questions,
		    struct tls_context **ret_context, struct error **err)
{
	struct tls_context *context = mem_new(struct tls_context);
	context->refs = 1;
	int r = options->site_certificate != NULL
			? site_fill(context, options, questions, err)
			: context_fill(context, options, questions, err);
	if (r < 0) {
		tls_context_unref(context);
		return r;
	}
	*ret_context = context;
	return 0;
}

void tls_context_unref(struct tls_context *context)
{
	if (context == NULL || --context->refs > 0)
		return;
	SSL_CTX_free(context->ssl);
	for (size_t k = 0; k < context->other_count; k++) {
		pki_key_free(context->others[k].key);
		pki_certificate_free(context->others[k].certificate);
	}
	pki_trust_free(context->own_trust);
	free(context);
}
