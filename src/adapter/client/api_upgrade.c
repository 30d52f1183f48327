#include "adapter/client/api_upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter/cli/version.h"
#include "adapter/client/api_private.h"
#include "adapter/client/api_secure.h"
#include "adapter/client/interrupt.h"
#include "base/str.h"
#include "base/text.h"

#define CONNECT_MS 5000L
#define ANSWER_MS  30000
#define HEAD_MAX   ((size_t)64 * 1024)
#define BODY_MAX   ((size_t)1024 * 1024)

static int gone(const struct api *api, const char *why, struct error **err)
{
	return error_set(err, ERR_UNAVAILABLE, "zrms cannot be reached at %s: %s", api->url,
			 why);
}

/* A connection of its own. Plain, libcurl makes it, and is not needed afterwards; over TLS it goes on. */
static int hand_over(const struct api *api, CURL *take_easy, int *ret_fd, struct error **err)
{
	curl_socket_t socket = CURL_SOCKET_BAD;
	CURLcode code = curl_easy_getinfo(take_easy, CURLINFO_ACTIVESOCKET, &socket);

	if (code == CURLE_OK && str_has_prefix(api->url, "https://"))
		return api_secure_pump(take_easy, socket, ret_fd, err);
	*ret_fd = code == CURLE_OK && socket != CURL_SOCKET_BAD
			  ? fcntl(socket, F_DUPFD_CLOEXEC, 0)
			  : -1;
	curl_easy_cleanup(take_easy);
	return *ret_fd < 0 ? gone(api, curl_easy_strerror(code), err) : 0;
}

static int connect_to(struct api *api, int *ret_fd, struct error **err)
{
	char why[CURL_ERROR_SIZE] = "";
	CURL *c = curl_easy_init();
	CURLcode code;
	int r;

	if (c == NULL)
		return error_set(err, ERR_IO, "cannot start libcurl");
	(void)curl_easy_setopt(c, CURLOPT_URL, api->base);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	(void)curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	api_connects_to(api, c);
	api_secure_prepare(api, c);
	code = curl_easy_perform(c);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
	if (code == CURLE_OK)
		return hand_over(api, c, ret_fd, err);
	curl_easy_cleanup(c);
	r = api_secure_trouble(api, code, why, err);
	return r < 0 ? r : gone(api, why[0] != '\0' ? why : curl_easy_strerror(code), err);
}

static int send_request(const struct api *api, int fd, const char *path, const char *protocol,
			struct error **err)
{
	const char *host = strstr(api->base, "://") + 3;
	const char *token = api_is_exposed(api) ? NULL : api->token;
	CLEANUP(freep)
	char *text = str_printf("GET %s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: zshell/%s\r\n"
				"Accept: application/json\r\nConnection: Upgrade\r\n"
				"Upgrade: %s\r\n%s%s%s\r\n",
				path, (int)strcspn(host, "/"), host, SAMOZA_VERSION, protocol,
				token != NULL ? "Authorization: Bearer " : "",
				token != NULL ? token : "", token != NULL ? "\r\n" : "");
	size_t size = strlen(text), done = 0;

	while (done < size) {
		ssize_t n = send(fd, text + done, size - done, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return gone(api, strerror(errno), err);
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Waits for more and appends it. 0: the end. */
static int read_more(const struct api *api, int fd, struct buffer *to, struct error **err)
{
	struct pollfd polls[2] = {{.fd = fd, .events = POLLIN},
				  {.fd = interrupt_fd(), .events = POLLIN}};
	char data[16384];
	ssize_t n;
	int r = poll(polls, 2, ANSWER_MS);

	if (interrupt_pending())
		return error_set(err, ERR_STALE, "interrupted");
	if (r == 0)
		return gone(api, "no answer within 30 s", err);
	n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 1;
	if (n < 0)
		return gone(api, strerror(errno), err);
	if (buffer_add(to, data, (size_t)n) < 0)
		return error_set(err, ERR_LIMIT, "the answer of %s is too long", api->url);
	return n > 0;
}

/* The value of a field of the head, or NULL. */
static const char *field(const char *head, const char *name)
{
	size_t size = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line != NULL;
	     line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, name, size) == 0 && line[2 + size] == ':')
			return line + 2 + size + 1 + strspn(line + 2 + size + 1, " \t");
	return NULL;
}

/* The body of a refusal. */
static int refused(struct api *api, int fd, long status, const char *length,
		   struct buffer *body, struct error **err)
{
	size_t size = length != NULL ? strtoull(length, NULL, 10) : BODY_MAX;
	int r = 1;

	while (r > 0 && body->size < size)
		r = read_more(api, fd, body, err);
	return r < 0 ? r : api_refusal(api, status, body, err);
}

/* *ret_rest: what came after the head already. */
static int read_answer(struct api *api, int fd, struct buffer *ret_rest, struct error **err)
{
	CLEANUP(buffer_done) struct buffer head = BUFFER_INIT(HEAD_MAX);
	char *end = NULL;
	long status;
	int r = 1;

	while (end == NULL) {
		r = read_more(api, fd, &head, err);
		if (r == 0)
			return gone(api, "it closed the connection", err);
		if (r < 0)
			return r;
		end = memmem(head.data, head.size, "\r\n\r\n", 4);
	}
	*end = '\0';
	status = str_has_prefix(head.data, "HTTP/1.") && strlen(head.data) > 9
			 ? strtol(head.data + 9, NULL, 10)
			 : 0;
	if (status == 0)
		return error_set(err, ERR_INVALID, "%s does not speak HTTP: is that zrms?",
				 api->url);
	end += 4;
	if (buffer_add(ret_rest, end, (size_t)(head.data + head.size - end)) < 0)
		return error_set(err, ERR_LIMIT, "the answer of %s is too long", api->url);
	return status == 101 ? 0
			     : refused(api, fd, status, field(head.data, "Content-Length"),
				       ret_rest, err);
}

int api_upgrade(struct api *api, const char *path, const char *protocol, int *ret_fd,
		struct buffer *ret_rest, struct error **err)
{
	CLEANUP(closep) int fd = -1;
	int r = connect_to(api, &fd, err);

	if (r == 0)
		r = send_request(api, fd, path, protocol, err);
	if (r == 0)
		r = read_answer(api, fd, ret_rest, err);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}
