/*
 * Who follows the events: server-sent events, from any point of the history, without gap and
 * without repetition.
 *
 *   behind ── store.events(after cursor) ──► written, a page at a time, as the client reads
 *     │  ▲                                             │
 *     │  └── the client is too slow for live ones ◄──┐ │ no more in the store
 *     │                                              │ ▼
 *     └──────────────────────────────────────────── live: each event as it becomes durable
 *
 * What the store lists is exactly what was announced before (port/store.h: same order), so
 * nothing falls between the two; the cursor drops what would come twice.
 */
#ifndef SAMOZA_ZRMS_FOLLOWERS_H
#define SAMOZA_ZRMS_FOLLOWERS_H

#include "adapter/http/http.h"
#include "port/store.h"
#include "proto/view.pb-c.h"

struct followers;

struct followers *followers_new(struct store *store);
/* PRE: the HTTP server, and with it every stream, has ended. NULL is fine. */
void followers_free(struct followers *followers);

/* Answers the request with a stream of the events behind `after`, of one topology (id) or of
 * all (NULL). */
void followers_add(struct followers *followers, struct http_request *request, uint64_t after,
		   const char *topology);
/* An event has become durable. */
void followers_event(struct followers *followers, const Samoza__V1__EventRecord *event);
void followers_end_all(struct followers *followers);

/* What a record looks like outside; samoza__v1__event_view__free_unpacked(). */
Samoza__V1__EventView *event_view_new(const Samoza__V1__EventRecord *event);

#endif
