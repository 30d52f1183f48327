/*
 * The event history of a store: a table event(seq, topology, data, sum), of which the newest
 * HISTORY_KEPT are kept. `sum` is a checksum of the row (checksum.h).
 */
#ifndef SAMOZA_ADAPTER_SQLITE_HISTORY_H
#define SAMOZA_ADAPTER_SQLITE_HISTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapter/sqlite/database.h"
#include "base/buffer.h"
#include "base/vector.h"
#include "proto/record.pb-c.h"

#define HISTORY_KEPT 1000000

struct history {
	struct database *db; /* borrowed */
	sqlite3_stmt *add, *trim, *all, *of;
	int64_t trimmed_seq;	      /* no event up to it is left */
	atomic_uint_fast64_t damaged; /* were read; also for the loop's thread */
};

typedef VECTOR(Samoza__V1__EventRecord *) history_events; /* owned */

int history_init(struct history *h, struct database *db, struct error **err) must_check;
void history_done(struct history *h);

/* Inside a transaction of the caller's. `scratch`: room for one that is packed. */
int history_add(struct history *h, const Samoza__V1__EventRecord *event, struct buffer *scratch,
		struct error **err) must_check;
/* After the last one, `newest`, was added: deletes what is too old, a step at a time. */
int history_trim(struct history *h, uint64_t newest, struct error **err) must_check;

/* Those after `after`, of one topology or of all (NULL). `ret_more`: there are further ones than `limit`.
 * One that is damaged is left out: the rest of the history is none the worse for it. */
int history_list(struct history *h, uint64_t after, const char *topology, uint32_t limit,
		 history_events *ret_events, bool *ret_more, struct error **err) must_check;
void history_events_clear(history_events *events);

#endif
