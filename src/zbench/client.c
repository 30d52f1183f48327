#include "zbench/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

#define INPUT_MAX     ((size_t)64 << 20)
#define HEADER_MAX    65536u
#define READ_SIZE     65536u
#define REQUEST_NS    (UINT64_C(60) * 1000000000)
#define NS_PER_MS     UINT64_C(1000000)
#define NS_PER_SECOND UINT64_C(1000000000)

uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

double seconds_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (double)(to_ns - from_ns) / 1e9 : 0;
}

static void disconnect(struct client *c)
{
	if (c->connected)
		(void)close(c->fd);
	c->connected = false;
	buffer_clear(&c->input);
}

void client_done(struct client *c)
{
	disconnect(c);
	buffer_done(&c->input);
}

void answer_done(struct answer *a)
{
	buffer_done(&a->body);
}

int client_connect(struct client *c, struct error **err)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(c->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1;

	if (c->connected)
		return 0;
	if (c->input.max == 0)
		c->input = BUFFER_INIT(INPUT_MAX);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return error_errno(err, "cannot make a socket");
	if (connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int r = error_set(err, ERR_UNAVAILABLE, "cannot connect to 127.0.0.1:%u: %s",
				  c->port, strerror(errno));

		(void)close(c->fd);
		return r;
	}
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->connected = true;
	return 0;
}

static int send_all(struct client *c, const struct buffer *header, const void *body,
		    size_t size, struct error **err)
{
	struct iovec parts[2] = {{header->data, header->size}, {(void *)(uintptr_t)body, size}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = body != NULL ? 2 : 1};

	while (message.msg_iovlen > 0) {
		ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, ERR_UNAVAILABLE, "cannot send: %s",
					 strerror(errno));
		while (message.msg_iovlen > 0 && (size_t)n >= message.msg_iov[0].iov_len) {
			n -= (ssize_t)message.msg_iov[0].iov_len;
			message.msg_iov++;
			message.msg_iovlen--;
		}
		if (message.msg_iovlen > 0) {
			message.msg_iov[0].iov_base = (char *)message.msg_iov[0].iov_base + n;
			message.msg_iov[0].iov_len -= (size_t)n;
		}
	}
	return 0;
}

/* Reads once: 1, 0 when the other side has closed, or an error. */
static int fill(struct client *c, uint64_t deadline_ns, struct error **err)
{
	struct pollfd wait = {.fd = c->fd, .events = POLLIN};
	uint64_t now = now_ns();
	int ms = deadline_ns > now ? (int)((deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS) : 0;
	char *room = buffer_reserve(&c->input, READ_SIZE);
	ssize_t n;

	if (room == NULL)
		return error_set(err, ERR_LIMIT, "the answer is too large");
	do
		n = poll(&wait, 1, ms);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return error_set(err, ERR_TIMEOUT, "no answer in time");
	do
		n = recv(c->fd, room, READ_SIZE, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_set(err, ERR_UNAVAILABLE, "the connection broke: %s",
				 strerror(errno));
	buffer_grew(&c->input, (size_t)n);
	return n > 0;
}

/* ---------------------------------------------------------------- header */

static const char *header_value(const char *line, const char *name)
{
	size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	line += n + 1;
	return line + strspn(line, " \t");
}

/* The lines of the header, each ended by NUL instead of its line end. */
static int read_header(struct client *c, char *header, int *ret_status, struct error **err)
{
	char *rest = header, *line = strsep(&rest, "\n");
	int status = 0;

	if (sscanf(line, "HTTP/1.%*d %d", &status) != 1)
		return error_set(err, ERR_INVALID, "the answer is not HTTP: %.60s", line);
	c->kind = BODY_UNTIL_CLOSE;
	c->left = 0;
	c->close_after = false;
	while ((line = strsep(&rest, "\n")) != NULL) {
		const char *value;

		line[strcspn(line, "\r")] = '\0';
		if ((value = header_value(line, "Content-Length")) != NULL) {
			c->kind = BODY_LENGTH;
			if (str_to_u64(value, &c->left) < 0)
				return error_set(err, ERR_INVALID, "bad header '%s'", line);
		} else if ((value = header_value(line, "Transfer-Encoding")) != NULL) {
			c->kind = BODY_CHUNKED;
		} else if ((value = header_value(line, "Connection")) != NULL) {
			c->close_after = strcasecmp(value, "close") == 0;
		}
	}
	if (status == 204 || status == 304) {
		c->kind = BODY_LENGTH;
		c->left = 0;
	}
	c->body_ended = c->kind == BODY_LENGTH && c->left == 0;
	*ret_status = status;
	return 0;
}

static int take_header(struct client *c, uint64_t deadline_ns, int *ret_status,
		       struct error **err)
{
	for (;;) {
		char *end = c->input.size > 0
				    ? memmem(c->input.data, c->input.size, "\r\n\r\n", 4)
				    : NULL;
		int r;

		if (end != NULL) {
			*end = '\0';
			r = read_header(c, c->input.data, ret_status, err);
			buffer_consume(&c->input, (size_t)(end + 4 - c->input.data));
			if (r == 0 && *ret_status == 100)
				continue;
			return r;
		}
		if (c->input.size > HEADER_MAX)
			return error_set(err, ERR_INVALID,
					 "the header of the answer does not end");
		r = fill(c, deadline_ns, err);
		if (r == 0)
			return error_set(err, ERR_UNAVAILABLE, "the connection was closed");
		if (r < 0)
			return r;
	}
}

int client_begin(struct client *c, const char *method, const char *path, const void *body,
		 size_t size, uint64_t deadline_ns, int *ret_status, struct error **err)
{
	CLEANUP(buffer_done) struct buffer header = BUFFER_INIT(HEADER_MAX);
	int r = client_connect(c, err);

	if (r < 0)
		return r;
	if (buffer_printf(&header, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n", method, path,
			  c->port) < 0 ||
	    ((body != NULL || strcmp(method, "GET") != 0) &&
	     buffer_printf(&header, "Content-Length: %zu\r\n", size) < 0) ||
	    buffer_add_string(&header, "\r\n") < 0)
		return error_set(err, ERR_LIMIT, "the path is too long");
	r = send_all(c, &header, body, size, err);
	if (r == 0)
		r = take_header(c, deadline_ns, ret_status, err);
	if (r < 0)
		disconnect(c);
	return r;
}

/* ---------------------------------------------------------------- body */

/* The line that begins a chunk, and the end of the one before: 1 when it is understood, 0 when
 * more input is needed. */
static int take_chunk_header(struct client *c, struct error **err)
{
	char *data = c->input.data, *end;
	size_t skip = 0;

	if (c->input.size >= 2 && memcmp(data, "\r\n", 2) == 0)
		skip = 2; /* behind the chunk before */
	end = c->input.size > skip ? memmem(data + skip, c->input.size - skip, "\r\n", 2)
				   : NULL;
	if (end == NULL)
		return 0;
	*end = '\0';
	char *stop;
	errno = 0;
	c->left = strtoull(data + skip, &stop, 16);
	if (errno != 0 || stop == data + skip)
		return error_set(err, ERR_INVALID, "bad chunk '%.20s'", data + skip);
	if (c->left == 0) {
		/* There are no trailers. */
		char *last = end + 2;
		if (c->input.size < (size_t)(last + 2 - data)) {
			*end = '\r';
			return 0;
		}
		end = last;
		c->body_ended = true;
	}
	buffer_consume(&c->input, (size_t)(end + 2 - data));
	return 1;
}

/* Moves what is there of the body: 1 when something was, 0 when more input is needed. */
static int take_body(struct client *c, struct buffer *to, struct error **err)
{
	int moved = 0;

	while (!c->body_ended) {
		size_t n = c->input.size;

		if (c->kind == BODY_CHUNKED && c->left == 0) {
			int r = take_chunk_header(c, err);

			if (r <= 0)
				return r < 0 ? r : moved;
			continue;
		}
		if (n == 0)
			return moved;
		if (c->kind != BODY_UNTIL_CLOSE && n > c->left)
			n = (size_t)c->left;
		if (buffer_add(to, c->input.data, n) < 0)
			return error_set(err, ERR_LIMIT, "the answer is too large");
		buffer_consume(&c->input, n);
		moved = 1;
		if (c->kind != BODY_UNTIL_CLOSE)
			c->left -= n;
		c->body_ended = c->kind == BODY_LENGTH && c->left == 0;
	}
	return moved;
}

int client_more(struct client *c, uint64_t deadline_ns, struct buffer *to, struct error **err)
{
	for (;;) {
		int r = take_body(c, to, err);

		if (r == 0 && c->body_ended) {
			if (c->close_after)
				disconnect(c);
			return 0;
		}
		if (r == 0) {
			r = fill(c, deadline_ns, err);
			if (r == 0 && c->kind == BODY_UNTIL_CLOSE) {
				disconnect(c);
				c->body_ended = true;
				return 0;
			}
			if (r == 0)
				r = error_set(err, ERR_UNAVAILABLE,
					      "the connection was closed");
			if (r > 0)
				continue;
		}
		/* At a deadline the stream can go on; after anything else it cannot. */
		if (r < 0 && r != ERR_TIMEOUT)
			disconnect(c);
		return r;
	}
}

int client_request(struct client *c, const char *method, const char *path, const void *body,
		   size_t size, struct answer *answer, struct error **err)
{
	uint64_t deadline = now_ns() + REQUEST_NS;
	int r = client_begin(c, method, path, body, size, deadline, &answer->status, err);

	if (answer->body.max == 0)
		answer->body = BUFFER_INIT(INPUT_MAX);
	buffer_clear(&answer->body);
	while (r >= 0 && (r = client_more(c, deadline, &answer->body, err)) > 0)
		continue;
	if (r < 0) {
		disconnect(c);
		(void)error_wrap(err, "%s %s", method, path);
	}
	return r;
}

int client_call(struct client *c, const char *method, const char *path, const void *body,
		size_t size, json_t **ret_json, struct error **err)
{
	CLEANUP(answer_done) struct answer answer = {0};
	int r = client_request(c, method, path, body, size, &answer, err);

	if (r < 0)
		return r;
	if (answer.status < 200 || answer.status > 299)
		return error_set(err, ERR_INVALID, "%s %s was answered with %d: %.1000s",
				 method, path, answer.status,
				 answer.body.size > 0 ? answer.body.data : "");
	if (ret_json == NULL)
		return 0;
	*ret_json = NULL;
	if (answer.body.size > 0) {
		*ret_json = json_loadb(answer.body.data, answer.body.size, 0, NULL);
		if (*ret_json == NULL)
			return error_set(err, ERR_INVALID, "%s %s: the answer is not JSON",
					 method, path);
	}
	return 0;
}
