#include "adapter/tls/transport.h"

#include <openssl/crypto.h>

#include "adapter/pki/private.h"
#include "adapter/tls/farewell.h"
#include "adapter/tls/handshake.h"
#include "base/check.h"
#include "base/heap.h"

static struct tls_transport *tls_of(const struct stream_transport *transport)
{
	return container_of(transport, struct tls_transport, transport);
}

static int transport_reload(struct stream_transport *transport, struct error **err)
{
	struct tls_transport *t = tls_of(transport);
	struct tls_context *next = NULL;
	int r = tls_context_new(&t->options, &handshake_questions, &next, err);
	if (r < 0)
		return r;
	tls_context_unref(t->context);
	t->context = next;
	return stream_transport_reload(t->inner, err);
}

static void transport_free(struct stream_transport *transport)
{
	struct tls_transport *t = tls_of(transport);
	tls_farewells_end(t);
	tls_context_unref(t->context);
	stream_transport_free(t->inner);
	free(t->directory);
	free(t->site_certificate);
	free(t->site_key);
	free(t);
}

static const struct stream_transport_ops transport_ops = {
	.connect = tls_transport_connect,
	.listen = tls_transport_listen,
	.reload = transport_reload,
	.free = transport_free,
};

int tls_transport_new(struct loop *loop, struct stream_transport *inner,
		      const struct tls_options *options,
		      struct stream_transport **ret_transport, struct error **err)
{
	PRE((options->directory != NULL) + (options->trust != NULL) +
		    (options->site_certificate != NULL) ==
	    1);
	PRE((options->site_certificate != NULL) == (options->site_key != NULL));
	PRE(options->handshakes_max <= TLS_HANDSHAKES_LIMIT);
	struct tls_transport *t = mem_new(struct tls_transport);
	t->transport.ops = &transport_ops;
	t->loop = loop;
	t->inner = inner;
	t->directory = mem_strdup(options->directory);
	t->options = *options;
	t->options.directory = t->directory;
	t->site_certificate = mem_strdup(options->site_certificate);
	t->site_key = mem_strdup(options->site_key);
	t->options.site_certificate = t->site_certificate;
	t->options.site_key = t->site_key;
	if (t->options.handshakes_max == 0)
		t->options.handshakes_max = TLS_HANDSHAKES_MAX;
	if (t->options.waiting_max == 0)
		t->options.waiting_max = TLS_WAITING_MAX;
	if (t->options.handshake_ms == 0)
		t->options.handshake_ms = TLS_HANDSHAKE_MS;
	int r = tls_context_new(&t->options, &handshake_questions, &t->context, err);
	if (r < 0) {
		transport_free(&t->transport);
		return r;
	}
	*ret_transport = &t->transport;
	return 0;
}

int64_t tls_transport_expires_wall_ms(const struct stream_transport *transport)
{
	const X509 *own = SSL_CTX_get0_certificate(tls_of(transport)->context->ssl);
	PRE(own != NULL);
	return x509_time_ms(X509_get0_notAfter(own));
}

struct tls_counters tls_transport_counters(const struct stream_transport *transport)
{
	return tls_of(transport)->counters;
}
