/*
 * What a store holds, counted and summed, and copied into another one: the part of zrms store migrate that knows nothing of
 * where stores are, or who uses them.
 */
#ifndef SAMOZA_ZRMS_MIGRATE_COPY_H
#define SAMOZA_ZRMS_MIGRATE_COPY_H

#include "adapter/uv/loop.h"
#include "port/store.h"

struct migrate_part {
	uint64_t count, bytes;	      /* of data */
	uint64_t first_seq, last_seq; /* of events and lines of the audit; 0: none */
	uint64_t digest
		[4]; /* sum of the hashes of all items: it does not depend on their order */
};

struct migrate_content {
	struct migrate_part parts[STORE_PARTS];
	size_t largest_record, largest_value;
};

/* Events before `events_from` are passed over. */
int migrate_look(struct store *store, uint64_t events_from, struct migrate_content *ret_content,
		 struct error **err) must_check;
uint64_t migrate_items(const struct migrate_content *content);
/* The first part in which they differ; -1: none. */
int migrate_differ(const struct migrate_content *a, const struct migrate_content *b);

/* How many items are copied. */
typedef void migrate_progress_fn(void *user, uint64_t count);

/* Both are on `loop`, which runs meanwhile. On failure `to` holds some of it. */
int migrate_copy(struct loop *loop, struct store *from, struct store *to, uint64_t events_from,
		 migrate_progress_fn *progress, void *user, struct error **err) must_check;

#endif
