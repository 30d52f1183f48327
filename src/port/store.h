/*
 * Where the durable state of zrms lives: records by kind and id, a history of events, and the
 * data of spaces with `storage: cluster`.
 *
 *     load() every record once, then
 *
 *     commit(batch 1)  commit(batch 2)  commit(batch 3)      asynchronous, in order
 *                └─────────────┬─────────────┘
 *                     one durable transaction         (group commit: the store decides)
 *                ┌─────────────┼─────────────┐
 *             done 1        done 2        done 3          in order, from the event loop
 *
 * `done` with code 0 means: on disk, a power cut cannot take it back. Any other code means that
 * the store can be trusted no more (disk full, file damaged): nothing of the batch is promised,
 * and the only sound reaction is to end the program; what was acknowledged is on disk.
 *
 * All functions are called from the thread of the event loop, and so are all callbacks.
 */
#ifndef SAMOZA_PORT_STORE_H
#define SAMOZA_PORT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/outbox.h"
#include "proto/record.pb-c.h"

/* The answer to one `struct data_change` of a batch, in the same order. */
struct data_answer {
	int status;  /* 0, or a negative errno for the guest: -ENOENT, -EINVAL */
	void *value; /* get; owned by the answer */
	size_t value_size;
	ProtobufCBinaryData *keys; /* list: in byte order, owned by the answer */
	size_t key_count;
	bool more; /* list: there are further keys behind the last */
};

/* `answers` has outbox->data.count items and is borrowed for the call, as is `error`. */
typedef void store_done_fn(void *user, int code, const struct error *error,
			   struct data_answer *answers);

/* A record of load(). Data is borrowed. A negative return ends the load with that error. */
typedef int store_record_fn(void *user, enum record_kind kind, const char *id, const void *data,
			    size_t size, struct error **err);

/* Ascending by seq; borrowed for the call. `more`: there were further ones behind `limit`. */
typedef void store_events_fn(void *user, int code, const struct error *error,
			     Samoza__V1__EventRecord **events, size_t count, bool more);

struct store;

struct store_ops {
	/* Synchronous; once, before the first commit. */
	int (*load)(struct store *store, store_record_fn *each, void *user, struct error **err);
	/* Persists outbox->records, events, data, data_forget and makes its data readings.
	 * The outbox is borrowed until `done`. */
	void (*commit)(struct store *store, const struct outbox *outbox, store_done_fn *done,
		       void *user);
	/* History with seq > after, of one topology (id) or of all (NULL), at most `limit`. It
	 * sees every commit asked for before it. */
	void (*events)(struct store *store, uint64_t after, const char *topology,
		       uint32_t limit, store_events_fn *done, void *user);
	/* Counters as Prometheus text, for GET /metrics; the caller frees. */
	char *(*metrics)(struct store *store);
	/* Ends after what was asked for is done; frees the store, then calls `closed`. */
	void (*close)(struct store *store, void (*closed)(void *user), void *user);
};

/* Implementations begin with it. */
struct store {
	const struct store_ops *ops;
};

#endif
