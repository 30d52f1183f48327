#include "adapter/tls/stream.h"

#include <openssl/err.h>

#include "adapter/tls/farewell.h"
#include "adapter/tls/handshake.h"
#include "adapter/tls/records.h"
#include "adapter/tls/trouble.h"
#include "base/check.h"
#include "base/heap.h"

/* READ_ROUNDS: records of one call, so that nobody else waits for long. */
enum { RECORD_BYTES = 16384, READ_ROUNDS = 16 };

static struct tls_stream *tls_of(struct stream *stream)
{
	return container_of(stream, struct tls_stream, stream);
}

/* ---- what happens below ---- */

static unsigned wanted_of_inner(const struct tls_stream *tls)
{
	if (tls->broken != NULL)
		return 0;
	unsigned events = tls->out.size > 0 ? STREAM_WRITE : 0;
	if (tls->handshake != NULL)
		return events | STREAM_READ;
	events |= tls->stream.wanted & STREAM_WRITE;
	if (!tls->is_blocked && !tls->has_ended)
		events |= tls->stream.wanted & STREAM_READ;
	return events;
}

void tls_stream_watch(struct tls_stream *tls)
{
	if (tls->inner != NULL)
		stream_want(tls->inner, wanted_of_inner(tls));
}

static void on_inner_ready(void *user, struct stream *inner, unsigned events)
{
	(void)inner;
	struct tls_stream *tls = user;
	if ((events & STREAM_WRITE) != 0)
		records_flush(tls);
	if (tls->handshake != NULL) {
		tls->handshake->calls->step(tls->handshake);
		return;
	}
	unsigned possible = events & STREAM_READ;
	if (tls->is_blocked && tls->out.size == 0) {
		tls->is_blocked = false;
		possible |= STREAM_READ; /* the read that had to write first */
	}
	if (tls->out.size == 0)
		possible |= events & STREAM_WRITE;
	if (tls->broken != NULL)
		possible = STREAM_READ | STREAM_WRITE;
	tls_stream_watch(tls);
	stream_announce(&tls->stream, possible);
}

static const struct stream_handler inner_handler = {.ready = on_inner_ready};

void tls_stream_attach(struct tls_stream *tls, struct stream *inner)
{
	tls->inner = inner;
	tls->stream.peer.address = stream_peer(inner)->address;
	stream_set_handler(inner, &inner_handler, tls);
}

/* ---- the port ---- */

static int broken(const struct tls_stream *tls, struct error **err)
{
	return error_set(err, tls->broken->code, "%s", tls->broken->message);
}

/* Whether another record may be had without waiting. */
static bool goes_on(struct tls_stream *tls, size_t taken)
{
	return SSL_has_pending(tls->ssl) == 1 || taken >= RECORD_BYTES;
}

/* Sets has_ended and broken, too. */
static size_t records_open(struct tls_stream *tls, char *to, size_t size)
{
	size_t sum = 0;
	tls->is_starved = tls->is_blocked = false;
	for (unsigned i = 0; i < READ_ROUNDS && sum < size; i++) {
		size_t n = 0;
		ERR_clear_error();
		if (SSL_read_ex(tls->ssl, to + sum, size - sum, &n) == 1) {
			sum += n;
			if (!goes_on(tls, n))
				break;
			continue;
		}
		int code = SSL_get_error(tls->ssl, 0);
		if (code == SSL_ERROR_ZERO_RETURN) {
			tls->has_ended = true;
			break;
		}
		if (code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE) {
			stream_break(tls, trouble_of_stream(tls));
			break;
		}
		if (tls->is_starved || tls->is_blocked)
			break; /* else it was a record without data */
	}
	tls->has_more = tls->broken == NULL && !tls->has_ended && !tls->is_starved &&
			!tls->is_blocked && SSL_has_pending(tls->ssl) == 1;
	return sum;
}

static int tls_read(struct stream *stream, void *to, size_t size, size_t *ret_size,
		    struct error **err)
{
	struct tls_stream *tls = tls_of(stream);
	PRE(tls->handshake == NULL);
	size_t n = 0;
	if (tls->broken == NULL && !tls->has_ended)
		n = records_open(tls, to, size);
	if (n == 0 && tls->broken != NULL)
		return broken(tls, err);
	if (n == 0 && tls->has_ended)
		return 0;
	if (tls->out.size > 0 || tls->is_blocked)
		tls_stream_watch(tls);
	*ret_size = n;
	return 1;
}

static int tls_write(struct stream *stream, const void *data, size_t size, size_t *ret_size,
		     struct error **err)
{
	struct tls_stream *tls = tls_of(stream);
	PRE(tls->handshake == NULL);
	size_t sum = 0;
	records_flush(tls);
	while (tls->broken == NULL && tls->out.size == 0 && sum < size) {
		size_t n = 0, part = size - sum < RECORD_BYTES ? size - sum : RECORD_BYTES;
		ERR_clear_error();
		if (SSL_write_ex(tls->ssl, (const char *)data + sum, part, &n) != 1) {
			int code = SSL_get_error(tls->ssl, 0);
			if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE)
				break;
			stream_break(tls, trouble_of_stream(tls));
		}
		sum += n;
	}
	if (tls->broken != NULL)
		return broken(tls, err);
	if (tls->out.size > 0)
		tls_stream_watch(tls);
	*ret_size = sum;
	return 0;
}

static void tls_want(struct stream *stream)
{
	struct tls_stream *tls = tls_of(stream);
	if (tls->handshake == NULL)
		tls_stream_watch(tls);
}

static unsigned tls_pending(const struct stream *stream)
{
	const struct tls_stream *tls = container_of(stream, struct tls_stream, stream);
	if (tls->handshake != NULL)
		return 0;
	if (tls->broken != NULL)
		return STREAM_READ | STREAM_WRITE;
	return tls->has_more || tls->has_ended ? STREAM_READ : 0;
}

static void tls_close(struct stream *stream)
{
	struct tls_stream *tls = tls_of(stream);
	bool stands = tls->handshake == NULL && tls->ssl != NULL && tls->broken == NULL;
	if (tls->handshake != NULL)
		tls->handshake->calls->cancel(tls->handshake);
	else if (stands)
		(void)SSL_shutdown(tls->ssl);
	/* To a peer that still writes, a closed connection would say that it is broken, and what is under way to it would
	 * be lost. */
	bool until_it_goes = stands && !tls->has_ended && !tls->inner_ended;
	ERR_clear_error();
	SSL_free(tls->ssl);
	if (tls->broken != NULL)
		buffer_clear(&tls->out);
	if (tls->inner != NULL)
		tls_farewell_begin(tls->transport, tls->inner, &tls->out, until_it_goes);
	buffer_done(&tls->out);
	error_free(tls->broken);
	free(tls->identity);
	free(tls->protocol);
	stream_done(stream);
	free(tls);
}

static void tls_patience(struct stream *stream, int64_t ms)
{
	struct tls_stream *tls = tls_of(stream);
	if (tls->inner != NULL)
		stream_set_patience(tls->inner, ms);
}

static const struct stream_ops tls_ops = {
	.read = tls_read,
	.write = tls_write,
	.want = tls_want,
	.pending = tls_pending,
	.patience = tls_patience,
	.close = tls_close,
};

struct tls_stream *tls_stream_new(struct tls_transport *transport,
				  const struct stream_handler *handler, void *user)
{
	struct tls_stream *tls = mem_new(struct tls_stream);
	tls->transport = transport;
	stream_init(&tls->stream, &tls_ops, transport->loop, handler, user);
	return tls;
}
