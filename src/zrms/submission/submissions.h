/*
 * From an uploaded MEX to a topology that the core has accepted. Each submission goes through
 * the stages of stages.h; the checks are those of [topology.submit.checks], in that order.
 *
 *   upload ─► submissions_add() ─► stages ─► on_ready: hand it to the core ─► submission_decided()
 *                                    └────► on_refused
 *
 * The artifacts are durable before the core hears of the topology, so what is acknowledged is
 * complete. A submission that is refused leaves nothing, because nothing refers to what it
 * wrote.
 */
#ifndef SAMOZA_ZRMS_SUBMISSION_SUBMISSIONS_H
#define SAMOZA_ZRMS_SUBMISSION_SUBMISSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/metrics.h"
#include "core/control/control.h"
#include "model/parameter/values.h"
#include "zrms/artifact/artifacts.h"
#include "zrms/submission/translations.h"

struct submissions;
struct submission;

struct submit_options {
	const char *trust_directory;
	const char *trust_files; /* further ones, separated by ':'; may be NULL */
	bool allow_unsigned;
};

/* `request` is what submissions_add() was given. */
struct submit_listener {
	/* Hands the topology to the core, whose answer must lead to submission_decided().
	 * `submit` is borrowed for the call. */
	void (*on_ready)(void *user, void *request, struct submission *submission,
			 const struct control_submit *submit);
	/* Adds the values that an application of that name keeps, where `request` may know of it, and returns
	 * control_submit.kept. The caller frees. NULL: none keeps any. */
	char *(*kept_values)(void *user, void *request, const char *name, struct values *to);
	/* Its artifacts are stored here: others are to have them, too, before it is ready. `done` once, maybe from within;
	 * an error refuses the submission. NULL: there are no others. */
	void (*spread)(void *user, char *const *digests, size_t count,
		       void (*done)(void *submission, const struct error *why),
		       void *submission);
	/* The submission is over. `details` are findings, one line each. Everything is borrowed
	 * for the call. */
	void (*on_refused)(void *user, void *request, const struct error *error, char **details,
			   size_t detail_count);
	/* The keys that the cluster has recorded; and these are now in the files of the directory. Both NULL: nobody
	 * records any. `files` is borrowed for the call. */
	const struct signing_keys *(*recorded_keys)(void *user);
	void (*on_key_files)(void *user, Samoza__V1__SigningKeyRecord *const *files,
			     size_t count);
};

/* What it is submitted as. Borrowed for the call; NULL: not said. */
struct submit_values {
	const char *name;      /* of the application; otherwise that of the package */
	const char *sets;      /* NAME=VALUE of parameters, one a line */
	const char *file;      /* a text of NAME: VALUE */
	const char *file_name; /* as findings call it */
};

/* What was uploaded: in memory (`body`), or else in a file (`fd`, at any position). */
struct upload {
	char *body; /* NULL: in the file */
	size_t body_size;
	int fd;
};

/* `translations` and `platform` NULL: there is no translator; `translator_error` is the reason.
 * ERR_INVALID: a trusted key cannot be read. Strings are borrowed. */
int submissions_new(struct loop *loop, struct artifacts *artifacts,
		    struct translations *translations, const char *platform,
		    const char *translator_error, const struct submit_options *options,
		    const struct submit_listener *listener, void *user,
		    struct submissions **ret_submissions, struct error **err) must_check;
/* PRE: submissions_is_idle(). NULL is fine. */
void submissions_free(struct submissions *s);

/* Takes the upload over: frees `body`, closes `fd`. Answers through the listener. With `dry_run` it makes all checks and
 * keeps nothing; so with `plan`, for on_ready, which ends it with submission_decided(). `values` may be NULL. */
void submissions_add(struct submissions *all, const struct upload *upload, void *request,
		     const struct submission_options *options,
		     const struct submit_values *values);
/* What follows from it is to be planned, and not to be done. */
bool submission_is_plan(const struct submission *submission);
/* The core has decided, durably, on a submission that was handed to it. Frees it. */
void submission_decided(struct submission *submission);
/* Notices keys that have come or gone, and tells the listener. Each submission does that, too. ERR_INVALID: one cannot be
 * read, and all stay as they were. */
int submissions_look_at_keys(struct submissions *all, struct error **err) must_check;
bool submissions_is_idle(const struct submissions *s);
extern const struct metric_source submissions_metrics; /* of struct submissions */

#endif
