#include "zhost/artifact/download.h"

#include <sodium.h>
#include <unistd.h>

#include "adapter/http/client.h"
#include "base/memory.h"

enum { IDLE_MS = 30000 };

struct download {
	struct http_call *call;
	int fd;
	uint64_t size, expected;
	crypto_hash_sha256_state hash;
	download_done_fn *done;
	void *user;
};

static int on_head(void *user, const struct http_response *response, struct error **err)
{
	struct download *d = user;
	if (response->status != 200)
		return error_set(err, response->status == 404 ? ERR_NOT_FOUND : ERR_UNAVAILABLE,
				 "zrms answered %d", response->status);
	if (!response->has_length)
		return error_set(err, ERR_INVALID, "the answer has no Content-Length");
	d->expected = response->length;
	return 0;
}

static int on_body(void *user, const void *data, size_t size, struct error **err)
{
	struct download *d = user;
	for (size_t done = 0; done < size;) {
		ssize_t n = write(d->fd, (const char *)data + done, size - done);
		if (n < 0)
			return error_errno(err, "cannot write");
		done += (size_t)n;
	}
	(void)crypto_hash_sha256_update(&d->hash, data, size);
	d->size += size;
	return 0;
}

static void on_done(void *user, const struct error *why)
{
	struct download *d = user;
	uint8_t hash[crypto_hash_sha256_BYTES];
	char digest[2 * sizeof(hash) + 1];
	(void)crypto_hash_sha256_final(&d->hash, hash);
	(void)sodium_bin2hex(digest, sizeof(digest), hash, sizeof(hash));
	d->done(d->user, why == NULL ? digest : NULL, d->size, why);
	free(d);
}

static const struct http_call_handler call_handler = {
	.head = on_head, .body = on_body, .done = on_done};

struct download *download_new(struct loop *loop, struct stream_transport *transport,
			      const struct stream_address *from, const char *target, int fd,
			      uint64_t max_bytes, download_done_fn *done, void *user)
{
	struct download *d = mem_new(struct download);
	d->fd = fd;
	d->done = done;
	d->user = user;
	(void)crypto_hash_sha256_init(&d->hash);
	const struct http_call_options options = {
		.target = target, .to = *from, .idle_ms = IDLE_MS, .body_max = max_bytes};
	d->call = http_call_new(loop, transport, &options, &call_handler, d);
	return d;
}

void download_cancel(struct download *d)
{
	if (d == NULL)
		return;
	http_call_cancel(d->call);
	free(d);
}
