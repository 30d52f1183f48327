/*
 * The events of a zrms whose store is shared: a file of its own (DIR/history.db, adapter/sqlite/chronicle.h), because the
 * store keeps only the newest.
 *
 *   store ──each COPY_MS, whether it leads or stands by──► what it has not got yet ──► DIR/history.db
 *   other zrms ──GET /v1/history──► what it missed while it was away, a page at a time ──┘    │
 *                                                                         events that the store keeps no longer
 *
 * Each reading of the store begins with the newest event that it has. Where the store has another one in its place, it was set
 * back: everything that the store keeps is taken over again.
 *
 * Where the file cannot be opened or written, that is logged, and zrms goes on without.
 *
 * Source: [machines.replicated.large], [machines.replicated.standby].
 */
#ifndef SAMOZA_ZRMS_OWN_HISTORY_H
#define SAMOZA_ZRMS_OWN_HISTORY_H

#include "adapter/etcd/history.h"
#include "adapter/etcd/rpc.h"
#include "base/metrics.h"

struct own_history;
struct zrms;

/* PRE: zrms->lead is there before the loop runs. NULL: it cannot; it is logged. */
struct own_history *own_history_new(struct zrms *zrms, const struct etcd_servers *servers);
/* From now on nothing is read or answered; `closed` is called from the loop, when it is freed. */
void own_history_close(struct own_history *history, void (*closed)(void *user), void *user);

/* For the store; of NULL, too. */
struct etcd_older own_history_older(struct own_history *history);

/* What another zrms lacks: numbers in (after, until]. `page` NULL: `why`. Once, not from within. */
typedef void own_history_page_fn(void *user, const Samoza__V1__EventPage *page,
				 const struct error *why);
void own_history_page(struct own_history *history, uint64_t after, uint64_t until,
		      own_history_page_fn *done, void *user);

extern const struct metric_source own_history_metrics; /* of struct own_history */

#endif
