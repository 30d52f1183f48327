/*
 * Values by owner and key in a SQLite file: `storage: local` of spaces on a zhost, and a
 * zhost's own records. Durable when told done, group commit, answers in order.
 */
#ifndef SAMOZA_ADAPTER_SQLITE_KV_H
#define SAMOZA_ADAPTER_SQLITE_KV_H

#include "adapter/uv/loop.h"
#include "port/store.h"

struct kv;

/* Creates the file where there is none. Errors as database_open(). */
int kv_open(struct loop *loop, const char *path, struct kv **ret_kv,
	    struct error **err) must_check;

/* `answers`: one for each change (as port/store.h); borrowed for the call, as is `error`. After
 * a failure the kv can be trusted no more. */
typedef void kv_done_fn(void *user, int code, const struct error *error,
			struct data_answer *answers, size_t count);

/* Changes and readings, in order, atomically: all or none of them. `changes` (whose `link` and
 * `request` are ignored) is borrowed until `done`. */
void kv_apply(struct kv *kv, const struct data_change *changes, size_t count, kv_done_fn *done,
	      void *user);
/* Forgets everything of `owner` and of "OWNER/...". `done` has no answers; may be NULL. */
void kv_forget(struct kv *kv, const char *owner, kv_done_fn *done, void *user);

/* Everything of an owner, in order of keys; synchronous, before the first kv_apply(). Data is
 * borrowed for the call; a negative return ends it with that error. */
typedef int kv_each_fn(void *user, const void *key, size_t key_size, const void *value,
		       size_t value_size, struct error **err);
int kv_load(struct kv *kv, const char *owner, kv_each_fn *each, void *user,
	    struct error **err) must_check;

/* Ends after what was asked for is done; then calls `closed` from the loop. */
void kv_close(struct kv *kv, void (*closed)(void *user), void *user);

#endif
