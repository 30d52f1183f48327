#include "zbench/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

#define INPUT_MAX     ((size_t)64 << 20)
#define READ_SIZE     65536u
#define REQUEST_NS    (UINT64_C(60) * 1000000000)
#define IDLE_NS	      (UINT64_C(10) * 1000000000) /* then zrms may have closed the connection */
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
	if (c->has_response)
		http_response_done(&c->response);
	c->has_response = false;
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
	c->used_ns = now_ns();
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

/* ---- the response ---- */

/* The next part of the response, which is not HTTP_PART_NONE: reads what it takes. */
static int next_part(struct client *c, uint64_t deadline_ns, struct http_part *ret_part,
		     struct error **err)
{
	for (;;) {
		int r = http_response_take(&c->response, c->input.data, c->input.size, ret_part,
					   err);

		if (r < 0 || ret_part->type != HTTP_PART_NONE)
			return r;
		buffer_consume(&c->input, ret_part->used);
		r = fill(c, deadline_ns, err);
		if (r > 0)
			continue;
		if (r == 0)
			r = http_response_finish(&c->response, err);
		if (r == 0)
			*ret_part = (struct http_part){.type = HTTP_PART_END};
		return r;
	}
}

static int take_head(struct client *c, uint64_t deadline_ns, int *ret_status,
		     struct error **err)
{
	struct http_part part;
	int r;

	if (!c->has_response)
		http_response_init(&c->response);
	c->has_response = true;
	c->is_complete = false;
	http_response_reset(&c->response);
	r = next_part(c, deadline_ns, &part, err);
	if (r < 0)
		return r;
	buffer_consume(&c->input, part.used);
	*ret_status = c->response.status;
	return 0;
}

int client_begin(struct client *c, const char *method, const char *path, const void *body,
		 size_t size, uint64_t deadline_ns, int *ret_status, struct error **err)
{
	CLEANUP(buffer_done) struct buffer header = BUFFER_INIT(HTTP_HEAD_MAX);
	const char *token = getenv("SAMOZA_TOKEN");
	CLEANUP(freep) char *bearer = token != NULL ? str_printf("Bearer %s", token) : NULL;
	const struct http_field fields[] = {{"Authorization", bearer}};
	const struct http_request_head head = {.method = method,
					       .target = path,
					       .host = "127.0.0.1",
					       .port = c->port,
					       .has_body = body != NULL ||
							   strcmp(method, "GET") != 0,
					       .body_size = size,
					       .fields = fields,
					       .field_count = bearer != NULL ? 1 : 0};
	uint64_t now = now_ns();

	if (now > c->used_ns + IDLE_NS)
		disconnect(c);
	c->used_ns = now;
	int r = client_connect(c, err);
	if (r == 0)
		r = http_request_write(&header, &head, err);
	if (r < 0)
		return r;
	r = send_all(c, &header, body, size, err);
	if (r == 0)
		r = take_head(c, deadline_ns, ret_status, err);
	if (r < 0)
		disconnect(c);
	return r;
}

int client_more(struct client *c, uint64_t deadline_ns, struct buffer *to, struct error **err)
{
	struct http_part part;
	int r = 0;

	if (c->is_complete)
		return 0;
	r = next_part(c, deadline_ns, &part, err);
	if (r == 0 && part.type == HTTP_PART_BODY && buffer_add(to, part.data, part.size) < 0)
		r = error_set(err, ERR_LIMIT, "the answer is too large");
	if (r == 0)
		buffer_consume(&c->input, part.used);
	if (r == 0 && part.type == HTTP_PART_END) {
		c->is_complete = true;
		if (!c->response.keep_alive)
			disconnect(c);
		return 0;
	}
	/* At a deadline the stream can continue; after anything else it cannot. */
	if (r < 0 && r != ERR_TIMEOUT)
		disconnect(c);
	return r < 0 ? r : 1;
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
