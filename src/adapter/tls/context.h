/*
 * What the streams of one generation of credentials share. A reload makes another one; streams that stand
 * keep theirs.
 */
#ifndef SAMOZA_ADAPTER_TLS_CONTEXT_H
#define SAMOZA_ADAPTER_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "adapter/pki/credentials.h"
#include "adapter/tls/tls.h"

/* Both ends tell their clocks in the handshake, so that a refusal can say which differs: eight bytes, seconds since
 * 1970, big-endian. */
#define TLS_CLOCK_EXTENSION 0xff5au

/* A client tells whom it believes, so that a server with certificates of several authorities shows one of these: the pins, one
 * after the other. A client without it gets the server's own. */
#define TLS_BELIEVED_EXTENSION 0xff5bu

/* Of another authority than the server's own. */
struct tls_other {
	struct pki_key *key;
	struct pki_certificate *certificate;
	X509 *authority; /* borrowed of the trust */
	struct pki_pin pin;
};

struct tls_context {
	unsigned refs;
	SSL_CTX *ssl;
	const struct pki_trust *trust;
	struct pki_trust *own_trust; /* NULL: the caller's */
	bool is_anonymous;
	bool has_pin;
	struct pki_pin pin; /* of the authority of its own certificate */
	struct tls_other others[PKI_OTHERS_MAX];
	size_t other_count;
};

/* What a handshake must answer, asked by OpenSSL from inside it. `user` is the SSL's app data. */
struct tls_questions {
	/* The certificate and chain in `store`; 1: good. Otherwise an error is set in `store`. */
	int (*verify)(void *user, X509_STORE_CTX *store);
	/* 1: an entry; 0: nothing is negotiated here; -1: there is none in common. */
	int (*protocol)(void *user, const unsigned char *offered, unsigned size,
			const struct stream_protocol **ret_protocol);
	int64_t (*clock_ms)(void *user);
	void (*peer_clock)(void *user, int64_t wall_ms);
	const struct pki_trust *(*believed)(void *user);
	void (*peer_believes)(void *user, const unsigned char *pins, size_t size);
	/* Which one the server shows; NULL: its own. */
	const struct tls_other *(*other)(void *user);
};

/* `questions` must outlive the context. */
int tls_context_new(const struct tls_options *options, const struct tls_questions *questions,
		    struct tls_context **ret_context, struct error **err) must_check;
void tls_context_unref(struct tls_context *context);

#endif
