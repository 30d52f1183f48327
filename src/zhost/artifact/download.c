#include "zhost/artifact/download.h"

#include "adapter/http/client.h"
#include "base/memory.h"

enum { IDLE_MS = 30000 };

struct download {
	struct http_call *call;
	struct artifact_writer *writer; /* borrowed */
	uint64_t size;
	download_done_fn *done;
	void *user;
};

static int on_head(void *user, const struct http_response *response, struct error **err)
{
	(void)user;
	if (response->status == 404)
		return error_set(
			err, ERR_NOT_FOUND,
			"zrms answered with HTTP status 404: it has lost it, or found it "
			"damaged; submit its package again");
	if (response->status != 200)
		return error_set(err, ERR_UNAVAILABLE, "zrms answered with HTTP status %d",
				 response->status);
	if (!response->has_length)
		return error_set(err, ERR_INVALID, "the answer has no Content-Length");
	return 0;
}

static int on_body(void *user, const void *data, size_t size, struct error **err)
{
	struct download *d = user;
	d->size += size;
	return artifact_write(d->writer, data, size, err);
}

static void on_done(void *user, const struct error *why)
{
	struct download *d = user;
	d->done(d->user, d->size, why);
	free(d);
}

static const struct http_call_handler call_handler = {
	.head = on_head, .body = on_body, .done = on_done};

struct download *download_new(struct loop *loop, struct stream_transport *transport,
			      const struct zrms_addresses *from, const char *token,
			      const char *target, struct artifact_writer *writer,
			      uint64_t max_bytes, download_done_fn *done, void *user)
{
	struct download *d = mem_new(struct download);
	d->writer = writer;
	d->done = done;
	d->user = user;
	const struct http_call_options options = {.target = target,
						  .to = zrms_addresses_now(from),
						  .peer_role = zrms_addresses_role(from),
						  .token = token,
						  .idle_ms = IDLE_MS,
						  .body_max = max_bytes};
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
