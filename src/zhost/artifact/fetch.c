#include "zhost/artifact/fetch.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include <sodium.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"

#define HEADER_MAX ((size_t)16 * 1024)

struct fetch {
	struct loop *loop;
	uv_tcp_t socket;
	uv_connect_t connect;
	uv_write_t write;
	struct loop_timer *timer;
	char *request;
	int fd;
	uint64_t max_bytes, size, expected;
	bool has_header;
	struct buffer header;
	crypto_hash_sha256_state hash;
	fetch_done_fn *done; /* NULL: over */
	void *data;
};

static void on_closed(uv_handle_t *handle)
{
	struct fetch *f = handle->data;

	buffer_done(&f->header);
	free(f->request);
	free(f);
}

static void finish(struct fetch *f, const char *digest, struct error *error)
{
	fetch_done_fn *done = f->done;

	f->done = NULL;
	if (done != NULL)
		done(f->data, digest, f->size, error);
	error_free(error);
	loop_timer_free(f->timer);
	f->timer = NULL;
	uv_close((uv_handle_t *)&f->socket, on_closed);
}

static void fail(struct fetch *f, enum error_code code, const char *what)
{
	struct error *error = NULL;

	if (f->done == NULL)
		return;
	(void)error_set(&error, code, "%s", what);
	finish(f, NULL, error);
}

void fetch_cancel(struct fetch *f)
{
	if (f == NULL)
		return;
	f->done = NULL;
	finish(f, NULL, NULL);
}

static void on_idle(void *user)
{
	fail(user, ERR_TIMEOUT, "zrms sends nothing");
}

static void complete(struct fetch *f)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char digest[2 * sizeof(hash) + 1];

	(void)crypto_hash_sha256_final(&f->hash, hash);
	(void)sodium_bin2hex(digest, sizeof(digest), hash, sizeof(hash));
	finish(f, digest, NULL);
}

static void take_body(struct fetch *f, const char *data, size_t size)
{
	if (size > f->expected - f->size) {
		fail(f, ERR_INVALID, "zrms sent more than it announced");
		return;
	}
	for (size_t done = 0; done < size;) {
		ssize_t n = write(f->fd, data + done, size - done);

		if (n < 0) {
			CLEANUP(freep)
			char *what = str_printf("cannot write: %s", strerror(errno));
			fail(f, ERR_IO, what);
			return;
		}
		done += (size_t)n;
	}
	(void)crypto_hash_sha256_update(&f->hash, (const uint8_t *)data, size);
	f->size += size;
	if (f->size == f->expected)
		complete(f);
}

/* The value of a header field in place, or NULL. */
static const char *header_find(const char *header, const char *name)
{
	size_t size = strlen(name);

	for (const char *line = strstr(header, "\r\n"); line != NULL;
	     line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, size) == 0 && line[size] == ':') {
			line += size + 1;
			return line + strspn(line, " \t");
		}
	}
	return NULL;
}

static bool take_header(struct fetch *f)
{
	const char *length = header_find(f->header.data, "Content-Length");
	unsigned status = 0;
	unsigned long long expected;

	if (sscanf(f->header.data, "HTTP/1.%*1[01] %3u", &status) != 1) {
		fail(f, ERR_INVALID, "the answer is not HTTP");
		return false;
	}
	if (status != 200) {
		CLEANUP(freep) char *what = str_printf("zrms answered %u", status);
		fail(f, status == 404 ? ERR_NOT_FOUND : ERR_UNAVAILABLE, what);
		return false;
	}
	if (length == NULL || sscanf(length, "%20llu", &expected) != 1) {
		fail(f, ERR_INVALID, "the answer has no Content-Length");
		return false;
	}
	if (expected > f->max_bytes) {
		fail(f, ERR_LIMIT, "it is larger than it may be");
		return false;
	}
	f->expected = expected;
	f->has_header = true;
	return true;
}

static void take_bytes(struct fetch *f, const char *data, size_t size)
{
	char *end;

	if (f->has_header) {
		take_body(f, data, size);
		return;
	}
	if (buffer_add(&f->header, data, size) < 0) {
		fail(f, ERR_LIMIT, "the answer's header is too long");
		return;
	}
	end = strstr(f->header.data, "\r\n\r\n");
	if (end == NULL)
		return;
	end[2] = '\0';
	if (take_header(f)) {
		const char *body = end + 4;

		take_body(f, body, f->header.size - (size_t)(body - f->header.data));
	}
}

static void on_allocate(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
	struct fetch *f = handle->data;

	(void)wanted;
	/* The header and one reading must fit together. */
	*buffer = uv_buf_init((char *)f->loop->scratch,
			      f->has_header ? LOOP_SCRATCH_BYTES : HEADER_MAX);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct fetch *f = stream->data;

	if (f->done == NULL || n == 0)
		return;
	if (n < 0) {
		fail(f, ERR_UNAVAILABLE, "zrms closed the connection in the middle");
		return;
	}
	loop_timer_at(f->timer, loop_now(f->loop).mono_ms + FETCH_IDLE_MS);
	take_bytes(f, buffer->base, (size_t)n);
}

static void on_written(uv_write_t *write, int status)
{
	struct fetch *f = write->handle->data;

	if (status < 0)
		fail(f, ERR_UNAVAILABLE, "zrms closed the connection");
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct fetch *f = connect->handle->data;
	uv_buf_t request;

	if (f->done == NULL)
		return;
	if (status < 0) {
		CLEANUP(freep)
		char *what = str_printf("zrms cannot be reached: %s", uv_strerror(status));
		fail(f, ERR_UNAVAILABLE, what);
		return;
	}
	request = uv_buf_init(f->request, (unsigned)strlen(f->request));
	if (uv_write(&f->write, (uv_stream_t *)&f->socket, &request, 1, on_written) != 0 ||
	    uv_read_start((uv_stream_t *)&f->socket, on_allocate, on_read) != 0)
		fail(f, ERR_UNAVAILABLE, "zrms closed the connection");
}

/* From the loop, since `done` must not come from within fetch_new(). */
static void on_refused(void *user)
{
	fail(user, ERR_UNAVAILABLE, "zrms cannot be reached: its address is of no use");
}

struct fetch *fetch_new(struct loop *loop, const struct cli_address *from, const char *target,
			int fd, uint64_t max_bytes, fetch_done_fn *done, void *data)
{
	struct fetch *f = mem_new(struct fetch);
	CLEANUP(freep) char *host = cli_address_text(from);
	const char *name = strcmp(from->host, "localhost") == 0 ? "127.0.0.1" : from->host;
	struct sockaddr_storage address = {0};
	int r;

	f->loop = loop;
	f->fd = fd;
	f->max_bytes = max_bytes;
	f->done = done;
	f->data = data;
	f->header = BUFFER_INIT(3 * HEADER_MAX);
	(void)crypto_hash_sha256_init(&f->hash);
	f->request = str_printf("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
				target, host);
	f->timer = loop_timer_new(loop, on_idle, f);
	loop_timer_at(f->timer, loop_now(loop).mono_ms + FETCH_IDLE_MS);
	(void)uv_tcp_init(loop_uv(loop), &f->socket);
	f->socket.data = f;
	if (strchr(name, ':') != NULL)
		r = uv_ip6_addr(name, from->port, (struct sockaddr_in6 *)&address);
	else
		r = uv_ip4_addr(name, from->port, (struct sockaddr_in *)&address);
	if (r == 0)
		r = uv_tcp_connect(&f->connect, &f->socket, (struct sockaddr *)&address,
				   on_connected);
	if (r != 0) {
		loop_timer_free(f->timer);
		f->timer = loop_timer_new(loop, on_refused, f);
		loop_timer_at(f->timer, loop_now(loop).mono_ms);
	}
	return f;
}
