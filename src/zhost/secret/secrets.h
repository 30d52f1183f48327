/*
 * Secrets that instances are given: asked of zrms, one by one, over the link, when a start or an update needs them; kept in locked
 * memory until the process has them, and nowhere else. So a start that needs one waits for zrms.
 *
 *   secret_fetch_new ──► waiting ──► SECRET_REQUEST ──► SECRET_ANSWER: value, refused ──► done
 *                           ▲              │ another link, zrms asks for patience
 *                           └──────────────┘
 *                           │ zrms cannot be asked for SECRETS_AWAY_MS, or the action's time is over
 *                           └──────────────────────────────────────────────────► done, with why
 *
 * All fetches together have SECRETS_ASKED_MAX requests under way. Source: [workloads.configuration.secrets].
 */
#ifndef SAMOZA_ZHOST_SECRET_SECRETS_H
#define SAMOZA_ZHOST_SECRET_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "port/loop.h"
#include "proto/wire.pb-c.h"
#include "zhost/uplink/upstream.h"

#define SECRETS_ASKED_MAX 32
#define SECRETS_AWAY_MS	  INT64_C(10000)
#define SECRETS_AGAIN_MS  INT64_C(1000)

struct secrets_service;
struct secret_fetch;

/* As a process gets it. */
struct secret_value {
	char *key;  /* "NAME VERSION", owned */
	char *data; /* in locked memory; a zero byte follows */
	size_t size;
};
struct secret_values {
	struct secret_value *items;
	size_t count;
};
/* Wiped. */
void secret_values_done(struct secret_values *values);
/* NULL: it is not among them. Borrowed. */
const struct secret_value *secret_values_find(const struct secret_values *values,
					      const char *key);
/* "NAME VERSION" of a grant that has one; the caller frees. */
char *secret_key_text(const Samoza__V1__SecretGrant *grant);

/* `values`: of all versions that the specification names, each once; taken over by the callee. With `error` (borrowed) there are
 * none. */
typedef void secret_fetch_fn(void *user, struct secret_values *take_values, const char *error);

/* All borrowed. */
struct secrets_service *secrets_service_new(struct loop *loop, struct upstream *upstream);
/* PRE: no fetch is left. NULL is fine. */
void secrets_service_free(struct secrets_service *s);
/* zrms has accepted a new connection. */
void secrets_service_connected(struct secrets_service *s);
/* From zrms. What the message has as its value is wiped. */
void secrets_service_take(struct secrets_service *s, const Samoza__V1__SecretAnswer *answer);

/* What an instance is to have now. NULL: `done` was called already. `key` and `spec` are borrowed until then. */
struct secret_fetch *secret_fetch_new(struct secrets_service *s,
				      const Samoza__V1__InstanceKey *key,
				      const Samoza__V1__InstanceSpec *spec,
				      secret_fetch_fn *done, void *user);
/* Without a call. NULL is fine. */
void secret_fetch_cancel(struct secret_fetch *f);
/* Its time is over: `done` is called. */
void secret_fetch_abort(struct secret_fetch *f);

#endif
