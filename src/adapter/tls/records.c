#include "adapter/tls/records.h"

#include <openssl/bio.h>
#include <string.h>

#include "adapter/pki/private.h"
#include "base/check.h"

enum { OUT_MAX = 64 * 1024, OUT_LIMIT = 1024 * 1024 };

void stream_break(struct tls_stream *tls, struct error *take_why)
{
	if (tls->broken == NULL)
		tls->broken = take_why;
	else
		error_free(take_why);
}

void records_flush(struct tls_stream *tls)
{
	struct error *err = NULL;
	size_t n = 0;
	if (tls->out.size == 0 || tls->broken != NULL)
		return;
	if (stream_write(tls->inner, tls->out.data, tls->out.size, &n, &err) < 0) {
		stream_break(tls, err);
		return;
	}
	buffer_consume(&tls->out, n);
	if (tls->out.size == 0)
		buffer_done(&tls->out);
}

static void first_take(struct tls_first *first, const void *data, size_t size)
{
	size_t room = sizeof(first->bytes) - first->size;
	size_t n = size < room ? size : room;
	memcpy(first->bytes + first->size, data, n);
	first->size += n;
}

static int bio_read(BIO *bio, char *to, size_t size, size_t *ret_size)
{
	struct tls_stream *tls = BIO_get_data(bio);
	struct error *err = NULL;
	size_t n = 0;
	BIO_clear_retry_flags(bio);
	if (tls->broken != NULL)
		return 0;
	int r = stream_read(tls->inner, to, size, &n, &err);
	if (r < 0) {
		stream_break(tls, err);
		return 0;
	}
	if (r == 0) {
		tls->inner_ended = true;
		return 0;
	}
	if (n == 0) {
		tls->is_starved = true;
		BIO_set_retry_read(bio);
		return 0;
	}
	if (tls->first != NULL)
		first_take(tls->first, to, n);
	*ret_size = n;
	return 1;
}

static int bio_write(BIO *bio, const char *data, size_t size, size_t *ret_size)
{
	struct tls_stream *tls = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (tls->broken != NULL)
		return 0;
	if (tls->out.size > OUT_MAX) { /* answers to a peer that does not read */
		tls->is_blocked = true;
		BIO_set_retry_write(bio);
		return 0;
	}
	size_t n = 0;
	if (tls->out.size == 0) {
		struct error *err = NULL;
		if (stream_write(tls->inner, data, size, &n, &err) < 0) {
			stream_break(tls, err);
			return 0;
		}
	}
	int r = n < size ? buffer_add(&tls->out, data + n, size - n) : 0;
	INVARIANT(r == 0);
	*ret_size = size;
	return 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)number, (void)pointer;
	const struct tls_stream *tls = BIO_get_data(bio);
	if (command == BIO_CTRL_EOF)
		return tls->inner_ended;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method(void)
{
	static BIO_METHOD *made;
	if (made == NULL) {
		made = openssl_need(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
						 "samoza stream"));
		(void)BIO_meth_set_read_ex(made, bio_read);
		(void)BIO_meth_set_write_ex(made, bio_write);
		(void)BIO_meth_set_ctrl(made, bio_ctrl);
	}
	return made;
}

void records_begin(struct tls_stream *tls, const struct tls_context *context)
{
	tls->out = BUFFER_INIT(OUT_LIMIT);
	tls->ssl = openssl_need(SSL_new(context->ssl));
	BIO *bio = openssl_need(BIO_new(method()));
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	(void)SSL_set_app_data(tls->ssl, tls);
}
