#include "zhost/uplink/renewal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/log/log.h"
#include "adapter/pki/credentials.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"

enum { RETRY_MOST_MS = 60000, RETRY_LEAST_MS = 500, WITHIN_MOST_MS = 3600000 };

struct renewal {
	struct loop *loop;
	struct identity *identity;
	struct upstream *upstream;
	struct loop_timer *timer;
	uint32_t chance;
	int64_t prompted_wall_ms; /* zrms wants it from then on; NEVER_MS: it does not */
	struct pki_key *key;	  /* that was asked for; NULL: none */
	struct storing *storing;  /* what came is being written; NULL: nothing is */
};

/* In a thread: a disk may take seconds. It outlives the renewal. */
struct storing {
	struct loop_job job;
	struct renewal *renewal; /* NULL: it is gone */
	char *directory;
	struct pki_key *key;
	struct pki_certificate *certificate;
	struct pki_trust *trust;
	struct error *err;
};

/* ---- when ---- */

static int64_t wall_ms(const struct renewal *r)
{
	return loop_now(r->loop).wall_ms;
}

static void wait(struct renewal *r, int64_t ms)
{
	loop_timer_at(r->timer, loop_now(r->loop).mono_ms + ms);
}

/* Several times before it expires. */
static void wait_to_retry(struct renewal *r)
{
	int64_t ms = (identity_expires_ms(r->identity) - wall_ms(r)) / 8;
	wait(r, ms > RETRY_MOST_MS ? RETRY_MOST_MS : ms < RETRY_LEAST_MS ? RETRY_LEAST_MS : ms);
}

/* When it is due, from now on. */
static int64_t left_ms(const struct renewal *r)
{
	int64_t due_wall_ms = identity_renewal_ms(r->identity, r->chance);
	if (r->prompted_wall_ms < due_wall_ms)
		due_wall_ms = r->prompted_wall_ms;
	return due_wall_ms - wall_ms(r);
}

/* The wall clock may be set meanwhile. */
static void wait_until_due(struct renewal *r)
{
	int64_t ms = left_ms(r);
	wait(r, ms < 0 ? 0 : ms > RETRY_MOST_MS ? RETRY_MOST_MS : ms);
}

void renewal_plan(struct renewal *r)
{
	pki_key_free(steal_ptr(&r->key));
	r->chance = randombytes_random();
	r->prompted_wall_ms = NEVER_MS;
	wait_until_due(r);
}

void renewal_prompt(struct renewal *r, const Samoza__V1__Reissue *reissue)
{
	uint32_t bound = reissue->within_ms < WITHIN_MOST_MS ? (uint32_t)reissue->within_ms
							     : WITHIN_MOST_MS;
	r->prompted_wall_ms = wall_ms(r) + randombytes_uniform(bound + 1);
	log_info("link", "certificate.asked", LOG_MS("within", bound),
		 LOG_S("then", "it is renewed: the authorities of the cluster change"));
	wait_until_due(r);
}

/* ---- asking ---- */

static int request_write(struct renewal *r, char **ret_pem, struct error **err)
{
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	int result = r->key != NULL ? 0 : pki_key_new(&r->key, err);
	if (result == 0)
		result = pki_request_new(r->key, &request, err);
	if (result == 0)
		*ret_pem = pki_request_write(request);
	return result;
}

static void ask(struct renewal *r)
{
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(freep) char *pem = NULL;
	wait_to_retry(r);
	if (r->storing != NULL)
		return; /* there is one already */
	if (request_write(r, &pem, &err) < 0) {
		log_error("link", "renewal.failed", LOG_E(err));
		return;
	}
	Samoza__V1__Renew renew = SAMOZA__V1__RENEW__INIT;
	renew.request = pem;
	upstream_send(r->upstream, SAMOZA__V1__FRAME_TYPE__FRAME_RENEW, &renew.base);
}

static void on_timer(void *user)
{
	struct renewal *r = user;
	if (left_ms(r) > 0)
		wait_until_due(r);
	else if (upstream_is_up(r->upstream))
		ask(r);
	else
		wait_to_retry(r);
}

bool renewal_connected(struct renewal *r)
{
	if (identity_expires_ms(r->identity) > wall_ms(r))
		return false;
	log_warn("link", "certificate.expired",
		 LOG_S("then", "it is renewed by its key, before anything else"));
	ask(r);
	return true;
}

/* ---- the answer ---- */

/* What may be written. */
static int check(const struct renewal *r, const Samoza__V1__Renewed *renewed, struct storing *s,
		 struct error **err)
{
	CLEANUP(pki_identity_done) struct pki_identity who = {0};
	if (renewed->certificate == NULL || renewed->authorities == NULL)
		return error_set(err, ERR_INVALID, "zrms sent what was not asked for");
	int result = pki_trust_read(renewed->authorities, strlen(renewed->authorities),
				    &s->trust, err);
	if (result == 0)
		result =
			pki_certificate_read(renewed->certificate, strlen(renewed->certificate),
					     &s->certificate, err);
	if (result == 0 && !pki_certificate_is_of(s->certificate, r->key))
		result = error_set(err, ERR_INVALID, "zrms sent a certificate for another key");
	/* One that cannot be used here would be renewed on every link that it makes. */
	if (result == 0)
		result = pki_certificate_identity(s->certificate, &who, err);
	if (result == 0)
		result = pki_issued_check(&who, wall_ms(r), "it is renewed by itself", err);
	return result;
}

static void storing_free(struct storing *s)
{
	if (s->renewal != NULL)
		s->renewal->storing = NULL;
	free(s->directory);
	pki_key_free(s->key);
	pki_certificate_free(s->certificate);
	pki_trust_free(s->trust);
	error_free(s->err);
	free(s);
}

static void store(struct loop_job *job)
{
	struct storing *s = container_of(job, struct storing, job);
	/* Whom to believe goes first: the new one may be of a new authority. */
	int result = pki_authorities_store(s->directory, s->trust, &s->err);
	if (result == 0)
		result = pki_identity_store(s->directory, s->key, s->certificate, &s->err);
	POST(result == 0 || s->err != NULL);
}

/* What was sent is wrong, or the disk takes it not: it hardly is better at once. */
static void fail(struct renewal *r, const struct error *err)
{
	log_error("link", "renewal.failed", LOG_E(err));
	wait(r, RETRY_MOST_MS);
}

static void on_stored(struct loop_job *job)
{
	struct storing *s = container_of(job, struct storing, job);
	struct renewal *r = s->renewal;
	if (r == NULL) {
		storing_free(s);
		return;
	}
	CLEANUP(error_freep) struct error *err = steal_ptr(&s->err);
	storing_free(s);
	identity_hold(r->identity, false);
	if (err != NULL) {
		fail(r, err);
		return;
	}
	log_info("link", "certificate.renewed");
	identity_reload(r->identity);
}

void renewal_take(struct renewal *r, const Samoza__V1__Renewed *renewed)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (renewed->refusal != NULL) {
		log_warn("link", "renewal.refused", LOG_S("reason", renewed->refusal));
		return; /* the timer runs */
	}
	if (r->storing != NULL ||
	    r->key == NULL) { /* of two that were asked for the first is, or was, taken */
		log_debug("link", "renewal.repeated");
		return; /* the next one is due as before */
	}
	struct storing *s = mem_new(struct storing);
	if (check(r, renewed, s, &err) < 0) {
		storing_free(s);
		fail(r, err);
		return;
	}
	s->renewal = r;
	s->directory = mem_strdup(identity_directory(r->identity));
	s->key = steal_ptr(&r->key);
	s->job = (struct loop_job){.run = store, .done = on_stored};
	r->storing = s;
	/* zrms lets the former key in no more once it has seen the new one: that has to be durable before. */
	identity_hold(r->identity, true);
	loop_run_in_thread(r->loop, &s->job);
}

/* ---- life ---- */

struct renewal *renewal_new(struct loop *loop, struct identity *identity,
			    struct upstream *upstream)
{
	struct renewal *r = mem_new(struct renewal);
	r->loop = loop;
	r->identity = identity;
	r->upstream = upstream;
	r->timer = loop_timer_new(loop, on_timer, r);
	renewal_plan(r);
	return r;
}

void renewal_free(struct renewal *r)
{
	if (r == NULL)
		return;
	if (r->storing != NULL)
		r->storing->renewal = NULL;
	loop_timer_free(r->timer);
	pki_key_free(r->key);
	free(r);
}
