#include "stage.h"

#include <string.h>

#include "base/str.h"

/* ---- ends ---- */

static void end_told(struct end *e, const struct error *why)
{
	e->is_told = true;
	if (why == NULL)
		return;
	error_free(steal_ptr(&e->why));
	(void)error_set(&e->why, why->code, "%s", why->message);
}

static void on_connected(void *user, struct stream *stream, const struct error *why)
{
	(void)stream;
	struct end *e = user;
	e->is_connected = why == NULL;
	end_told(e, why);
}

static void on_ready(void *user, struct stream *stream, unsigned events)
{
	struct end *e = user;
	char chunk[65536];
	size_t n = 0;
	CLEANUP(error_freep) struct error *why = NULL;
	assert_true((events & STREAM_READ) != 0);
	int r = stream_read(stream, chunk, sizeof(chunk), &n, &why);
	if (r > 0) {
		assert_int_equal(buffer_add(&e->got, chunk, n), 0);
		return;
	}
	e->is_ended = r == 0;
	e->is_broken = r < 0;
	stream_want(stream, 0);
	end_told(e, why);
}

const struct stream_handler end_handler = {.connected = on_connected, .ready = on_ready};

void end_listen(struct end *e)
{
	e->is_told = false;
	stream_want(e->stream, STREAM_READ);
}

void end_write(struct end *e, const char *text)
{
	size_t n = 0;
	assert_int_equal(stream_write(e->stream, text, strlen(text), &n, NULL), 0);
	assert_int_equal(n, strlen(text));
}

void end_close(struct end *e)
{
	stream_close(e->stream);
	error_free(e->why);
	buffer_done(&e->got);
	*e = (struct end){.got = BUFFER_INIT((size_t)16 << 20)};
}

void assert_says(const char *message, const char *text)
{
	if (message == NULL || strstr(message, text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", message != NULL ? message : "(nothing)",
			 text);
}

/* ---- the server ---- */

static void taken(struct stage *s, struct stream *stream)
{
	end_close(&s->far);
	s->far.stream = stream;
	s->far.is_connected = true;
	s->is_accepted = true;
	stream_set_handler(stream, &end_handler, &s->far);
}

static void on_link(void *user, struct stream *stream)
{
	struct stage *s = user;
	s->links++;
	taken(s, stream);
}

static void on_page(void *user, struct stream *stream)
{
	struct stage *s = user;
	s->pages++;
	taken(s, stream);
}

static void on_refused(void *user, const char *address, const struct error *why)
{
	struct stage *s = user;
	assert_non_null(address);
	free(s->refused);
	s->refused = mem_strdup(why->message);
	s->is_refused = true;
}

static int admit(void *user, const struct stream_peer *peer, struct error **err)
{
	const struct stage *s = user;
	assert_int_equal(strlen(peer->key_hash), 64);
	return str_equal(peer->name, s->removed) ? error_set(err, ERR_DENIED, "it was removed")
						 : 0;
}

static const struct stream_listen_handler link_handler = {.accepted = on_link};
static const struct stream_listen_handler listen_handler = {.accepted = on_page,
							    .refused = on_refused};

int64_t stage_now_ms(struct stage *s)
{
	return loop_now(&s->loop).wall_ms;
}

void stage_listen(struct stage *s)
{
	static struct stream_protocol protocols[] = {
		{"samoza-link/1", true, &link_handler, NULL}, {.name = "http/1.1"}, {0}};
	protocols[0].user = s;
	s->directories[s->directory_count] = directory_of(&s->zrms, s->trust);
	s->options.directory = s->directories[s->directory_count++];
	s->options.admit = admit;
	s->options.admit_user = s;
	assert_int_equal(tls_transport_new(&s->loop, sim_network_machine(s->net, "zrms"),
					   &s->options, &s->server, NULL),
			 0);
	const struct stream_listen_options options = {.at = {"zrms", PORT},
						      .protocols = protocols};
	assert_int_equal(
		stream_listen(s->server, &options, &listen_handler, s, &s->listener, NULL), 0);
}

/* ---- clients ---- */

static struct stream_transport *machine_new(struct stage *s)
{
	CLEANUP(freep) char *name = str_printf("client-%zu", s->client_count);
	return sim_network_machine(s->net, name);
}

static struct stream_transport *client_add(struct stage *s, const struct tls_options *options)
{
	struct stream_transport *client = NULL;
	assert_int_equal(tls_transport_new(&s->loop, machine_new(s), options, &client, NULL),
			 0);
	s->clients[s->client_count++] = client;
	return client;
}

struct stream_transport *client_new(struct stage *s, const struct machine *machine,
				    const struct pki_trust *trust)
{
	char *directory = directory_of(machine, trust);
	s->directories[s->directory_count++] = directory;
	return client_add(s, &(struct tls_options){.directory = directory});
}

struct stream_transport *client_pinned(struct stage *s, const struct pki_trust *trust)
{
	return client_add(s, &(struct tls_options){.trust = trust});
}

struct stream_transport *client_plain(struct stage *s)
{
	struct stream_transport *client = machine_new(s);
	s->clients[s->client_count++] = client;
	return client;
}

struct stream_transport *client_at(struct stage *s, const char *address)
{
	struct stream_transport *client = sim_network_machine(s->net, address);
	s->clients[s->client_count++] = client;
	return client;
}

void stage_connect(struct stage *s, struct stream_transport *client,
		   const struct stream_connect_options *options)
{
	struct stream_connect_options whole = *options;
	whole.to = (struct stream_address){"zrms", PORT};
	if (whole.timeout_ms == 0)
		whole.timeout_ms = 5000;
	end_close(&s->near);
	s->near.stream = stream_connect(client, &whole, &end_handler, &s->near);
	stage_until(s, &s->near.is_told);
}

static bool read_flag(void *user)
{
	return *(const bool *)user;
}

void stage_until(struct stage *s, const bool *flag)
{
	if (!sim_loop_until(&s->loop, read_flag, (void *)(uintptr_t)flag, 60000))
		fail_msg("nothing happened within a minute");
}

void stage_run(struct stage *s, int64_t ms)
{
	sim_loop_run(&s->loop, ms);
}

/* ---- life ---- */

int stage_begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	sim_loop_init(&s->loop);
	s->net = sim_network_new(&s->loop, 3);
	int64_t now_ms = stage_now_ms(s);
	s->authority = authority_at("c1", 1, now_ms);
	s->foreign = authority_at("c2", 1, now_ms);
	s->trust = trust_of(s->authority, NULL);
	s->zrms = machine_at(s->authority, "zrms", "zrms", now_ms, PKI_SERVER_MS);
	s->near.got = s->far.got = BUFFER_INIT((size_t)16 << 20);
	*state = s;
	return 0;
}

int stage_end(void **state)
{
	struct stage *s = *state;
	end_close(&s->near);
	end_close(&s->far);
	stream_listener_close(s->listener);
	stage_run(s, 6000); /* farewells */
	for (size_t i = 0; i < s->client_count; i++)
		stream_transport_free(s->clients[i]);
	stream_transport_free(s->server);
	sim_network_free(s->net);
	sim_loop_done(&s->loop);
	for (size_t i = 0; i < s->directory_count; i++)
		directory_remove(s->directories[i]);
	machine_done(&s->zrms);
	pki_trust_free(s->trust);
	pki_authority_free(s->authority);
	pki_authority_free(s->foreign);
	free(s->refused);
	free(s);
	return 0;
}
