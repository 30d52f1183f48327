/*
 * What a store holds, counted and summed, and copied into another one: the part of zrms store migrate that knows nothing of
 * where stores are, or who uses them.
 */
#ifndef SAMOZA_ZRMS_MIGRATE_COPY_H
#define SAMOZA_ZRMS_MIGRATE_COPY_H

#include "adapter/uv/loop.h"
#include "port/store.h"

struct chronicle;

#define MIGRATE_WORDS 4 /* of a hash */

struct migrate_part {
	uint64_t count, bytes;	      /* of data */
	uint64_t first_seq, last_seq; /* of events and lines of the audit; 0: none */
	/* Sum of the hashes of all items: it does not depend on their order; that of the first one alone. */
	uint64_t digest[MIGRATE_WORDS], first_digest[MIGRATE_WORDS];
};

struct migrate_content {
	struct migrate_part parts[STORE_PARTS];
	size_t largest_record, largest_value;
};

/* What is looked at, or copied. All borrowed. */
struct migrate_source {
	struct store *store;
	struct chronicle
		*older;	      /* events from before the oldest that the store has; NULL: none */
	uint64_t older_until; /* the newest number that counts of these */
	uint64_t events_from; /* what is before is passed over */
};

int migrate_look(const struct migrate_source *source, struct migrate_content *ret_content,
		 struct error **err) must_check;
/* Events with numbers in (after, until]. */
int migrate_look_older(struct chronicle *older, uint64_t after, uint64_t until,
		       struct migrate_part *ret_part, struct error **err) must_check;
uint64_t migrate_items(const struct migrate_content *content);
/* The first part in which they differ; -1: none. */
int migrate_differ(const struct migrate_content *a, const struct migrate_content *b);

/* How many items are copied. */
typedef void migrate_progress_fn(void *user, uint64_t count);

/* Both are on `loop`, which runs meanwhile. On failure `to` holds some of it. */
int migrate_copy(struct loop *loop, const struct migrate_source *from, struct store *to,
		 migrate_progress_fn *progress, void *user, struct error **err) must_check;

#endif
