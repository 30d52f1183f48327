#include "stream_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "adapter/sim/loop.h"
#include "adapter/sim/network.h"
#include "adapter/tls/tls.h"
#include "adapter/uv/stream_kinds.h"
#include "base/str.h"
#include "certificates.h"
#include "loops.h"

/* ---- stage_kinds ---- */

static void plain_open(struct stage *s)
{
	assert_int_equal(loop_init(&s->loop, NULL), 0);
	s->host = "127.0.0.1";
	assert_int_equal(stream_transport_open(&s->loop, "plain", NULL, &s->server, NULL), 0);
	assert_int_equal(stream_transport_open(&s->loop, "plain", NULL, &s->client, NULL), 0);
}

static void plain_close(struct stage *s)
{
	loop_done(&s->loop);
}

static void sim_open(struct stage *s)
{
	sim_loop_init(&s->loop);
	s->host = "server";
	s->net = sim_network_new(&s->loop, 7);
	s->server = sim_network_machine(s->net, "server");
	s->client = sim_network_machine(s->net, "client");
}

static void sim_close(struct stage *s)
{
	sim_network_free(s->net);
	sim_loop_done(&s->loop);
}

static void sim_poor_open(struct stage *s)
{
	sim_open(s);
	sim_network_delay(s->net, 0, 7);
	sim_network_fragment(s->net, 1000);
	sim_network_window(s->net, 5000);
}

/* ---- TLS over each of them ---- */

struct tls_identities {
	struct pki_authority *authority;
	struct pki_trust *trust;
	struct machine server, client;
	char *server_directory, *client_directory;
};

static struct stream_transport *tls_over(struct stage *s, struct stream_transport *inner,
					 const char *directory)
{
	const struct tls_options options = {.directory = directory};
	struct stream_transport *transport = NULL;
	assert_int_equal(tls_transport_new(&s->loop, inner, &options, &transport, NULL), 0);
	return transport;
}

static void tls_add(struct stage *s)
{
	struct tls_identities *i = s->identities = mem_new(struct tls_identities);
	int64_t now_ms = loop_now(&s->loop).wall_ms;
	i->authority = authority_at("c1", 1, now_ms);
	i->trust = trust_of(i->authority, NULL);
	i->server = machine_at(i->authority, "zrms", "zrms", now_ms, PKI_SERVER_MS);
	i->client = machine_at(i->authority, "zhost", "alpha", now_ms, PKI_MACHINE_MS);
	i->server_directory = directory_of(&i->server, i->trust);
	i->client_directory = directory_of(&i->client, i->trust);
	s->server = tls_over(s, s->server, i->server_directory);
	s->client = tls_over(s, s->client, i->client_directory);
}

static void tls_remove(struct stage *s)
{
	struct tls_identities *i = s->identities;
	pki_authority_free(i->authority);
	pki_trust_free(i->trust);
	machine_done(&i->server);
	machine_done(&i->client);
	directory_remove(i->server_directory);
	directory_remove(i->client_directory);
	free(i);
}

static void tls_open(struct stage *s)
{
	plain_open(s);
	tls_add(s);
}

static void tls_close(struct stage *s)
{
	tls_remove(s);
	plain_close(s);
}

static void tls_sim_open(struct stage *s)
{
	sim_open(s);
	tls_add(s);
}

static void tls_poor_open(struct stage *s)
{
	sim_poor_open(s);
	tls_add(s);
}

static void tls_sim_close(struct stage *s)
{
	tls_remove(s);
	sim_close(s);
}

const struct kind stage_kinds[STAGE_KINDS] = {
	{"plain", false, plain_open, plain_close},
	{"simulated", false, sim_open, sim_close},
	{"simulated, slow and in fragments", false, sim_poor_open, sim_close},
	{"TLS", true, tls_open, tls_close},
	{"TLS, simulated", true, tls_sim_open, tls_sim_close},
	{"TLS, simulated, slow and in fragments", true, tls_poor_open, tls_sim_close},
};

/* ---- ends ---- */

void end_close(struct end *e)
{
	stream_close(e->stream);
	e->stream = NULL;
}

void end_reset(struct end *e)
{
	end_close(e);
	error_free(steal_ptr(&e->why));
	e->is_connected = false;
}

static void end_broken(struct end *e, struct error *why)
{
	e->is_broken = true;
	error_free(e->why);
	e->why = why;
	stream_want(e->stream, 0);
}

static void end_read(struct end *e)
{
	char chunk[8192];
	size_t n = 0;
	struct error *err = NULL;
	int r = stream_read(e->stream, chunk, e->read_max > 0 ? e->read_max : sizeof(chunk), &n,
			    &err);
	if (r < 0) {
		end_broken(e, err);
		return;
	}
	if (r == 0) {
		e->is_ended = true;
		stream_want(e->stream, 0);
		return;
	}
	assert_int_equal(buffer_add(&e->got, chunk, n), 0);
	e->has_all = e->got.size >= e->wanted_size;
}

static void end_write(struct end *e)
{
	size_t n = 0;
	struct error *err = NULL;
	int r = stream_write(e->stream, e->to_write + e->written, e->write_size - e->written,
			     &n, &err);
	if (r < 0) {
		end_broken(e, err);
		return;
	}
	e->written += n;
	if (e->written == e->write_size)
		stream_want(e->stream, STREAM_READ);
}

static void on_ready(void *user, struct stream *stream, unsigned events)
{
	struct end *e = user;
	assert_ptr_equal(stream, e->stream);
	assert_false(e->inside);
	e->ready_calls++;
	if (e->close_when_ready) {
		end_close(e);
		return;
	}
	if ((events & STREAM_READ) != 0)
		end_read(e);
	if ((events & STREAM_WRITE) != 0 && !e->is_broken)
		end_write(e);
}

static void on_connected(void *user, struct stream *stream, const struct error *why)
{
	struct end *e = user;
	assert_ptr_equal(stream, e->stream);
	assert_false(e->inside);
	e->connected_calls++;
	e->is_connected = true;
	if (why != NULL)
		(void)error_set(&e->why, why->code, "%s", why->message);
	if (e->close_when_connected)
		end_close(e);
}

const struct stream_handler end_handler = {.connected = on_connected, .ready = on_ready};

static void on_accepted(void *user, struct stream *stream)
{
	struct stage *s = user;
	s->accepted++;
	s->is_accepted = true;
	if (s->far.stream != NULL) {
		stream_close(stream);
		return;
	}
	s->far.stream = stream;
	stream_set_handler(stream, &end_handler, &s->far);
	if (s->stop_listening) {
		stream_listener_close(s->listener);
		s->listener = NULL;
	}
}

const struct stream_listen_handler listen_handler = {.accepted = on_accepted};

/* ---- stage ---- */

void stage_listen(struct stage *s)
{
	const struct stream_listen_options options = {.at = {s->host, 0},
						      .loopback_only = s->net == NULL};
	assert_int_equal(
		stream_listen(s->server, &options, &listen_handler, s, &s->listener, NULL), 0);
}

void stage_connect(struct stage *s, uint16_t port)
{
	const struct stream_connect_options options = {.to = {s->host, port},
						       .timeout_ms = 5000};
	s->near.inside = true;
	s->near.stream = stream_connect(s->client, &options, &end_handler, &s->near);
	s->near.inside = false;
}

/* Both ends connected, nothing wanted. */
void stage_connect_both(struct stage *s)
{
	stage_listen(s);
	stage_connect(s, stream_listener_port(s->listener));
	loop_until(&s->loop, &s->near.is_connected);
	loop_until(&s->loop, &s->is_accepted);
	assert_null(s->near.why);
}

int stage_begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	s->kind = *state;
	s->near.got = s->far.got = BUFFER_INIT((size_t)8 << 20);
	s->kind->open(s);
	*state = s;
	return 0;
}

static void end_done(struct end *e)
{
	stream_close(e->stream);
	buffer_done(&e->got);
	error_free(e->why);
}

int stage_end(void **state)
{
	struct stage *s = *state;
	end_done(&s->near);
	end_done(&s->far);
	stream_listener_close(s->listener);
	stream_transport_free(s->client);
	stream_transport_free(s->server);
	s->kind->close(s);
	free(s);
	return 0;
}

/* A text in which each byte depends on its place. */
char *long_text(size_t size)
{
	char *text = mem_calloc(1, size + 1);
	for (size_t i = 0; i < size; i++)
		text[i] = (char)('a' + (i * 7 + i / 26) % 26);
	return text;
}

void end_write_all(struct stage *s, struct end *e, const char *text, size_t size)
{
	(void)s;
	e->to_write = text;
	e->write_size = size;
	e->written = 0;
	e->inside = true;
	stream_want(e->stream, STREAM_READ | STREAM_WRITE);
	e->inside = false;
}

/* ---- running ---- */

int stage_run(const struct kind *kind, const char *name, const struct CMUnitTest *tests,
	      size_t count)
{
	struct CMUnitTest copy[32];
	assert_true(count <= ARRAY_SIZE(copy));
	memcpy(copy, tests, count * sizeof(*tests));
	for (size_t i = 0; i < count; i++)
		copy[i].initial_state = (void *)(uintptr_t)kind;
	return _cmocka_run_group_tests(name, copy, count, NULL, NULL);
}
