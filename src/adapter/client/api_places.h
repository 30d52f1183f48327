/*
 * Where requests go: one of the addresses that were given, or where a zrms that stands by has told that the leader is.
 *
 *     places[at] ──307──► told ──cannot be reached──► places[at + 1] ─► …
 *
 * A token goes only where it is meant to: to a leader that the authorities of the cluster call a zrms, and without TLS on this
 * machine only, where the zrms that told of it is, too.
 */
#ifndef SAMOZA_ADAPTER_CLIENT_API_PLACES_H
#define SAMOZA_ADAPTER_CLIENT_API_PLACES_H

#include <stdio.h>

#include "adapter/client/api_private.h"

/* "https://a:7331,b:7331", where the scheme is that of the first one; or one of another form. ERR_INVALID. */
int api_places_read(struct api *api, const char *text, struct error **err) must_check;
void api_places_done(struct api *api);
/* `of`: whose addresses it uses, and which lives longer; api_places_leave(). */
void api_places_share(struct api *api, const struct api *of);
void api_places_leave(struct api *api);

/* Of the answer 307 to what `api` has run: from now on requests go to the leader. ERR_DENIED: it is not to be shown a token;
 * ERR_INVALID: the answer does not say where it is. */
int api_places_tell(struct api *api, struct error **err) must_check;
/* From now on requests go to the next address; false: there is no other. */
bool api_places_next(struct api *api);

/* What is asked, and how often in vain. */
struct api_attempt {
	const char *path;
	FILE *file;	 /* the body; NULL: in memory, or none */
	bool only_reads; /* it may be asked twice */
	bool has_key;	 /* so it may: an Idempotency-Key */
	bool was_lost; /* an answer, maybe: what was asked may be done, and is asked again until that is known */
	unsigned redirects; /* times that it was sent on */
	size_t failures;    /* addresses that cannot be reached */
	int64_t until_ms;   /* until then a leader is waited for; 0: not yet */
};

/* "Idempotency-Key: …", another one each time; the caller frees. */
char *api_key_header(void);

/* What `api` has run with `result` and `code` is asked again: of another zrms, or a little later, until there is a leader.
 * 1: so it is, as api_places_prepare() prepares it; 0: this is the answer. Errors as api_places_tell(). */
int api_places_again(struct api *api, struct api_attempt *attempt, int result, CURLcode code,
		     struct error **err) must_check;
/* Makes what is prepared go where requests go now. */
void api_places_prepare(struct api *api, const char *path);

#endif
