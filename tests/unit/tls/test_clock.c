/* adapter/tls: two machines whose clocks differ, each with a loop of its own, over TCP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "adapter/tls/tls.h"
#include "adapter/uv/tcp_stream.h"
#include "certificates.h"

enum { ROUNDS = 10000, ROUND_US = 1000 };

struct stage {
	struct loop here, there; /* of the client, whose clock is right; of the server */
	struct pki_authority *authority;
	struct pki_trust *trust;
	struct machine zrms, alpha;
	char *server_directory, *client_directory;
	struct stream_transport *server, *client;
	struct stream_listener *listener;
	struct stream *near, *far;
	struct error *why;
	char *refused;
	bool is_told, is_refused;
};

static int64_t ahead_ms; /* the server's clock */
static struct instant (*real_now)(struct loop *loop);

static struct instant shifted_now(struct loop *loop)
{
	struct instant now = real_now(loop);
	now.wall_ms += ahead_ms;
	return now;
}

static void on_connected(void *user, struct stream *stream, const struct error *why)
{
	struct stage *s = user;
	if (why == NULL) {
		stream_want(stream, STREAM_READ);
		return;
	}
	(void)error_set(&s->why, why->code, "%s", why->message);
	s->is_told = true;
}

static void on_ready(void *user, struct stream *stream, unsigned events)
{
	(void)events;
	struct stage *s = user;
	char byte;
	size_t n = 0;
	if (stream_read(stream, &byte, 1, &n, &s->why) <= 0) {
		stream_want(stream, 0);
		s->is_told = true;
	}
}

static const struct stream_handler handler = {.connected = on_connected, .ready = on_ready};

static void on_accepted(void *user, struct stream *stream)
{
	struct stage *s = user;
	s->far = stream;
	stream_set_handler(stream, &handler, s);
}

static void on_refused(void *user, const char *address, const struct error *why)
{
	(void)address;
	struct stage *s = user;
	s->refused = mem_strdup(why->message);
	s->is_refused = true;
}

static const struct stream_listen_handler listening = {.accepted = on_accepted,
						       .refused = on_refused};

static struct stream_transport *transport_new(struct loop *loop, const char *directory)
{
	struct stream_transport *plain = NULL, *transport = NULL;
	assert_int_equal(tcp_transport_open(loop, NULL, &plain, NULL), 0);
	assert_int_equal(tls_transport_new(loop, plain,
					   &(struct tls_options){.directory = directory},
					   &transport, NULL),
			 0);
	return transport;
}

static int begin(void **state)
{
	static struct loop_ops shifted;
	struct stage *s = mem_new(struct stage);
	assert_int_equal(loop_init(&s->here, NULL), 0);
	assert_int_equal(loop_init(&s->there, NULL), 0);
	shifted = *s->there.ops;
	real_now = shifted.now;
	shifted.now = shifted_now;
	s->there.ops = &shifted;
	int64_t now_ms = loop_now(&s->here).wall_ms;
	s->authority = authority_at("c1", 1, now_ms - 30 * PKI_DAY_MS);
	s->trust = trust_of(s->authority, NULL);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	stream_close(s->near);
	stream_close(s->far);
	stream_listener_close(s->listener);
	stream_transport_free(s->client);
	stream_transport_free(s->server);
	loop_done(&s->here);
	loop_done(&s->there);
	directory_remove(s->server_directory);
	directory_remove(s->client_directory);
	machine_done(&s->zrms);
	machine_done(&s->alpha);
	pki_trust_free(s->trust);
	pki_authority_free(s->authority);
	error_free(s->why);
	free(s->refused);
	free(s);
	return 0;
}

static void run_until(struct stage *s, const bool *flag)
{
	for (unsigned i = 0; i < ROUNDS && !*flag; i++) {
		(void)uv_run(loop_uv(&s->here), UV_RUN_NOWAIT);
		(void)uv_run(loop_uv(&s->there), UV_RUN_NOWAIT);
		(void)usleep(ROUND_US);
	}
	assert_true(*flag);
}

static void connect_both(struct stage *s)
{
	s->server_directory = directory_of(&s->zrms, s->trust);
	s->client_directory = directory_of(&s->alpha, s->trust);
	s->server = transport_new(&s->there, s->server_directory);
	s->client = transport_new(&s->here, s->client_directory);
	const struct stream_listen_options at = {.at = {"127.0.0.1", 0}};
	assert_int_equal(stream_listen(s->server, &at, &listening, s, &s->listener, NULL), 0);
	const struct stream_connect_options to = {
		.to = {"127.0.0.1", stream_listener_port(s->listener)}, .timeout_ms = 9000};
	s->near = stream_connect(s->client, &to, &handler, s);
	run_until(s, &s->is_told);
}

static void assert_says(const char *message, const char *text)
{
	if (message == NULL || strstr(message, text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", message != NULL ? message : "(nothing)",
			 text);
}

/* What the server has issued by its own clock is of the future here. */
static void a_server_that_is_ahead_is_told_from_a_wrong_certificate(void **state)
{
	struct stage *s = *state;
	int64_t now_ms = loop_now(&s->here).wall_ms;
	ahead_ms = 3 * 60 * PKI_MINUTE_MS;
	s->zrms = machine_at(s->authority, "zrms", "zrms", now_ms + ahead_ms, PKI_SERVER_MS);
	s->alpha = machine_at(s->authority, "zhost", "alpha", now_ms, PKI_MACHINE_MS);
	connect_both(s);
	assert_int_equal(s->why->code, ERR_DENIED);
	assert_says(s->why->message, "its certificate is valid from ");
	assert_says(s->why->message,
		    "your clock differs by 3 h from the clock of the other end; set the one "
		    "that is wrong");
}

/* The server is 8 days ahead and takes our certificate for an expired one: both logs name the clocks. */
static void
a_certificate_that_has_expired_by_the_other_clock_alone_names_the_clocks(void **state)
{
	struct stage *s = *state;
	int64_t now_ms = loop_now(&s->here).wall_ms;
	ahead_ms = 8 * PKI_DAY_MS;
	s->zrms = machine_at(s->authority, "zrms", "zrms", now_ms, PKI_SERVER_MS);
	s->alpha = machine_at(s->authority, "zhost", "alpha", now_ms, PKI_MACHINE_MS);
	connect_both(s);
	assert_says(s->why->message, "our certificate, which has expired by its clock; your "
				     "clock differs by 8 days");
	run_until(s, &s->is_refused);
	assert_says(s->refused, "your clock differs by 8 days from the clock of the other end; "
				"set the one that is wrong");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_server_that_is_ahead_is_told_from_a_wrong_certificate),
		TEST(a_certificate_that_has_expired_by_the_other_clock_alone_names_the_clocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
