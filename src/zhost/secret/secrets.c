#include "zhost/secret/secrets.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

#define SEND_ROOM ((size_t)1024 * 1024) /* of the link: what waits on it otherwise goes first */

/* One instance's. It asks for one secret after the other. */
struct secret_fetch {
	struct secrets_service *service;
	struct secret_fetch *next, *prev;
	const Samoza__V1__InstanceKey *key;
	const Samoza__V1__InstanceSpec *spec;
	secret_fetch_fn *done;
	void *user;
	struct secret_values values;
	size_t at;	  /* in spec->secrets: that is asked for */
	uint64_t request; /* 0: not asked yet */
	bool rests;	  /* until the next turn of the timer */
};

struct secrets_service {
	struct loop *loop;
	struct upstream *upstream;
	struct secret_fetch *all; /* the oldest first */
	unsigned asked;		  /* of them are asked for */
	uint64_t last_request;
	int64_t away_since_ms; /* that it could not be asked; 0: it can be */
	struct loop_timer *timer;
};

/* ---- values ---- */

void secret_values_done(struct secret_values *values)
{
	for (size_t k = 0; k < values->count; k++) {
		sodium_free(values->items[k].data);
		free(values->items[k].key);
	}
	free(values->items);
	*values = (struct secret_values){0};
}

const struct secret_value *secret_values_find(const struct secret_values *values,
					      const char *key)
{
	for (size_t k = 0; k < values->count; k++)
		if (str_equal(values->items[k].key, key))
			return &values->items[k];
	return NULL;
}

char *secret_key_text(const Samoza__V1__SecretGrant *grant)
{
	return str_printf("%s %" PRIu64, grant->name, grant->version);
}

/* False: there is no memory for it. */
static bool add_value(struct secret_fetch *f, const ProtobufCBinaryData *value)
{
	char *data = sodium_malloc(value->len + 1);
	if (data == NULL)
		return false;
	if (value->len > 0)
		memcpy(data, value->data, value->len);
	data[value->len] = '\0';
	f->values.items[f->values.count++] =
		(struct secret_value){.key = secret_key_text(f->spec->secrets[f->at]),
				      .data = data,
				      .size = value->len};
	return true;
}

/* ---- one fetch ---- */

static void unask(struct secret_fetch *f)
{
	f->service->asked -= f->request != 0;
	f->request = 0;
}

static void fetch_free(struct secret_fetch *f)
{
	unask(f);
	DL_DELETE(f->service->all, f);
	secret_values_done(&f->values);
	free(f);
}

static void finish(struct secret_fetch *f, const char *error)
{
	secret_fetch_fn *done = f->done;
	void *user = f->user;
	struct secret_values values = {0};
	if (error == NULL) {
		values = f->values;
		f->values = (struct secret_values){0};
	}
	fetch_free(f);
	done(user, &values, error);
	secret_values_done(&values); /* what was not taken */
}

static const char *name_of(const struct secret_fetch *f)
{
	return f->spec->secrets[f->at]->name;
}

/* A secret that is used twice is asked for once. */
static void skip_known(struct secret_fetch *f)
{
	for (; f->at < f->spec->n_secrets; f->at++) {
		CLEANUP(freep) char *key = secret_key_text(f->spec->secrets[f->at]);
		if (secret_values_find(&f->values, key) == NULL)
			return;
	}
}

/* 0, or why it cannot be asked: -EHOSTUNREACH, -EAGAIN. */
static int ask(struct secret_fetch *f)
{
	struct secrets_service *s = f->service;
	Samoza__V1__SecretAsk message = SAMOZA__V1__SECRET_ASK__INIT;
	message.request = s->last_request + 1;
	message.key = (Samoza__V1__InstanceKey *)(uintptr_t)f->key;
	message.name = f->spec->secrets[f->at]->name;
	message.version = f->spec->secrets[f->at]->version;
	int r = upstream_try_send(s->upstream, SAMOZA__V1__FRAME_TYPE__FRAME_SECRET_REQUEST,
				  &message.base, SEND_ROOM);
	if (r < 0)
		return r;
	f->request = ++s->last_request;
	s->asked++;
	return 0;
}

/* ---- all ---- */

static void on_timer(void *user);

static void timer_set(struct secrets_service *s)
{
	if (s->all == NULL) {
		loop_timer_free(steal_ptr(&s->timer));
		s->away_since_ms = 0;
		return;
	}
	if (s->timer != NULL)
		return;
	s->timer = loop_timer_new(s->loop, on_timer, s);
	loop_timer_at(s->timer, loop_now(s->loop).mono_ms + SECRETS_AGAIN_MS);
}

static void ask_all(struct secrets_service *s)
{
	struct secret_fetch *f;
	DL_FOREACH (s->all, f) {
		if (s->asked >= SECRETS_ASKED_MAX)
			break;
		if (f->request == 0 && !f->rests && ask(f) < 0)
			break;
	}
	timer_set(s);
}

/* From when on nobody could be asked. */
static void look_for_zrms(struct secrets_service *s)
{
	if (upstream_is_up(s->upstream))
		s->away_since_ms = 0;
	else if (s->away_since_ms == 0)
		s->away_since_ms = loop_now(s->loop).mono_ms;
}

static void fail_all(struct secrets_service *s)
{
	/* What is called may begin another one, which waits its own time. */
	struct secret_fetch *last = s->all != NULL ? s->all->prev : NULL;
	bool was_last = last == NULL;
	while (!was_last && s->all != NULL) {
		struct secret_fetch *f = s->all;
		was_last = f == last;
		CLEANUP(freep)
		char *why = str_printf("zrms cannot be asked for the secret %s, which is kept "
				       "nowhere else: it starts once zrms answers",
				       name_of(f));
		finish(f, why);
	}
}

static void on_timer(void *user)
{
	struct secrets_service *s = user;
	struct secret_fetch *f;
	loop_timer_free(steal_ptr(&s->timer));
	DL_FOREACH (s->all, f)
		f->rests = false;
	look_for_zrms(s);
	if (s->away_since_ms != 0 &&
	    loop_now(s->loop).mono_ms - s->away_since_ms >= SECRETS_AWAY_MS) {
		s->away_since_ms = 0;
		fail_all(s);
	}
	ask_all(s);
}

void secrets_service_connected(struct secrets_service *s)
{
	struct secret_fetch *f;
	if (s == NULL)
		return;
	s->away_since_ms = 0;
	/* The answer to what was asked on the link before does not come. */
	DL_FOREACH (s->all, f) {
		unask(f);
		f->rests = false;
	}
	ask_all(s);
}

static struct secret_fetch *find(struct secrets_service *s, uint64_t request)
{
	struct secret_fetch *f;
	DL_FOREACH (s->all, f)
		if (f->request == request && request != 0)
			return f;
	return NULL;
}

static void refused(struct secret_fetch *f, const char *why)
{
	CLEANUP(freep)
	char *error = str_printf("zrms does not give it the secret %s: %s", name_of(f), why);
	finish(f, error);
}

static void take(struct secret_fetch *f, const Samoza__V1__SecretAnswer *answer)
{
	unask(f);
	if (answer->has_later && answer->later) {
		f->rests = true;
		return;
	}
	if (answer->refused != NULL || !answer->has_value) {
		refused(f, answer->refused != NULL ? answer->refused : "no reason was given");
		return;
	}
	if (!add_value(f, &answer->value)) {
		finish(f, "no memory for its secrets");
		return;
	}
	skip_known(f);
	if (f->at == f->spec->n_secrets)
		finish(f, NULL);
}

void secrets_service_take(struct secrets_service *s, const Samoza__V1__SecretAnswer *answer)
{
	struct secret_fetch *f = find(s, answer->request);
	if (f != NULL)
		take(f, answer);
	if (answer->has_value && answer->value.len > 0)
		sodium_memzero(answer->value.data, answer->value.len);
	ask_all(s);
}

/* ---- fetches ---- */

static const char *missing(const Samoza__V1__InstanceSpec *spec)
{
	for (size_t k = 0; k < spec->n_secrets; k++)
		if (!spec->secrets[k]->has_version)
			return spec->secrets[k]->name;
	return NULL;
}

struct secret_fetch *secret_fetch_new(struct secrets_service *s,
				      const Samoza__V1__InstanceKey *key,
				      const Samoza__V1__InstanceSpec *spec,
				      secret_fetch_fn *done, void *user)
{
	struct secret_values none = {0};
	const char *name = missing(spec);
	if (name != NULL) {
		CLEANUP(freep)
		char *why = str_printf("the secret %s is not set for %s: zshell secret set %s "
				       "--topology %s",
				       name, spec->topology_name, name, spec->topology_name);
		done(user, &none, why);
		return NULL;
	}
	if (spec->n_secrets == 0) {
		done(user, &none, NULL);
		return NULL;
	}
	struct secret_fetch *f = mem_new(struct secret_fetch);
	f->service = s;
	f->key = key;
	f->spec = spec;
	f->done = done;
	f->user = user;
	f->values.items = mem_new_array(struct secret_value, spec->n_secrets);
	DL_APPEND(s->all, f);
	look_for_zrms(s);
	ask_all(s);
	return f;
}

void secret_fetch_cancel(struct secret_fetch *f)
{
	if (f == NULL)
		return;
	struct secrets_service *s = f->service;
	fetch_free(f);
	timer_set(s);
}

void secret_fetch_abort(struct secret_fetch *f)
{
	struct secrets_service *s = f->service;
	CLEANUP(freep)
	char *why = str_printf("zrms did not answer in time with the secret %s", name_of(f));
	finish(f, why);
	timer_set(s);
}

/* ---- life ---- */

struct secrets_service *secrets_service_new(struct loop *loop, struct upstream *upstream)
{
	struct secrets_service *s = mem_new(struct secrets_service);
	s->loop = loop;
	s->upstream = upstream;
	return s;
}

void secrets_service_free(struct secrets_service *s)
{
	if (s == NULL)
		return;
	PRE(s->all == NULL);
	loop_timer_free(s->timer);
	free(s);
}
