/*
 * Connecting: the inner stream, then the handshake, all within one deadline.
 */
#include "adapter/tls/handshake.h"
#include "adapter/tls/stream.h"
#include "adapter/tls/transport.h"
#include "adapter/tls/trouble.h"
#include "base/heap.h"
#include "base/str.h"

struct tls_connect {
	struct tls_handshake handshake;
	struct loop_timer *deadline;
	char *host, *protocol, *peer_role, *peer_name;
};

static struct tls_connect *connect_of(struct tls_handshake *h)
{
	return container_of(h, struct tls_connect, handshake);
}

static void on_cancelled(struct tls_handshake *h)
{
	struct tls_connect *c = connect_of(h);
	loop_timer_free(c->deadline);
	free(c->host);
	free(c->protocol);
	free(c->peer_role);
	free(c->peer_name);
	free(c);
}

static void on_over(struct tls_handshake *h, struct error *why)
{
	struct tls_stream *tls = h->tls;
	on_cancelled(h);
	if (why != NULL && tls->broken == NULL)
		(void)error_set(&tls->broken, why->code, "%s", why->message);
	tls_stream_watch(tls);
	tls->stream.handler->connected(tls->stream.user, &tls->stream, why);
	error_free(why);
}

static const struct tls_handshake_ops handshake_ops = {.over = on_over,
						       .cancelled = on_cancelled};

static void on_deadline(void *user)
{
	struct tls_connect *c = user;
	struct error *why = trouble_late(&c->handshake);
	handshake_leave(&c->handshake);
	on_over(&c->handshake, why);
}

static void on_inner_connected(void *user, struct stream *inner, const struct error *why)
{
	struct tls_stream *tls = user;
	struct tls_handshake *h = tls->handshake;
	if (why == NULL) {
		tls_stream_attach(tls, inner);
		handshake_begin(h);
		handshake_step(h);
		return;
	}
	struct error *copy = NULL;
	(void)error_set(&copy, why->code, "%s", why->message);
	handshake_leave(h);
	on_over(h, copy);
}

static const struct stream_handler connecting = {.connected = on_inner_connected};

struct stream *tls_transport_connect(struct stream_transport *transport,
				     const struct stream_connect_options *options,
				     const struct stream_handler *handler, void *user)
{
	struct tls_transport *t = container_of(transport, struct tls_transport, transport);
	struct tls_stream *tls = tls_stream_new(t, handler, user);
	struct tls_connect *c = mem_new(struct tls_connect);
	c->host = mem_strdup(options->to.host);
	c->protocol = mem_strdup(options->protocol);
	c->peer_role = mem_strdup(options->peer_role);
	c->peer_name = mem_strdup(options->peer_name);
	c->handshake = (struct tls_handshake){.calls = &handshake_calls,
					      .ops = &handshake_ops,
					      .tls = tls,
					      .host = c->host,
					      .port = options->to.port,
					      .protocol = c->protocol,
					      .peer_role = c->peer_role,
					      .peer_name = c->peer_name};
	tls->handshake = &c->handshake;
	c->deadline = loop_timer_new(t->loop, on_deadline, c);
	loop_timer_at(c->deadline, loop_now(t->loop).mono_ms + options->timeout_ms);
	const struct stream_connect_options below = {.to = options->to,
						     .timeout_ms = options->timeout_ms};
	tls->inner = stream_connect(t->inner, &below, &connecting, tls);
	return &tls->stream;
}
