/*
 * A webhook: JSON to a URL, one request after the other, in a thread of its own, so that one that hangs holds up nothing else.
 *
 *     loop ── webhook_send() ──► POST, the headers of the Standard Webhooks ──► done(outcome), in the loop
 *
 * Delivered is what is answered by 2xx. What else it answers is not read, and no redirection is followed. libcurl's
 * blocking calls: for each attempt after a failure authorities are read and names looked up, for which a loop must not wait.
 */
#ifndef SAMOZA_ADAPTER_WEBHOOK_H
#define SAMOZA_ADAPTER_WEBHOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "adapter/uv/loop.h"

struct webhook_outcome {
	bool is_delivered;
	const char *why;  /* otherwise; never a secret */
	int64_t after_ms; /* in which it asks to be left alone; 0: it does not */
};

struct webhook;
/* From the loop, never from inside webhook_send(); borrowed for the call. */
typedef void webhook_done_fn(void *user, const struct webhook_outcome *outcome);

/* All borrowed, until `loop` is done. */
struct webhook_options {
	const char *url;
	const char *where; /* the same for people, without what may be a secret */
	int64_t timeout_ms;
	const char *timeout;	 /* the same for people: "10s" */
	const char *authorities; /* a file, PEM; NULL: those of the system */
	const char *secret;	 /* with which requests are signed; NULL: they are not */
	size_t secret_size;
};

/* `fn` is called once for each that is sent. ERR_IO: the system has no thread for it. */
int webhook_new(struct loop *loop, const struct webhook_options *options, webhook_done_fn *fn,
		void *user, struct webhook **ret_webhook, struct error **err) must_check;
/* PRE: the one before has ended. `kind` becomes a header. Takes the body over: a text. */
void webhook_send(struct webhook *w, const char *id, const char *kind, char *take_body);
/* What is being sent is broken off, and nobody hears of it. Frees it, at the latest in loop_done(). */
void webhook_close(struct webhook *w);

/* Of the Standard Webhooks: "v1," and the base64 of the HMAC-SHA256 of "ID.SECONDS.BODY". The caller frees. */
char *webhook_signature(const char *secret, size_t secret_size, const char *id, int64_t seconds,
			const void *body, size_t body_size);

#endif
