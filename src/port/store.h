/*
 * Durable storage for zrms: records by kind and id, the event history, the audit, and the data of
 * spaces with `storage: cluster`.
 *
 *     open, then inspect(), maybe accept_loss(), then load() once, then
 *
 *     commit(batch 1)  commit(batch 2)  commit(batch 3)     asynchronous, in order
 *                └─────────────┬─────────────┘
 *                     one durable transaction               (group commit: the store decides)
 *                └─────────────┬─────────────┘
 *          done 1, done 2, done 3                           in order, once for each batch
 *
 * COMMIT_DURABLE: the batch is on disk and survives a power cut. COMMIT_FAILED: the store has
 * failed, also when it tried again; the batch may be lost, and so may be all that were asked after it. COMMIT_LOST_LEADERSHIP:
 * another process leads and this batch was refused. After either, every later commit ends the same
 * way, and the only sound reaction is to end the program: what was acknowledged earlier is safe.
 *
 * All calls and callbacks are on the event loop's thread; no callback comes from within the call
 * that asked for it.
 */
#ifndef SAMOZA_PORT_STORE_H
#define SAMOZA_PORT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/metrics.h"
#include "core/outbox.h"
#include "port/durability.h"
#include "port/kv.h"
#include "port/move.h"
#include "proto/record.pb-c.h"

/* `answers` has outbox->data.count items and is borrowed for the call, as is `error` (NULL when
 * durable). */
typedef void store_done_fn(void *user, enum commit_outcome outcome, const struct error *error,
			   struct data_answer *answers);

/* A record of load(). Data is borrowed. A negative return ends the load with that error. */
typedef int store_record_fn(void *user, enum record_kind kind, const char *id, const void *data,
			    size_t size, struct error **err);

/* How what is durable is read. Both of the first may be called in a thread of the store's: they touch
 * only what `user` owns. */
struct store_reader {
	store_record_fn *on_record;		       /* as of load() */
	int (*on_end)(void *user, struct error **err); /* after the last record */
	/* On the loop's thread, once. `code`: 0 or the error's; `error` is borrowed. */
	void (*done)(void *user, int code, const struct error *error);
};

/* Ascending by seq; borrowed for the call. `code`: 0 or the error's. `more`: there are further ones
 * after the last. */
typedef void store_events_fn(void *user, int code, const struct error *error,
			     Samoza__V1__EventRecord **events, size_t count, bool more);

/* Which lines of the audit are asked for, ascending by seq: those after `after`, from a time on (0: any), of
 * one user (NULL: of all), at most `limit`. */
struct audit_query {
	uint64_t after;
	int64_t since_ms; /* wall clock */
	const char *user;
	uint32_t limit;
};
/* As store_events_fn. */
typedef void store_audit_fn(void *user, int code, const struct error *error,
			    Samoza__V1__AuditRecord **lines, size_t count, bool more);

/* How much of the audit is kept, at least; 0: without that bound. */
struct audit_kept {
	int64_t age_ms;
	uint64_t bytes;
};

/* Something that is wrong with a store. */
enum store_finding_type {
	STORE_RECORD_DAMAGED, /* `kind`, `id` */
	STORE_EVENT_DAMAGED,  /* `count`: its seq */
	STORE_AUDIT_DAMAGED,  /* the same */
	STORE_VALUE_DAMAGED,  /* `id`: whose data */
	STORE_RECORDS_LOST,  /* `count` of them; 0: not known how many, or there are too many */
	STORE_VALUES_LOST,   /* of spaces; as for records. Only a full check counts them */
	STORE_BATCHES_LOST,  /* the `count` newest transactions, all of them acknowledged */
	STORE_SHAPE_DAMAGED, /* `id`: what the medium says */
};
struct store_finding {
	enum store_finding_type type;
	enum record_kind kind;
	const char *id; /* borrowed for the call */
	uint64_t count;
};
typedef void store_finding_fn(void *user, const struct store_finding *finding);

/* `code`: 0 or the error's; `error` is borrowed. */
typedef void store_copied_fn(void *user, int code, const struct error *error);

struct store;

struct store_ops {
	/* Synchronous; before load(): calls `each` for what of the records is damaged or lost. A
	 * store without findings can still have lost what a power cut took before it was noted
	 * elsewhere (adapter/sqlite/ledger.h). */
	int (*inspect)(struct store *store, store_finding_fn *each, void *user,
		       struct error **err);
	/* Synchronous; between inspect() and load(): damaged records are deleted, and what is left
	 * is the store from now on. Epochs and numbers of events may have been used that no record
	 * names any more. */
	int (*accept_loss)(struct store *store, struct error **err);
	/* Synchronous; once, before the first commit. Passes over damaged records. */
	int (*load)(struct store *store, store_record_fn *each, void *user, struct error **err);
	/* Synchronous; after load(), before the first commit: keeps the whole store as it is now
	 * beside it, under its name and `suffix` (".format1"), for a program of an earlier
	 * version. Replaces one that was kept under that suffix. It survives a power cut. NULL: it cannot;
	 * nothing may be converted in it. */
	int (*keep_copy)(struct store *store, const char *suffix, struct error **err);
	/* All of outbox->records, events, audit, data_forget, data and its readings, in this order and
	 * atomically. PRE: no larger than the limits. The outbox is borrowed until `done`. */
	void (*commit)(struct store *store, const struct outbox *outbox, store_done_fn *done,
		       void *user);
	/* History with seq > after, of one topology (id) or of all (NULL), at most `limit`. It
	 * sees every commit asked for before it; while one of them fails (is_failing()), a store may
	 * answer with what is durable, before those that wait. */
	void (*events)(struct store *store, uint64_t after, const char *topology,
		       uint32_t limit, store_events_fn *done, void *user);
	/* Lines of the audit, as events(). */
	void (*audit)(struct store *store, const struct audit_query *query,
		      store_audit_fn *done, void *user);
	/* All records that are durable. It sees every commit asked for before it that does not fail;
	 * while one does, it is answered before those that wait. `reader` is borrowed until done.
	 * NULL: it cannot. */
	void (*read)(struct store *store, const struct store_reader *reader, void *user);
	/* Writes all that is durable, as of one moment, into the file `path`, which is a store of its own
	 * then; commits go on meanwhile. `done`, once, before close(). NULL: it cannot, what it is kept in has means of
	 * its own. */
	void (*copy)(struct store *store, const char *path, store_copied_fn *done, void *user);
	/* Its medium is full: what takes no more room is still committed, from a reserve; writes of
	 * spaces that grow are refused (-ENOSPC), and so should be what else grows. NULL: never. */
	bool (*is_tight)(const struct store *store);
	/* A commit has failed and is tried again: all that were asked wait for it, and it may end in
	 * COMMIT_FAILED. Until then nothing new should be promised; what is durable can be
	 * read: events(), read(). NULL: never. */
	bool (*is_failing)(const struct store *store);
	/* How it is moved to another store, or filled from one. NULL: it cannot be. */
	const struct store_moving *moving;
	/* Of the struct store, for GET /metrics. NULL: none. */
	const struct metric_source *metrics;
	/* Answers what was asked for, frees the store, then calls `closed`. Nothing more may be
	 * asked. */
	void (*close)(struct store *store, void (*closed)(void *user), void *user);
};

/* Implementations begin with it. */
struct store {
	const struct store_ops *ops;
	struct batch_size
		limits; /* of one batch; 0: none. A store gets what it can commit at once */
	struct audit_kept audit; /* set before the first commit */
	/* Once it is open: why it is known to be older than what was acknowledged, as a restored backup is (static); and
	 * as of when, wall clock, 0: not known. Until the first commit is durable each opening finds it. NULL: it is not. */
	const char *restored;
	int64_t restored_ms;
};

static inline bool store_is_tight(const struct store *store)
{
	return store->ops->is_tight != NULL && store->ops->is_tight(store);
}

static inline bool store_is_failing(const struct store *store)
{
	return store->ops->is_failing != NULL && store->ops->is_failing(store);
}

/* What a batch counts against the limits. */
static inline struct batch_size store_batch_size(const struct outbox *o)
{
	struct batch_size size = {.operations = o->records.count + o->events.count +
						o->audit.count + o->data.count +
						o->data_forget.count};
	vector_for_each (&o->records, r)
		size.bytes += strlen(r->id) + r->size;
	vector_for_each (&o->events, e)
		size.bytes += protobuf_c_message_get_packed_size(&(*e)->base);
	vector_for_each (&o->audit, line)
		size.bytes += protobuf_c_message_get_packed_size(&(*line)->base);
	vector_for_each (&o->data, d)
		size.bytes += strlen(d->owner) + d->key_size + d->value_size + d->cursor_size;
	vector_for_each (&o->data_forget, owner)
		size.bytes += strlen(*owner);
	return size;
}

/* A change of a space's data as a kv's: borrows. */
static inline struct kv_change data_change_as_kv(const struct data_change *change)
{
	static const enum kv_operation operations[] = {
		[SAMOZA__V1__DATA_OPERATION__DATA_GET] = KV_GET,
		[SAMOZA__V1__DATA_OPERATION__DATA_PUT] = KV_PUT,
		[SAMOZA__V1__DATA_OPERATION__DATA_DELETE] = KV_DELETE,
		[SAMOZA__V1__DATA_OPERATION__DATA_LIST] = KV_LIST,
	};
	return (struct kv_change){
		.operation = operations[change->operation],
		.owner = change->owner,
		.key = change->key,
		.key_size = change->key_size,
		.value = change->value,
		.value_size = change->value_size,
		.cursor = change->cursor,
		.cursor_size = change->cursor_size,
		.limit_bytes = change->limit_bytes,
		.quota_bytes = change->quota_bytes,
		.group_quota_bytes = change->group_quota_bytes,
	};
}

#endif
