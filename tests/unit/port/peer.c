#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "peer.h"

enum { DEADLINE_MS = 10000 };

static void flush(struct peer *p)
{
	size_t n = 1;
	while (p->out.size > 0 && n > 0) {
		if (stream_write(p->stream, p->out.data, p->out.size, &n, NULL) < 0) {
			p->is_broken = true;
			buffer_clear(&p->out);
		}
		buffer_consume(&p->out, p->out.size > 0 ? n : 0);
	}
	stream_want(p->stream, STREAM_READ | (p->out.size > 0 ? STREAM_WRITE : 0u));
}

static void on_ready(void *user, struct stream *stream, unsigned events)
{
	struct peer *p = user;
	char chunk[4096];
	size_t n = 0;
	if ((events & STREAM_WRITE) != 0)
		flush(p);
	if ((events & STREAM_READ) == 0)
		return;
	int r = stream_read(stream, chunk, sizeof(chunk), &n, NULL);
	p->is_ended = r == 0;
	p->is_broken = p->is_broken || r < 0;
	if (r > 0)
		assert_int_equal(buffer_add(&p->got, chunk, n), 0);
	else
		stream_want(stream, 0);
}

static const struct stream_handler stream_handler = {.ready = on_ready};

static void on_accepted(void *user, struct stream *stream)
{
	struct peer *p = user;
	if (p->keeps_first && p->first == NULL)
		p->first = p->stream;
	else
		stream_close(p->stream);
	p->stream = stream;
	p->accepted++;
	p->is_ended = p->is_broken = false;
	buffer_clear(&p->out);
	stream_set_handler(stream, &stream_handler, p);
	stream_want(stream, STREAM_READ);
}

static const struct stream_listen_handler listen_handler = {.accepted = on_accepted};

struct peer *peer_new(void)
{
	static const struct stream_protocol protocols[] = {
		{.name = "samoza-link/1"}, {.name = "http/1.1"}, {0}};
	struct peer *p = mem_new(struct peer);
	sim_loop_init(&p->loop);
	p->got = p->out = BUFFER_INIT((size_t)64 << 20);
	p->net = sim_network_new(&p->loop, 11);
	p->server = sim_network_machine(p->net, PEER_HOST);
	p->client = sim_network_machine(p->net, "client");
	const struct stream_listen_options options = {.at = {PEER_HOST, PEER_PORT},
						      .protocols = protocols};
	assert_int_equal(
		stream_listen(p->server, &options, &listen_handler, p, &p->listener, NULL), 0);
	return p;
}

void peer_free(struct peer *p)
{
	stream_close(p->first);
	stream_close(p->stream);
	stream_listener_close(p->listener);
	stream_transport_free(p->client);
	stream_transport_free(p->server);
	sim_network_free(p->net);
	sim_loop_done(&p->loop);
	buffer_done(&p->got);
	buffer_done(&p->out);
	free(p);
}

void peer_send(struct peer *p, const void *data, size_t size)
{
	assert_non_null(p->stream);
	assert_int_equal(buffer_add(&p->out, data, size), 0);
	flush(p);
}

void peer_send_text(struct peer *p, const char *text)
{
	peer_send(p, text, strlen(text));
}

void peer_close(struct peer *p)
{
	stream_close(p->stream);
	p->stream = NULL;
}

void peer_forget(struct peer *p)
{
	buffer_clear(&p->got);
}

static bool has_got(void *user)
{
	const struct peer *p = user;
	return p->got.size > 0 &&
	       memmem(p->got.data, p->got.size, p->awaited, strlen(p->awaited)) != NULL;
}

void peer_until_got(struct peer *p, const char *text)
{
	p->awaited = text;
	if (!sim_loop_until(&p->loop, has_got, p, DEADLINE_MS))
		fail_msg("'%s' did not arrive; '%s' did", text,
			 p->got.data != NULL ? p->got.data : "nothing");
}

static bool is_set(void *user)
{
	return *(const bool *)user;
}

void peer_until(struct peer *p, const bool *flag)
{
	if (!sim_loop_until(&p->loop, is_set, (void *)(uintptr_t)flag, DEADLINE_MS))
		fail_msg("nothing happened within ten virtual seconds");
}
