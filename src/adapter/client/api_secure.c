#include "adapter/client/api_secure.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "adapter/cli/address.h"
#include "adapter/client/api_private.h"
#include "adapter/pki/credentials.h"
#include "base/str.h"

#define PRESENTED_MS 5000L
#define PLAIN_MS     2000L /* beside another error */

/* ---- whom to believe ---- */

static int text_read(const char *path, struct buffer *to, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0) {
		n = read(fd, text, sizeof(text));
		if (n > 0 && buffer_add(to, text, (size_t)n) < 0)
			return error_set(err, ERR_LIMIT, "%s is too long", path);
	}
	return n < 0 ? error_errno(err, "cannot read %s", path) : 0;
}

static int trust_of_file(const char *path, struct pki_trust **ret, struct error **err)
{
	CLEANUP(buffer_done) struct buffer pem = BUFFER_INIT(PKI_FILE_MAX);
	int r = text_read(path, &pem, err);

	if (r == 0)
		r = pki_trust_read(pem.data != NULL ? pem.data : "", pem.size, ret, err);
	if (r < 0)
		(void)error_wrap(err, "%s", path);
	return r;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int no_fingerprint(const char *text, struct error **err)
{
	return error_set(err, ERR_INVALID,
			 "'%s' is no fingerprint: expected the 64 hexadecimal digits that zrms "
			 "init printed",
			 text);
}

/* Also with ':' between, as other programs print it. */
static int trust_of_fingerprint(const char *text, struct pki_trust **ret, struct error **err)
{
	struct pki_pin pin = {0};
	size_t digits = 0;

	for (const char *c = text; *c != '\0'; c++) {
		int digit = digit_of(*c);

		if (*c == ':')
			continue;
		if (digit < 0 || digits >= sizeof(pin.bytes) * 2)
			return no_fingerprint(text, err);
		pin.bytes[digits / 2] = (uint8_t)(pin.bytes[digits / 2] << 4 | digit);
		digits++;
	}
	if (digits != sizeof(pin.bytes) * 2)
		return no_fingerprint(text, err);
	return pki_trust_pinned(&pin, 1, ret, err);
}

void api_trust(struct api *api, const struct pki_trust *trust)
{
	api->verifier.trust = trust;
	api->verifier.role = "zrms";
}

int api_believe(struct api *api, const char *ca_file, const char *fingerprint,
		struct error **err)
{
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	int r = 0;

	if (ca_file != NULL && fingerprint != NULL)
		return error_set(err, ERR_INVALID,
				 "give the authority by its file or by its fingerprint, not "
				 "by both");
	if (ca_file != NULL)
		r = trust_of_file(ca_file, &trust, err);
	else if (fingerprint != NULL)
		r = trust_of_fingerprint(fingerprint, &trust, err);
	if (r < 0 || trust == NULL)
		return r;
	pki_trust_free(api->own_trust);
	api->own_trust = steal_ptr(&trust);
	api_trust(api, api->own_trust);
	return 0;
}

int api_believe_authorities(struct api *api, const char *pem, struct error **err)
{
	struct pki_trust *trust = NULL;
	int r = pki_trust_read(pem, strlen(pem), &trust, err);

	if (r < 0)
		return r;
	pki_trust_free(api->own_trust);
	api->own_trust = trust;
	api_trust(api, trust);
	return 0;
}

char *api_authorities(const struct api *api)
{
	return api->own_trust != NULL ? pki_trust_write(api->own_trust) : NULL;
}

static int64_t wall_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static CURLcode verifier_set(CURL *easy, void *ssl_ctx, void *data)
{
	(void)easy;
	return tls_verifier_install(data, ssl_ctx) == 0 ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

/* libcurl's own check of the name goes, and with it that of the address: the role says that it is zrms. */
void api_secure_prepare(struct api *api, CURL *easy)
{
	error_free(steal_ptr(&api->verifier.why));
	if (api->verifier.trust == NULL)
		return;
	api->verifier.now_wall_ms = wall_now_ms();
	(void)curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, verifier_set);
	(void)curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, &api->verifier);
	(void)curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	(void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	(void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	(void)curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
}

static CURLcode presented_set(CURL *easy, void *ssl_ctx, void *data)
{
	(void)easy;
	return tls_presented_install(data, ssl_ctx) == 0 ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

int api_presented(struct api *api, char *ret_fingerprint, struct error **err)
{
	struct tls_presented presented = {0};
	char why[CURL_ERROR_SIZE] = "";
	CURL *c = curl_easy_init();

	if (c == NULL)
		return error_set(err, ERR_IO, "cannot start libcurl");
	(void)curl_easy_setopt(c, CURLOPT_URL, api->base);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	(void)curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, PRESENTED_MS);
	(void)curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	(void)curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, presented_set);
	(void)curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, &presented);
	CURLcode code = curl_easy_perform(c); /* which never succeeds */
	curl_easy_cleanup(c);
	if (presented.has_authority) {
		pki_pin_text(&presented.authority, ret_fingerprint);
		return 0;
	}
	if (presented.was_called)
		return error_set(
			err, ERR_DENIED,
			"%s presents no authority of its own: it is no zrms of a cluster "
			"that zrms init has made",
			api->url);
	int r = api_secure_trouble(api, code, why, err);
	return r < 0 ? r
		     : error_set(err, ERR_UNAVAILABLE, "zrms cannot be reached at %s: %s",
				 api->url, why[0] != '\0' ? why : curl_easy_strerror(code));
}

bool api_is_safe(const struct api *api)
{
	return !api_is_exposed(api);
}

bool api_is_exposed(const struct api *api)
{
	CURLU *parsed = curl_url();
	char *host = NULL;
	struct cli_address address = {0};
	bool is_local = false;

	if (parsed != NULL && curl_url_set(parsed, CURLUPART_URL, api->base, 0) == CURLUE_OK &&
	    curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
		(void)snprintf(address.host, sizeof(address.host), "%s",
			       host[0] == '[' ? host + 1 : host);
		address.host[strcspn(address.host, "]")] = '\0';
		is_local = str_equal(host, "localhost") || cli_address_is_loopback(&address);
	}
	curl_free(host);
	curl_url_cleanup(parsed);
	return str_has_prefix(api->url, "http://") && !is_local;
}

/* ---- what went wrong ---- */

struct first_bytes {
	char bytes[64];
	size_t size;
};

static size_t take_first(char *data, size_t size, size_t count, void *user)
{
	struct first_bytes *first = user;
	size_t n = size * count, room = sizeof(first->bytes) - first->size;
	memcpy(first->bytes + first->size, data, n < room ? n : room);
	first->size += n < room ? n : room;
	return n;
}

/* A server of plain HTTP may close without a word what begins a TLS handshake: it depends on the random bytes in it.
 * So it is asked in plain HTTP, without a token. */
static bool answers_plain_http(const struct api *api)
{
	CURL *c = curl_easy_init();
	if (c == NULL)
		return false;
	CLEANUP(freep) char *url = str_printf("http%s", api->base + strlen("https"));
	struct first_bytes first = {.size = 0};
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
	(void)curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, PLAIN_MS);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_first);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, &first);
	CURLcode code = curl_easy_perform(c);
	curl_easy_cleanup(c);
	return code == CURLE_OK && !api_secure_is_asked(first.bytes, first.size);
}

/* What it sends is no TLS, or it closes before it sends anything. */
static bool speaks_plain_http(const struct api *api, CURLcode code, const char *why)
{
	if (code != CURLE_SSL_CONNECT_ERROR)
		return false;
	if (strstr(why, "wrong version number") != NULL)
		return true;
	return (strstr(why, "SSL_ERROR_SYSCALL") != NULL ||
		strstr(why, "unexpected eof") != NULL ||
		strstr(why, "reset by peer") != NULL) &&
	       answers_plain_http(api);
}

int api_secure_trouble(const struct api *api, CURLcode code, const char *why,
		       struct error **err)
{
	if (!str_has_prefix(api->url, "https://"))
		return 0;
	if (api->verifier.why != NULL)
		return error_set(err, ERR_DENIED, "%s is not to be believed: %s", api->url,
				 api->verifier.why->message);
	if (code == CURLE_PEER_FAILED_VERIFICATION && api->verifier.trust == NULL)
		return error_set(err, ERR_DENIED,
				 "%s is not to be believed by what this system believes (%s): "
				 "give the authority of the cluster with --ca FILE "
				 "(credentials/authorities.pem of zrms' directory), or with "
				 "--fingerprint what zrms init printed",
				 api->url, why);
	if (speaks_plain_http(api, code, why))
		return error_set(err, ERR_INVALID, "%s speaks plain HTTP, not TLS: use http://",
				 api->url);
	return 0;
}

bool api_secure_is_asked(const char *body, size_t size)
{
	static const char words[] = "this port speaks TLS";

	return size >= sizeof(words) - 1 && memcmp(body, words, sizeof(words) - 1) == 0;
}

/* ---- a connection for others: libcurl reads and writes it, in a thread ---- */

struct pipe {
	char bytes[16384];
	size_t from, to; /* what waits */
	bool has_ended;	 /* no more comes */
};

struct pump {
	CURL *easy;
	curl_socket_t socket;
	int fd;
	struct pipe up, down; /* to zrms, from zrms */
	bool is_deaf;	      /* zrms takes no more; what it has said is still read */
	bool is_told;	      /* that zrms says no more */
	bool has_moved;
	bool is_broken;
};

static bool is_empty(const struct pipe *p)
{
	return p->from == p->to;
}

static void down_fill(struct pump *p)
{
	size_t n = 0;
	CURLcode code;

	if (!is_empty(&p->down) || p->down.has_ended)
		return;
	code = curl_easy_recv(p->easy, p->down.bytes, sizeof(p->down.bytes), &n);
	if (code == CURLE_AGAIN)
		return;
	p->has_moved = true;
	p->down.has_ended = code != CURLE_OK || n == 0;
	p->down.from = 0;
	p->down.to = code == CURLE_OK ? n : 0;
}

static void down_drain(struct pump *p)
{
	ssize_t n;

	if (is_empty(&p->down))
		return;
	n = send(p->fd, p->down.bytes + p->down.from, p->down.to - p->down.from,
		 MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0) {
		p->down.from += (size_t)n;
		p->has_moved = true;
	} else if (n < 0 && errno != EAGAIN && errno != EINTR)
		p->is_broken = true;
}

static void up_fill(struct pump *p)
{
	ssize_t n;

	if (!is_empty(&p->up) || p->up.has_ended)
		return;
	n = recv(p->fd, p->up.bytes, sizeof(p->up.bytes), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	p->has_moved = true;
	p->up.has_ended = n <= 0;
	p->up.from = 0;
	p->up.to = n > 0 ? (size_t)n : 0;
}

static void up_drain(struct pump *p)
{
	size_t n = 0;
	CURLcode code;

	if (p->is_deaf)
		p->up.from = p->up.to;
	if (is_empty(&p->up))
		return;
	code = curl_easy_send(p->easy, p->up.bytes + p->up.from, p->up.to - p->up.from, &n);
	if (code == CURLE_OK) {
		p->up.from += n;
		p->has_moved = true;
	} else if (code != CURLE_AGAIN)
		p->is_deaf = true;
}

/* What OpenSSL has read already is announced by nobody: everything is tried before a wait. */
static bool moves(struct pump *p)
{
	p->has_moved = false;
	up_fill(p);
	up_drain(p);
	down_fill(p);
	down_drain(p);
	if (p->down.has_ended && is_empty(&p->down) && !p->is_told) {
		p->is_told = p->is_deaf = true;
		(void)shutdown(p->fd, SHUT_WR);
	}
	return p->has_moved;
}

/* Not at the end of what zrms says: who still writes would take a closed end for a broken one, and not read on. */
static bool is_over(const struct pump *p)
{
	return p->is_broken || (p->up.has_ended && is_empty(&p->up));
}

static void wait_for_more(const struct pump *p)
{
	short pair = (short)((is_empty(&p->up) && !p->up.has_ended ? POLLIN : 0) |
			     (is_empty(&p->down) ? 0 : POLLOUT));
	short secure = (short)((is_empty(&p->down) && !p->down.has_ended ? POLLIN : 0) |
			       (is_empty(&p->up) ? 0 : POLLOUT));
	/* One that nothing is wanted of would wake it all the time, once it is closed. */
	struct pollfd polls[2] = {{.fd = pair != 0 ? p->fd : -1, .events = pair},
				  {.fd = secure != 0 ? p->socket : -1, .events = secure}};

	(void)poll(polls, 2, -1);
}

static void *pump_run(void *user)
{
	struct pump *p = user;

	while (!is_over(p))
		if (!moves(p) && !is_over(p))
			wait_for_more(p);
	(void)close(p->fd);
	curl_easy_cleanup(p->easy);
	free(p);
	return NULL;
}

/* Signals are for the main thread. */
static int thread_begin(struct pump *p)
{
	pthread_t thread;
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, NULL, pump_run, p);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		(void)pthread_detach(thread);
	return r;
}

int api_secure_pump(CURL *take_easy, curl_socket_t socket, int *ret_fd, struct error **err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		curl_easy_cleanup(take_easy);
		return error_errno(err, "cannot make a pair of sockets");
	}
	struct pump *p = mem_new(struct pump);
	p->easy = take_easy;
	p->socket = socket;
	p->fd = pair[1];
	if (thread_begin(p) != 0) {
		(void)close(pair[0]);
		(void)close(pair[1]);
		curl_easy_cleanup(take_easy);
		free(p);
		return error_set(err, ERR_IO, "cannot start a thread");
	}
	*ret_fd = pair[0];
	return 0;
}
