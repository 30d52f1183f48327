/*
 * The way of a MEX from an upload to a topology:
 *
 *   body ──► open and check (thread) ──► pin ──► new modules: check (thread), translate
 *                                                        │
 *   answer ◄── commit ◄── core ◄── artifacts on disk (thread)
 *
 * The checks are those of [topology.submit.checks], in that order (adapter/archive/package.h).
 * The artifacts are durable before the core hears of the topology, so what is acknowledged is
 * complete; a submission that is refused leaves nothing, because nothing refers to what it
 * wrote. One whose modules and artifacts are all known takes one turn in a thread.
 */
#ifndef SAMOZA_ZRMS_SUBMIT_H
#define SAMOZA_ZRMS_SUBMIT_H

#include "adapter/http/http.h"
#include "core/control/control.h"
#include "zrms/artifacts.h"
#include "zrms/translations.h"

struct submissions;

struct submit_options {
	const char *trust_folder;
	const char *trust_files; /* further ones, with ':' between; may be NULL */
	bool allow_unsigned;
};

struct submit_listener {
	/* Hands the topology to the core; the answer is then the core's. `input` is borrowed.
	 */
	void (*submit)(void *user, struct http_request *request,
		       const struct control_submit *submit);
	/* Refused. `details` are findings, one line each. */
	void (*refused)(void *user, struct http_request *request, const struct error *error,
			char **details, size_t detail_count);
};

/* `translations` and `platform` NULL: there is no translator; `translator_error` says why.
 * ERR_INVALID: a trusted key cannot be read. Strings are borrowed. */
int submissions_new(struct loop *loop, struct artifacts *artifacts,
		    struct translations *translations, const char *platform,
		    const char *translator_error, const struct submit_options *options,
		    const struct submit_listener *listener, void *user,
		    struct submissions **ret_submissions, struct error **err) must_check;
/* PRE: submissions_is_quiet(). NULL is fine. */
void submissions_free(struct submissions *s);

/* Takes the request's body; answers through the listener. `dry_run`: makes all checks, keeps
 * nothing. */
void submissions_add(struct submissions *s, struct http_request *request, bool start,
		     bool dry_run);
/* The core has decided, durably, on what `submit` handed over for this request. */
void submissions_decided(struct submissions *s, struct http_request *request);
bool submissions_is_quiet(const struct submissions *s);
void submissions_metrics(const struct submissions *s, struct buffer *out);

#endif
