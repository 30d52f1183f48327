/*
 * Durable values by owner and key: what a zhost keeps, for itself and as `storage: local` data of
 * spaces. Asynchronous and ordered, as port/store.h: consecutive batches may share one transaction,
 * `done` is called once for each batch, in order. After an outcome other than COMMIT_DURABLE every
 * later batch ends the same way; end the program.
 *
 *     open, then load() as often as needed, then commit(), commit(), ...
 *
 * All calls and callbacks are on the event loop's thread; no callback comes from within the call
 * that asked for it.
 */
#ifndef SAMOZA_PORT_KV_H
#define SAMOZA_PORT_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "port/durability.h"
#include "proto/wire.pb-c.h"

#define KV_KEY_MAX   ((size_t)64 * 1024)
#define KV_VALUE_MAX ((size_t)8 * 1024 * 1024)
/* Begins the owners of what a zhost keeps for itself. */
#define KV_OWN	      '@'
#define KV_PAGE_BYTES ((size_t)64 * 1024) /* of a list whose request names no size */
#define KV_PAGE_MAX   ((size_t)1024 * 1024)

enum kv_operation {
	KV_GET,
	KV_PUT,
	KV_DELETE, /* succeeds also where there is no such key */
	KV_LIST,   /* keys with a prefix, in byte order, a page at a time */
	KV_FORGET, /* everything of the owner, and of owners below it ("OWNER/...") */
};

/* One change or reading of a batch. Each sees the ones before it. */
struct kv_change {
	enum kv_operation operation;
	char *owner;
	void *key; /* list: the prefix */
	size_t key_size;
	void *value; /* put */
	size_t value_size;
	void *cursor; /* list: only keys after this one */
	size_t cursor_size;
	/* put: bytes of keys and values that the owner, and all owners with the same name before
	 * the first '/', may have after it; 0: any. A value that is not larger than the one that
	 * it replaces is always taken. */
	uint64_t quota_bytes, group_quota_bytes;
	uint32_t
		limit_bytes; /* list: of a page, each key counting its size and 4; 0: the default */
};

/* The answer to one change, in the same order. */
struct data_answer {
	/* 0, or a negative errno for a guest: -ENOENT (get), -EINVAL (key or value too large),
	 * -EMSGSIZE (list: not even one key fits), -ENOSPC (put: above a quota), -EIO (get: the
	 * value is damaged) */
	int status;
	void *value; /* get; owned by the answer */
	size_t value_size;
	ProtobufCBinaryData *keys; /* list: in byte order, owned by the answer */
	size_t key_count;
	bool more; /* list: there are further keys after the last */
};
/* Frees what it points to. */
static inline void data_answer_done(struct data_answer *answer)
{
	free(answer->value);
	for (size_t i = 0; i < answer->key_count; i++)
		free(answer->keys[i].data);
	free(answer->keys);
	*answer = (struct data_answer){0};
}

/* `answers`, one for each change, is borrowed for the call, as is `error` (NULL when durable). */
typedef void kv_done_fn(void *user, enum commit_outcome outcome, const struct error *error,
			struct data_answer *answers);
/* Data is borrowed for the call; a negative return ends the load with that error. */
typedef int kv_each_fn(void *user, const void *key, size_t key_size, const void *value,
		       size_t value_size, struct error **err);

struct kv;

struct kv_ops {
	/* Everything of an owner, in order of keys. Synchronous, before the first commit. */
	int (*load)(struct kv *kv, const char *owner, kv_each_fn *each, void *user,
		    struct error **err);
	/* In order and atomically: all or none of them. PRE: no larger than the limits.
	 * `changes` is borrowed until `done`. */
	void (*commit)(struct kv *kv, const struct kv_change *changes, size_t count,
		       kv_done_fn *done, void *user);
	/* Its medium is full: what the zhost keeps for itself is still committed, from a reserve; puts
	 * of spaces that grow are refused (-ENOSPC). NULL: never. */
	bool (*is_tight)(const struct kv *kv);
	/* A commit has failed and is tried again: all that were asked wait for it, and it may end in
	 * COMMIT_FAILED. NULL: never. */
	bool (*is_failing)(const struct kv *kv);
	/* Answers what was asked for, frees the kv, then calls `closed`. Nothing more may be
	 * asked. */
	void (*close)(struct kv *kv, void (*closed)(void *user), void *user);
};

/* Implementations begin with it. */
struct kv {
	const struct kv_ops *ops;
	struct batch_size limits; /* of one batch; 0: none */
};

static inline bool kv_is_tight(const struct kv *kv)
{
	return kv->ops->is_tight != NULL && kv->ops->is_tight(kv);
}

static inline bool kv_is_failing(const struct kv *kv)
{
	return kv->ops->is_failing != NULL && kv->ops->is_failing(kv);
}

/* What a change counts against the limits. */
static inline size_t kv_change_bytes(const struct kv_change *change)
{
	return strlen(change->owner) + change->key_size + change->value_size +
	       change->cursor_size;
}

#endif
