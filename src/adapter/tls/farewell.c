#include "adapter/tls/farewell.h"

#include <utlist.h>

#include "base/check.h"

enum { FLUSH_MS = 5000, WAIT_MS = 1000, FAREWELLS_MAX = 256 };

struct tls_farewell {
	struct tls_transport *transport;
	struct tls_farewell *next, *prev; /* in transport->farewells */
	struct stream *inner;
	struct buffer out;
	struct loop_timer *deadline;
	bool until_it_goes;
};

static void farewell_end(struct tls_farewell *f)
{
	DL_DELETE(f->transport->farewells, f);
	f->transport->farewell_count--;
	loop_timer_free(f->deadline);
	stream_close(f->inner);
	buffer_done(&f->out);
	free(f);
}

static void on_deadline(void *user)
{
	farewell_end(user);
}

/* False: the connection is of no use any more. */
static bool flush(struct tls_farewell *f)
{
	size_t n = 0;
	if (stream_write(f->inner, f->out.data, f->out.size, &n, NULL) < 0)
		return false;
	buffer_consume(&f->out, n);
	return true;
}

static bool drop(struct tls_farewell *f)
{
	size_t n = 0;
	return stream_read(f->inner, f->transport->loop->scratch, LOOP_SCRATCH_BYTES, &n,
			   NULL) > 0;
}

static void on_ready(void *user, struct stream *stream, unsigned events)
{
	(void)stream;
	struct tls_farewell *f = user;
	bool goes_on = true;
	if ((events & STREAM_WRITE) != 0 && f->out.size > 0)
		goes_on = flush(f);
	if (goes_on && (events & STREAM_READ) != 0)
		goes_on = drop(f);
	if (!goes_on || (f->out.size == 0 && !f->until_it_goes))
		farewell_end(f);
	else
		stream_want(f->inner, (f->until_it_goes ? STREAM_READ : 0u) |
					      (f->out.size > 0 ? STREAM_WRITE : 0u));
}

static const struct stream_handler handler = {.ready = on_ready};

void tls_farewell_begin(struct tls_transport *t, struct stream *inner, struct buffer *out,
			bool until_it_goes)
{
	if ((out->size == 0 && !until_it_goes) || t->farewell_count >= FAREWELLS_MAX) {
		stream_close(inner);
		return;
	}
	struct tls_farewell *f = mem_new(struct tls_farewell);
	f->transport = t;
	f->inner = inner;
	f->out = *out;
	*out = BUFFER_INIT(0);
	f->until_it_goes = until_it_goes;
	f->deadline = loop_timer_new(t->loop, on_deadline, f);
	loop_timer_at(f->deadline,
		      loop_now(t->loop).mono_ms + (until_it_goes ? WAIT_MS : FLUSH_MS));
	DL_APPEND(t->farewells, f);
	t->farewell_count++;
	stream_set_handler(inner, &handler, f);
	stream_want(inner,
		    (until_it_goes ? STREAM_READ : 0u) | (f->out.size > 0 ? STREAM_WRITE : 0u));
}

void tls_farewells_end(struct tls_transport *t)
{
	while (t->farewells != NULL)
		farewell_end(t->farewells);
}
