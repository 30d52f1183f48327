/*
 * Fetches artifacts from other zrms of the cluster, by digest: from one after the other, until one has it.
 *
 *   fetch_artifact() ─► GET /v1/artifacts/sha256/DIGEST of the first ─► written, checked by its digest, durable ─► done
 *                        └─ not there, cut, damaged ─► the next one ─► … ─► ERR_UNAVAILABLE
 *
 * A few at a time; what is asked for twice is fetched once. What was written of one that broke off is dropped: artifacts
 * that are complete are not fetched again.
 *
 * Source: [machines.replicated.large].
 */
#ifndef SAMOZA_ZRMS_ARTIFACT_FETCH_H
#define SAMOZA_ZRMS_ARTIFACT_FETCH_H

#include "base/buffer.h"
#include "port/artifact.h"
#include "port/loop.h"
#include "port/stream.h"

struct fetches;

/* Where from. */
struct fetch_sources {
	/* NULL: it cannot reach others yet. */
	struct stream_transport *(*transport)(void *user);
	/* HOST:PORT of another zrms, from 0 on; NULL: there are no more. The caller frees. */
	char *(*at)(void *user, size_t index);
};

/* All borrowed. */
struct fetches *fetches_new(struct loop *loop, struct artifact_store *store,
			    const struct fetch_sources *sources, void *user);
/* No `done` is called any more. NULL is fine. */
void fetches_free(struct fetches *all);

/* `why` NULL: the store has it, durably. Once, and never from within fetch_artifact(). */
typedef void fetch_done_fn(void *user, const char *digest, const struct error *why);
/* PRE: a valid digest. */
void fetch_artifact(struct fetches *all, const char *digest, fetch_done_fn *done, void *user);

/* Why another zrms has answered otherwise than asked, in its own words. The caller frees. */
char *fetch_refusal(int status, struct buffer *said);

struct fetch_counters {
	uint64_t fetched_total, failed_total;
	unsigned waiting; /* now */
};
struct fetch_counters fetches_counters(const struct fetches *all);

#endif
