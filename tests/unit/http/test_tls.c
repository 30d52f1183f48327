/* adapter/http over adapter/tls: the server on a listener of streams, and both clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/client/api.h"
#include "adapter/http/client.h"
#include "adapter/http/http.h"
#include "adapter/tls/tls.h"
#include "adapter/uv/tcp_stream.h"
#include "base/str.h"
#include "certificates.h"

enum { LARGE = 5 << 20 };

struct stage {
	struct loop loop;
	struct pki_authority *authority, *foreign;
	struct pki_trust *trust, *untrusted;
	struct machine zrms, alpha;
	char *server_directory, *client_directory;
	struct stream_transport *server_side, *client_side;
	struct stream_listener *listener;
	struct http_server *server;
	struct http_request *held;
	struct stream *upgraded;
	/* of the call */
	struct buffer body;
	int status;
	struct error *why;
	bool is_done;
	/* of the thread that asks with libcurl */
	struct api *api;
	pthread_t thread;
	uv_async_t thread_done;
	const char *path;
	const char *send; /* a body to post, or NULL */
	int result;
};

/* ---- the server ---- */

static void who(void *context, struct http_request *request)
{
	(void)context;
	const struct stream_peer *peer = http_peer(request);
	char *text =
		str_printf("{\"name\":\"%s\"}", peer->name != NULL ? peer->name : "nobody");
	assert_memory_equal(peer->address, "127.0.0.1:", 10);
	http_reply(request, 200, "application/json", text, strlen(text));
}

static char *large_text(void)
{
	char *text = mem_calloc(1, LARGE + 1);
	for (size_t i = 0; i < LARGE; i++)
		text[i] = (char)('a' + (i * 7 + i / 26) % 26);
	return text;
}

static void large(void *context, struct http_request *request)
{
	(void)context;
	http_reply(request, 200, "text/plain", large_text(), LARGE);
}

static void echo(void *context, struct http_request *request)
{
	(void)context;
	size_t size = http_body_size(request);
	http_reply(request, 200, "text/plain", http_body_take(request), size);
}

static void hold(void *context, struct http_request *request)
{
	struct stage *s = context;
	s->held = request;
}

static void on_upgraded_server(void *user, struct stream *stream)
{
	struct stage *s = user;
	size_t n = 0;
	s->upgraded = stream;
	assert_int_equal(stream_write(stream, "hello", 5, &n, NULL), 0);
	stream_close(stream);
}

static void upgrade(void *context, struct http_request *request)
{
	http_reply_upgrade(request, "echo/1", on_upgraded_server, context);
}

static const struct http_route routes[] = {
	{.method = "GET", .pattern = "/who", .handler = who},
	{.method = "GET", .pattern = "/large", .handler = large},
	{.method = "POST", .pattern = "/echo", .handler = echo, .body = HTTP_BODY_MEMORY},
	{.method = "GET", .pattern = "/hold", .handler = hold},
	{.method = "GET", .pattern = "/upgrade", .handler = upgrade},
};

static void on_accepted(void *user, struct stream *stream)
{
	const struct stage *s = user;
	http_server_take(s->server, stream);
}

static const struct stream_listen_handler listen_handler = {.accepted = on_accepted};

static struct stream_transport *transport_new(struct stage *s, const char *directory)
{
	struct stream_transport *plain = NULL, *transport = NULL;
	assert_int_equal(tcp_transport_open(&s->loop, NULL, &plain, NULL), 0);
	assert_int_equal(tls_transport_new(&s->loop, plain,
					   &(struct tls_options){.directory = directory},
					   &transport, NULL),
			 0);
	return transport;
}

static int begin(void **state)
{
	static const struct stream_protocol protocols[] = {{.name = "http/1.1"}, {0}};
	struct stage *s = mem_new(struct stage);
	assert_int_equal(loop_init(&s->loop, NULL), 0);
	int64_t now_ms = loop_now(&s->loop).wall_ms;
	s->authority = authority_at("c1", 1, now_ms);
	s->foreign = authority_at("c2", 1, now_ms);
	s->trust = trust_of(s->authority, NULL);
	s->untrusted = trust_of(s->foreign, NULL);
	s->zrms = machine_at(s->authority, "zrms", "zrms", now_ms, PKI_SERVER_MS);
	s->alpha = machine_at(s->authority, "zhost", "alpha", now_ms, PKI_MACHINE_MS);
	s->server_directory = directory_of(&s->zrms, s->trust);
	s->client_directory = directory_of(&s->alpha, s->trust);
	s->server_side = transport_new(s, s->server_directory);
	s->client_side = transport_new(s, s->client_directory);
	s->body = BUFFER_INIT(2 * LARGE);
	const struct http_options options = {.routes = routes,
					     .route_count = ARRAY_SIZE(routes),
					     .context = s,
					     .memory_max = LARGE};
	assert_int_equal(http_server_new(&s->loop, &options, &s->server, NULL), 0);
	const struct stream_listen_options at = {.at = {"127.0.0.1", 0},
						 .protocols = protocols};
	assert_int_equal(
		stream_listen(s->server_side, &at, &listen_handler, s, &s->listener, NULL), 0);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	stream_listener_close(s->listener);
	http_server_free(s->server);
	stream_transport_free(s->client_side);
	stream_transport_free(s->server_side);
	loop_done(&s->loop);
	directory_remove(s->server_directory);
	directory_remove(s->client_directory);
	machine_done(&s->zrms);
	machine_done(&s->alpha);
	pki_trust_free(s->trust);
	pki_trust_free(s->untrusted);
	pki_authority_free(s->authority);
	pki_authority_free(s->foreign);
	buffer_done(&s->body);
	error_free(s->why);
	free(s);
	return 0;
}

/* ---- the client of daemons ---- */

static int on_head(void *user, const struct http_response *response, struct error **err)
{
	(void)err;
	struct stage *s = user;
	s->status = response->status;
	return 0;
}

static int on_body(void *user, const void *data, size_t size, struct error **err)
{
	(void)err;
	struct stage *s = user;
	assert_int_equal(buffer_add(&s->body, data, size), 0);
	return 0;
}

static void done(struct stage *s)
{
	s->is_done = true;
	loop_stop(&s->loop);
}

static void on_done(void *user, const struct error *why)
{
	struct stage *s = user;
	if (why != NULL)
		(void)error_set(&s->why, why->code, "%s", why->message);
	done(s);
}

static void on_upgraded(void *user, struct stream *stream)
{
	struct stage *s = user;
	stream_close(stream);
	done(s);
}

static const struct http_call_handler call_handler = {
	.head = on_head, .body = on_body, .done = on_done, .upgraded = on_upgraded};

static struct http_call *call(struct stage *s, const char *target, const char *upgrade_to)
{
	const struct http_call_options options = {
		.target = target,
		.to = {"127.0.0.1", stream_listener_port(s->listener)},
		.idle_ms = 10000,
		.body_max = 2 * LARGE,
		.upgrade = upgrade_to};
	return http_call_new(&s->loop, s->client_side, &options, &call_handler, s);
}

static void ask(struct stage *s, const char *target)
{
	(void)call(s, target, NULL);
	loop_run(&s->loop);
	assert_true(s->is_done);
}

static void a_handler_sees_who_asks(void **state)
{
	struct stage *s = *state;
	ask(s, "/who");
	assert_null(s->why);
	assert_int_equal(s->status, 200);
	assert_int_equal(buffer_add(&s->body, "", 1), 0);
	assert_string_equal(s->body.data, "{\"name\":\"alpha\"}");
}

static void a_large_answer_arrives_whole(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *text = large_text();
	ask(s, "/large");
	assert_null(s->why);
	assert_int_equal(s->body.size, LARGE);
	assert_memory_equal(s->body.data, text, LARGE);
}

static void a_connection_can_be_upgraded(void **state)
{
	struct stage *s = *state;
	(void)call(s, "/upgrade", "echo/1");
	loop_run(&s->loop);
	assert_null(s->why);
	assert_non_null(s->upgraded);
}

static bool stop_when_held(void *user)
{
	const struct stage *s = user;
	if (s->held != NULL)
		loop_stop((struct loop *)(uintptr_t)&s->loop);
	return false;
}

/* The server ends while a request waits: it is answered, and nothing is left. */
static void a_server_ends_with_requests_under_way(void **state)
{
	struct stage *s = *state;
	(void)call(s, "/hold", NULL);
	loop_before_poll(&s->loop, stop_when_held, s);
	loop_run(&s->loop);
	loop_before_poll_remove(&s->loop, stop_when_held, s);
	assert_non_null(s->held);
	http_server_free(s->server);
	s->server = NULL;
	loop_run(&s->loop);
	assert_int_equal(s->status, 503);
}

/* The peer goes while its request waits: the handler's peer is still there. */
static void the_name_of_a_peer_outlives_it(void **state)
{
	struct stage *s = *state;
	struct http_call *held = call(s, "/hold", NULL);
	loop_before_poll(&s->loop, stop_when_held, s);
	loop_run(&s->loop);
	loop_before_poll_remove(&s->loop, stop_when_held, s);
	http_call_cancel(held);
	for (unsigned i = 0; i < 50; i++)
		(void)uv_run(loop_uv(&s->loop), UV_RUN_NOWAIT);
	assert_string_equal(http_peer(s->held)->name, "alpha");
	http_reply(s->held, 200, "text/plain", NULL, 0);
	for (unsigned i = 0; i < 50; i++)
		(void)uv_run(loop_uv(&s->loop), UV_RUN_NOWAIT);
	assert_int_equal(http_server_counters(s->server).connections, 0);
}

static void on_raw_connected(void *user, struct stream *stream, const struct error *why)
{
	(void)user, (void)stream;
	assert_null(why);
}

static const struct stream_handler raw_handler = {.connected = on_raw_connected};

static void connections_become(struct stage *s, unsigned wanted)
{
	for (unsigned i = 0; i < 30000 && http_server_counters(s->server).connections != wanted;
	     i++) {
		(void)uv_run(loop_uv(&s->loop), UV_RUN_NOWAIT);
		(void)usleep(1000);
	}
	assert_int_equal(http_server_counters(s->server).connections, wanted);
}

static void a_peer_that_goes_without_asking_leaves_nothing(void **state)
{
	struct stage *s = *state;
	const struct stream_connect_options options = {
		.to = {"127.0.0.1", stream_listener_port(s->listener)}, .timeout_ms = 10000};
	struct stream *stream = stream_connect(s->client_side, &options, &raw_handler, s);
	connections_become(s, 1);
	stream_close(stream);
	connections_become(s, 0);
}

static void a_server_that_drains_takes_no_streams(void **state)
{
	struct stage *s = *state;
	http_server_drain(s->server);
	ask(s, "/who");
	assert_non_null(s->why);
	assert_int_equal(http_server_counters(s->server).connections_total, 0);
}

/* ---- libcurl, which blocks, in a thread of its own ---- */

static void on_thread_done(uv_async_t *async)
{
	struct stage *s = async->data;
	uv_close((uv_handle_t *)async, NULL);
	done(s);
}

static void *ask_with_curl(void *user)
{
	struct stage *s = user;
	s->result = s->send != NULL
			    ? api_send(s->api, "POST", s->path, s->send, NULL, NULL, &s->why)
			    : api_get(s->api, s->path, NULL, NULL, &s->why);
	(void)uv_async_send(&s->thread_done);
	return NULL;
}

static void curl(struct stage *s, const char *host, const struct pki_trust *trust)
{
	CLEANUP(freep)
	char *url = str_printf("https://%s:%u", host, stream_listener_port(s->listener));
	assert_int_equal(api_new(url, &s->api, NULL), 0);
	if (trust != NULL)
		api_trust(s->api, trust);
	(void)uv_async_init(loop_uv(&s->loop), &s->thread_done, on_thread_done);
	s->thread_done.data = s;
	s->is_done = false;
	assert_int_equal(pthread_create(&s->thread, NULL, ask_with_curl, s), 0);
	loop_run(&s->loop);
	assert_true(s->is_done);
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	api_free(s->api);
}

static void libcurl_believes_a_set_of_authorities(void **state)
{
	struct stage *s = *state;
	s->path = "/who";
	curl(s, "127.0.0.1", s->trust);
	assert_null(s->why);
	assert_int_equal(s->result, 0);
	s->path = "/echo";
	s->send = "{}";
	curl(s, "localhost", s->trust);
	assert_int_equal(s->result, 0);
}

static void libcurl_believes_a_pin(void **state)
{
	struct stage *s = *state;
	struct pki_pin pin = pki_certificate_pin(pki_authority_certificate(s->authority));
	CLEANUP(pki_trust_freep) struct pki_trust *pinned = NULL;
	assert_int_equal(pki_trust_pinned(&pin, 1, &pinned, NULL), 0);
	s->path = "/who";
	curl(s, "127.0.0.1", pinned);
	assert_int_equal(s->result, 0);
}

static void a_fingerprint_and_a_file_say_whom_to_believe(void **state)
{
	struct stage *s = *state;
	static const char *const bad[] = {"", "12", "zz", "0123456789abcdef0123456789abcdef"};
	struct pki_pin pin = pki_certificate_pin(pki_authority_certificate(s->authority));
	char text[PKI_PIN_HEX], spaced[3 * PKI_PIN_BYTES] = "";
	struct api *api = NULL;
	pki_pin_text(&pin, text);
	for (size_t i = 0; i < PKI_PIN_BYTES; i++)
		(void)snprintf(spaced + 3 * i, sizeof(spaced) - 3 * i, "%c%c%s", text[2 * i],
			       text[2 * i + 1], i + 1 < PKI_PIN_BYTES ? ":" : "");
	assert_int_equal(api_new("https://127.0.0.1:1", &api, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(api_believe(api, NULL, bad[i], NULL), ERR_INVALID);
	assert_int_equal(api_believe(api, "/nonexistent", NULL, NULL), ERR_NOT_FOUND);
	assert_int_equal(api_believe(api, "/etc/hostname", NULL, NULL), ERR_INVALID);
	assert_int_equal(api_believe(api, "/etc/hostname", text, NULL), ERR_INVALID);
	assert_int_equal(api_believe(api, NULL, text, NULL), 0);
	assert_int_equal(api_believe(api, NULL, spaced, NULL), 0);
	api_free(api);
}

static void libcurl_refuses_another_cluster_in_our_words(void **state)
{
	struct stage *s = *state;
	s->path = "/who";
	curl(s, "127.0.0.1", s->untrusted);
	assert_int_equal(s->result, ERR_DENIED);
	assert_non_null(strstr(s->why->message, "this is another cluster: its CA is"));
}

/* The authorities of browsers know none of our machines. */
static void without_trust_libcurl_believes_nobody_here(void **state)
{
	struct stage *s = *state;
	s->path = "/who";
	curl(s, "127.0.0.1", NULL);
	assert_int_equal(s->result, ERR_DENIED);
	assert_non_null(strstr(s->why->message, "--ca FILE"));
}

/* A zhost has a good certificate, too, and is not zrms. */
static void libcurl_does_not_take_a_zhost_for_zrms(void **state)
{
	struct stage *s = *state;
	directory_fill(s->server_directory, &s->alpha, s->trust);
	assert_int_equal(stream_transport_reload(s->server_side, NULL), 0);
	s->path = "/who";
	curl(s, "127.0.0.1", s->trust);
	assert_int_equal(s->result, ERR_DENIED);
	assert_non_null(strstr(s->why->message, "it is zhost 'alpha', expected zrms"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_handler_sees_who_asks),
		TEST(a_large_answer_arrives_whole),
		TEST(a_connection_can_be_upgraded),
		TEST(a_server_ends_with_requests_under_way),
		TEST(the_name_of_a_peer_outlives_it),
		TEST(a_peer_that_goes_without_asking_leaves_nothing),
		TEST(a_server_that_drains_takes_no_streams),
		TEST(libcurl_believes_a_set_of_authorities),
		TEST(libcurl_believes_a_pin),
		TEST(a_fingerprint_and_a_file_say_whom_to_believe),
		TEST(libcurl_refuses_another_cluster_in_our_words),
		TEST(without_trust_libcurl_believes_nobody_here),
		TEST(libcurl_does_not_take_a_zhost_for_zrms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
