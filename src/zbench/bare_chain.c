#include "zbench/bare_chain.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/pki/authority.h"
#include "adapter/pki/private.h"
#include "adapter/uv/loop.h"
#include "base/memory.h"
#include "zbench/client.h"

/* Of a message of 200 bytes, with what the protocols add. */
enum { SIZE = 300, PROCESSES_MOST = 3, SILENCE_MS = 10000 };

enum end_kind { PLAIN, TLS_CLIENT, TLS_SERVER };

/* One end of a connection. */
struct end {
	int fd;
	enum end_kind kind;
	SSL *ssl; /* NULL: plain */
};

struct chain {
	pid_t pids[PROCESSES_MOST];
	unsigned count;
	int fd; /* of who asks */
};

/* ---- passing on ---- */

/* One whole message; false at the end of the other side, or after SILENCE_MS. */
static bool end_read(const struct end *end, char *to)
{
	size_t sum = 0;
	while (sum < SIZE) {
		struct pollfd p = {.fd = end->fd, .events = POLLIN};
		bool is_there = end->ssl != NULL && SSL_has_pending(end->ssl) == 1;
		if (!is_there && poll(&p, 1, SILENCE_MS) <= 0)
			return false;
		ssize_t n = end->ssl != NULL ? SSL_read(end->ssl, to + sum, (int)(SIZE - sum))
					     : recv(end->fd, to + sum, SIZE - sum, 0);
		if (n <= 0)
			return false;
		sum += (size_t)n;
	}
	return true;
}

static bool end_write(const struct end *end, const char *from)
{
	return end->ssl != NULL ? SSL_write(end->ssl, from, SIZE) == SIZE
				: send(end->fd, from, SIZE, MSG_NOSIGNAL) == SIZE;
}

/* Requests one way, answers the other, as they come; until an end of it goes. */
static void pass_on(const struct end *a, const struct end *b)
{
	char message[SIZE];
	while (end_read(a, message) && end_write(b, message) && end_read(b, message) &&
	       end_write(a, message))
		continue;
}

/* ---- TLS, as between two zhosts: 1.3, with a certificate ---- */

static bool certificate_use(SSL_CTX *context)
{
	struct pki_authority *authority = NULL;
	if (pki_authority_new("bench", 1, clock_now().wall_ms, &authority, NULL) < 0)
		return false;
	char *pem = pki_authority_write(authority, NULL);
	BIO *text = bio_of(pem, strlen(pem)), *again = bio_of(pem, strlen(pem));
	X509 *x509 = PEM_read_bio_X509(text, NULL, NULL, NULL);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(again, NULL, NULL, NULL);
	bool good = x509 != NULL && key != NULL &&
		    SSL_CTX_use_certificate(context, x509) == 1 &&
		    SSL_CTX_use_PrivateKey(context, key) == 1;
	X509_free(x509);
	EVP_PKEY_free(key);
	BIO_free(text);
	BIO_free(again);
	pki_secret_free(pem);
	pki_authority_free(authority);
	return good;
}

/* Where it is not plain: until both ends have shaken hands. */
static bool end_begin(struct end *end)
{
	bool is_server = end->kind == TLS_SERVER;
	if (end->kind == PLAIN)
		return true;
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_num_tickets(context, 0) != 1 ||
	    (is_server && !certificate_use(context)))
		return false;
	SSL_CTX_set_read_ahead(context, 1);
	end->ssl = SSL_new(context);
	return end->ssl != NULL && SSL_set_fd(end->ssl, end->fd) == 1 &&
	       (is_server ? SSL_accept(end->ssl) : SSL_connect(end->ssl)) == 1;
}

/* ---- sockets ---- */

static int tcp_pair(int ret_pair[2], struct error **err)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int on = 1;
	CLEANUP(closep) int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CLEANUP(closep) int near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || near < 0 || bind(listener, (struct sockaddr *)&at, size) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &size) < 0 ||
	    connect(near, (struct sockaddr *)&at, size) < 0)
		return error_errno(err, "cannot connect to ourselves");
	CLEANUP(closep) int far = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (far < 0 || setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		return error_errno(err, "cannot connect to ourselves");
	ret_pair[0] = near;
	ret_pair[1] = far;
	near = far = -1;
	return 0;
}

/* ---- processes ---- */

/* That passes on what comes from `a` to `b`, and back; `b` NULL: it answers. Takes their descriptors. */
static int process_add(struct chain *chain, struct end a, const struct end *b,
		       struct error **err)
{
	struct end to = b != NULL ? *b : a;
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (end_begin(&a) && end_begin(&to))
			pass_on(&a, &to);
		_exit(0);
	}
	(void)close(a.fd);
	if (b != NULL)
		(void)close(b->fd);
	if (pid < 0)
		return error_errno(err, "cannot start a process");
	chain->pids[chain->count++] = pid;
	return 0;
}

static int plain_pair(int ret_pair[2], struct error **err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_pair) < 0)
		return error_errno(err, "cannot make sockets");
	return 0;
}

/* From `fd` over TCP to a second one; `*fd` is then what that has further on. */
static int far_add(struct chain *chain, bool is_tls, int *fd, struct error **err)
{
	int tcp[2] = {-1, -1}, next[2] = {-1, -1};
	int r = tcp_pair(tcp, err);
	if (r < 0)
		return r;
	r = process_add(chain, (struct end){.fd = *fd},
			&(struct end){.fd = tcp[0], .kind = is_tls ? TLS_CLIENT : PLAIN}, err);
	*fd = -1;
	if (r == 0)
		r = plain_pair(next, err);
	if (r < 0) {
		(void)close(tcp[1]);
		return r;
	}
	*fd = next[1];
	struct end far = {.fd = tcp[1], .kind = is_tls ? TLS_SERVER : PLAIN},
		   onward = {.fd = next[0]};
	return process_add(chain, far, &onward, err);
}

static int near_add(struct chain *chain, int *fd, struct error **err)
{
	int next[2];
	int r = plain_pair(next, err);
	if (r < 0)
		return r;
	struct end near = {.fd = *fd}, onward = {.fd = next[0]};
	r = process_add(chain, near, &onward, err);
	*fd = next[1];
	return r;
}

static void chain_end(struct chain *chain)
{
	for (unsigned i = 0; i < chain->count; i++) {
		(void)kill(chain->pids[i], SIGKILL);
		while (waitpid(chain->pids[i], NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	closep(&chain->fd);
}

static int chain_begin(struct chain *chain, enum bare_chain kind, struct error **err)
{
	CLEANUP(closep) int last = -1;
	int pair[2];
	int r = plain_pair(pair, err);
	if (r < 0)
		return r;
	chain->fd = pair[0];
	last = pair[1];
	r = kind == BARE_CHAIN_ONE_ZHOST ? near_add(chain, &last, err)
					 : far_add(chain, kind == BARE_CHAIN_TLS, &last, err);
	if (r == 0) {
		r = process_add(chain, (struct end){.fd = last}, NULL, err);
		last = -1;
	}
	return r;
}

/* ---- asking ---- */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static int ask_all(const struct chain *chain, uint32_t count, uint64_t *samples,
		   struct error **err)
{
	const struct end end = {.fd = chain->fd};
	char message[SIZE] = {0};
	uint32_t warm = count / 10;
	for (uint32_t i = 0; i < warm + count; i++) {
		uint64_t begin = now_ns();
		if (!end_write(&end, message) || !end_read(&end, message))
			return error_set(err, ERR_UNAVAILABLE,
					 "the chain of bare processes does not answer");
		if (i >= warm)
			samples[i - warm] = now_ns() - begin;
	}
	return 0;
}

int bare_chain_measure(enum bare_chain kind, uint32_t count, uint64_t *ret_p50_ns,
		       uint64_t *ret_p99_ns, struct error **err)
{
	struct chain chain = {.fd = -1};
	CLEANUP(freep) uint64_t *samples = mem_new_array(uint64_t, count);
	int r = chain_begin(&chain, kind, err);
	if (r == 0)
		r = ask_all(&chain, count, samples, err);
	chain_end(&chain);
	if (r < 0)
		return r;
	qsort(samples, count, sizeof(samples[0]), compare);
	*ret_p50_ns = samples[count / 2];
	*ret_p99_ns = samples[(uint64_t)count * 99 / 100];
	return 0;
}
