#include "adapter/tls/handshake.h"

#include <openssl/err.h>
#include <string.h>

#include "adapter/pki/private.h"
#include "adapter/tls/records.h"
#include "adapter/tls/stream.h"
#include "adapter/tls/trouble.h"
#include "adapter/tls/verify.h"
#include "base/str.h"

/* ---- what OpenSSL asks ---- */

static struct tls_handshake *handshake_of(void *user)
{
	const struct tls_stream *tls = user;
	return tls->handshake;
}

static int64_t wall_ms(const struct tls_handshake *h)
{
	return loop_now(h->tls->stream.loop).wall_ms;
}

static int64_t ask_clock(void *user)
{
	return wall_ms(handshake_of(user));
}

static void take_clock(void *user, int64_t peer_wall_ms)
{
	struct tls_handshake *h = handshake_of(user);
	h->peer_wall_ms = peer_wall_ms;
	h->tls->clock_apart_ms = peer_wall_ms - wall_ms(h);
}

static const struct pki_trust *ask_believed(void *user)
{
	return handshake_of(user)->context->trust;
}

static bool has_pin(const unsigned char *pins, size_t size, const struct pki_pin *pin)
{
	for (size_t at = 0; at + PKI_PIN_BYTES <= size; at += PKI_PIN_BYTES)
		if (memcmp(pins + at, pin->bytes, PKI_PIN_BYTES) == 0)
			return true;
	return false;
}

static void take_believed(void *user, const unsigned char *pins, size_t size)
{
	struct tls_handshake *h = handshake_of(user);
	const struct tls_context *context = h->context;
	h->other = NULL;
	if (context->has_pin && has_pin(pins, size, &context->pin))
		return;
	for (size_t k = 0; k < context->other_count && h->other == NULL; k++)
		if (has_pin(pins, size, &context->others[k].pin))
			h->other = &context->others[k];
}

static const struct tls_other *ask_other(void *user)
{
	return handshake_of(user)->other;
}

/* In the order of our own list. */
static int ask_protocol(void *user, const unsigned char *offered, unsigned size,
			const struct stream_protocol **ret_protocol)
{
	const struct tls_handshake *h = handshake_of(user);
	if (h->protocols == NULL)
		return 0;
	for (const struct stream_protocol *p = h->protocols; p->name != NULL; p++)
		for (unsigned at = 0; at < size; at += 1u + offered[at])
			if (strlen(p->name) == offered[at] && at + offered[at] < size &&
			    memcmp(p->name, offered + at + 1, offered[at]) == 0) {
				*ret_protocol = p;
				return 1;
			}
	return -1;
}

static int admit(struct tls_handshake *h, X509_STORE_CTX *store)
{
	const struct tls_options *options = &h->tls->transport->options;
	const struct pki_identity *i = &h->identity;
	char key_hash[PKI_PIN_HEX];
	pki_pin_text(&i->key, key_hash);
	const struct stream_peer peer = {.address = h->tls->stream.peer.address,
					 .cluster = i->cluster,
					 .role = i->role,
					 .name = i->name,
					 .key_hash = key_hash,
					 .expires_wall_ms = i->not_after_ms,
					 .issued_wall_ms = i->not_before_ms + PKI_BACKDATE_MS};
	if (options->admit(options->admit_user, &peer, &h->why) == 0)
		return 1;
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REVOKED);
	return 0;
}

static int ask_verify(void *user, X509_STORE_CTX *store)
{
	struct tls_handshake *h = handshake_of(user);
	const struct tls_options *options = &h->tls->transport->options;
	const struct pki_expectation expected = {
		.now_wall_ms = wall_ms(h),
		.grace_ms = h->is_server ? options->grace_ms : 0,
		.peer_wall_ms = h->peer_wall_ms,
		.role = h->peer_role,
		.name = h->peer_name,
		.is_server = !h->is_server,
	};
	pki_identity_done(&h->identity);
	error_free(steal_ptr(&h->why));
	if (!tls_verify(store, h->context->trust, &expected, &h->identity, &h->fault, &h->why))
		return 0;
	return !h->is_server || options->admit == NULL || admit(h, store);
}

const struct tls_questions handshake_questions = {
	.verify = ask_verify,
	.protocol = ask_protocol,
	.clock_ms = ask_clock,
	.peer_clock = take_clock,
	.believed = ask_believed,
	.peer_believes = take_believed,
	.other = ask_other,
};

/* ---- the end ---- */

static void identity_move(struct tls_handshake *h)
{
	struct tls_stream *tls = h->tls;
	const struct pki_identity *i = &h->identity;
	if (i->name == NULL)
		return;
	size_t cluster = strlen(i->cluster) + 1, role = strlen(i->role) + 1;
	size_t name = strlen(i->name) + 1;
	tls->identity = mem_calloc(1, cluster + role + name);
	memcpy(tls->identity, i->cluster, cluster);
	memcpy(tls->identity + cluster, i->role, role);
	memcpy(tls->identity + cluster + role, i->name, name);
	pki_pin_text(&i->key, tls->key_hash);
	tls->stream.peer =
		(struct stream_peer){.address = tls->stream.peer.address,
				     .cluster = tls->identity,
				     .role = tls->identity + cluster,
				     .name = tls->identity + cluster + role,
				     .key_hash = tls->key_hash,
				     .expires_wall_ms = i->not_after_ms,
				     .issued_wall_ms = i->not_before_ms + PKI_BACKDATE_MS};
}

/* The last one that is for everybody, for peers that negotiate nothing. */
static const char *protocol_of_silence(const struct stream_protocol *protocols)
{
	const char *name = NULL;
	for (const struct stream_protocol *p = protocols; p != NULL && p->name != NULL; p++)
		if (!p->needs_identity)
			name = p->name;
	return name;
}

static int protocol_take(struct tls_handshake *h, struct error **err)
{
	struct tls_stream *tls = h->tls;
	const unsigned char *name = NULL;
	unsigned size = 0;
	SSL_get0_alpn_selected(tls->ssl, &name, &size);
	if (!h->is_server) {
		if (h->protocol != NULL && size == 0)
			return trouble_protocol(h, err);
		if (h->protocol != NULL) /* OpenSSL has refused any other */
			tls->protocol = mem_strdup(h->protocol);
		tls->stream.protocol = tls->protocol;
		return 0;
	}
	if (size > 0)
		tls->stream.protocol =
			stream_protocol_find(h->protocols, (const char *)name, size)->name;
	else
		tls->stream.protocol = protocol_of_silence(h->protocols);
	bool must_choose = h->protocols != NULL && h->protocols[0].name != NULL;
	return must_choose && tls->stream.protocol == NULL ? trouble_protocol(h, err) : 0;
}

bool handshake_has_answered(const struct tls_handshake *h)
{
	return h->tls->ssl != NULL && BIO_number_written(SSL_get_wbio(h->tls->ssl)) > 0;
}

void handshake_leave(struct tls_handshake *h)
{
	h->tls->handshake = NULL;
	h->tls->first = NULL;
	tls_context_unref(steal_ptr(&h->context));
	pki_identity_done(&h->identity);
	error_free(steal_ptr(&h->why));
}

static void over(struct tls_handshake *h, struct error *why)
{
	handshake_leave(h);
	h->ops->over(h, why);
}

static void finish(struct tls_handshake *h)
{
	struct error *why = NULL;
	struct tls_stream *tls = h->tls;
	if (protocol_take(h, &why) == 0) {
		identity_move(h);
		/* The peer's first data may have come with its last message. */
		tls->has_more = SSL_has_pending(tls->ssl) == 1;
	}
	over(h, why);
}

void handshake_step(struct tls_handshake *h)
{
	struct tls_stream *tls = h->tls;
	for (;;) {
		tls->is_starved = tls->is_blocked = false;
		ERR_clear_error();
		int r = SSL_do_handshake(tls->ssl);
		if (r == 1) {
			finish(h);
			return;
		}
		int code = SSL_get_error(tls->ssl, r);
		if (code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE) {
			over(h, trouble_of_handshake(h));
			return;
		}
		if (tls->is_starved || tls->is_blocked)
			break; /* else a record is done, and the next one may be there */
	}
	tls_stream_watch(tls);
}

static void handshake_cancel(struct tls_handshake *h)
{
	handshake_leave(h);
	h->ops->cancelled(h);
}

const struct tls_handshake_calls handshake_calls = {.step = handshake_step,
						    .cancel = handshake_cancel};

/* ---- the beginning ---- */

static void client_begin(struct tls_handshake *h)
{
	unsigned char list[256];
	SSL_set_connect_state(h->tls->ssl);
	if (h->protocol == NULL)
		return;
	list[0] = (unsigned char)strlen(h->protocol);
	memcpy(list + 1, h->protocol, list[0]);
	if (SSL_set_alpn_protos(h->tls->ssl, list, list[0] + 1u) != 0)
		out_of_memory(1, 0);
}

void handshake_begin(struct tls_handshake *h)
{
	h->context = h->tls->transport->context;
	h->context->refs++;
	h->tls->first = &h->first;
	records_begin(h->tls, h->context);
	if (h->is_server)
		SSL_set_accept_state(h->tls->ssl);
	else
		client_begin(h);
	tls_stream_watch(h->tls);
}
