#include "adapter/wire/wire_dial.h"

#include "adapter/http/client.h"
#include "base/memory.h"

struct wire_dial {
	struct loop *loop;
	char *host, *token;
	uint16_t port;
	int64_t timeout_ms;
	wire_dial_fn *fn;
	void *user;
	struct loop_timer *deadline;
	struct stream *stream;	/* while it connects */
	struct http_call *call; /* afterwards */
};

static void dial_free(struct wire_dial *dial)
{
	stream_close(dial->stream);
	http_call_cancel(dial->call);
	loop_timer_free(dial->deadline);
	free(dial->token);
	free(dial->host);
	free(dial);
}

void wire_dial_cancel(struct wire_dial *dial)
{
	if (dial != NULL)
		dial_free(dial);
}

static void report(struct wire_dial *dial, struct stream *stream, const struct error *why)
{
	dial->fn(dial->user, stream, why);
	dial_free(dial);
}

static void on_deadline(void *user)
{
	struct wire_dial *dial = user;
	CLEANUP(error_freep) struct error *err = NULL;
	(void)error_set(&err, ERR_TIMEOUT, "no answer from %s:%u", dial->host, dial->port);
	report(dial, NULL, err);
}

/* ---- asking for the protocol ---- */

static void on_upgraded(void *user, struct stream *stream)
{
	struct wire_dial *dial = user;
	dial->call = NULL;
	report(dial, stream, NULL);
}

static void on_refused(void *user, const struct error *why)
{
	struct wire_dial *dial = user;
	dial->call = NULL;
	report(dial, NULL, why);
}

static const struct http_call_handler call_handler = {.done = on_refused,
						      .upgraded = on_upgraded};

/* ---- connecting ---- */

static void on_connected(void *user, struct stream *stream, const struct error *why)
{
	struct wire_dial *dial = user;
	if (why != NULL) {
		report(dial, NULL, why);
		return;
	}
	dial->stream = NULL;
	if (stream_protocol(stream) != NULL &&
	    strcmp(stream_protocol(stream), LINK_PROTOCOL) == 0) {
		report(dial, stream, NULL);
		return;
	}
	const struct http_call_options options = {.target = LINK_TARGET,
						  .to = {dial->host, dial->port},
						  .idle_ms = dial->timeout_ms,
						  .token = dial->token,
						  .upgrade = LINK_PROTOCOL};
	dial->call = http_call_on(stream, &options, &call_handler, dial);
}

static const struct stream_handler stream_handler = {.connected = on_connected};

struct wire_dial *wire_dial_new(struct loop *loop, struct stream_transport *transport,
				const struct wire_dial_options *options, wire_dial_fn *fn,
				void *user)
{
	struct wire_dial *dial = mem_new(struct wire_dial);
	dial->loop = loop;
	dial->host = mem_strdup(options->to.host);
	dial->port = options->to.port;
	dial->token = mem_strdup(options->token);
	dial->timeout_ms = options->timeout_ms;
	dial->fn = fn;
	dial->user = user;
	dial->deadline = loop_timer_new(loop, on_deadline, dial);
	loop_timer_at(dial->deadline, loop_now(loop).mono_ms + options->timeout_ms);
	const struct stream_connect_options connect = {.to = options->to,
						       .timeout_ms = options->timeout_ms,
						       .protocol = LINK_PROTOCOL,
						       .peer_role = options->peer_role};
	dial->stream = stream_connect(transport, &connect, &stream_handler, dial);
	return dial;
}
