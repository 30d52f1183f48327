/*
 * Artifacts on several zrms: each keeps its own, by digest, and what a submission needs is on a majority of them before it
 * is acknowledged.
 *
 *   submission, stored here ─► copies_spread() ─► POST /v1/artifacts of each other one ─► it fetches what it lacks from here
 *                                 │                                                       └► 200: all of it is durable there
 *                                 └─ with this one a majority: on;  none in time: 503
 *
 *   stands by ──each COPY_MS──► GET /v1/artifacts of the leader ─► fetches what it lacks, removes what nobody needs
 *   leads     ──at its start──► fetches what its records need, and it lacks, from one that has it; a zhost that asks for
 *                               such a one waits for it
 *
 * The majority is one of all zrms that were ever announced in the store (leader_everybody()), so that it does not become
 * smaller when some are away. Members know each other by their certificates, whose role is zrms.
 *
 * Source: [machines.replicated.large].
 */
#ifndef SAMOZA_ZRMS_COPIES_H
#define SAMOZA_ZRMS_COPIES_H

#include "adapter/http/http.h"
#include "base/metrics.h"
#include "zrms/artifact/fetch.h"

struct copies;
struct zrms;

/* PRE: artifact_store and lead are there before the loop runs. */
struct copies *copies_new(struct zrms *zrms);
/* NULL is fine. */
void copies_free(struct copies *copies);
/* It leads, and its records are loaded. NULL is fine. */
void copies_lead(struct copies *copies);

/* `why` NULL: a majority has all of them, durably; ERR_UNAVAILABLE. */
typedef void copies_done_fn(void *user, const struct error *why);
/* Once, maybe from within. PRE: this one has them. */
void copies_spread(struct copies *copies, char *const *digests, size_t count,
		   copies_done_fn *done, void *user);
/* From the others. NULL: there are none, and the answer is false: `done` is not called. */
bool copies_fetch(struct copies *copies, const char *digest, fetch_done_fn *done, void *user);

extern const struct metric_source copies_metrics; /* of struct copies */

#endif
