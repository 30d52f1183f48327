/* adapter/http: a real server, real sockets, and clients that mean harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "server_routes.h"

#define assert_begins(text, beginning)                                                  \
	do {                                                                            \
		if (!str_has_prefix(text, beginning))                                   \
			fail_msg("'%.200s' does not begin with '%s'", text, beginning); \
	} while (0)
#define assert_contains(text, part)                                             \
	do {                                                                    \
		if (strstr(text, part) == NULL)                                 \
			fail_msg("'%.300s' does not contain '%s'", text, part); \
	} while (0)
#define assert_answer(s, request, beginning)                                \
	do {                                                                \
		CLEANUP(freep) char *answer_ = client_exchange(s, request); \
		assert_begins(answer_, beginning);                          \
	} while (0)

#define HOST "Host: 127.0.0.1\r\n"
#define END  HOST "Connection: close\r\n\r\n"

/* ---- ordinary requests ---- */

static void requests_are_routed(void **state)
{
	struct serving *s = serve();
	CLEANUP(freep) char *hello = client_exchange(s, "GET /hello/w%6Frld HTTP/1.1\r\n" END);
	assert_begins(hello, "HTTP/1.1 200");
	assert_contains(hello, "hello world\n");
	assert_answer(s, "GET /hello/x?a=1 HTTP/1.1\r\n" END, "HTTP/1.1 200");
	assert_answer(s, "GET /hello/x?c=1 HTTP/1.1\r\n" END, "HTTP/1.1 400");
	assert_answer(s, "GET /hello/x?a=1&a=2 HTTP/1.1\r\n" END, "HTTP/1.1 400");
	assert_answer(s, "GET /nothing HTTP/1.1\r\n" END, "HTTP/1.1 404");
	assert_answer(s, "GET /hello/%00 HTTP/1.1\r\n" END, "HTTP/1.1 400");
	assert_answer(s, "GET /hello/../hold HTTP/1.1\r\n" END, "HTTP/1.1 400");
	CLEANUP(freep) char *method = client_exchange(s, "DELETE /echo HTTP/1.1\r\n" END);
	assert_begins(method, "HTTP/1.1 405");
	assert_contains(method, "Allow: POST\r\n");
	CLEANUP(freep) char *head = client_exchange(s, "HEAD /hello/x HTTP/1.1\r\n" END);
	assert_begins(head, "HTTP/1.1 200");
	assert_null(strstr(head, "hello x"));
	serving_free(s);
}

static void a_connection_serves_many_requests(void **state)
{
	struct serving *s = serve();
	int fd = client_connect(s);
	for (int i = 0; i < 3; i++) {
		client_send(fd, "GET /hello/x HTTP/1.1\r\n" HOST "\r\n");
		CLEANUP(freep) char *answer = client_read_until(fd, "hello x\n");
		assert_begins(answer, "HTTP/1.1 200");
	}
	(void)close(fd);
	assert_int_equal(atomic_load(&s->handled), 3);
	serving_free(s);
}

static void held_answer(struct serving *s)
{
	char *text = mem_strdup("later\n");
	http_reply(s->held, 200, "text/plain", text, strlen(text));
}

static void a_reply_may_come_later(void **state)
{
	struct serving *s = serve();
	int fd = client_connect(s);
	client_send(fd, "GET /hold HTTP/1.1\r\n" END);
	serving_wait(&s->handled, 1);
	serving_do(s, held_answer);
	CLEANUP(freep) char *answer = client_read_all(fd);
	assert_contains(answer, "later\n");
	(void)close(fd);
	serving_free(s);
}

static void a_client_that_leaves_while_its_answer_is_made_does_no_harm(void **state)
{
	struct serving *s = serve();
	int fd = client_connect(s);
	client_send(fd, "GET /hold HTTP/1.1\r\n" END);
	serving_wait(&s->handled, 1);
	(void)close(fd);
	serving_do(s, held_answer);
	assert_answer(s, "GET /hello/x HTTP/1.1\r\n" END, "HTTP/1.1 200");
	serving_free(s);
}

/* ---- bodies ---- */

static char *post(const char *path, size_t size, char fill)
{
	char *head = str_printf("POST %s HTTP/1.1\r\nContent-Length: %zu\r\n" END, path, size);
	size_t head_size = strlen(head);
	char *all = mem_calloc(head_size + size + 1, 1);
	memcpy(all, head, head_size);
	for (size_t i = 0; i < size; i++)
		all[head_size + i] = (char)(fill + (char)(i % 23));
	free(head);
	return all;
}

static void upload_comes_back(size_t size)
{
	struct serving *s = serve();
	CLEANUP(freep) char *request = post("/upload", size, 'a');
	CLEANUP(freep) char *answer = client_exchange(s, request);
	assert_begins(answer, "HTTP/1.1 200");
	const char *sent = strstr(request, "\r\n\r\n"), *got = strstr(answer, "\r\n\r\n");
	assert_int_equal(strlen(got), strlen(sent));
	assert_string_equal(got, sent);
	serving_free(s);
}

static void uploads_arrive_complete_from_memory_and_from_the_spool(void **state)
{
	upload_comes_back(1);
	upload_comes_back(256 * 1024);	   /* the largest in memory */
	upload_comes_back(256 * 1024 + 1); /* the smallest in a file */
	upload_comes_back(5 * 1024 * 1024 + 77);
}

static void a_huge_body_is_refused_before_it_is_read(void **state)
{
	struct serving *s = serve();
	int fd = client_connect(s);
	client_send(fd, "POST /upload HTTP/1.1\r\nContent-Length: 1073741824\r\n" HOST "\r\n");
	/* Not one byte of the body is sent: the refusal must not wait for it. */
	CLEANUP(freep) char *answer = client_read_all(fd);
	assert_begins(answer, "HTTP/1.1 413");
	assert_contains(answer, "Connection: close\r\n");
	(void)close(fd);
	assert_answer(s, "POST /echo HTTP/1.1\r\nContent-Length: 1048577\r\n" END,
		      "HTTP/1.1 413");
	assert_answer(s, "GET /hello/x HTTP/1.1\r\nContent-Length: 1\r\n" END "y",
		      "HTTP/1.1 400");
	assert_int_equal(atomic_load(&s->handled), 0);
	serving_free(s);
}

static void ambiguous_lengths_are_refused(void **state)
{
	struct serving *s = serve();
	assert_answer(
		s, "POST /echo HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n" END "ab",
		"HTTP/1.1 400");
	assert_answer(s,
		      "POST /echo HTTP/1.1\r\nContent-Length: 2\r\n"
		      "Transfer-Encoding: chunked\r\n" END "2\r\nab\r\n0\r\n\r\n",
		      "HTTP/1.1 400");
	assert_answer(s,
		      "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END
		      "2\r\nab\r\n0\r\n\r\n",
		      "HTTP/1.1 411");
	assert_answer(s, "POST /echo HTTP/1.1\r\nContent-Length: -2\r\n" END "ab",
		      "HTTP/1.1 4");
	assert_answer(s, "POST /echo HTTP/1.1\r\nContent-Length: 2x\r\n" END "ab",
		      "HTTP/1.1 4");
	assert_answer(s, "GET /hello/x HTTP/1.1\r\nHost: a\r\n" END, "HTTP/1.1 400");
	assert_int_equal(atomic_load(&s->handled), 0);
	serving_free(s);
}

/* ---- slow and silent clients ---- */

static void an_incomplete_request_is_disconnected(void **state)
{
	struct serving *s = serve_with((struct http_options){.header_timeout_ms = 200});
	int fd = client_connect(s);
	client_send(fd, "GET /hello/x HTTP/1.1\r\nHos");
	CLEANUP(freep) char *answer = client_read_all(fd);
	assert_string_equal(answer, "");
	(void)close(fd);
	serving_free(s);
}

static void a_trickling_header_is_disconnected(void **state)
{
	struct serving *s = serve_with((struct http_options){.header_timeout_ms = 1000});
	int fd = client_connect(s);
	int64_t deadline = now_ms() + 30000;
	client_send(fd, "GET /hello/x HTTP/1.1\r\nX: ");
	while (send(fd, "a", 1, MSG_NOSIGNAL) == 1) {
		if (now_ms() > deadline)
			fail_msg("still connected after thirty seconds of trickling");
		/* Meanwhile others are served. */
		assert_answer(s, "GET /hello/x HTTP/1.1\r\n" END, "HTTP/1.1 200");
		(void)usleep(20000);
	}
	(void)close(fd);
	serving_free(s);
}

static void a_trickling_second_header_is_disconnected_too(void **state)
{
	struct serving *s = serve_with(
		(struct http_options){.header_timeout_ms = 1000, .idle_timeout_ms = 1000});
	int fd = client_connect(s);
	client_send(fd, "GET /hello/x HTTP/1.1\r\n" HOST "\r\n");
	free(client_read_until(fd, "hello x\n"));
	int64_t deadline = now_ms() + 30000;
	client_send(fd, "GET /hello/y HTTP/1.1\r\nX: ");
	while (send(fd, "a", 1, MSG_NOSIGNAL) == 1) {
		if (now_ms() > deadline)
			fail_msg("still connected after thirty seconds of trickling");
		(void)usleep(20000);
	}
	(void)close(fd);
	assert_int_equal(atomic_load(&s->handled), 1);
	serving_free(s);
}

static void a_body_that_never_ends_is_disconnected(void **state)
{
	struct serving *s = serve_with((struct http_options){.body_timeout_ms = 200});
	int fd = client_connect(s);
	int64_t deadline = now_ms() + 30000;
	client_send(fd, "POST /echo HTTP/1.1\r\nContent-Length: 100000\r\n" HOST "\r\n");
	while (send(fd, "a", 1, MSG_NOSIGNAL) == 1) {
		if (now_ms() > deadline)
			fail_msg("still connected after thirty seconds");
		(void)usleep(20000);
	}
	(void)close(fd);
	assert_int_equal(atomic_load(&s->handled), 0);
	serving_free(s);
}

static void connections_over_the_limit_do_not_affect_the_others(void **state)
{
	struct serving *s = serve_with((struct http_options){.connections_max = 4});
	int first = client_connect(s), rest[16];
	client_send(first, "GET /hello/x HTTP/1.1\r\n" HOST "\r\n");
	free(client_read_until(first, "hello x\n"));
	for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
		rest[i] = client_connect(s);
	client_send(first, "GET /hello/y HTTP/1.1\r\n" HOST "\r\n");
	free(client_read_until(first, "hello y\n"));
	for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
		(void)close(rest[i]);
	(void)close(first);
	serving_free(s);
}

/* ---- no descriptors left ---- */

/* Polled from the loop's thread; the deadline is that of serving_wait(). */
static void note_starved(struct serving *s)
{
	atomic_store(&s->frames, (int)http_server_counters(s->server).starved_total);
}

/* The descriptors that this process may have: as many as it has now, or all that it could. */
static void limit_descriptors(bool is_tight)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	int next = dup(STDIN_FILENO); /* the lowest that is free */
	limit.rlim_cur = is_tight		 ? (rlim_t)next
			 : limit.rlim_max < 4096 ? limit.rlim_max
						 : 4096;
	(void)close(next);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* No connection closes meanwhile: nothing but time brings the next try. */
static void after_descriptors_ran_out_connections_are_accepted_again(void **state)
{
	struct serving *s = serve();
	int first = client_connect(s);
	client_send(first, "GET /hello/x HTTP/1.1\r\n" HOST "\r\n");
	free(client_read_until(first, "hello x\n"));
	int second = client_socket(), third = client_socket();
	limit_descriptors(true);
	client_connect_socket(s, second);
	client_connect_socket(s, third);
	client_send(second, "GET /hello/y HTTP/1.1\r\n" HOST "\r\n");
	client_send(third, "GET /hello/z HTTP/1.1\r\n" HOST "\r\n");
	int64_t end_ms = now_ms() + 10000;
	while (atomic_load(&s->frames) < 3 && now_ms() < end_ms)
		serving_do(s, note_starved);
	assert_true(atomic_load(&s->frames) >= 3);
	client_send(first, "GET /hello/w HTTP/1.1\r\n" HOST "\r\n");
	free(client_read_until(first, "hello w\n"));
	limit_descriptors(false);
	free(client_read_until(second, "hello y\n"));
	free(client_read_until(third, "hello z\n"));
	(void)close(first);
	(void)close(second);
	(void)close(third);
	serving_free(s);
}

/* ---- pages of others in a browser on this machine ---- */

static void other_sites_pages_are_refused(void **state)
{
	struct serving *s = serve_with((struct http_options){.loopback_only = true});
	char own[256];
	(void)snprintf(own, sizeof own,
		       "GET /hello/x HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
		       "Origin: http://127.0.0.1:%u\r\nConnection: close\r\n\r\n",
		       http_server_port(s->server), http_server_port(s->server));
	assert_answer(s, own, "HTTP/1.1 200");
	assert_answer(s,
		      "GET /hello/x HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n",
		      "HTTP/1.1 200");
	assert_answer(s, "GET /hello/x HTTP/1.1\r\nOrigin: http://evil.example\r\n" END,
		      "HTTP/1.1 403");
	assert_answer(s, "GET /hello/x HTTP/1.1\r\nOrigin: null\r\n" END, "HTTP/1.1 403");
	/* a name of theirs that resolves to this machine */
	assert_answer(
		s, "GET /hello/x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 403");
	assert_answer(s,
		      "GET /hello/x HTTP/1.1\r\nHost: 127.evil.example\r\n"
		      "Connection: close\r\n\r\n",
		      "HTTP/1.1 403");
	serving_free(s);
}

static void only_loopback_is_listened_on(void **state)
{
	struct loop loop;
	struct http_server *server = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(loop_init(&loop, NULL), 0);
	const struct http_options options = {.address = "0.0.0.0", .loopback_only = true};
	assert_int_equal(http_server_new(&loop, &options, &server, &err), ERR_DENIED);
	assert_contains(err->message, "no access control");
	loop_done(&loop);
}

static void a_taken_port_is_named(void **state)
{
	struct serving *s = serve();
	struct loop loop;
	struct http_server *server = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(loop_init(&loop, NULL), 0);
	const struct http_options options = {.address = "127.0.0.1",
					     .port = http_server_port(s->server)};
	assert_int_equal(http_server_new(&loop, &options, &server, &err), ERR_CONFLICT);
	assert_contains(err->message, "in use");
	loop_done(&loop);
	serving_free(s);
}

/* ---- streams ---- */

static void stream_write_two(struct serving *s)
{
	assert_int_equal(http_stream_write(s->stream, "data: 2\n\n", 9), 0);
}

static void stream_fill(struct serving *s)
{
	char *block = mem_calloc(1, 64 * 1024);
	memset(block, 'x', 64 * 1024);
	while (http_stream_write(s->stream, block, 64 * 1024) == 0)
		;
	atomic_fetch_add(&s->refused_writes, 1);
	free(block);
}

static void stream_finish(struct serving *s)
{
	http_stream_end(s->stream);
}

static void a_stream_carries_events_and_comments_while_idle(void **state)
{
	struct serving *s = serve_with((struct http_options){.keepalive_ms = 100});
	int fd = client_connect(s);
	client_send(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	CLEANUP(freep) char *first = client_read_until(fd, "data: 1\n\n");
	assert_contains(first, "text/event-stream");
	serving_do(s, stream_write_two);
	free(client_read_until(fd, "data: 2\n\n"));
	free(client_read_until(fd, ":\n\n"));
	serving_do(s, stream_finish);
	serving_wait(&s->streams_closed, 1);
	(void)close(fd);
	serving_free(s);
}

static void a_client_that_left_its_stream_is_found_by_the_comments(void **state)
{
	struct serving *s = serve_with((struct http_options){.keepalive_ms = 50});
	int fd = client_connect(s);
	client_send(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	free(client_read_until(fd, "data: 1\n\n"));
	(void)close(fd);
	serving_wait(&s->streams_closed, 1);
	serving_free(s);
}

static void a_client_that_does_not_read_cannot_make_the_server_grow(void **state)
{
	struct serving *s = serve();
	int fd = client_connect(s);
	client_send(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	serving_wait(&s->handled, 1);
	serving_do(s, stream_fill); /* ends, because writing is refused */
	assert_int_equal(atomic_load(&s->refused_writes), 1);
	(void)close(fd);
	serving_free(s);
}

/* ---- links ---- */

#define UPGRADE \
	"GET /link HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: samoza-link/1\r\n\r\n"

static size_t frame_write(char *to, char fill)
{
	Samoza__V1__MeshMessage m = SAMOZA__V1__MESH_MESSAGE__INIT;
	m.topology = m.path_name = m.from = m.to = m.to_zhost = (char *)"x";
	uint8_t payload[100];
	memset(payload, fill, sizeof payload);
	m.payload.data = payload;
	m.payload.len = sizeof payload;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1024);
	assert_int_equal(
		frame_encode(&b, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE, &m.base, NULL), 0);
	memcpy(to, b.data, b.size);
	return b.size;
}

static void a_link_is_an_upgrade_that_keeps_early_bytes(void **state)
{
	struct serving *s = serve();
	int fd = client_connect(s);
	char all[1024];
	size_t head = strlen(UPGRADE);
	memcpy(all, UPGRADE, head);
	size_t size = frame_write(all + head, 'q'); /* in the same segment as the request */
	assert_int_equal(send(fd, all, head + size, MSG_NOSIGNAL), (ssize_t)(head + size));
	char got[1024] = {0};
	size_t have = 0;
	const char *end = NULL;
	while (end == NULL || have < (size_t)(end - got) + 4 + size) {
		ssize_t n = recv(fd, got + have, sizeof got - 1 - have, 0);
		assert_true(n > 0);
		have += (size_t)n;
		end = strstr(got, "\r\n\r\n");
	}
	assert_begins(got, "HTTP/1.1 101");
	assert_memory_equal(end + 4, all + head, size);
	(void)close(fd);
	serving_wait(&s->links_closed, 1);
	assert_answer(s, "GET /link HTTP/1.1\r\n" END, "HTTP/1.1 426");
	serving_free(s);
}

static void note_connections(struct serving *s)
{
	atomic_store(&s->handled, (int)http_server_counters(s->server).connections);
}

static void a_link_is_no_connection_of_the_server_any_more(void **state)
{
	struct serving *s = serve();
	int fd = client_connect(s);
	client_send(fd, UPGRADE);
	free(client_read_until(fd, "\r\n\r\n"));
	int64_t end_ms = now_ms() + 10000;
	do
		serving_do(s, note_connections);
	while (atomic_load(&s->handled) > 0 && now_ms() < end_ms);
	assert_int_equal(atomic_load(&s->handled), 0);
	char frame[1024];
	size_t size = frame_write(frame, 'q');
	assert_int_equal(send(fd, frame, size, MSG_NOSIGNAL), (ssize_t)size);
	char got[1024];
	assert_int_equal(recv(fd, got, size, MSG_WAITALL), (ssize_t)size);
	assert_memory_equal(got, frame, size);
	(void)close(fd);
	serving_wait(&s->links_closed, 1);
	serving_free(s);
}

static void links_leave_room_for_requests_and_are_limited_themselves(void **state)
{
	struct serving *s =
		serve_with((struct http_options){.connections_max = 1, .upgrades_max = 1});
	int fd = client_connect(s);
	client_send(fd, UPGRADE);
	free(client_read_until(fd, "\r\n\r\n"));
	assert_answer(s, "GET /hello/x HTTP/1.1\r\n" END, "HTTP/1.1 200");
	assert_answer(s,
		      "GET /link HTTP/1.1\r\n" HOST
		      "Connection: Upgrade, close\r\nUpgrade: samoza-link/1\r\n\r\n",
		      "HTTP/1.1 503");
	(void)close(fd);
	serving_wait(&s->links_closed, 1);
	fd = client_connect(s);
	client_send(fd, UPGRADE);
	free(client_read_until(fd, "101 Switching"));
	(void)close(fd);
	serving_wait(&s->links_closed, 2);
	serving_free(s);
}

static void garbage_on_a_link_closes_it(void **state)
{
	struct serving *s = serve();
	int fd = client_connect(s);
	client_send(fd, UPGRADE);
	free(client_read_until(fd, "\r\n\r\n"));
	client_send(fd, "\xff\xff\xff\xff garbage");
	free(client_read_all(fd));
	serving_wait(&s->links_closed, 1);
	(void)close(fd);
	serving_free(s);
}

/* ---- the end, with everything open ---- */

static void link_end(struct serving *s)
{
	wire_link_close(s->link, NULL);
}

static void the_server_shuts_down_with_everything_open(void **state)
{
	struct serving *s = serve();
	int stream = client_connect(s), held = client_connect(s), link = client_connect(s);
	int half = client_connect(s), upload = client_connect(s), idle = client_connect(s);
	client_send(stream, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	free(client_read_until(stream, "data: 1\n\n"));
	client_send(link, UPGRADE);
	free(client_read_until(link, "\r\n\r\n"));
	client_send(half, "GET /hel");
	client_send(upload, "POST /upload HTTP/1.1\r\nContent-Length: 9000000\r\n" HOST "\r\n");
	CLEANUP(freep) char *part = mem_calloc(1, 600001);
	memset(part, 'u', 600000);
	client_send(upload, part);
	client_send(held, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	serving_wait(&s->handled, 2);
	serving_do(s, link_end); /* links go first: hub.h */
	serving_wait(&s->links_closed, 1);
	serving_free(s);
	CLEANUP(freep) char *answer = client_read_all(held);
	assert_begins(answer, "HTTP/1.1 503");
	const int all[] = {stream, held, link, half, upload, idle};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		(void)close(all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_routed),
		cmocka_unit_test(a_connection_serves_many_requests),
		cmocka_unit_test(a_reply_may_come_later),
		cmocka_unit_test(a_client_that_leaves_while_its_answer_is_made_does_no_harm),
		cmocka_unit_test(uploads_arrive_complete_from_memory_and_from_the_spool),
		cmocka_unit_test(a_huge_body_is_refused_before_it_is_read),
		cmocka_unit_test(ambiguous_lengths_are_refused),
		cmocka_unit_test(an_incomplete_request_is_disconnected),
		cmocka_unit_test(a_trickling_header_is_disconnected),
		cmocka_unit_test(a_trickling_second_header_is_disconnected_too),
		cmocka_unit_test(a_body_that_never_ends_is_disconnected),
		cmocka_unit_test(connections_over_the_limit_do_not_affect_the_others),
		cmocka_unit_test(after_descriptors_ran_out_connections_are_accepted_again),
		cmocka_unit_test(other_sites_pages_are_refused),
		cmocka_unit_test(only_loopback_is_listened_on),
		cmocka_unit_test(a_taken_port_is_named),
		cmocka_unit_test(a_stream_carries_events_and_comments_while_idle),
		cmocka_unit_test(a_client_that_left_its_stream_is_found_by_the_comments),
		cmocka_unit_test(a_client_that_does_not_read_cannot_make_the_server_grow),
		cmocka_unit_test(a_link_is_an_upgrade_that_keeps_early_bytes),
		cmocka_unit_test(a_link_is_no_connection_of_the_server_any_more),
		cmocka_unit_test(links_leave_room_for_requests_and_are_limited_themselves),
		cmocka_unit_test(garbage_on_a_link_closes_it),
		cmocka_unit_test(the_server_shuts_down_with_everything_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
