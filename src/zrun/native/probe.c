#include "zrun/native/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- addresses ---- */

static bool read_port(const char *text, const char *until, uint16_t *ret_port)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (end != until || end == text || port == 0 || port > 65535)
		return false;
	*ret_port = htons((uint16_t)port);
	return true;
}

/* Numbers only: looking a name up could block. */
static bool set_address(struct probe *p, const char *host, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&p->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&p->address;

	p->address = (struct sockaddr_storage){0};
	if (strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = port;
		p->address_size = sizeof(*v4);
		return true;
	}
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = port;
		p->address_size = sizeof(*v6);
		return true;
	}
	return false;
}

static bool read_url(struct probe *p)
{
	const char *host = p->value + strlen("http://"), *end;
	size_t size = strcspn(host, "/?#");
	char name[64];
	uint16_t port = htons(80);

	if (strncmp(p->value, "http://", strlen("http://")) != 0 || size >= sizeof(p->host))
		return false;
	p->path = host + size;
	memcpy(p->host, host, size);
	p->host[size] = '\0';
	end = p->host[0] == '[' ? strchr(p->host, ']') : strchr(p->host, ':');
	if (p->host[0] == '[') {
		if (end == NULL || (size_t)(end - p->host) > sizeof(name))
			return false;
		(void)snprintf(name, sizeof(name), "%.*s", (int)(end - p->host - 1),
			       p->host + 1);
		end++;
	} else {
		if (end == NULL)
			end = p->host + size;
		if ((size_t)(end - p->host) >= sizeof(name))
			return false;
		(void)snprintf(name, sizeof(name), "%.*s", (int)(end - p->host), p->host);
	}
	if (*end == ':' && !read_port(end + 1, p->host + size, &port))
		return false;
	return (*end == ':' || *end == '\0') && set_address(p, name, port);
}

bool probe_prepare(struct probe *p, char *text, size_t size)
{
	uint16_t port;

	p->fd = -1;
	if (p->kind == PROBE_TCP) {
		if (read_port(p->value, p->value + strlen(p->value), &port))
			return set_address(p, "127.0.0.1", port);
		(void)snprintf(text, size, "'%s' is not a port", p->value);
		return false;
	}
	if (p->kind != PROBE_HTTP || read_url(p))
		return true;
	(void)snprintf(text, size,
		       "cannot probe %s: expected http://ADDRESS:PORT/PATH with an address in "
		       "numbers, or localhost",
		       p->value);
	return false;
}

/* ---- a question ---- */

static const char *shown_scheme(const struct probe *p)
{
	return p->kind == PROBE_TCP ? "port " : "";
}

static enum probe_result bad(struct probe *p, char *text, size_t size, const char *why)
{
	(void)snprintf(text, size, "%s%s: %s", shown_scheme(p), p->value, why);
	probe_end(p);
	return PROBE_BAD;
}

static enum probe_result good(struct probe *p)
{
	probe_end(p);
	return PROBE_GOOD;
}

/* The other end has an address of this machine: the kernel connects to it from the same one. */
static bool is_local(const struct probe *p, int fd)
{
	struct sockaddr_storage own;
	socklen_t size = sizeof(own);

	if (getsockname(fd, (struct sockaddr *)&own, &size) < 0 ||
	    own.ss_family != p->address.ss_family)
		return false;
	if (own.ss_family == AF_INET) {
		const struct in_addr *a = &((struct sockaddr_in *)&own)->sin_addr;
		const struct in_addr *b = &((const struct sockaddr_in *)&p->address)->sin_addr;

		return a->s_addr == b->s_addr || ntohl(b->s_addr) >> 24 == IN_LOOPBACKNET;
	}
	return memcmp(&((struct sockaddr_in6 *)&own)->sin6_addr,
		      &((const struct sockaddr_in6 *)&p->address)->sin6_addr,
		      sizeof(struct in6_addr)) == 0;
}

static uint16_t port_of(const struct probe *p)
{
	return ntohs(p->address.ss_family == AF_INET
			     ? ((const struct sockaddr_in *)&p->address)->sin_port
			     : ((const struct sockaddr_in6 *)&p->address)->sin6_port);
}

/* Connecting a datagram socket sends nothing. */
uint16_t probe_local_port(const struct probe *p)
{
	int fd = p->address_size > 0
			 ? socket(p->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)
			 : -1;
	bool found = fd >= 0 &&
		     connect(fd, (const struct sockaddr *)&p->address, p->address_size) == 0 &&
		     is_local(p, fd);

	if (fd >= 0)
		close(fd);
	return found ? port_of(p) : 0;
}

enum probe_result probe_begin(struct probe *p, char *text, size_t size)
{
	p->is_connected = false;
	p->answer_size = 0;
	p->answer[0] = '\0';
	p->fd = socket(p->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return bad(p, text, size, strerror(errno));
	if (connect(p->fd, (struct sockaddr *)&p->address, p->address_size) < 0 &&
	    errno != EINPROGRESS)
		return bad(p, text, size, strerror(errno));
	return PROBE_PENDING;
}

short probe_events(const struct probe *p)
{
	return p->is_connected ? POLLIN : POLLOUT;
}

static enum probe_result ask(struct probe *p, char *text, size_t size)
{
	char request[4400];
	int n = snprintf(request, sizeof(request),
			 "GET %s%s HTTP/1.0\r\nHost: %s\r\nUser-Agent: samoza\r\n"
			 "Connection: close\r\n\r\n",
			 p->path[0] == '/' ? "" : "/", p->path, p->host);

	/* A fresh connection takes it whole. */
	if (n < 0 || (size_t)n >= sizeof(request) ||
	    send(p->fd, request, (size_t)n, MSG_NOSIGNAL) != n)
		return bad(p, text, size, "cannot send the request");
	return PROBE_PENDING;
}

static enum probe_result connected(struct probe *p, char *text, size_t size)
{
	int error = 0;
	socklen_t length = sizeof(error);

	(void)getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &length);
	if (error != 0)
		return bad(p, text, size, strerror(error));
	p->is_connected = true;
	p->is_local = is_local(p, p->fd);
	p->port = port_of(p);
	return p->kind == PROBE_TCP ? good(p) : ask(p, text, size);
}

/* "HTTP/1.1 200 …" */
static enum probe_result judge(struct probe *p, char *text, size_t size)
{
	const char *blank = strchr(p->answer, ' ');
	long status = blank != NULL ? strtol(blank + 1, NULL, 10) : 0;
	char why[40];

	if (strncmp(p->answer, "HTTP/1.", strlen("HTTP/1.")) != 0 || status < 100)
		return bad(p, text, size, "the answer is not HTTP");
	if (status >= 200 && status < 400)
		return good(p);
	(void)snprintf(why, sizeof(why), "answered %ld", status);
	return bad(p, text, size, why);
}

/* How much the answer has when it is whole, as far as its head says; ANSWER_MAX while it does not. */
static size_t whole_size(const struct probe *p)
{
	const char *head_end = strstr(p->answer, "\r\n\r\n");
	const char *length = strcasestr(p->answer, "\r\nContent-Length:");
	unsigned long long size;

	if (head_end == NULL)
		return ANSWER_MAX;
	size = (size_t)(head_end - p->answer) + 4;
	if (length == NULL || length > head_end)
		return ANSWER_MAX; /* until the server closes */
	size += strtoull(length + strlen("\r\nContent-Length:"), NULL, 10);
	return size < ANSWER_MAX ? (size_t)size : ANSWER_MAX;
}

static void keep(struct probe *p, const char *data, size_t size)
{
	if (p->answer_size < sizeof(p->answer) - 1) {
		size_t room = sizeof(p->answer) - 1 - p->answer_size;
		size_t part = size < room ? size : room;

		memcpy(p->answer + p->answer_size, data, part);
		p->answer[p->answer_size + part] = '\0';
	}
	p->answer_size += size;
}

enum probe_result probe_step(struct probe *p, char *text, size_t size)
{
	char data[16 * 1024];
	ssize_t n;

	if (!p->is_connected)
		return connected(p, text, size);
	n = recv(p->fd, data, sizeof(data), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return PROBE_PENDING;
	/* It has said how it is already, and breaks off what nobody reads. */
	if (n < 0 && !(errno == ECONNRESET && strchr(p->answer, '\n') != NULL))
		return bad(p, text, size, strerror(errno));
	if (n > 0)
		keep(p, data, (size_t)n);
	if (n > 0 && p->answer_size < whole_size(p))
		return PROBE_PENDING;
	return judge(p, text, size);
}

enum probe_result probe_timeout(struct probe *p, char *text, size_t size)
{
	char why[40];

	if (p->kind == PROBE_HTTP && p->is_connected && p->fd >= 0 &&
	    strchr(p->answer, '\n') != NULL)
		return judge(p, text, size);
	(void)snprintf(why, sizeof(why), "no answer within %u ms", p->timeout_ms);
	return bad(p, text, size, why);
}

void probe_end(struct probe *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}
