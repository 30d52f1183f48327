/*
 * Subscribers of the events: streams of server-sent events from any point of the history, without
 * a gap and without repetition.
 *
 *   catching up ── store.events(after cursor) ──► written page by page, as the client reads
 *     │  ▲                                             │
 *     │  └── the client is too slow for live events ◄┐ │ no more in the store
 *     │                                              │ ▼
 *     └──────────────────────────────────────────── live: each event once it is durable
 *
 * The store lists exactly the events that were announced before, in the same order (port/store.h),
 * so no event is missed between the two; the cursor drops what would come twice.
 *
 * While the store fails, what is durable is still sent, and a comment line says why nothing new comes;
 * another one says that it works again.
 */
#ifndef SAMOZA_ZRMS_SUBSCRIBERS_H
#define SAMOZA_ZRMS_SUBSCRIBERS_H

#include "adapter/http/http.h"
#include "port/store.h"
#include "proto/view.pb-c.h"

struct access_watches;
struct principal;
struct subscribers;

/* What a record looks like to somebody who may not see all; NULL: it is not for them. */
typedef Samoza__V1__EventView *event_view_fn(void *user, const struct principal *who,
					     const Samoza__V1__EventRecord *event);

/* `view` NULL: everybody sees all. `open`: what ends with a credential; borrowed. */
struct subscribers *subscribers_new(struct store *store, struct access_watches *open,
				    event_view_fn *view, void *user);
/* PRE: the HTTP server, and with it every stream, has ended. NULL is fine. */
void subscribers_free(struct subscribers *subscribers);

/* Answers the request with a stream of the events after `after`, of one topology (id) or of
 * all (NULL). `take_who`: who may not see all; NULL: the reader may. `hash`: of the credential with which it
 * ends; NULL: with none. */
void subscribers_add(struct subscribers *subscribers, struct http_request *request,
		     struct principal *take_who, const uint8_t *hash, uint64_t after,
		     const char *topology);
/* An event has become durable. */
void subscribers_event(struct subscribers *subscribers, const Samoza__V1__EventRecord *event);
/* Each stream says it, in a comment ("notice: TEXT"); those that begin from now on, too, if it `lasts`. One line. */
void subscribers_say(struct subscribers *subscribers, const char *text, bool lasts);
void subscribers_end_all(struct subscribers *subscribers);

/* What a record looks like outside; samoza__v1__event_view__free_unpacked(). */
Samoza__V1__EventView *event_view_new(const Samoza__V1__EventRecord *event);

#endif
