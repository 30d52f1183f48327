#include "serving.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"

enum { ASK_NOTHING, ASK_END, ASK_RUN };
static void (*asked_fn)(struct serving *s);
static atomic_int asked_done;

static void asked(uv_async_t *async)
{
	struct serving *s = async->data;
	int what = atomic_exchange(&s->asked, ASK_NOTHING);
	if (what == ASK_RUN) {
		asked_fn(s);
		atomic_store(&asked_done, 1);
	} else if (what == ASK_END) {
		http_server_free(s->server);
		uv_close((uv_handle_t *)&s->ask, NULL);
		loop_stop(&s->loop);
	}
}

static void *serve(void *user)
{
	struct serving *s = user;
	loop_run(&s->loop);
	loop_done(&s->loop);
	return NULL;
}

struct serving *serving_new(const struct http_options *options)
{
	struct serving *s = mem_new(struct serving);
	assert_int_equal(loop_init(&s->loop, NULL), 0);
	struct http_options o = *options;
	o.address = "127.0.0.1";
	o.context = s;
	o.spool_dir = "/tmp";
	assert_int_equal(http_server_new(&s->loop, &o, &s->server, NULL), 0);
	(void)uv_async_init(loop_uv(&s->loop), &s->ask, asked);
	s->ask.data = s;
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	return s;
}

void serving_free(struct serving *s)
{
	atomic_store(&s->asked, ASK_END);
	(void)uv_async_send(&s->ask);
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	free(s);
}

int64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void serving_wait(atomic_int *counter, int value)
{
	int64_t deadline = now_ms() + 60000;
	while (atomic_load(counter) < value) {
		if (now_ms() > deadline)
			fail_msg("%d, waited for %d", atomic_load(counter), value);
		(void)usleep(500);
	}
}

void serving_do(struct serving *s, void (*fn)(struct serving *s))
{
	asked_fn = fn;
	atomic_store(&asked_done, 0);
	atomic_store(&s->asked, ASK_RUN);
	(void)uv_async_send(&s->ask);
	serving_wait(&asked_done, 1);
}

int client_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = {.tv_sec = 10};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	return fd;
}

void client_connect_socket(struct serving *s, int fd)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(http_server_port(s->server)),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
}

int client_connect(struct serving *s)
{
	int fd = client_socket();
	client_connect_socket(s, fd);
	return fd;
}

void client_send(int fd, const char *text)
{
	size_t size = strlen(text);
	while (size > 0) {
		ssize_t n = send(fd, text, size, MSG_NOSIGNAL);
		assert_true(n > 0);
		text += n;
		size -= (size_t)n;
	}
}

static ssize_t client_read(int fd, struct buffer *in)
{
	char chunk[4096];
	ssize_t n = recv(fd, chunk, sizeof chunk, 0);
	if (n < 0 && errno == ECONNRESET)
		return 0;
	if (n < 0)
		fail_msg("nothing within ten seconds, so far: %s", in->data);
	assert_int_equal(buffer_add(in, chunk, (size_t)n), 0);
	return n;
}

char *client_read_all(int fd)
{
	struct buffer in = BUFFER_INIT(64u * 1024 * 1024);
	while (client_read(fd, &in) > 0)
		;
	return buffer_steal(&in);
}

char *client_read_until(int fd, const char *end)
{
	struct buffer in = BUFFER_INIT(64u * 1024 * 1024);
	while (in.data == NULL || strstr(in.data, end) == NULL)
		if (client_read(fd, &in) == 0)
			fail_msg("closed before '%s': %s", end, in.data);
	return buffer_steal(&in);
}

char *client_exchange(struct serving *s, const char *request)
{
	int fd = client_connect(s);
	client_send(fd, request);
	char *answer = client_read_all(fd);
	(void)close(fd);
	return answer;
}
