/*
 * What a store does so that its content can be moved to another one (zrms store migrate):
 *
 *     source                                target
 *     HERE, nobody writes                   empty
 *     HERE                                  FILLING from the source     what it holds is worth nothing yet
 *     HERE        ── visit, commit ──►      FILLING, complete           read back, and the same
 *     MOVED to the target                   FILLING                     the one durable step: the content is that of the target
 *     MOVED                                 HERE
 *
 * At each moment at most one of the two is HERE, and so lets a zrms start. Both marks name the move, which is drawn for each, so
 * that a program that was killed anywhere on this way finds out where.
 *
 * All calls are synchronous, and none is allowed while something that was asked of the store is not answered.
 */
#ifndef SAMOZA_PORT_MOVE_H
#define SAMOZA_PORT_MOVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/outbox.h"

struct store;

enum store_place {
	STORE_HERE,    /* as every store that was never moved */
	STORE_FILLING, /* from another one */
	STORE_MOVED,   /* to another one: what is here is older */
};

/* Strings are borrowed, and not NULL. */
struct store_mark {
	enum store_place place;
	const char *move;  /* which one; "": none ever */
	const char *other; /* URL of the other store of that move */
	int64_t wall_ms;   /* when it was marked */
};

enum store_part { STORE_RECORDS, STORE_EVENTS, STORE_AUDIT, STORE_VALUES };
#define STORE_PARTS 4

/* Something that a store holds. Data is as it is packed. */
struct store_item {
	enum store_part part;
	enum record_kind kind; /* record */
	const char *id;	       /* record: its id; value: its owner */
	uint64_t seq;	       /* event, line of the audit */
	const void *key;       /* value */
	size_t key_size;
	const void *data;
	size_t size;
};
/* Borrowed for the call. Negative: that is the end, with that error. */
typedef int store_item_fn(void *user, const struct store_item *item, struct error **err);

struct store_moving {
	/* Borrowed until it is set. */
	struct store_mark (*mark)(const struct store *store);
	/* Durable when it returns. */
	int (*set_mark)(struct store *store, const struct store_mark *mark, struct error **err);
	/* Everything, part by part, each in ascending order. ERR_INVALID: something of it is damaged. */
	int (*visit)(struct store *store, store_item_fn *each, void *user, struct error **err);
	/* Removes everything but the mark. Then it is to be closed. */
	int (*clear)(struct store *store, struct error **err);
	/* What it can hold: bytes of a record or value, and how many events; 0: any. */
	size_t record_max, value_max;
	uint64_t events_max;
};

#endif
