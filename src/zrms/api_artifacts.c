/* /v1/artifacts: what zrms have of each other. */
#include <inttypes.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/copies.h"
#include "zrms/lead.h"
#include "zrms/standby.h"

/* ---- one ---- */

static void send_artifact(struct zrms *zrms, struct http_request *request)
{
	const char *digest = http_param(request, "digest");
	struct artifact_reader *reader = NULL;
	struct error *err = NULL;
	int r = stands_by(zrms) ? artifact_get(zrms->artifact_store, digest, &reader, &err)
				: artifacts_get(zrms->artifacts, digest, &reader, &err);
	if (r < 0) {
		api_refuse(request, err);
		return;
	}
	uint64_t size = artifact_size(reader);
	int fd = artifact_take_file(&reader);
	INVARIANT(fd >= 0); /* zrms opens a directory of files */
	CLEANUP(freep) char *tag = str_printf("\"%s\"", digest);
	http_add_header(request, "ETag", tag);
	http_add_header(request, "Cache-Control", "public, max-age=31536000, immutable");
	http_reply_file(request, 200, "application/octet-stream", fd, size);
}

struct fetching {
	struct zrms *zrms;
	struct http_request *request;
	char *damage; /* that was found here; NULL: it is not here */
};

static void on_fetched(void *user, const char *digest, const struct error *why)
{
	struct fetching *f = user;
	if (why == NULL) {
		artifact_fetched(f->zrms->artifacts, digest);
		send_artifact(f->zrms, f->request);
	} else {
		http_reply_failure(f->request, 404, "not-found",
				   f->damage != NULL ? f->damage : why->message);
	}
	free(f->damage);
	free(f);
}

/* False: nobody else could have it. */
static bool fetch(struct zrms *zrms, struct http_request *request, const char *damage)
{
	const char *digest = http_param(request, "digest");
	struct fetching *f = mem_new(struct fetching);
	*f = (struct fetching){zrms, request, mem_strdup(damage)};
	if (copies_fetch(zrms->copies, digest, on_fetched, f))
		return true;
	free(f->damage);
	free(f);
	return false;
}

static void artifact_looked(void *user, void *waiting, const struct error *damage)
{
	struct zrms *zrms = user;
	struct http_request *request = waiting;
	if (damage == NULL)
		send_artifact(zrms, request);
	else if (!fetch(zrms, request, damage->message))
		http_reply_failure(request, 404, "not-found", damage->message);
}

/* Records need it, and it is not here: another one was to have it. */
static bool is_missing(struct zrms *zrms, const char *digest)
{
	struct artifact_reader *reader = NULL;
	if (!artifacts_need(zrms->artifacts, digest))
		return false;
	bool is_there = artifact_get(zrms->artifact_store, digest, &reader, NULL) == 0;
	artifact_close(reader);
	return !is_there;
}

void api_artifact(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *digest = http_param(request, "digest");
	if (stands_by(zrms)) {
		send_artifact(zrms, request);
		return;
	}
	const struct asker *asker = access_asker(request);
	const struct principal *p = access_principal(request);
	if (!asker->is_member && p->role == ACCESS_ZHOST &&
	    !control_zhost_needs(zrms->control, p->name, digest)) {
		struct error *err = NULL;
		zrms->artifacts_refused++;
		(void)error_set(&err, ERR_NOT_FOUND, "no artifact '%s'", digest);
		api_refuse(request, err);
		return;
	}
	/* A member asks because it lacks it: it is not asked in turn. */
	if (!asker->is_member && is_missing(zrms, digest) && fetch(zrms, request, NULL))
		return;
	if (artifact_digest_is_valid(digest) &&
	    artifact_look(zrms->looks, digest, artifact_looked, zrms, request))
		return;
	send_artifact(zrms, request);
}

/* ---- all ---- */

static void add_digest(void *user, const char *digest)
{
	Samoza__V1__ArtifactListView *list = user;
	list->digests[list->n_digests++] = mem_strdup(digest);
}

void api_artifacts_list(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *unless = http_query(request, "unless");
	CLEANUP(freep)
	char *version = str_printf("%" PRIu64 ".%" PRIu64,
				   zrms->lead != NULL ? lead_term(zrms->lead) : 0,
				   artifacts_version(zrms->artifacts));
	if (str_equal(unless, version)) {
		http_reply(request, 204, NULL, NULL, 0);
		return;
	}
	Samoza__V1__ArtifactListView list = SAMOZA__V1__ARTIFACT_LIST_VIEW__INIT;
	list.version = version;
	list.digests = mem_new_array(char *, artifacts_count(zrms->artifacts) + 1);
	artifacts_each(zrms->artifacts, add_digest, &list);
	api_send_view_now(request, 200, &list.base);
	for (size_t i = 0; i < list.n_digests; i++)
		free(list.digests[i]);
	free(list.digests);
}

/* ---- a standby is to have some ---- */

struct holding {
	struct zrms *zrms;
	struct http_request *request;
	size_t waiting;
	struct error *why;
};

static void hold_ended(struct holding *h)
{
	if (h->waiting > 0)
		return;
	if (h->why == NULL)
		(void)!artifact_sync(h->zrms->artifact_store, &h->why);
	if (h->why != NULL)
		http_reply_failure(h->request, 503, "unavailable", h->why->message);
	else
		http_reply(h->request, 204, NULL, NULL, 0);
	error_free(h->why);
	free(h);
}

static void on_held(void *user, const char *digest, const struct error *why)
{
	struct holding *h = user;
	(void)digest;
	if (why != NULL && h->why == NULL)
		(void)error_set(&h->why, (enum error_code)why->code, "%s", why->message);
	h->waiting--;
	hold_ended(h);
}

static void hold(struct zrms *zrms, struct http_request *request,
		 const Samoza__V1__ArtifactListView *list)
{
	struct holding *h = mem_new(struct holding);
	*h = (struct holding){.zrms = zrms, .request = request, .waiting = 1};
	for (size_t i = 0; i < list->n_digests; i++) {
		struct artifact_reader *reader = NULL;
		if (!artifact_digest_is_valid(list->digests[i]) ||
		    artifact_get(zrms->artifact_store, list->digests[i], &reader, NULL) == 0) {
			artifact_touch(zrms->artifact_store, list->digests[i]);
			artifact_close(reader);
			continue;
		}
		if (copies_fetch(zrms->copies, list->digests[i], on_held, h))
			h->waiting++;
		else if (h->why == NULL)
			(void)error_set(&h->why, ERR_UNAVAILABLE,
					"this zrms does not know yet who could have it");
	}
	h->waiting--;
	hold_ended(h);
}

void api_artifacts_hold(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (!stands_by(zrms)) {
		http_reply_failure(request, 409, "conflict",
				   "this zrms leads: it copies from nobody");
		return;
	}
	Samoza__V1__ArtifactListView *list = (Samoza__V1__ArtifactListView *)api_read_body(
		request, &samoza__v1__artifact_list_view__descriptor);
	if (list == NULL)
		return;
	hold(zrms, request, list);
	samoza__v1__artifact_list_view__free_unpacked(list, NULL);
}
